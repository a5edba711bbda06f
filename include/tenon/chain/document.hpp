// A prompt as a file: settings in TOML between two lines of `+++`, then text. The format is docs/formats/prompt.md.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/chain/prompt.hpp"

namespace tenon::chain {

/// A case to try a prompt with: `tenon prompt test`.
struct PromptCase {
    std::string name;
    Variables variables;
    /// The answer (or, without a model, the rendered prompt) must hold each of these, blind to ASCII case.
    std::vector<std::string> contains;
    std::vector<std::string> lacks;
};

struct PromptDocument {
    std::string description;
    Syntax syntax = Syntax::braces;
    llm::GenerationSettings settings;
    Variables defaults;  ///< values of variables that are the same every time
    std::vector<PromptCase> cases;
    std::vector<detail::Program::Message> messages;

    /// `origin` stands in the messages. Errors: corrupt, with the line; invalid_argument (an unknown role, syntax).
    [[nodiscard]] static Result<PromptDocument> parse(std::string_view text, std::string_view origin);
    /// Errors: those of reading the file, and of parsing it.
    [[nodiscard]] static Result<PromptDocument> load(const std::filesystem::path& path);

    /// What must be given: the names in the messages without those that have a default.
    [[nodiscard]] Result<std::vector<std::string>> variables() const;
    /// With these values over the defaults, and without messages from a field. Errors: not_found, naming a variable
    /// without a value.
    [[nodiscard]] Result<llm::ChatRequest> render(const Variables& values) const;

    /// As a step of a chain, its variables held to the fields of T. Errors: invalid_argument, as Prompt::parse.
    template <TemplateInput T>
    [[nodiscard]] Result<ChatPrompt<T>> prompt(Unused unused = Unused::refused) const {
        std::vector<std::string> filled;
        std::vector<MessagePiece> pieces;
        filled.reserve(messages.size());
        for (const auto& m : messages) {
            TENON_TRY(auto text, filled_in(m.text));
            filled.push_back(std::move(text));
            pieces.push_back({m.role, filled.back(), m.history});
        }
        TENON_TRY(auto made, ChatPrompt<T>::parse(pieces, unused, syntax));
        return made.with(settings);
    }

  private:
    [[nodiscard]] Result<std::string> filled_in(const std::string& text) const;
    [[nodiscard]] std::vector<detail::Program::Message> without_history() const;
};

/// A prompt file as a step. Errors: those of PromptDocument::load and ::prompt.
template <TemplateInput T>
[[nodiscard]] Result<ChatPrompt<T>> load_prompt(const std::filesystem::path& path, Unused unused = Unused::refused) {
    TENON_TRY(const auto document, PromptDocument::load(path));
    return document.template prompt<T>(unused);
}

}  // namespace tenon::chain
