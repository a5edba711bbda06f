// Vectors and counts in answers of providers. Private to provider.
#pragma once

#include <boost/json.hpp>
#include <string_view>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::provider::wire {

/// Adds one vector. Errors: protocol (empty, of another length than those before it, something but finite numbers).
[[nodiscard]] Result<void> add_row(llm::Embeddings& out, const json::Array& numbers);
/// Adds the vectors and the usage of one request of several. Errors: protocol (another length).
[[nodiscard]] Result<void> add_batch(llm::Embeddings& all, const llm::Embeddings& batch);
/// The count of tokens in an answer, under that key. Errors: protocol.
[[nodiscard]] Result<std::size_t> decode_count(std::string_view body, std::string_view key);

}  // namespace tenon::provider::wire
