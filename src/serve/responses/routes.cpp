#include "serve/responses/routes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "serve/openai_request.hpp"
#include "serve/responses/items.hpp"
#include "serve/responses/kept.hpp"
#include "serve/responses/render.hpp"
#include "serve/responses/request.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::serve::responses {
namespace {

/// Whose responses these are: those of one key, or of everybody where no key is asked for.
std::string owner_of(const net::HttpRequest& http) {
    const auto key = caller_of(http).api_key;
    return key.empty() ? std::string() : sha256_hex(key);
}

std::unexpected<ApiError> no_response(const std::string& id, std::string param) {
    auto problem = bad_param(std::move(param), fmt::format("there is no stored response '{}'", id), "not_found");
    problem.error().status = 404;
    return problem;
}

/// The conversation so far and this request's input, without instructions.
ApiResult<std::vector<llm::Message>> conversation(const State& state, const std::string& owner, ResponsesBody& body) {
    std::vector<llm::Message> out;
    auto* records = state.services.responses.get();
    if (!body.previous_response_id.empty()) {
        if (records == nullptr) return no_response(body.previous_response_id, "previous_response_id");
        auto before = find(*records, owner, body.previous_response_id);
        if (!before) return std::unexpected(api_error(before.error()));
        if (!*before) {
            auto problem = no_response(body.previous_response_id, "previous_response_id");
            problem.error().code = "previous_response_not_found";
            problem.error().status = 400;
            return problem;
        }
        out = std::move((*before)->messages);
    }
    SERVE_CHECK(resolve_references(body.input, [&](const std::string& id) -> std::optional<json::Value> {
        if (records == nullptr) return std::nullopt;
        return find_item(*records, owner, id);
    }));
    SERVE_CHECK(read_items(body.input, out));
    if (out.empty()) return bad_param("input", "'input' must hold at least one item");
    name_tool_results(out);
    return out;
}

/// The body, read, and its conversation put together.
ApiResult<ResponsesBody> prepare(const State& state, const net::HttpRequest& http, const std::string& owner) {
    SERVE_TRY(const auto body, parse_body(http.body));
    SERVE_TRY(auto out, read_response(body, state.options.max_tokens));
    SERVE_TRY(out.question.request.messages, conversation(state, owner, out));
    return out;
}

void add_instructions(ResponsesBody& body) {
    auto& messages = body.question.request.messages;
    if (!body.instructions.empty()) messages.insert(messages.begin(), llm::Message::system(body.instructions));
}

task<Result<void>> create(StatePtr state, net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer,
                          net::CallContext context) {
    const auto owner = owner_of(http);
    auto body = prepare(*state, http, owner);
    if (!body) co_return co_await send_response(writer, error_response(body.error()));
    ResponseRenderer::Options options;
    options.id = make_id("resp_");
    options.echo = std::move(body->echo);
    options.sealed_thoughts = body->sealed_thoughts;
    options.logprobs = body->question.request.settings.top_logprobs.has_value();
    if (body->store && state->services.responses) {
        options.keep = [state, owner, input = body->input, messages = body->question.request.messages](
                           const json::Object& response, llm::Message answer) mutable {
            Kept kept{response, std::move(input), std::move(messages)};
            kept.messages.push_back(std::move(answer));
            // An answer that could not be kept is still an answer.
            if (const auto done = keep(*state->services.responses, owner, kept); !done && state->options.log)
                state->options.log(LogLevel::error, "serve",
                                   fmt::format("cannot keep a response: {}", done.error().describe()));
        };
    }
    add_instructions(*body);
    auto renderer = std::make_shared<ResponseRenderer>(std::move(options));
    co_return co_await answer(state, caller_of(http), writer, context, std::move(body->question), renderer);
}

task<net::HttpResponse> count_tokens(StatePtr state, net::HttpRequest http, net::CallContext context) {
    auto body = prepare(*state, http, owner_of(http));
    if (!body) co_return error_response(body.error());
    add_instructions(*body);
    auto opened = co_await open_chat_model(state, caller_of(http), std::move(body->question.model));
    if (!opened) co_return error_response(opened.error());
    auto count = co_await opened->model->count_request_tokens(std::move(body->question.request), context.call);
    if (!count) co_return error_response(count.error());
    co_return net::HttpResponse::json(
        json::dump(json::Object{{"object", "response.input_tokens"}, {"input_tokens", *count}}));
}

ApiResult<Kept> stored(const State& state, const net::HttpRequest& http) {
    const std::string id(http.path_parameter("id"));
    if (!state.services.responses) return no_response(id, "response_id");
    auto kept = find(*state.services.responses, owner_of(http), id);
    if (!kept) return std::unexpected(api_error(kept.error()));
    if (!*kept) return no_response(id, "response_id");
    return std::move(**kept);
}

task<net::HttpResponse> retrieve(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto kept = stored(*state, http);
    if (!kept) co_return error_response(kept.error());
    if (http.query_parameter("stream") == "true")
        co_return error_response(
            bad_param("stream", "a stored response is given whole, not as a stream", "unsupported_value").error());
    co_return net::HttpResponse::json(json::dump(kept->response));
}

task<net::HttpResponse> remove_one(StatePtr state, net::HttpRequest http, net::CallContext) {
    const std::string id(http.path_parameter("id"));
    auto kept = stored(*state, http);
    if (!kept) co_return error_response(kept.error());
    if (auto done = remove(*state->services.responses, owner_of(http), id); !done)
        co_return error_response(done.error());
    co_return net::HttpResponse::json(json::dump(json::Object{{"id", id}, {"object", "response"}, {"deleted", true}}));
}

task<net::HttpResponse> cancel(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto kept = stored(*state, http);
    if (!kept) co_return error_response(kept.error());
    co_return error_response(
        bad_param("response_id",
                  "only a response made in the background can be cancelled; this one is complete. To end "
                  "one in the making, close its connection")
            .error());
}

task<net::HttpResponse> input_items(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto kept = stored(*state, http);
    if (!kept) co_return error_response(kept.error());
    std::size_t limit = 20;
    if (const auto given = http.query_parameter("limit")) {
        const auto [end, fault] = std::from_chars(given->data(), given->data() + given->size(), limit);
        if (fault != std::errc{} || end != given->data() + given->size() || limit < 1 || limit > 100)
            co_return error_response(bad_param("limit", "'limit' must be a number from 1 to 100").error());
    }
    auto items = std::move(kept->input);
    if (http.query_parameter("order").value_or("desc") != "asc") std::ranges::reverse(items);
    std::size_t from = 0;
    if (const auto after = http.query_parameter("after"))
        for (std::size_t i = 0; i < items.size(); ++i)
            if (json::string_or(items[i], "id", "") == *after) from = i + 1;
    json::Array data;
    for (std::size_t i = from; i < items.size() && data.size() < limit; ++i) data.push_back(items[i]);
    const bool more = from + data.size() < items.size();
    json::Object out{{"object", "list"}, {"has_more", more}};
    out["first_id"] = data.empty() ? json::Value(nullptr) : json::Value(json::string_or(data.front(), "id", ""));
    out["last_id"] = data.empty() ? json::Value(nullptr) : json::Value(json::string_or(data.back(), "id", ""));
    out["data"] = std::move(data);
    co_return net::HttpResponse::json(json::dump(out));
}

}  // namespace

void add_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    const auto bind = [&](auto handler) {
        return [state, handler](net::HttpRequest http, net::CallContext context) {
            return handler(state, std::move(http), std::move(context));
        };
    };
    router.add_streaming(
        "POST", "/v1/responses",
        [state](net::HttpRequest http, std::shared_ptr<net::ResponseWriter> writer, net::CallContext context) {
            return create(state, std::move(http), std::move(writer), std::move(context));
        },
        generous);
    router.post("/v1/responses/input_tokens", bind(count_tokens), generous);
    router.get("/v1/responses/{id}", bind(retrieve));
    router.add("DELETE", "/v1/responses/{id}", bind(remove_one));
    router.post("/v1/responses/{id}/cancel", bind(cancel));
    router.get("/v1/responses/{id}/input_items", bind(input_items));
}

}  // namespace tenon::serve::responses
