// OpenAI's chat completions, completions, embeddings and models, and reranking as Jina, Cohere and vLLM have it.
#include "serve/document/anthropic_models.hpp"
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct ChatMessage {
    std::string role;
    std::optional<json::Value> content;
    std::optional<std::string> name, tool_call_id;
    std::optional<json::Value> tool_calls;
};
BOOST_DESCRIBE_STRUCT(ChatMessage, (), (role, content, name, tool_call_id, tool_calls))
struct StreamOptions {
    std::optional<bool> include_usage;
};
BOOST_DESCRIBE_STRUCT(StreamOptions, (), (include_usage))
struct ChatRequest {
    std::optional<std::string> model;
    std::vector<ChatMessage> messages;
    std::optional<bool> stream, logprobs;
    std::optional<StreamOptions> stream_options;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> max_completion_tokens, seed, n, top_logprobs;
    std::optional<std::string> reasoning_effort, user;
    std::optional<json::Value> stop, tools, tool_choice, response_format;
};
BOOST_DESCRIBE_STRUCT(ChatRequest, (),
                      (model, messages, stream, stream_options, temperature, top_p, max_completion_tokens, seed, n,
                       logprobs, top_logprobs, reasoning_effort, user, stop, tools, tool_choice, response_format))
constexpr auto describe_fields(const ChatRequest*) {
    return json::fields(
        "OpenAI's chat completion", json::about(&ChatRequest::messages, {.min_items = 1}),
        json::about(&ChatRequest::temperature, {.minimum = 0, .maximum = 2}),
        json::about(&ChatRequest::top_p, {.minimum = 0, .maximum = 1}),
        json::about(&ChatRequest::n, {.minimum = 1, .maximum = 16}),
        json::about(&ChatRequest::top_logprobs, {.minimum = 0, .maximum = 20}),
        json::about(&ChatRequest::reasoning_effort, {.choices = {"none", "minimal", "low", "medium", "high", "xhigh"}}),
        json::about(&ChatRequest::response_format, {.description = "text, json_object, or json_schema with a schema "
                                                                   "the answer is held to"}));
}

struct CalledFunction {
    std::string name, arguments;
};
BOOST_DESCRIBE_STRUCT(CalledFunction, (), (name, arguments))
struct FunctionCall {
    std::string id, type;
    CalledFunction function;
};
BOOST_DESCRIBE_STRUCT(FunctionCall, (), (id, type, function))
struct TokenDetails {
    std::optional<std::int64_t> cached_tokens, reasoning_tokens;
};
BOOST_DESCRIBE_STRUCT(TokenDetails, (), (cached_tokens, reasoning_tokens))
struct Usage {
    std::int64_t prompt_tokens, total_tokens;
    std::optional<std::int64_t> completion_tokens;
    std::optional<TokenDetails> prompt_tokens_details, completion_tokens_details;
};
BOOST_DESCRIBE_STRUCT(Usage, (),
                      (prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details,
                       completion_tokens_details))
struct AssistantMessage {
    std::string role;
    std::optional<std::string> content, refusal, reasoning_content;
    std::optional<std::vector<FunctionCall>> tool_calls;
};
BOOST_DESCRIBE_STRUCT(AssistantMessage, (), (role, content, refusal, reasoning_content, tool_calls))
struct ChatChoice {
    std::int64_t index;
    AssistantMessage message;
    std::string finish_reason;
    std::optional<json::Value> logprobs;
};
BOOST_DESCRIBE_STRUCT(ChatChoice, (), (index, message, finish_reason, logprobs))
struct ChatCompletion {
    std::string id, object;
    std::int64_t created;
    std::string model;
    std::vector<ChatChoice> choices;
    Usage usage;
    std::string system_fingerprint;
};
BOOST_DESCRIBE_STRUCT(ChatCompletion, (), (id, object, created, model, choices, usage, system_fingerprint))
struct Delta {
    std::optional<std::string> role, content, reasoning_content;
    std::optional<std::vector<json::Value>> tool_calls;
};
BOOST_DESCRIBE_STRUCT(Delta, (), (role, content, reasoning_content, tool_calls))
struct ChunkChoice {
    std::int64_t index;
    Delta delta;
    std::optional<json::Value> logprobs;
    std::optional<std::string> finish_reason;
};
BOOST_DESCRIBE_STRUCT(ChunkChoice, (), (index, delta, logprobs, finish_reason))
struct ChatCompletionChunk {
    std::string id, object;
    std::int64_t created;
    std::string model;
    std::vector<ChunkChoice> choices;
    std::optional<Usage> usage;
    std::string system_fingerprint;
};
BOOST_DESCRIBE_STRUCT(ChatCompletionChunk, (), (id, object, created, model, choices, usage, system_fingerprint))
constexpr auto describe_fields(const ChatCompletionChunk*) {
    return json::fields("A piece of a chat completion; after the last one comes the event [DONE]");
}

struct CompletionRequest {
    std::optional<std::string> model;
    std::variant<std::string, std::vector<std::string>> prompt;
    std::optional<bool> stream, echo;
    std::optional<StreamOptions> stream_options;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> max_tokens, seed, n, logprobs;
    std::optional<json::Value> stop, response_format;
};
BOOST_DESCRIBE_STRUCT(CompletionRequest, (),
                      (model, prompt, stream, stream_options, echo, temperature, top_p, max_tokens, seed, n, logprobs,
                       stop, response_format))
constexpr auto describe_fields(const CompletionRequest*) {
    return json::fields("OpenAI's text completion",
                        json::about(&CompletionRequest::temperature, {.minimum = 0, .maximum = 2}),
                        json::about(&CompletionRequest::top_p, {.minimum = 0, .maximum = 1}),
                        json::about(&CompletionRequest::n, {.minimum = 1, .maximum = 16}),
                        json::about(&CompletionRequest::logprobs, {.minimum = 0, .maximum = 20}));
}
struct CompletionChoice {
    std::int64_t index;
    std::string text;
    std::optional<json::Value> logprobs;
    std::optional<std::string> finish_reason;
};
BOOST_DESCRIBE_STRUCT(CompletionChoice, (), (index, text, logprobs, finish_reason))
struct Completion {
    std::string id, object;
    std::int64_t created;
    std::string model;
    std::vector<CompletionChoice> choices;
    std::optional<Usage> usage;
};
BOOST_DESCRIBE_STRUCT(Completion, (), (id, object, created, model, choices, usage))

struct EmbeddingRequest {
    std::optional<std::string> model;
    std::variant<std::string, std::vector<std::string>> input;
    std::optional<std::string> encoding_format, input_type;
    std::optional<std::int64_t> dimensions;
};
BOOST_DESCRIBE_STRUCT(EmbeddingRequest, (), (model, input, encoding_format, input_type, dimensions))
constexpr auto describe_fields(const EmbeddingRequest*) {
    return json::fields("OpenAI's embeddings",
                        json::about(&EmbeddingRequest::encoding_format, {.choices = {"float", "base64"}}),
                        json::about(&EmbeddingRequest::input_type, {.choices = {"document", "query"}}),
                        json::about(&EmbeddingRequest::dimensions, {.minimum = 1}));
}
struct Embedding {
    std::string object;
    std::int64_t index;
    std::variant<std::vector<double>, std::string> embedding;
};
BOOST_DESCRIBE_STRUCT(Embedding, (), (object, index, embedding))
constexpr auto describe_fields(const Embedding*) {
    return json::fields(
        json::about(&Embedding::embedding, {.description = "numbers, or the base64 of little-endian float32"}));
}
struct EmbeddingList {
    std::string object;
    std::vector<Embedding> data;
    std::string model;
    Usage usage;
};
BOOST_DESCRIBE_STRUCT(EmbeddingList, (), (object, data, model, usage))

struct RerankRequest {
    std::string model, query;
    std::vector<json::Value> documents;
    std::optional<std::int64_t> top_n;
    std::optional<bool> return_documents;
};
BOOST_DESCRIBE_STRUCT(RerankRequest, (), (model, query, documents, top_n, return_documents))
constexpr auto describe_fields(const RerankRequest*) {
    return json::fields("Texts, or objects with a text, to order by how well they answer the query",
                        json::about(&RerankRequest::documents, {.min_items = 1, .max_items = 10'000}),
                        json::about(&RerankRequest::top_n, {.minimum = 1}));
}
struct RankedText {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(RankedText, (), (text))
struct RankedDocument {
    std::int64_t index;
    double relevance_score;
    std::optional<RankedText> document;
};
BOOST_DESCRIBE_STRUCT(RankedDocument, (), (index, relevance_score, document))
struct Ranking {
    std::string id, object, model;
    std::vector<RankedDocument> results;
    Usage usage;
};
BOOST_DESCRIBE_STRUCT(Ranking, (), (id, object, model, results, usage))
constexpr auto describe_fields(const Ranking*) { return json::fields("The documents, best first"); }

struct Model {
    std::string id, object;
    std::int64_t created;
    std::string owned_by, role;
    bool loaded;
    std::string architecture, quantisation, licence;
    std::int64_t context_length, memory_bytes;
};
BOOST_DESCRIBE_STRUCT(Model, (),
                      (id, object, created, owned_by, role, loaded, architecture, quantisation, licence, context_length,
                       memory_bytes))
struct ModelList {
    std::string object;
    std::vector<Model> data;
};
BOOST_DESCRIBE_STRUCT(ModelList, (), (object, data))

}  // namespace

void describe_openai(Routes& routes) {
    routes.section("openai");
    routes.add<EitherOf<ChatCompletion, Events<ChatCompletionChunk>>, Body<ChatRequest>>("POST", "/v1/chat/completions",
                                                                                         "Chat completion");
    routes.add<EitherOf<Completion, Events<Completion>>, Body<CompletionRequest>>("POST", "/v1/completions",
                                                                                  "Text completion");
    routes.add<EmbeddingList, Body<EmbeddingRequest>>("POST", "/v1/embeddings", "Embeddings");
    for (const char* path : {"/v1/rerank", "/v2/rerank"})
        routes.add<Ranking, Body<RerankRequest>>("POST", path, "Order documents by relevance");
    using Either = std::variant<Error, AnthropicError>;
    constexpr const char* told = "As Anthropic has it for requests with the header anthropic-version, else as OpenAI";
    routes.add<std::variant<ModelList, AnthropicModelList>>("GET", "/v1/models", "The models")
        .description(told)
        .fails_with<Either>();
    routes.add<std::variant<Model, AnthropicModel>>("GET", "/v1/models/{id...}", "One model")
        .description(told)
        .fails_with<Either>();
    routes.errors<Error>();
}

}  // namespace tenon::serve::document
