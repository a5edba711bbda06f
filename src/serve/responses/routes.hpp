// /v1/responses and what belongs to it.
#pragma once

#include "serve/state.hpp"

namespace tenon::serve::responses {

void add_routes(net::Router& router, const StatePtr& state);

}  // namespace tenon::serve::responses
