#include <fmt/format.h>

#include <bit>
#include <boost/json.hpp>
#include <cmath>
#include <cstring>

#include "provider/openai/decode.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::openai {
namespace {

/// Base64 of little-endian float32, or an array of numbers.
Result<std::vector<float>> vector_of(const json::Value* embedding) {
    std::vector<float> out;
    if (embedding != nullptr && embedding->is_string()) {
        TENON_TRY(const auto bytes, base64_decode(std::string_view(embedding->get_string())));
        if (bytes.size() % 4 != 0) return fail(ErrorCode::protocol, "an embedding's bytes are not whole numbers");
        out.resize(bytes.size() / 4);
        for (std::size_t i = 0; i < out.size(); ++i) {
            std::uint32_t bits = 0;
            for (std::size_t b = 0; b < 4; ++b)
                bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i * 4 + b])) << (8 * b);
            out[i] = std::bit_cast<float>(bits);
        }
    } else if (embedding != nullptr && embedding->is_array()) {
        out.reserve(embedding->get_array().size());
        for (const auto& number : embedding->get_array()) {
            if (!number.is_number()) return fail(ErrorCode::protocol, "an embedding holds something but numbers");
            out.push_back(static_cast<float>(number.to_number<double>()));
        }
    }
    if (out.empty()) return fail(ErrorCode::protocol, "an embedding is missing");
    for (const float value : out)
        if (!std::isfinite(value)) return fail(ErrorCode::protocol, "an embedding holds a number that is not finite");
    return out;
}

}  // namespace

Result<llm::Embeddings> decode_embeddings(std::string_view body, std::size_t count) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an answer that is not JSON",
                    std::move(value).error());
    const auto* data = json::find(*value, "data");
    if (data == nullptr || !data->is_array() || data->get_array().size() != count)
        return fail(ErrorCode::protocol, fmt::format("the model's server did not send {} embeddings", count));
    llm::Embeddings out;
    std::vector<bool> filled(count, false);
    std::size_t place = 0;
    for (const auto& item : data->get_array()) {
        const auto index = json::integer_or(item, "index", static_cast<std::int64_t>(place));
        ++place;
        if (index < 0 || static_cast<std::size_t>(index) >= count || filled[static_cast<std::size_t>(index)])
            return fail(ErrorCode::protocol, "the embeddings are not numbered from 0 on");
        TENON_TRY(const auto row, vector_of(json::find(item, "embedding")));
        if (out.dimension == 0) {
            out.dimension = row.size();
            out.values.resize(count * row.size());
        }
        if (row.size() != out.dimension) return fail(ErrorCode::protocol, "the embeddings differ in length");
        filled[static_cast<std::size_t>(index)] = true;
        std::memcpy(out.values.data() + static_cast<std::size_t>(index) * out.dimension, row.data(),
                    row.size() * sizeof(float));
    }
    if (const auto* usage = json::find(*value, "usage"))
        out.usage.input_tokens =
            static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(*usage, "prompt_tokens", 0)));
    return out;
}

}  // namespace tenon::provider::openai
