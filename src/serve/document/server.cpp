// Tokens, and what the server is doing.
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct TokenizedMessage {
    std::string role;
    std::optional<json::Value> content;
};
BOOST_DESCRIBE_STRUCT(TokenizedMessage, (), (role, content))
struct TokenizeRequest {
    std::optional<std::string> model, content, prompt, text;
    std::optional<std::vector<TokenizedMessage>> messages;
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
struct TokenPiece {
    std::int64_t id;
    std::variant<std::string, std::vector<std::int64_t>> piece;
};
BOOST_DESCRIBE_STRUCT(TokenPiece, (), (id, piece))
constexpr auto describe_fields(const TokenPiece*) {
    return json::fields(json::about(&TokenPiece::piece, {.description = "bytes where they are no text"}));
}
struct Tokens {
    std::vector<std::variant<std::int64_t, TokenPiece>> tokens;
    std::int64_t count, max_model_len;
    std::optional<std::vector<std::string>> token_strs;
};
BOOST_DESCRIBE_STRUCT(Tokens, (), (tokens, count, max_model_len, token_strs))
struct DetokenizeRequest {
    std::vector<std::int64_t> tokens;
    std::optional<std::string> model;
};
BOOST_DESCRIBE_STRUCT(DetokenizeRequest, (), (tokens, model))
constexpr auto describe_fields(const DetokenizeRequest*) {
    return json::fields(json::about(&DetokenizeRequest::tokens, {.minimum = 0, .maximum = 2147483647}));
}
struct Detokenized {
    std::string content, prompt;
};
BOOST_DESCRIBE_STRUCT(Detokenized, (), (content, prompt))
constexpr auto describe_fields(const Detokenized*) { return json::fields("The same text under both names"); }

struct Slot {
    std::int64_t id, id_task;
    std::string model;
    std::int64_t n_ctx;
    bool is_processing;
    std::string state;
    std::int64_t priority, n_prompt_tokens, n_prompt_tokens_cache, n_past, n_decoded, n_predict;
    double seconds;
};
BOOST_DESCRIBE_STRUCT(Slot, (),
                      (id, id_task, model, n_ctx, is_processing, state, priority, n_prompt_tokens,
                       n_prompt_tokens_cache, n_past, n_decoded, n_predict, seconds))
constexpr auto describe_fields(const Slot*) { return json::fields("A request in the engine"); }
struct LoadAdapter {
    std::string lora_name, lora_path;
    std::optional<std::string> base_model_name;
};
BOOST_DESCRIBE_STRUCT(LoadAdapter, (), (lora_name, lora_path, base_model_name))
constexpr auto describe_fields(const LoadAdapter*) {
    return json::fields(
        "A low-rank adapter among the server's files",
        json::about(&LoadAdapter::base_model_name, {.description = "the model it changes; the default chat model"}));
}
struct UnloadAdapter {
    std::string lora_name;
};
BOOST_DESCRIBE_STRUCT(UnloadAdapter, (), (lora_name))
struct AdapterDone {
    std::string status, message;
};
BOOST_DESCRIBE_STRUCT(AdapterDone, (), (status, message))
struct Health {
    std::string status, version;
    double uptime_seconds;
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, version, uptime_seconds))

}  // namespace

void describe_server(Routes& routes) {
    routes.section("tokens");
    for (const std::string prefix : {"", "/v1"}) {
        routes.add<Tokens, Body<TokenizeRequest>>("POST", prefix + "/tokenize", "The tokens of a text or of messages");
        routes.add<Detokenized, Body<DetokenizeRequest>>("POST", prefix + "/detokenize", "The text of tokens");
    }
    routes.section("adapters");
    routes.add<AdapterDone, Body<LoadAdapter>>("POST", "/v1/load_lora_adapter",
                                               "Load an adapter, to be asked for by name");
    routes.add<AdapterDone, Body<UnloadAdapter>>("POST", "/v1/unload_lora_adapter", "Remove an adapter");
    routes.section("server");
    routes.add<std::vector<Slot>>("GET", "/slots", "The requests the models are at work on, and those that wait");
    routes.add<Health>("GET", "/health", "Whether the server is there");
    routes.add<Text>("GET", "/metrics", "Metrics, as Prometheus reads them");
    routes.errors<Error>();
}

}  // namespace tenon::serve::document
