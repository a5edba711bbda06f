// Search results and answers as JSON: what --json prints and the server sends (docs/guide/json.md).
#pragma once

#include "tenon/json/json.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/rag/retriever.hpp"

namespace tenon::serve {

/// {"results": [{"source", "text", "score", "heading", "page", "start_line", "end_line", "start_char", "end_char", …}]}
[[nodiscard]] json::Value render_results(const rag::Retrieval& found);
/// {"answer", "citations": […], "answerable", "confidence", "signals", "usage", "timings"}
[[nodiscard]] json::Value render_answer(const rag::Answer& answer);

}  // namespace tenon::serve
