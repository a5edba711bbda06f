#include "agent/memory/notes.hpp"

#include <boost/json/value.hpp>

#include "tenon/json/json.hpp"

namespace tenon::agent {

std::vector<llm::Message> spoken(const std::vector<llm::Message>& exchange) {
    std::vector<llm::Message> out;
    for (const auto& message : exchange) {
        const bool said = message.role == llm::Role::user || message.role == llm::Role::assistant;
        // Text beside a tool call is thinking aloud; the answer has none.
        if (!said || !message.tool_calls().empty()) continue;
        if (auto text = message.text(); !text.empty())
            out.push_back(message.role == llm::Role::user ? llm::Message::user(std::move(text))
                                                          : llm::Message::assistant(std::move(text)));
    }
    return out;
}

Result<std::string> NotebookMemory::export_user(std::string_view user) {
    TENON_TRY(const auto notes, notebook_->everything(user));
    json::Array out;
    for (const auto& note : notes)
        out.emplace_back(
            json::Object{{"kind", note.kind}, {"key", note.key}, {"text", note.text}, {"created_at", note.created_at}});
    return json::dump(json::Value(std::move(out)));
}

Result<void> NotebookMemory::erase_user(std::string_view user) {
    TENON_TRY([[maybe_unused]] const auto gone, notebook_->erase(user));
    return {};
}

}  // namespace tenon::agent
