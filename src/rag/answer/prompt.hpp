// The words around the passages.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "rag/answer/passages.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::rag {

enum class PromptLanguage : std::uint8_t { english, chinese };

[[nodiscard]] PromptLanguage prompt_language(std::string_view question);

/// Both requests share everything up to their last sentence, so that an engine with a prefix cache computes it once.
struct Prompt {
    std::string system;
    std::string ask;    ///< user message that asks for the answer
    std::string check;  ///< user message that asks whether the passages hold the answer: yes or no
};
[[nodiscard]] Prompt make_prompt(std::string_view question, std::span<const Passage> passages,
                                 std::span<const store::Hit> hits);

/// +1 for a token that begins a yes, -1 for one that begins a no, 0 otherwise.
[[nodiscard]] int yes_or_no(std::string_view token) noexcept;

/// Whether a sentence says yes or no: then it may repeat the question and still be an answer.
[[nodiscard]] bool is_yes_or_no(std::string_view sentence) noexcept;

/// Whether the model's words say that the passages do not hold the answer.
[[nodiscard]] bool says_unknown(std::string_view answer);

}  // namespace tenon::rag
