// /v1/embeddings.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <bit>
#include <cmath>
#include <cstring>

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
    if (body->model.empty()) body->model = state->services.default_embedding_model;
    auto embedder = co_await state->services.embedder(body->model, caller_of(http));
    if (!embedder) {
        auto problem = api_error(embedder.error());
        if (problem.status == 404) problem.code = "model_not_found";
        problem.param = "model";
        co_return error_response(problem);
    }
    const std::size_t count = body->inputs.size();
    auto result = co_await (*embedder)->embed(std::move(body->inputs), body->kind, context.call);
    if (!result) co_return error_response(result.error());
    const std::size_t width = body->dimensions.value_or(result->dimension);
    if (width > result->dimension) {
        const auto problem = bad_param(
            "dimensions", fmt::format("{} gives {} dimensions, not {}", body->model, result->dimension, width));
        co_return error_response(problem.error());
    }
    json::Array data;
    for (std::size_t i = 0; i < count; ++i) {
        std::vector<float> row(result->values.begin() + static_cast<std::ptrdiff_t>(i * result->dimension),
                               result->values.begin() + static_cast<std::ptrdiff_t>(i * result->dimension + width));
        if (width < result->dimension) {  // a shortened vector is normalised again
            double norm = 0;
            for (const float v : row) norm += static_cast<double>(v) * v;
            for (float& v : row) v = norm > 0 ? static_cast<float>(v / std::sqrt(norm)) : v;
        }
        json::Object item{{"object", "embedding"}, {"index", i}};
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
    state->count_tokens(body->model, result->usage);
    json::Object usage{{"prompt_tokens", result->usage.input_tokens}, {"total_tokens", result->usage.input_tokens}};
    co_return net::HttpResponse::json(json::dump(json::Object{
        {"object", "list"}, {"data", std::move(data)}, {"model", body->model}, {"usage", std::move(usage)}}));
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
