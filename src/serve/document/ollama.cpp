// Ollama's API.
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct OllamaTurn {
    std::string role, content;
    std::optional<std::string> thinking;
    std::optional<std::vector<std::string>> images;
    std::optional<std::vector<json::Value>> tool_calls;
};
BOOST_DESCRIBE_STRUCT(OllamaTurn, (), (role, content, thinking, images, tool_calls))
constexpr auto describe_fields(const OllamaTurn*) {
    return json::fields(json::about(&OllamaTurn::images, {.description = "base64"}));
}
struct OllamaChatRequest {
    std::string model;
    std::optional<std::vector<OllamaTurn>> messages;
    std::optional<bool> stream;
    std::optional<json::Value> tools, format, options, think, keep_alive;
};
BOOST_DESCRIBE_STRUCT(OllamaChatRequest, (), (model, messages, stream, tools, format, options, think, keep_alive))
constexpr auto describe_fields(const OllamaChatRequest*) {
    return json::fields("Ollama's chat", json::about(&OllamaChatRequest::stream, {.description = "true unless told"}));
}
struct OllamaGenerateRequest {
    std::string model;
    std::optional<std::string> prompt, system, suffix;
    std::optional<bool> stream, raw;
    std::optional<std::vector<std::string>> images;
    std::optional<json::Value> format, options, think, keep_alive;
};
BOOST_DESCRIBE_STRUCT(OllamaGenerateRequest, (),
                      (model, prompt, system, suffix, stream, raw, images, format, options, think, keep_alive))
constexpr auto describe_fields(const OllamaGenerateRequest*) {
    return json::fields("Ollama's completion; without a prompt the model is only loaded",
                        json::about(&OllamaGenerateRequest::stream, {.description = "true unless told"}));
}
/// What closes an answer.
struct OllamaEnd {
    std::string model, created_at;
    bool done;
    std::optional<std::string> done_reason;
    std::optional<std::int64_t> total_duration, load_duration, prompt_eval_count, prompt_eval_duration, eval_count,
        eval_duration;
    std::optional<json::Value> logprobs;
};
BOOST_DESCRIBE_STRUCT(OllamaEnd, (),
                      (model, created_at, done, done_reason, total_duration, load_duration, prompt_eval_count,
                       prompt_eval_duration, eval_count, eval_duration, logprobs))
struct OllamaChatResponse : OllamaEnd {
    OllamaTurn message;
};
BOOST_DESCRIBE_STRUCT(OllamaChatResponse, (OllamaEnd), (message))
struct OllamaGenerateResponse : OllamaEnd {
    std::string response;
    std::optional<std::string> thinking;
};
BOOST_DESCRIBE_STRUCT(OllamaGenerateResponse, (OllamaEnd), (response, thinking))
struct OllamaEmbedRequest {
    std::string model;
    std::variant<std::string, std::vector<std::string>> input;
    std::optional<std::int64_t> dimensions;
};
BOOST_DESCRIBE_STRUCT(OllamaEmbedRequest, (), (model, input, dimensions))
struct OllamaEmbedResponse {
    std::string model;
    std::vector<std::vector<double>> embeddings;
    std::int64_t total_duration, load_duration, prompt_eval_count;
};
BOOST_DESCRIBE_STRUCT(OllamaEmbedResponse, (), (model, embeddings, total_duration, load_duration, prompt_eval_count))
struct OllamaEmbeddingsRequest {
    std::string model, prompt;
};
BOOST_DESCRIBE_STRUCT(OllamaEmbeddingsRequest, (), (model, prompt))
struct OllamaEmbeddingsResponse {
    std::vector<double> embedding;
};
BOOST_DESCRIBE_STRUCT(OllamaEmbeddingsResponse, (), (embedding))
struct OllamaDetails {
    std::string parent_model, format, family;
    std::vector<std::string> families;
    std::string parameter_size, quantization_level;
};
BOOST_DESCRIBE_STRUCT(OllamaDetails, (), (parent_model, format, family, families, parameter_size, quantization_level))
struct OllamaModel {
    std::string name, model, digest;
    std::int64_t size;
    OllamaDetails details;
    std::optional<std::string> modified_at, expires_at;
    std::optional<std::int64_t> size_vram, context_length;
};
BOOST_DESCRIBE_STRUCT(OllamaModel, (),
                      (name, model, digest, size, details, modified_at, expires_at, size_vram, context_length))
struct OllamaModelList {
    std::vector<OllamaModel> models;
};
BOOST_DESCRIBE_STRUCT(OllamaModelList, (), (models))
struct OllamaVersion {
    std::string version;
};
BOOST_DESCRIBE_STRUCT(OllamaVersion, (), (version))
struct OllamaShowRequest {
    std::string model;
};
BOOST_DESCRIBE_STRUCT(OllamaShowRequest, (), (model))
struct OllamaShowResponse {
    std::string license, modelfile, parameters, modified_at;
    OllamaDetails details;
    json::Value model_info;
    std::vector<std::string> capabilities;
};
BOOST_DESCRIBE_STRUCT(OllamaShowResponse, (),
                      (license, modelfile, parameters, modified_at, details, model_info, capabilities))
struct OllamaError {
    std::string error;
};
BOOST_DESCRIBE_STRUCT(OllamaError, (), (error))

/// Lines of JSON; one JSON object when the request says "stream": false.
template <class T>
struct Lines {};

}  // namespace
}  // namespace tenon::serve::document

namespace tenon::serve::detail {
template <class T>
struct ReplyOf<document::Lines<T>> {
    static net::HttpResponse make(document::Lines<T>) { return {}; }
    static void declare(Draft& draft) {
        draft.add_response(200, "Success", "application/json", &json::type_of<T>());
        draft.add_response(200, "One JSON object a line", "application/x-ndjson", &json::type_of<T>(), true);
    }
};
}  // namespace tenon::serve::detail

namespace tenon::serve::document {

void describe_ollama(Routes& routes) {
    routes.section("ollama");
    routes.add<Lines<OllamaChatResponse>, Body<OllamaChatRequest>>("POST", "/api/chat", "Chat");
    routes.add<Lines<OllamaGenerateResponse>, Body<OllamaGenerateRequest>>("POST", "/api/generate", "Completion");
    routes.add<OllamaEmbedResponse, Body<OllamaEmbedRequest>>("POST", "/api/embed", "Embeddings, as Ollama has it");
    routes
        .add<OllamaEmbeddingsResponse, Body<OllamaEmbeddingsRequest>>("POST", "/api/embeddings",
                                                                      "One embedding, as Ollama had it")
        .deprecated();
    routes.add<OllamaModelList>("GET", "/api/tags", "The models, as Ollama has it");
    routes.add<OllamaModelList>("GET", "/api/ps", "The models in memory");
    routes.add<OllamaVersion>("GET", "/api/version", "The server's version");
    routes.add<OllamaShowResponse, Body<OllamaShowRequest>>("POST", "/api/show", "One model, as Ollama has it");
    for (const std::string verb : {"pull", "push", "create", "copy"})
        routes.add<Refused>("POST", "/api/" + verb, "Refused: models are managed elsewhere")
            .responds<OllamaError>(501, "Models are not managed over this API");
    routes.add<Refused>("DELETE", "/api/delete", "Refused: models are managed elsewhere")
        .responds<OllamaError>(501, "Models are not managed over this API");
    routes.errors<OllamaError>();
}

}  // namespace tenon::serve::document
