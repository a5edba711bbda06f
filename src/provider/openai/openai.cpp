// The OpenAI API over HTTP: chat and text completion, embeddings.
#include "tenon/provider/openai.hpp"

#include <algorithm>
#include <atomic>

#include "provider/openai/decode.hpp"
#include "provider/openai/endpoint.hpp"
#include "provider/openai/request.hpp"
#include "provider/wire/embeddings.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;
using namespace openai;

namespace {

class OpenAiChatModel final : public ChatModel {
  public:
    explicit OpenAiChatModel(Endpoint at) : at_(std::move(at)) {}

    const std::string& name() const noexcept override { return at_.model; }
    Capabilities capabilities() const override { return capabilities_of(at_.options); }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        const auto at = at_;
        TENON_CO_TRY(const auto body, chat_body(at.model, request, at.options));
        const auto* extras = request.extensions.get<RequestExtras>();
        const std::string format = extras != nullptr ? extras->audio_format : "pcm16";
        wire::MakeDecoder decoder = [format] { return std::make_unique<ChatDecoder>(format); };
        co_return co_await wire::ask(at.caller, at.url("/chat/completions"), body, decoder, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest request, CallOptions options) override {
        const auto at = at_;
        if (!at.options.quirks.completions)
            co_return fail(ErrorCode::unsupported, "this model's server has no text completion; use chat");
        TENON_CO_TRY(const auto body, completion_body(at.model, request, at.options));
        wire::MakeDecoder decoder = [] { return std::make_unique<ChatDecoder>(); };
        co_return co_await wire::ask(at.caller, at.url("/completions"), body, decoder, options);
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }

  private:
    Endpoint at_;
};

class OpenAiEmbedder final : public Embedder {
  public:
    explicit OpenAiEmbedder(Endpoint at) : at_(std::move(at)) { dimension_ = at_.options.dimensions; }

    const std::string& name() const noexcept override { return at_.model; }
    std::size_t dimension() const override { return dimension_; }
    task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind kind, CallOptions options) override {
        const auto at = at_;
        const auto& prefix = kind == EmbedKind::query ? at.options.query_prefix : at.options.passage_prefix;
        Embeddings all;
        const std::size_t batch = std::max<std::size_t>(1, at.options.batch);
        for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
            std::vector<std::string> some;
            for (std::size_t i = begin; i < std::min(texts.size(), begin + batch); ++i)
                some.push_back(prefix + texts[i]);
            const auto body = embeddings_body(at.model, some, at.options);
            TENON_CO_TRY(const auto answer, co_await wire::post(at.caller, at.url("/embeddings"), body, options));
            TENON_CO_TRY(const auto rows, decode_embeddings(answer, some.size()));
            TENON_CO_CHECK(wire::add_batch(all, rows));
            dimension_ = rows.dimension;
        }
        co_return all;
    }

  private:
    Endpoint at_;
    std::atomic<std::size_t> dimension_{0};
};

}  // namespace

ChatModelPtr make_openai_chat_model(std::shared_ptr<net::HttpClient> client, std::string model, OpenAiOptions options) {
    return std::make_shared<OpenAiChatModel>(Endpoint(std::move(client), std::move(model), std::move(options)));
}

EmbedderPtr make_openai_embedder(std::shared_ptr<net::HttpClient> client, std::string model, OpenAiOptions options) {
    return std::make_shared<OpenAiEmbedder>(Endpoint(std::move(client), std::move(model), std::move(options)));
}

}  // namespace tenon::provider
