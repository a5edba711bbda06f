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
/// `foreign`: the passages are in another language than the question, in whose language the answer is wanted.
[[nodiscard]] Prompt make_prompt(std::string_view question, std::span<const Passage> passages,
                                 std::span<const store::Hit> hits, bool foreign = false);

/// What is asked of the model to have a Chinese question in English, and any other in Chinese.
[[nodiscard]] Prompt make_translation_prompt(std::string_view question);

/// Whether the documents found are written in Chinese and the question is not, or the other way round. Mixed documents
/// are foreign to nobody.
[[nodiscard]] bool is_foreign(std::string_view question, std::span<const store::Hit> hits);

/// Whether a sentence says yes or no: then it may repeat the question and still be an answer.
[[nodiscard]] bool is_yes_or_no(std::string_view sentence) noexcept;

/// Whether the model's words say that the passages do not hold the answer.
[[nodiscard]] bool says_unknown(std::string_view answer);

}  // namespace tenon::rag
