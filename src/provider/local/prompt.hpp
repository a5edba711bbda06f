// From a conversation to the tokens a local model continues.
#pragma once

#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/text/chat_template.hpp"
#include "tenon/text/tokenizer.hpp"

namespace tenon::provider::local {

struct Prompt {
    std::vector<text::TokenId> tokens;
    bool thinking = false;  ///< the template has opened `<think>` already
};

/// Immutable: safe to share.
class PromptBuilder {
  public:
    /// Errors: corrupt (the template does not parse). An empty template is allowed; `chat` then fails.
    [[nodiscard]] static Result<PromptBuilder> create(const std::string& chat_template, text::TokenizerPtr tokenizer);

    /// Errors: unsupported, invalid_argument.
    [[nodiscard]] Result<Prompt> chat(const llm::ChatRequest& request) const;
    /// Raw text; control tokens in it count as such. Errors: invalid_argument (empty, and the model has no BOS).
    [[nodiscard]] Result<std::vector<text::TokenId>> raw(std::string_view prompt) const;

    [[nodiscard]] bool can_chat() const noexcept { return template_.has_value(); }
    [[nodiscard]] bool takes_tools() const noexcept { return takes_tools_; }
    /// The template can be told whether the model is to reason, or opens the reasoning itself.
    [[nodiscard]] bool reasons() const noexcept { return reasons_; }

  private:
    explicit PromptBuilder(text::TokenizerPtr tokenizer);
    [[nodiscard]] std::vector<text::TokenId> encode(std::string_view rendered, bool guarded) const;
    void add_bos(std::vector<text::TokenId>& tokens) const;

    text::TokenizerPtr tokenizer_;
    std::optional<text::Template> template_;
    std::vector<std::string> control_;  ///< texts of control tokens
    std::string bos_text_, eos_text_;
    bool wants_bos_ = false;
    bool takes_tools_ = false;
    bool reasons_ = false;
};

}  // namespace tenon::provider::local
