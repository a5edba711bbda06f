#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tenon/base/file.hpp"
#include "tenon/rag/loader.hpp"

namespace tenon::rag {

/// One line a block: kind, level or page when there is one, and the text.
inline std::vector<std::string> outline(const text::StructuredText& document) {
    static constexpr const char* names[] = {"heading", "paragraph", "list", "code", "table", "quote", "other"};
    std::vector<std::string> out;
    for (const text::Block& b : document.blocks) {
        std::string line = names[static_cast<int>(b.kind)];
        if (b.level > 0) line += std::to_string(b.level);
        if (b.page > 0) line += "@" + std::to_string(b.page);
        line += ": " + (b.label.empty() ? document.text.substr(b.begin, b.end - b.begin) : b.label);
        out.push_back(line);
    }
    return out;
}

using Outline = std::vector<std::string>;

inline text::StructuredText must_load(std::string_view bytes, std::string_view name, const LoadOptions& options = {}) {
    auto document = load(bytes, name, options);
    EXPECT_TRUE(document) << name << ": " << document.error().describe();
    return document ? std::move(*document) : text::StructuredText{};
}

inline std::string sample(const std::string& name) {
    return read_file(std::string(TENON_TEST_DATA) + "/data/documents/" + name).value();
}

}  // namespace tenon::rag
