// /openapi.json and /docs of `tenon serve`: its routes, described by types that say what they take.
#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <map>

#include "serve/app/state.hpp"
#include "serve/state.hpp"

namespace tenon::serve {
namespace {

struct ChatMessage {
    std::string role;
    std::optional<json::Value> content;
};
BOOST_DESCRIBE_STRUCT(ChatMessage, (), (role, content))
struct ChatRequest {
    std::string model;
    std::vector<ChatMessage> messages;
    std::optional<bool> stream;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> max_completion_tokens, seed;
    std::optional<json::Value> stop, tools, tool_choice, response_format;
};
BOOST_DESCRIBE_STRUCT(ChatRequest, (),
                      (model, messages, stream, temperature, top_p, max_completion_tokens, seed, stop, tools,
                       tool_choice, response_format))
constexpr auto describe_fields(const ChatRequest*) {
    return json::fields("OpenAI's chat completion", json::about(&ChatRequest::messages, {.min_items = 1}),
                        json::about(&ChatRequest::temperature, {.minimum = 0, .maximum = 2}),
                        json::about(&ChatRequest::top_p, {.minimum = 0, .maximum = 1}));
}
struct CompletionRequest {
    std::string model;
    json::Value prompt;
    std::optional<bool> stream, echo;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> max_tokens, seed;
};
BOOST_DESCRIBE_STRUCT(CompletionRequest, (), (model, prompt, stream, echo, temperature, top_p, max_tokens, seed))
struct EmbeddingRequest {
    std::string model;
    std::variant<std::string, std::vector<std::string>> input;
    std::optional<std::string> encoding_format, input_type;
    std::optional<std::int64_t> dimensions;
};
BOOST_DESCRIBE_STRUCT(EmbeddingRequest, (), (model, input, encoding_format, input_type, dimensions))
constexpr auto describe_fields(const EmbeddingRequest*) {
    return json::fields("OpenAI's embeddings",
                        json::about(&EmbeddingRequest::encoding_format, {.choices = {"float", "base64"}}),
                        json::about(&EmbeddingRequest::input_type, {.choices = {"document", "query"}}));
}
struct RerankRequest {
    std::string model, query;
    std::vector<json::Value> documents;
    std::optional<std::int64_t> top_n;
    std::optional<bool> return_documents;
};
BOOST_DESCRIBE_STRUCT(RerankRequest, (), (model, query, documents, top_n, return_documents))
constexpr auto describe_fields(const RerankRequest*) {
    return json::fields("Texts, or objects with a text, to order by how well they answer the query");
}
struct SearchRequest {
    std::string query, from;
    std::optional<std::int64_t> top_k;
    std::optional<std::string> mode;
};
BOOST_DESCRIBE_STRUCT(SearchRequest, (), (query, from, top_k, mode))
constexpr auto describe_fields(const SearchRequest*) {
    return json::fields("A search of a knowledge base",
                        json::about(&SearchRequest::from, {.description = "name of the knowledge base"}),
                        json::about(&SearchRequest::top_k, {.minimum = 1, .maximum = 100}),
                        json::about(&SearchRequest::mode, {.choices = {"hybrid", "text", "vector"}}));
}
struct AskRequest {
    std::string question, from;
    std::optional<std::string> model;
    std::optional<std::int64_t> top_k, max_tokens;
    std::optional<std::vector<ChatMessage>> history;
    std::optional<bool> stream;
};
BOOST_DESCRIBE_STRUCT(AskRequest, (), (question, from, model, top_k, max_tokens, history, stream))
constexpr auto describe_fields(const AskRequest*) {
    return json::fields("A question to a knowledge base",
                        json::about(&AskRequest::from, {.description = "name of the knowledge base"}),
                        json::about(&AskRequest::top_k, {.minimum = 1, .maximum = 100}));
}
struct KnowledgeBaseRequest {
    std::string name;
    std::optional<std::string> embedding_model;
};
BOOST_DESCRIBE_STRUCT(KnowledgeBaseRequest, (), (name, embedding_model))
struct TokenizeRequest {
    std::optional<std::string> model, content, prompt, text;
    std::optional<std::vector<ChatMessage>> messages;
    std::optional<bool> add_special, add_special_tokens, parse_special, with_pieces, return_token_strs;
};
BOOST_DESCRIBE_STRUCT(TokenizeRequest, (),
                      (model, content, prompt, text, messages, add_special, add_special_tokens, parse_special,
                       with_pieces, return_token_strs))
constexpr auto describe_fields(const TokenizeRequest*) {
    return json::fields(
        "A text, or messages, to be cut into tokens",
        json::about(&TokenizeRequest::content, {.description = "the text, as llama.cpp's server takes it"}),
        json::about(&TokenizeRequest::prompt, {.description = "the text, as vLLM takes it"}));
}
struct DetokenizeRequest {
    std::vector<std::int64_t> tokens;
    std::optional<std::string> model;
};
BOOST_DESCRIBE_STRUCT(DetokenizeRequest, (), (tokens, model))
struct KeyHolder {};

/// Stands for a route of the server in the document; never called.
template <class B>
Result<json::Value> takes(Body<B>) {
    return json::Value();
}

/// These routes answer every fault with OpenAI's object, a wrong request with 400.
std::string with_our_errors(const std::string& text) {
    auto parsed = json::parse(text);
    if (!parsed) return text;
    auto& document = parsed->as_object();
    json::Object told{{"type", "object"},
                      {"properties", json::Object{{"message", json::Object{{"type", "string"}}},
                                                  {"type", json::Object{{"type", "string"}}},
                                                  {"param", json::Object{{"type", json::Array{"string", "null"}}}},
                                                  {"code", json::Object{}}}},
                      {"required", json::Array{"message", "type"}}};
    json::Object error{{"type", "object"}, {"required", json::Array{"error"}}};
    error["properties"] = json::Object{{"error", std::move(told)}};
    auto& schemas = document["components"].as_object()["schemas"].as_object();
    schemas.erase("Problem");
    schemas.erase("Item");
    schemas["Error"] = std::move(error);
    const json::Object schema{{"schema", json::Object{{"$ref", "#/components/schemas/Error"}}}};
    const json::Object response{{"description", "What is wrong"},
                                {"content", json::Object{{"application/json", schema}}}};
    for (auto& path : document["paths"].as_object())
        for (auto& method : path.value().as_object()) {
            auto& responses = method.value().as_object()["responses"].as_object();
            responses.erase("422");
            for (const std::string_view status : {"401", "default"})
                if (responses.contains(status)) responses[status] = response;
        }
    return json::dump(document);
}

task<net::HttpResponse> fixed(std::shared_ptr<const std::string> text, std::string_view content_type) {
    net::HttpResponse response{200, {{"Content-Type", std::string(content_type)}}, *text};
    co_return response;
}

}  // namespace

void add_api_document(net::Router& router, const StatePtr& state) {
    App app({.title = "Tenon",
             .version = state->services.version,
             .description = "Local and remote models, documents and answers with citations."});
    app.authenticate<KeyHolder>([](BearerToken) { return KeyHolder{}; });
    std::map<std::pair<std::string, std::string>, Operation*> known;
    const auto post = [&](std::string path, auto handler, std::string tag, std::string summary) {
        known[{"POST", path}] = &app.post(RuntimePath{path}, handler).tag(std::move(tag)).summary(std::move(summary));
    };
    post("/v1/chat/completions", &takes<ChatRequest>, "openai", "Chat completion");
    post("/v1/completions", &takes<CompletionRequest>, "openai", "Text completion");
    post("/v1/embeddings", &takes<EmbeddingRequest>, "openai", "Embeddings");
    for (const std::string prefix : {"", "/v1"}) {
        post(prefix + "/tokenize", &takes<TokenizeRequest>, "tokens", "The tokens of a text or of messages");
        post(prefix + "/detokenize", &takes<DetokenizeRequest>, "tokens", "The text of tokens");
    }
    post("/v1/rerank", &takes<RerankRequest>, "openai", "Order documents by relevance");
    post("/v1/search", &takes<SearchRequest>, "documents", "Search a knowledge base");
    post("/v1/ask", &takes<AskRequest>, "documents", "Ask a knowledge base; answers have citations");
    post("/v1/knowledge_bases", &takes<KnowledgeBaseRequest>, "documents", "Make a knowledge base");
    const bool keyed = !state->options.api_keys.empty();
    for (const auto& route : router.routes()) {
        const std::string_view path = route.pattern;
        constexpr std::string_view others[] = {"/health", "/metrics", "/tokenize", "/detokenize", "/slots"};
        if (!path.starts_with("/v1") && !path.starts_with("/api/") &&
            std::ranges::find(others, path) == std::end(others))
            continue;
        auto& operation = known[{route.method, route.pattern}];
        if (operation == nullptr)
            operation = &app.route(route.method, RuntimePath{path}, [](Context) { return net::HttpResponse{}; });
        if (keyed && !route.options.open_access) operation->secure<KeyHolder>();
    }
    auto document = app.document();
    if (!document) {
        if (state->options.log)
            state->options.log(LogLevel::error, "serve", "no API document: " + document.error().describe());
        return;
    }
    net::RouteOptions open;
    open.open_access = true;
    const auto text = std::make_shared<const std::string>(with_our_errors(*document));
    const auto page = std::make_shared<const std::string>(docs_page());
    router.get(
        "/openapi.json", [text](net::HttpRequest, net::CallContext) { return fixed(text, "application/json"); }, open);
    router.get(
        "/docs", [page](net::HttpRequest, net::CallContext) { return fixed(page, "text/html; charset=utf-8"); }, open);
}

}  // namespace tenon::serve
