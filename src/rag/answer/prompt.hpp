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

struct Prompt {
    std::string system;
    std::string ask;
};
[[nodiscard]] Prompt make_prompt(std::string_view question, std::span<const Passage> passages,
                                 std::span<const store::Hit> hits);

/// Whether a sentence says yes or no: then it may repeat the question and still be an answer.
[[nodiscard]] bool is_yes_or_no(std::string_view sentence) noexcept;

/// Whether the model's words say that the passages do not hold the answer.
[[nodiscard]] bool says_unknown(std::string_view answer);

}  // namespace tenon::rag
