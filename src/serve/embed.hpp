// Texts to vectors, for every protocol's route.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/answer.hpp"

namespace tenon::serve {

struct Embedded {
    std::string model;
    std::vector<std::vector<float>> rows;
    llm::Usage usage;
};

/// Opens the embedder (an empty name: the server's default) and counts tokens. `dimensions`: the first so many of each
/// vector, normalised again.
[[nodiscard]] task<ApiResult<Embedded>> embed(StatePtr state, Caller caller, net::CallContext context,
                                              std::string model, std::vector<std::string> texts, llm::EmbedKind kind,
                                              std::optional<std::size_t> dimensions);

}  // namespace tenon::serve
