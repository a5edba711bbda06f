// Answers with citations on a terminal.
#pragma once

#include <string>

#include "context.hpp"
#include "tenon/rag/answer.hpp"

namespace tenon::app {

/// Asks; when `print_it`, streams the answer to stdout and lists its citations after it.
[[nodiscard]] Result<rag::Answer> show_answer(Context& context, const rag::Answerer& answerer, std::string question,
                                              rag::AnswerOptions options, CallOptions call, bool print_it);
/// `[1] docs/guide/agents.md:40-58 "first words…"`
[[nodiscard]] std::string citation_line(const rag::Citation& citation);

}  // namespace tenon::app
