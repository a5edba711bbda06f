#include "serve/anthropic/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "serve/anthropic/render.hpp"
#include "serve/anthropic/request.hpp"
#include "serve/openai_request.hpp"

namespace tenon::serve::anthropic {
namespace {

task<Result<void>> messages(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                            net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return co_await send_response(writer, error_response(body.error(), context.request_id));
    auto question = read_messages(*body, state->options.max_tokens);
    if (!question) co_return co_await send_response(writer, error_response(question.error(), context.request_id));
    auto renderer = std::make_shared<MessageRenderer>(context.request_id);
    co_return co_await answer(state, caller_of(http), writer, context, std::move(*question), renderer);
}

task<net::HttpResponse> count_tokens(StatePtr state, net::HttpRequest http, net::CallContext context) {
    auto body = parse_body(http.body);
    if (!body) co_return error_response(body.error(), context.request_id);
    auto question = read_count(*body);
    if (!question) co_return error_response(question.error(), context.request_id);
    auto opened = co_await open_chat_model(state, caller_of(http), std::move(question->model));
    if (!opened) co_return error_response(opened.error(), context.request_id);
    auto count = co_await opened->model->count_request_tokens(std::move(question->request), context.call);
    if (!count) co_return error_response(api_error(count.error()), context.request_id);
    auto out = net::HttpResponse::json(json::dump(json::Object{{"input_tokens", *count}}));
    out.headers.set("request-id", context.request_id);
    co_return out;
}

}  // namespace

bool speaks(const net::HttpRequest& request) { return request.headers.contains("anthropic-version"); }

net::HttpResponse list_models(const State& state, const net::HttpRequest& request, std::string_view request_id) {
    std::size_t limit = 20;
    if (const auto given = request.query_parameter("limit")) {
        const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), limit);
        if (fault != std::errc{} || end != given->data() + given->size() || limit < 1 || limit > 1000)
            return error_response(bad_param("limit", "'limit' must be a number from 1 to 1000").error(), request_id);
    }
    const auto all = state.services.models();
    const auto place = [&](const char* key) {
        const auto id = request.query_parameter(key);
        return id ? std::ranges::find(all, *id, &ModelEntry::name) : all.end();
    };
    auto first = all.begin(), last = all.end();
    bool more = false;
    if (const auto after = place("after_id"); after != all.end()) first = std::next(after);
    if (const auto before = place("before_id"); before != all.end()) {
        last = before;
        more = static_cast<std::size_t>(last - first) > limit;
        if (more) first = last - static_cast<std::ptrdiff_t>(limit);
    } else if (static_cast<std::size_t>(last - first) > limit) {
        more = true;
        last = first + static_cast<std::ptrdiff_t>(limit);
    }
    json::Array data;
    for (auto at = first; at != last; ++at) data.push_back(model_object(*at));
    json::Object out{{"data", std::move(data)}, {"has_more", more}};
    out["first_id"] = first == last ? json::Value(nullptr) : json::Value(first->name);
    out["last_id"] = first == last ? json::Value(nullptr) : json::Value(std::prev(last)->name);
    return net::HttpResponse::json(json::dump(out));
}

net::HttpResponse show_model(const State& state, std::string_view id, std::string_view request_id) {
    for (const auto& model : state.services.models())
        if (model.name == id) return net::HttpResponse::json(json::dump(model_object(model)));
    ApiError problem;
    problem.status = 404;
    problem.message = fmt::format("the model '{}' is not installed; GET /v1/models lists those that are", id);
    return error_response(problem, request_id);
}

void add_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    router.add_streaming(
        "POST", "/v1/messages",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return messages(state, std::move(http), std::move(writer), std::move(context));
        },
        generous);
    router.post(
        "/v1/messages/count_tokens",
        [state](net::HttpRequest http, net::CallContext context) {
            return count_tokens(state, std::move(http), std::move(context));
        },
        generous);
}

}  // namespace tenon::serve::anthropic
