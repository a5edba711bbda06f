// Reading the tokenizer goldens that tools/goldens/tokenizers.py makes.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::text::golden {

inline std::filesystem::path path(const std::string& name) {
    return std::filesystem::path(TENON_TEST_DATA) / "golden" / "tokenizer" / name;
}

inline std::string file(const std::string& name) {
    auto bytes = read_file(path(name));
    EXPECT_TRUE(bytes) << name;
    return bytes.value_or("");
}

inline json::Value document(const std::string& name) {
    auto value = json::parse(file(name));
    EXPECT_TRUE(value) << name;
    return value ? *value : json::Value{};
}

inline std::string from_hex(std::string_view hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return out;
}

inline std::vector<std::string> texts(const json::Value& list) {
    std::vector<std::string> out;
    for (const json::Value& item : list.as_array()) out.push_back(from_hex(std::string_view(item.as_string())));
    return out;
}

inline std::vector<TokenId> ids(const json::Value& list) {
    std::vector<TokenId> out;
    for (const json::Value& item : list.as_array()) out.push_back(static_cast<TokenId>(item.as_int64()));
    return out;
}

inline std::string show(const std::vector<TokenId>& list, const Tokenizer& tokenizer) {
    std::string out;
    for (const TokenId id : list)
        out += std::to_string(id) + ":" +
               (id >= 0 && static_cast<std::size_t>(id) < tokenizer.vocabulary_size()
                    ? tokenizer.spec().tokens[static_cast<std::size_t>(id)]
                    : "?") +
               " ";
    return out;
}

/// The text streamed token by token.
inline std::string stream(const TokenizerPtr& tokenizer, const std::vector<TokenId>& list) {
    StreamingDecoder decoder(tokenizer);
    std::string out;
    for (const TokenId id : list) {
        const std::string part = decoder.push(id);
        out += part;
    }
    return out + decoder.finish();
}

}  // namespace tenon::text::golden
