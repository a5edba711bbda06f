// Google's Gemini API.
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct Content {
    std::optional<std::string> role;
    std::vector<json::Value> parts;
};
BOOST_DESCRIBE_STRUCT(Content, (), (role, parts))
struct GenerateContentRequest {
    std::vector<Content> contents;
    std::optional<Content> systemInstruction;
    std::optional<json::Value> tools, toolConfig, generationConfig;
};
BOOST_DESCRIBE_STRUCT(GenerateContentRequest, (), (contents, systemInstruction, tools, toolConfig, generationConfig))
struct StreamForm {
    std::optional<std::string> alt;
};
BOOST_DESCRIBE_STRUCT(StreamForm, (), (alt))
constexpr auto describe_fields(const StreamForm*) {
    return json::fields(
        json::about(&StreamForm::alt, {.description = "sse: events; else one JSON array", .choices = {"json", "sse"}}));
}
struct Candidate {
    Content content;
    std::int64_t index;
    std::optional<std::string> finishReason;
    std::optional<json::Value> citationMetadata, logprobsResult;
};
BOOST_DESCRIBE_STRUCT(Candidate, (), (content, index, finishReason, citationMetadata, logprobsResult))
struct UsageMetadata {
    std::int64_t promptTokenCount, candidatesTokenCount, totalTokenCount;
    std::optional<std::int64_t> thoughtsTokenCount, cachedContentTokenCount;
};
BOOST_DESCRIBE_STRUCT(UsageMetadata, (),
                      (promptTokenCount, candidatesTokenCount, totalTokenCount, thoughtsTokenCount,
                       cachedContentTokenCount))
struct GenerateContentResponse {
    std::vector<Candidate> candidates;
    std::string modelVersion, responseId;
    std::optional<UsageMetadata> usageMetadata;
};
BOOST_DESCRIBE_STRUCT(GenerateContentResponse, (), (candidates, modelVersion, responseId, usageMetadata))
struct CountTokensRequest {
    std::optional<std::vector<Content>> contents;
    std::optional<json::Value> generateContentRequest;
};
BOOST_DESCRIBE_STRUCT(CountTokensRequest, (), (contents, generateContentRequest))
struct CountTokensResponse {
    std::int64_t totalTokens;
};
BOOST_DESCRIBE_STRUCT(CountTokensResponse, (), (totalTokens))
struct EmbedContentRequest {
    Content content;
    std::optional<std::string> model, taskType, title;
    std::optional<std::int64_t> outputDimensionality;
};
BOOST_DESCRIBE_STRUCT(EmbedContentRequest, (), (content, model, taskType, title, outputDimensionality))
struct BatchEmbedContentsRequest {
    std::vector<EmbedContentRequest> requests;
};
BOOST_DESCRIBE_STRUCT(BatchEmbedContentsRequest, (), (requests))
struct ContentEmbedding {
    std::vector<double> values;
};
BOOST_DESCRIBE_STRUCT(ContentEmbedding, (), (values))
struct EmbedContentResponse {
    ContentEmbedding embedding;
};
BOOST_DESCRIBE_STRUCT(EmbedContentResponse, (), (embedding))
struct BatchEmbedContentsResponse {
    std::vector<ContentEmbedding> embeddings;
};
BOOST_DESCRIBE_STRUCT(BatchEmbedContentsResponse, (), (embeddings))
struct GeminiPage {
    std::optional<std::int64_t> pageSize;
    std::optional<std::string> pageToken;
};
BOOST_DESCRIBE_STRUCT(GeminiPage, (), (pageSize, pageToken))
constexpr auto describe_fields(const GeminiPage*) {
    return json::fields(json::about(&GeminiPage::pageSize, {.minimum = 1}));
}
struct GeminiModel {
    std::string name, baseModelId, version, displayName, description;
    std::int64_t inputTokenLimit, outputTokenLimit;
    std::vector<std::string> supportedGenerationMethods;
};
BOOST_DESCRIBE_STRUCT(GeminiModel, (),
                      (name, baseModelId, version, displayName, description, inputTokenLimit, outputTokenLimit,
                       supportedGenerationMethods))
struct GeminiModelList {
    std::vector<GeminiModel> models;
    std::optional<std::string> nextPageToken;
};
BOOST_DESCRIBE_STRUCT(GeminiModelList, (), (models, nextPageToken))
struct GeminiErrorDetail {
    std::int64_t code;
    std::string message, status;
};
BOOST_DESCRIBE_STRUCT(GeminiErrorDetail, (), (code, message, status))
struct GeminiError {
    GeminiErrorDetail error;
};
BOOST_DESCRIBE_STRUCT(GeminiError, (), (error))

}  // namespace

void describe_gemini(Routes& routes) {
    routes.section("gemini");
    const char* route = "/v1beta/models/{target...}";
    const char* shown = "/v1beta/models/{model}";
    using Pieces = EitherOf<std::vector<GenerateContentResponse>, Events<GenerateContentResponse>>;
    routes.add_verb<GenerateContentResponse, Body<GenerateContentRequest>>(route, shown, "generateContent",
                                                                           "Generate content");
    routes.add_verb<Pieces, Body<GenerateContentRequest>, Query<StreamForm>>(route, shown, "streamGenerateContent",
                                                                             "Generate content, piece by piece");
    routes.add_verb<CountTokensResponse, Body<CountTokensRequest>>(route, shown, "countTokens",
                                                                   "How many tokens contents take");
    routes.add_verb<EmbedContentResponse, Body<EmbedContentRequest>>(route, shown, "embedContent", "An embedding");
    routes.add_verb<BatchEmbedContentsResponse, Body<BatchEmbedContentsRequest>>(route, shown, "batchEmbedContents",
                                                                                 "Embeddings");
    routes.add<GeminiModelList, Query<GeminiPage>>("GET", "/v1beta/models", "The models, as Gemini has it");
    routes.add<GeminiModel>("GET", "/v1beta/models/{target...}", "One model, as Gemini has it");
    routes.errors<GeminiError>();
}

}  // namespace tenon::serve::document
