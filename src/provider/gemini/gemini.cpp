// The Generative Language API over HTTP.
#include "tenon/provider/gemini.hpp"

#include <algorithm>
#include <atomic>

#include "provider/gemini/decode.hpp"
#include "provider/gemini/request.hpp"
#include "provider/wire/call.hpp"
#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;
using namespace gemini;

namespace {

std::shared_ptr<const wire::Caller> caller_of(std::shared_ptr<net::HttpClient> client, const GeminiOptions& options) {
    net::Headers headers;
    if (!options.api_key.empty()) headers.set("x-goog-api-key", options.api_key);
    for (const auto& field : options.headers) headers.set(field.name, field.value);
    return std::make_shared<const wire::Caller>(
        wire::Caller{std::move(client), std::move(headers), options.retry, options.idle_timeout});
}

std::string url_of(const GeminiOptions& options, const std::string& model, std::string_view method) {
    return wire::endpoint(options.base_url, "/" + resource(model) + std::string(method));
}

class GeminiChatModel final : public ChatModel {
  public:
    GeminiChatModel(std::shared_ptr<net::HttpClient> client, std::string model, GeminiOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {}

    const std::string& name() const noexcept override { return model_; }
    Capabilities capabilities() const override {
        Capabilities can;
        can.tools = can.forced_tools = can.parallel_tools = can.images = can.audio = can.documents = true;
        can.json = can.json_schema = can.reasoning = can.logprobs = can.exact_token_count = true;
        can.context_length = options_.context_length;
        can.max_output_tokens = options_.max_output_tokens;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, generate_body(model_, request, options_));
        const auto caller = caller_;
        const auto url = url_of(options_, model_, ":streamGenerateContent") + "?alt=sse";
        const std::string text = json::dump(body);
        wire::MakeDecoder decoder = [] { return std::make_unique<ContentDecoder>(); };
        co_return co_await wire::ask(caller, url, text, decoder, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest, CallOptions) override {
        co_return fail(ErrorCode::unsupported, "this provider has no text completion; use chat");
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }
    task<Result<std::size_t>> count_request_tokens(ChatRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, count_body(model_, request, options_));
        const auto caller = caller_;
        const auto url = url_of(options_, model_, ":countTokens");
        TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, options));
        co_return decode_count(answer);
    }

  private:
    std::string model_;
    GeminiOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
};

class GeminiEmbedder final : public Embedder {
  public:
    GeminiEmbedder(std::shared_ptr<net::HttpClient> client, std::string model, GeminiOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {
        dimension_ = options_.dimensions;
    }

    const std::string& name() const noexcept override { return model_; }
    std::size_t dimension() const override { return dimension_; }
    task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind kind, CallOptions options) override {
        const auto caller = caller_;
        const auto url = url_of(options_, model_, ":batchEmbedContents");
        Embeddings all;
        const std::size_t batch = std::max<std::size_t>(1, options_.batch);
        for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
            const std::size_t end = std::min(texts.size(), begin + batch);
            const std::vector<std::string> some(texts.begin() + static_cast<std::ptrdiff_t>(begin),
                                                texts.begin() + static_cast<std::ptrdiff_t>(end));
            const auto body = embed_body(model_, some, kind, options_);
            TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, options));
            TENON_CO_TRY(const auto rows, decode_embeddings(answer, some.size()));
            TENON_CO_CHECK(wire::add_batch(all, rows));
            dimension_ = rows.dimension;
        }
        co_return all;
    }

  private:
    std::string model_;
    GeminiOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
    std::atomic<std::size_t> dimension_{0};
};

}  // namespace

ChatModelPtr make_gemini_chat_model(std::shared_ptr<net::HttpClient> client, std::string model, GeminiOptions options) {
    return std::make_shared<GeminiChatModel>(std::move(client), std::move(model), std::move(options));
}

EmbedderPtr make_gemini_embedder(std::shared_ptr<net::HttpClient> client, std::string model, GeminiOptions options) {
    return std::make_shared<GeminiEmbedder>(std::move(client), std::move(model), std::move(options));
}

}  // namespace tenon::provider
