// A chat model whose answers show in the metrics, under the names of vLLM where the meaning is the same.
#pragma once

#include <memory>
#include <string>

#include "serve/state.hpp"

namespace tenon::serve {

/// `model`, with the times and ends of its answers counted under `name`. The state may end before the model.
[[nodiscard]] llm::ChatModelPtr measured(llm::ChatModelPtr model, std::string name, std::weak_ptr<State> state);
/// Gauges of the engines in memory.
void refresh_engine_metrics(const Services& services, observe::Metrics& metrics);

}  // namespace tenon::serve
