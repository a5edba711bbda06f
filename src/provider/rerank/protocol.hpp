// Bodies of rerank endpoints. No sockets. Private to provider.
#pragma once

#include <string>
#include <vector>

#include "tenon/provider/rerank.hpp"

namespace tenon::provider::rerank {

[[nodiscard]] std::string body_of(const std::string& model, const std::string& query,
                                  const std::vector<std::string>& documents, std::size_t top_n,
                                  RerankOptions::Style style);
/// {"results": [{"index", "relevance_score"}]}, {"data": …} or [{"index", "score"}], best first whatever their order;
/// at most `top_n` (0: all) of `count`. Errors: protocol.
[[nodiscard]] Result<llm::Ranking> decode(std::string_view body, std::size_t count, std::size_t top_n);

}  // namespace tenon::provider::rerank
