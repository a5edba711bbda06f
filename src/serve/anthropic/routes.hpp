// /v1/messages and what belongs to it.
#pragma once

#include "serve/state.hpp"

namespace tenon::serve::anthropic {

void add_routes(net::Router& router, const StatePtr& state);
/// Clients of this API send `anthropic-version` with every request.
[[nodiscard]] bool speaks(const net::HttpRequest& request);
/// GET /v1/models and /v1/models/ID, which OpenAI's API has too.
[[nodiscard]] net::HttpResponse list_models(const State& state, const net::HttpRequest& request,
                                            std::string_view request_id);
[[nodiscard]] net::HttpResponse show_model(const State& state, std::string_view id, std::string_view request_id);

}  // namespace tenon::serve::anthropic
