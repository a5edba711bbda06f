// Splits what a model writes into text, reasoning and tool calls, while it is being written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tenon/llm/message.hpp"

namespace tenon::provider::local {

inline constexpr std::string_view begin_think = "<think>", end_think = "</think>";
inline constexpr std::string_view open_call = "<tool_call>", close_call = "</tool_call>";

struct AnswerPieces {
    std::string text;
    std::string reasoning;
    std::vector<llm::ToolCallPart> calls;
};

/// Forms understood: `<think>…</think>` at the beginning; with tools, `<tool_call>{…}</tool_call>` (Hermes, Qwen)
/// anywhere and, as the whole answer, JSON objects alone, separated, in a list or in a code fence (Llama 3, Mistral,
/// small models). What looks like a call but does not parse is given back as text. The result does not depend on how
/// the text is cut.
class AnswerParser {
  public:
    /// `tools`: names of the tools offered; none: the text is left as it is. `thinking`: reasoning has begun already.
    AnswerParser(std::vector<std::string> tools, bool thinking);

    [[nodiscard]] AnswerPieces push(std::string_view text);
    [[nodiscard]] AnswerPieces finish();
    [[nodiscard]] bool reasoning() const noexcept { return state_ == State::reasoning; }
    [[nodiscard]] bool called() const noexcept { return called_; }

  private:
    enum class State { beginning, reasoning, after_reasoning, text, call, json };

    void run(AnswerPieces& out, bool end);
    bool begin(AnswerPieces& out, bool end);
    bool reason(AnswerPieces& out, bool end);
    bool speak(AnswerPieces& out, bool end);
    bool call(AnswerPieces& out, bool end);
    bool bare_json(AnswerPieces& out, bool end);
    [[nodiscard]] bool known(std::string_view tool) const;

    std::vector<std::string> tools_;
    State state_;
    std::string buffer_;
    bool called_ = false;
};

}  // namespace tenon::provider::local
