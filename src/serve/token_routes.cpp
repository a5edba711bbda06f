// /tokenize, /detokenize and /slots, as llama.cpp's server and vLLM shape them.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <cmath>

#include "serve/answer.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"
#include "serve/token_request.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::serve {
namespace {

using LocalModelPtr = std::shared_ptr<provider::LocalChatModel>;
using text::TokenId;

task<ApiResult<LocalModelPtr>> open_local(StatePtr state, Caller caller, std::string name) {
    // Asked for as any request asks, so that who may not use a model may not use its tokenizer.
    auto opened = co_await open_chat_model(state, std::move(caller), std::move(name));
    if (!opened) co_return std::unexpected(opened.error());
    ApiError elsewhere = api_error(Error(ErrorCode::unsupported, "this server has no tokenizer of its own"));
    elsewhere.param = "model";
    if (!state->services.local_chat_model) co_return std::unexpected(std::move(elsewhere));
    auto local = co_await state->services.local_chat_model(opened->name);
    if (local) co_return std::move(*local);
    elsewhere.message = local.error().message();
    co_return std::unexpected(std::move(elsewhere));
}

/// As llama.cpp has it: a string where the bytes are one, else the bytes.
json::Value piece(const std::string& bytes) {
    if (utf8::is_valid(bytes)) return json::Value(bytes);
    json::Array list;
    for (const char c : bytes) list.emplace_back(static_cast<unsigned char>(c));
    return list;
}

task<net::HttpResponse> tokenize(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    auto body = parse_tokenize(*json_body);
    if (!body) co_return error_response(body.error());
    auto model = co_await open_local(state, caller_of(http), body->model);
    if (!model) co_return error_response(model.error());
    const text::Tokenizer& tokenizer = *(*model)->engine().model().tokenizer();
    std::vector<TokenId> ids;
    if (body->chat) {
        auto prompt = (*model)->prompt_tokens(*body->chat);
        if (!prompt) co_return error_response(prompt.error());
        ids = std::move(*prompt);
    } else {
        ids = tokenizer.encode(body->text, {.add_special = body->add_special, .parse_special = body->parse_special});
    }
    json::Array tokens, strings;
    for (const TokenId id : ids) {
        if (body->with_pieces)
            tokens.push_back(json::Object{{"id", id}, {"piece", piece(tokenizer.token_bytes(id))}});
        else
            tokens.emplace_back(id);
        if (body->token_strings) strings.emplace_back(tokenizer.spec().tokens[static_cast<std::size_t>(id)]);
    }
    json::Object out{{"tokens", std::move(tokens)}, {"count", ids.size()}};
    out["max_model_len"] = (*model)->engine().context();
    out["token_strs"] = body->token_strings ? json::Value(std::move(strings)) : json::Value(nullptr);
    co_return net::HttpResponse::json(json::dump(out));
}

task<net::HttpResponse> detokenize(StatePtr state, net::HttpRequest http, net::CallContext) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    auto body = parse_detokenize(*json_body);
    if (!body) co_return error_response(body.error());
    auto model = co_await open_local(state, caller_of(http), body->model);
    if (!model) co_return error_response(model.error());
    const text::Tokenizer& tokenizer = *(*model)->engine().model().tokenizer();
    for (std::size_t i = 0; i < body->tokens.size(); ++i)
        if (static_cast<std::size_t>(body->tokens[i]) >= tokenizer.vocabulary_size()) {
            const auto bad = bad_param(
                fmt::format("tokens[{}]", i),
                fmt::format("token {} is outside the vocabulary of {}", body->tokens[i], tokenizer.vocabulary_size()));
            co_return error_response(bad.error());
        }
    const std::string text = tokenizer.decode(body->tokens, false);
    json::Object out{{"content", text}, {"prompt", text}};
    co_return net::HttpResponse::json(json::dump(out));
}

/// One entry a request, running first: llama.cpp's fields where they mean the same, and what an engine with pages knows
/// besides.
task<net::HttpResponse> slots(StatePtr state, net::HttpRequest, net::CallContext) {
    json::Array out;
    if (state->services.activity)
        for (const auto& activity : state->services.activity())
            for (const auto& r : activity.requests) {
                json::Object slot{{"id", out.size()},
                                  {"id_task", r.id},
                                  {"model", activity.model},
                                  {"n_ctx", activity.context},
                                  {"is_processing", r.running},
                                  {"state", r.running ? "running" : "waiting"},
                                  {"priority", r.priority},
                                  {"n_prompt_tokens", r.prompt_tokens},
                                  {"n_prompt_tokens_cache", r.cached_tokens},
                                  {"n_past", r.computed_tokens},
                                  {"n_decoded", r.completion_tokens},
                                  {"seconds", std::round(r.seconds * 1000) / 1000}};
                slot["n_predict"] = r.max_tokens > 0 ? json::Value(r.max_tokens) : json::Value(-1);
                out.push_back(std::move(slot));
            }
    co_return net::HttpResponse::json(json::dump(json::Value(std::move(out))));
}

}  // namespace

void add_token_routes(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    for (const char* path : {"/tokenize", "/v1/tokenize"})
        router.post(
            path,
            [state](net::HttpRequest http, net::CallContext context) {
                return tokenize(state, std::move(http), std::move(context));
            },
            generous);
    for (const char* path : {"/detokenize", "/v1/detokenize"})
        router.post(
            path,
            [state](net::HttpRequest http, net::CallContext context) {
                return detokenize(state, std::move(http), std::move(context));
            },
            generous);
    router.get("/slots", [state](net::HttpRequest http, net::CallContext context) {
        return slots(state, std::move(http), std::move(context));
    });
}

}  // namespace tenon::serve
