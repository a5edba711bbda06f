// /v1beta/models/NAME:generateContent and the rest of Gemini's API.
#pragma once

#include "serve/state.hpp"

namespace tenon::serve::gemini {

void add_routes(net::Router& router, const StatePtr& state);

}  // namespace tenon::serve::gemini
