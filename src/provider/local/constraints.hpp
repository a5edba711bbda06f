// The grammars that hold a local model's answer to what a request demands.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <string>

#include "provider/local/held_calls.hpp"
#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::provider::local {

/// Makes grammars and keeps the last ones with what they have worked out. Thread-safe.
class Constraints : public std::enable_shared_from_this<Constraints> {
  public:
    /// `tagged_calls`: the model writes calls as <tool_call>{…}</tool_call>, else as JSON alone. `vocabulary`: rows of
    /// its output.
    Constraints(text::TokenizerPtr tokenizer, std::size_t vocabulary, bool tagged_calls)
        : tokenizer_(std::move(tokenizer)), rows_(vocabulary), tagged_calls_(tagged_calls) {}

    /// Null when the answer is free. `thinking`: the answer begins inside <think>.
    /// Errors: invalid_argument (a broken grammar, an unknown tool), unsupported, resource_exhausted.
    [[nodiscard]] Result<std::shared_ptr<engine::Constraint>> of(const llm::ChatRequest& request, bool thinking);
    /// The same of a completion.
    [[nodiscard]] Result<std::shared_ptr<engine::Constraint>> of(const llm::CompletionRequest& request);

  private:
    using GrammarPtr = std::shared_ptr<text::TokenGrammar>;
    struct Kept {
        std::string key;
        GrammarPtr grammar;
    };
    template <class Make>
    [[nodiscard]] Result<GrammarPtr> kept(const std::string& key, Make make);
    [[nodiscard]] Result<GrammarPtr> format_grammar(const llm::ResponseFormat& format);
    using Tools = std::vector<llm::ToolDefinition>;
    [[nodiscard]] Result<json::Value> call_schema(const Tools& tools, CallOpening::Shape shape, bool both_keys) const;
    /// Any of these tools called, {"name": …, "arguments": …}.
    [[nodiscard]] Result<GrammarPtr> call_grammar(const Tools& tools, text::JsonGrammarOptions options);
    /// A whole answer that begins so.
    [[nodiscard]] Result<GrammarPtr> bare_grammar(const Tools& tools, const CallOpening& opening, bool several);

    text::TokenizerPtr tokenizer_;
    const std::size_t rows_;
    const bool tagged_calls_;
    std::mutex mutex_;
    std::shared_ptr<const text::GrammarVocabulary> vocabulary_;  // made when first needed
    std::list<Kept> kept_;                                       // used last first
};

}  // namespace tenon::provider::local
