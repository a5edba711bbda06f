// /v1/embeddings.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <bit>
#include <cstring>

#include "serve/embed.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::serve {
namespace {

static_assert(std::endian::native == std::endian::little, "base64 embeddings are little-endian float32");

task<net::HttpResponse> embeddings(StatePtr state, net::HttpRequest http, net::CallContext context) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    auto body = parse_embedding(*json_body);
    if (!body) co_return error_response(body.error());
    const auto dimensions = body->dimensions;
    auto made = co_await embed(state, caller_of(http), context, std::move(body->model), std::move(body->inputs),
                               body->kind, dimensions);
    if (!made) co_return error_response(made.error());
    json::Array data;
    for (const auto& row : made->rows) {
        json::Object item{{"object", "embedding"}, {"index", data.size()}};
        if (body->base64) {
            item["embedding"] = base64_encode({reinterpret_cast<const char*>(row.data()), row.size() * sizeof(float)});
        } else {
            json::Array numbers;
            numbers.reserve(row.size());
            for (const float v : row) numbers.emplace_back(v);
            item["embedding"] = std::move(numbers);
        }
        data.push_back(std::move(item));
    }
    json::Object usage{{"prompt_tokens", made->usage.input_tokens}, {"total_tokens", made->usage.input_tokens}};
    co_return net::HttpResponse::json(json::dump(json::Object{
        {"object", "list"}, {"data", std::move(data)}, {"model", made->model}, {"usage", std::move(usage)}}));
}

}  // namespace

void add_embedding_route(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    router.post(
        "/v1/embeddings",
        [state](net::HttpRequest http, net::CallContext context) {
            return embeddings(state, std::move(http), std::move(context));
        },
        generous);
}

}  // namespace tenon::serve
