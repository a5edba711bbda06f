// Ollama's API over HTTP.
#include "tenon/provider/ollama.hpp"

#include <algorithm>
#include <atomic>

#include "provider/ollama/decode.hpp"
#include "provider/ollama/request.hpp"
#include "provider/wire/call.hpp"
#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;
using namespace ollama;

namespace {

std::shared_ptr<const wire::Caller> caller_of(std::shared_ptr<net::HttpClient> client, const OllamaOptions& options) {
    net::Headers headers;
    if (!options.api_key.empty()) headers.set("Authorization", "Bearer " + options.api_key);
    for (const auto& field : options.headers) headers.set(field.name, field.value);
    return std::make_shared<const wire::Caller>(
        wire::Caller{std::move(client), std::move(headers), options.retry, options.idle_timeout});
}

class OllamaChatModel final : public ChatModel {
  public:
    OllamaChatModel(std::shared_ptr<net::HttpClient> client, std::string model, OllamaOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {}

    const std::string& name() const noexcept override { return model_; }
    Capabilities capabilities() const override {
        Capabilities can;
        can.tools = can.parallel_tools = can.images = can.logprobs = can.completion = true;
        can.json = can.json_schema = can.reasoning = true;
        can.context_length = options_.context_length;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, chat_body(model_, request, options_));
        const auto caller = caller_;
        const auto url = wire::endpoint(options_.base_url, "/api/chat");
        wire::MakeDecoder decoder = [] { return std::make_unique<ChatDecoder>(); };
        co_return co_await wire::ask(caller, url, body, decoder, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, generate_body(model_, request, options_));
        const auto caller = caller_;
        const auto url = wire::endpoint(options_.base_url, "/api/generate");
        const std::string echo = request.echo ? request.prompt : std::string();
        wire::MakeDecoder decoder = [echo] { return std::make_unique<ChatDecoder>(echo); };
        co_return co_await wire::ask(caller, url, body, decoder, options);
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }

  private:
    std::string model_;
    OllamaOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
};

class OllamaEmbedder final : public Embedder {
  public:
    OllamaEmbedder(std::shared_ptr<net::HttpClient> client, std::string model, OllamaOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {
        dimension_ = options_.dimensions;
    }

    const std::string& name() const noexcept override { return model_; }
    std::size_t dimension() const override { return dimension_; }
    task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind kind, CallOptions options) override {
        const auto caller = caller_;
        const auto url = wire::endpoint(options_.base_url, "/api/embed");
        const auto& prefix = kind == EmbedKind::query ? options_.query_prefix : options_.passage_prefix;
        Embeddings all;
        const std::size_t batch = std::max<std::size_t>(1, options_.batch);
        for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
            std::vector<std::string> some;
            for (std::size_t i = begin; i < std::min(texts.size(), begin + batch); ++i)
                some.push_back(prefix + texts[i]);
            const auto body = embed_body(model_, some, options_);
            TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, options));
            TENON_CO_TRY(const auto rows, decode_embeddings(answer, some.size()));
            TENON_CO_CHECK(wire::add_batch(all, rows));
            dimension_ = rows.dimension;
        }
        co_return all;
    }

  private:
    std::string model_;
    OllamaOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
    std::atomic<std::size_t> dimension_{0};
};

}  // namespace

ChatModelPtr make_ollama_chat_model(std::shared_ptr<net::HttpClient> client, std::string model, OllamaOptions options) {
    return std::make_shared<OllamaChatModel>(std::move(client), std::move(model), std::move(options));
}

EmbedderPtr make_ollama_embedder(std::shared_ptr<net::HttpClient> client, std::string model, OllamaOptions options) {
    return std::make_shared<OllamaEmbedder>(std::move(client), std::move(model), std::move(options));
}

}  // namespace tenon::provider
