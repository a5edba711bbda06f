// /api/chat, /api/generate and the rest of Ollama's API.
#pragma once

#include "serve/state.hpp"

namespace tenon::serve::ollama {

void add_routes(net::Router& router, const StatePtr& state);

}  // namespace tenon::serve::ollama
