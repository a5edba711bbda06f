#include "provider/wire/embeddings.hpp"

#include <cmath>

namespace tenon::provider::wire {

Result<void> add_row(llm::Embeddings& out, const json::Array& numbers) {
    if (numbers.empty()) return fail(ErrorCode::protocol, "an embedding is missing");
    if (out.dimension == 0) out.dimension = numbers.size();
    if (numbers.size() != out.dimension) return fail(ErrorCode::protocol, "the embeddings differ in length");
    for (const auto& number : numbers) {
        if (!number.is_number() || !std::isfinite(number.to_number<double>()))
            return fail(ErrorCode::protocol, "an embedding holds something but numbers");
        out.values.push_back(static_cast<float>(number.to_number<double>()));
    }
    return {};
}

Result<void> add_batch(llm::Embeddings& all, const llm::Embeddings& batch) {
    if (all.dimension != 0 && all.dimension != batch.dimension)
        return fail(ErrorCode::protocol, "the embeddings differ in length");
    all.dimension = batch.dimension;
    all.values.insert(all.values.end(), batch.values.begin(), batch.values.end());
    all.usage += batch.usage;
    return {};
}

Result<std::size_t> decode_count(std::string_view body, std::string_view key) {
    auto value = json::parse(body);
    const auto* count = value ? json::find(*value, key) : nullptr;
    if (count == nullptr || !count->is_int64() || count->get_int64() < 0)
        return fail(ErrorCode::protocol, "the model's server sent no count of tokens");
    return static_cast<std::size_t>(count->get_int64());
}

}  // namespace tenon::provider::wire
