// A chat model as a step, and its answer as text.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "tenon/chain/sequence.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::chain {

using Messages = std::vector<llm::Message>;

/// What a model step takes: text (one user message), a message, messages, or a whole request.
struct ModelInput {
    llm::ChatRequest request;

    ModelInput(std::string text) { request.messages.push_back(llm::Message::user(std::move(text))); }  // NOLINT
    ModelInput(llm::Message message) { request.messages.push_back(std::move(message)); }               // NOLINT
    ModelInput(Messages messages) { request.messages = std::move(messages); }                          // NOLINT
    ModelInput(llm::ChatRequest whole) : request(std::move(whole)) {}                                  // NOLINT
};

/// Everything of a request that may change its answer: for `cached`.
[[nodiscard]] std::string cache_key(const ModelInput& in);

/// A model with the settings its calls take unless the request has its own. A `ChatModelPtr` in a chain becomes one.
/// In a trace: gen_ai.request.model, gen_ai.response.model, gen_ai.usage.input_tokens, gen_ai.usage.output_tokens,
/// gen_ai.response.finish_reasons.
class Model {
  public:
    using input_type = ModelInput;
    using output_type = llm::ChatResponse;
    using chunk_type = llm::ChatEvent;

    explicit Model(llm::ChatModelPtr model, llm::GenerationSettings settings = {});
    [[nodiscard]] std::string_view name() const { return "model"; }
    [[nodiscard]] const llm::ChatModelPtr& model() const { return model_; }
    [[nodiscard]] const llm::GenerationSettings& settings() const { return settings_; }

    [[nodiscard]] task<Result<llm::ChatResponse>> operator()(ModelInput in, Context context) const;
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> stream(ModelInput in, Context context) const;

  private:
    [[nodiscard]] llm::ChatRequest prepared(ModelInput in, const Context& context) const;

    llm::ChatModelPtr model_;
    llm::GenerationSettings settings_;
    bool plain_ = true;  ///< no settings of its own
};

template <class M>
    requires std::convertible_to<M*, llm::ChatModel*>
struct AsStep<std::shared_ptr<M>> {
    static Model make(std::shared_ptr<M> model) { return Model(std::move(model)); }
};

/// The answer's text, as it comes when streamed. Reasoning and tool calls are left out.
class ToText {
  public:
    using input_type = llm::ChatResponse;
    using output_type = std::string;
    using taken_chunk_type = llm::ChatEvent;
    using chunk_type = std::string;

    [[nodiscard]] std::string_view name() const { return "to_text"; }
    [[nodiscard]] Result<std::string> call(llm::ChatResponse&& answer, const Context& context) const;
    [[nodiscard]] StreamPtr<std::string> transform(StreamPtr<llm::ChatEvent> events, Context context) const;
};
[[nodiscard]] inline ToText to_text() { return {}; }

}  // namespace tenon::chain
