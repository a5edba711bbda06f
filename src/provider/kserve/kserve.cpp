// The Open Inference Protocol over HTTP.
#include "tenon/provider/kserve.hpp"

#include <algorithm>
#include <atomic>

#include "provider/kserve/protocol.hpp"
#include "provider/wire/call.hpp"
#include "provider/wire/fields.hpp"
#include "tenon/net/url.hpp"

namespace tenon::provider {

using namespace llm;
using namespace kserve;

namespace {

std::shared_ptr<const wire::Caller> caller_of(std::shared_ptr<net::HttpClient> client, const KserveOptions& options) {
    net::Headers headers;
    if (!options.api_key.empty()) headers.set("Authorization", "Bearer " + options.api_key);
    for (const auto& field : options.headers) headers.set(field.name, field.value);
    return std::make_shared<const wire::Caller>(
        wire::Caller{std::move(client), std::move(headers), options.retry, options.idle_timeout});
}

std::string url_of(const KserveOptions& options, const std::string& model, std::string_view method) {
    std::string path = "/v2/models/" + net::percent_encode(model);
    if (!options.version.empty()) path += "/versions/" + net::percent_encode(options.version);
    return wire::endpoint(options.base_url, path + std::string(method));
}

task<Result<InferResponse>> infer(std::shared_ptr<const wire::Caller> caller, std::string url, InferRequest request,
                                  CallOptions call) {
    TENON_CO_TRY(const auto body, infer_body(request));
    TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, call));
    co_return decode_infer(answer);
}

class KserveChatModel final : public ChatModel {
  public:
    KserveChatModel(std::shared_ptr<net::HttpClient> client, std::string model, KserveOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {}

    const std::string& name() const noexcept override { return model_; }
    Capabilities capabilities() const override {
        Capabilities can;
        can.completion = true;
        can.context_length = options_.context_length;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        if (!options_.prompt)
            co_return fail(ErrorCode::unsupported,
                           "this protocol knows text alone: say how a conversation becomes a prompt, or complete text");
        if (!request.tools.empty()) co_return fail(ErrorCode::unsupported, "this protocol takes no tools");
        if (request.reasoning) co_return fail(ErrorCode::unsupported, "this protocol has no settings for reasoning");
        if (!std::holds_alternative<TextFormat>(request.format)) co_return wire::unsupported_format(request.format);
        TENON_CO_TRY(auto prompt, options_.prompt(request));
        CompletionRequest text;
        text.prompt = std::move(prompt);
        text.settings = std::move(request.settings);
        co_return co_await complete(std::move(text), options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest request, CallOptions options) override {
        if (!std::holds_alternative<TextFormat>(request.format)) co_return wire::unsupported_format(request.format);
        TENON_CO_TRY(const auto body, generate_body(request.prompt, request.settings, options_));
        const auto caller = caller_;
        const auto url = url_of(options_, model_, "/generate_stream");
        const std::string echo = request.echo ? request.prompt : std::string();
        wire::MakeDecoder decoder = [echo] { return std::make_unique<GenerateDecoder>(echo); };
        co_return co_await wire::ask(caller, url, body, decoder, options);
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }

  private:
    std::string model_;
    KserveOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
};

class KserveEmbedder final : public Embedder {
  public:
    KserveEmbedder(std::shared_ptr<net::HttpClient> client, std::string model, KserveOptions options)
        : model_(std::move(model)), options_(std::move(options)), caller_(caller_of(std::move(client), options_)) {}

    const std::string& name() const noexcept override { return model_; }
    std::size_t dimension() const override { return dimension_; }
    task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind, CallOptions options) override {
        const auto caller = caller_;
        const auto url = url_of(options_, model_, "/infer");
        Embeddings all;
        const std::size_t batch = std::max<std::size_t>(1, options_.batch);
        for (std::size_t begin = 0; begin < texts.size(); begin += batch) {
            const std::size_t end = std::min(texts.size(), begin + batch);
            InferRequest request;
            Tensor input{options_.input, "BYTES", {static_cast<std::int64_t>(end - begin), 1}, {}};
            input.data = std::vector<std::string>(texts.begin() + static_cast<std::ptrdiff_t>(begin),
                                                  texts.begin() + static_cast<std::ptrdiff_t>(end));
            request.inputs.push_back(std::move(input));
            request.outputs.push_back(options_.output);
            TENON_CO_TRY(const auto answer, co_await infer(caller, url, request, options));
            const auto found = std::ranges::find(answer.outputs, options_.output, &Tensor::name);
            const auto* values =
                found == answer.outputs.end() ? nullptr : std::get_if<std::vector<double>>(&found->data);
            if (values == nullptr || values->empty() || values->size() % (end - begin) != 0)
                co_return fail(ErrorCode::protocol, "the server did not send one vector a text");
            const auto dimension = values->size() / (end - begin);
            if (all.dimension != 0 && all.dimension != dimension)
                co_return fail(ErrorCode::protocol, "the embeddings differ in length");
            all.dimension = dimension;
            for (const double value : *values) all.values.push_back(static_cast<float>(value));
            dimension_ = dimension;
        }
        co_return all;
    }

  private:
    std::string model_;
    KserveOptions options_;
    std::shared_ptr<const wire::Caller> caller_;
    std::atomic<std::size_t> dimension_{0};
};

}  // namespace

task<Result<InferResponse>> kserve_infer(std::shared_ptr<net::HttpClient> client, std::string model,
                                         KserveOptions options, InferRequest request, CallOptions call) {
    const auto caller = caller_of(std::move(client), options);
    const auto url = url_of(options, model, "/infer");
    co_return co_await infer(caller, url, std::move(request), call);
}

ChatModelPtr make_kserve_chat_model(std::shared_ptr<net::HttpClient> client, std::string model, KserveOptions options) {
    return std::make_shared<KserveChatModel>(std::move(client), std::move(model), std::move(options));
}

EmbedderPtr make_kserve_embedder(std::shared_ptr<net::HttpClient> client, std::string model, KserveOptions options) {
    return std::make_shared<KserveEmbedder>(std::move(client), std::move(model), std::move(options));
}

}  // namespace tenon::provider
