// Beam search over a local model, beside whatever else it does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tenon/engine/beam_search.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {

struct BeamText {
    std::string text;
    engine::Beam beam;
};
struct BeamAnswer {
    std::vector<BeamText> texts;  ///< the best first
    llm::Usage usage;             ///< of the texts; what was computed and left out is not in it
};

/// Goes on from a raw text. Errors: those of engine::BeamSearch::create and of the engine, deadline_exceeded,
/// cancelled.
[[nodiscard]] task<Result<BeamAnswer>> beam_search(std::shared_ptr<LocalChatModel> model, std::string prompt,
                                                   engine::BeamOptions beams, CallOptions options);

}  // namespace tenon::provider
