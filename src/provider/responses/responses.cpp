// The Responses API over HTTP.
#include "provider/openai/endpoint.hpp"
#include "provider/responses/decode.hpp"
#include "provider/responses/request.hpp"
#include "provider/wire/fields.hpp"

namespace tenon::provider {

using namespace llm;

namespace {

class ResponsesModel final : public ChatModel {
  public:
    explicit ResponsesModel(openai::Endpoint at) : at_(std::move(at)) {}

    const std::string& name() const noexcept override { return at_.model; }
    Capabilities capabilities() const override {
        auto can = openai::capabilities_of(at_.options);
        can.completion = can.audio = can.grammar = can.regex = false;
        can.documents = can.citations = true;
        return can;
    }
    task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) override {
        const auto at = at_;
        TENON_CO_TRY(const auto body, responses::responses_body(at.model, request, at.options));
        wire::MakeDecoder decoder = [] { return std::make_unique<responses::ResponsesDecoder>(); };
        co_return co_await wire::ask(at.caller, at.url("/responses"), body, decoder, options);
    }
    task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest, CallOptions) override {
        co_return fail(ErrorCode::unsupported, "the responses API has no text completion; use chat completions");
    }
    std::size_t count_tokens(std::string_view text) const override { return wire::estimate_tokens(text); }

  private:
    openai::Endpoint at_;
};

}  // namespace

ChatModelPtr make_openai_responses_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                         OpenAiOptions options) {
    return std::make_shared<ResponsesModel>(openai::Endpoint(std::move(client), std::move(model), std::move(options)));
}

}  // namespace tenon::provider
