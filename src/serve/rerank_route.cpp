// /v1/rerank, as Jina, Cohere and vLLM have it.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "serve/answer.hpp"
#include "serve/fields.hpp"
#include "serve/openai_request.hpp"
#include "serve/state.hpp"

namespace tenon::serve {
namespace {

constexpr std::size_t max_documents = 10'000;

struct RerankBody {
    std::string model, query;
    std::vector<std::string> documents;
    std::size_t top_n = 0;
    bool return_documents = true;
};

ApiResult<RerankBody> parse_rerank(const json::Value& body) {
    const Fields fields(body);
    RerankBody out;
    SERVE_TRY(out.model, fields.needed_text("model"));
    SERVE_TRY(out.query, fields.needed_text("query"));
    SERVE_TRY(const json::Array* documents, fields.list("documents"));
    if (documents == nullptr) return missing_param("documents");
    if (documents->empty() || documents->size() > max_documents)
        return bad_param("documents", fmt::format("'documents' must hold 1 to {} texts", max_documents));
    for (const json::Value& one : *documents) {
        const json::Value* text = one.is_object() ? json::find(one, "text") : &one;
        if (text == nullptr || !text->is_string())
            return bad_param("documents", "'documents' must hold strings, or objects with a 'text'", "invalid_type");
        out.documents.emplace_back(text->get_string().data(), text->get_string().size());
    }
    SERVE_TRY(const auto top_n, fields.integer("top_n", 1));
    if (top_n) out.top_n = static_cast<std::size_t>(*top_n);
    SERVE_TRY(out.return_documents, fields.boolean("return_documents", true));
    return out;
}

task<net::HttpResponse> rerank(StatePtr state, net::HttpRequest http, net::CallContext context) {
    auto json_body = parse_body(http.body);
    if (!json_body) co_return error_response(json_body.error());
    auto body = parse_rerank(*json_body);
    if (!body) co_return error_response(body.error());
    auto opened = co_await open_reranker(state, caller_of(http), std::move(body->model));
    if (!opened) co_return error_response(opened.error());
    auto ranking = co_await opened->reranker->rerank(body->query, body->documents, body->top_n, context.call);
    if (!ranking) co_return error_response(ranking.error());
    json::Array results;
    for (const auto& ranked : ranking->documents) {
        if (ranked.index >= body->documents.size()) continue;
        json::Object item{{"index", ranked.index}, {"relevance_score", ranked.score}};
        if (body->return_documents) item["document"] = json::Object{{"text", body->documents[ranked.index]}};
        results.push_back(std::move(item));
    }
    state->count_tokens(opened->name, ranking->usage);
    const auto tokens = ranking->usage.input_tokens;
    co_return net::HttpResponse::json(
        json::dump(json::Object{{"id", make_id("rerank-")},
                                {"object", "list"},
                                {"model", opened->name},
                                {"results", std::move(results)},
                                {"usage", json::Object{{"prompt_tokens", tokens}, {"total_tokens", tokens}}}}));
}

}  // namespace

void add_rerank_route(net::Router& router, const StatePtr& state) {
    net::RouteOptions generous;
    generous.max_body_bytes = state->options.max_body_bytes;
    for (const char* path : {"/v1/rerank", "/v2/rerank"})  // the second is where Cohere's clients look
        router.post(
            path,
            [state](net::HttpRequest http, net::CallContext context) {
                return rerank(state, std::move(http), std::move(context));
            },
            generous);
}

}  // namespace tenon::serve
