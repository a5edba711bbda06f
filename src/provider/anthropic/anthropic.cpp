// The Messages API over HTTP.
#include "tenon/provider/anthropic.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "provider/anthropic/decode.hpp"
#include "provider/anthropic/request.hpp"
#include "provider/wire/call.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;
using namespace anthropic;

namespace {

class AnthropicChatModel final : public ChatModel {
  public:
    AnthropicChatModel(std::shared_ptr<net::HttpClient> client, std::string model, AnthropicOptions options)
        : model_(std::move(model)), options_(std::move(options)), client_(std::move(client)) {}

    const std::string& name() const noexcept override { return model_; }
    Capabilities capabilities() const override {
        Capabilities can;
        can.tools = can.forced_tools = can.parallel_tools = can.images = can.documents = can.citations = true;
        can.json_schema = can.reasoning = can.prompt_cache = can.exact_token_count = true;
        can.context_length = options_.context_length;
        can.max_output_tokens = options_.max_output_tokens;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, messages_body(model_, request, options_));
        const auto caller = caller_for(request);
        const auto url = wire::endpoint(options_.base_url, "/messages");
        wire::MakeDecoder decoder = [] { return std::make_unique<MessageDecoder>(); };
        co_return co_await wire::ask(caller, url, body, decoder, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest, CallOptions) override {
        co_return fail(ErrorCode::unsupported, "this provider has no text completion; use chat");
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }
    task<Result<std::size_t>> count_request_tokens(ChatRequest request, CallOptions options) override {
        TENON_CO_TRY(const auto body, count_body(model_, request, options_));
        const auto caller = caller_for(request);
        const auto url = wire::endpoint(options_.base_url, "/messages/count_tokens");
        TENON_CO_TRY(const auto answer, co_await wire::post(caller, url, body, options));
        co_return decode_count(answer);
    }

  private:
    [[nodiscard]] std::shared_ptr<const wire::Caller> caller_for(const ChatRequest& request) const {
        net::Headers headers;
        if (!options_.api_key.empty()) headers.set("X-Api-Key", options_.api_key);
        if (!options_.auth_token.empty()) headers.set("Authorization", "Bearer " + options_.auth_token);
        headers.set("anthropic-version", options_.version);
        auto betas = options_.betas;
        if (const auto* extras = request.extensions.get<RequestExtras>())
            betas.insert(betas.end(), extras->betas.begin(), extras->betas.end());
        if (!betas.empty()) headers.set("anthropic-beta", fmt::format("{}", fmt::join(betas, ",")));
        for (const auto& field : options_.headers) headers.set(field.name, field.value);
        return std::make_shared<const wire::Caller>(
            wire::Caller{client_, std::move(headers), options_.retry, options_.idle_timeout});
    }

    std::string model_;
    AnthropicOptions options_;
    std::shared_ptr<net::HttpClient> client_;
};

}  // namespace

ChatModelPtr make_anthropic_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                       AnthropicOptions options) {
    return std::make_shared<AnthropicChatModel>(std::move(client), std::move(model), std::move(options));
}

}  // namespace tenon::provider
