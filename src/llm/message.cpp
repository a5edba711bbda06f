#include "tenon/llm/message.hpp"

namespace tenon::llm {

std::string Message::text() const {
    std::string out;
    for (const auto& part : content)
        if (const auto* t = std::get_if<TextPart>(&part)) out += t->text;
    return out;
}

std::string Message::reasoning() const {
    std::string out;
    for (const auto& part : content)
        if (const auto* r = std::get_if<ReasoningPart>(&part)) out += r->text;
    return out;
}

std::vector<const ToolCallPart*> Message::tool_calls() const {
    std::vector<const ToolCallPart*> out;
    for (const auto& part : content)
        if (const auto* call = std::get_if<ToolCallPart>(&part)) out.push_back(call);
    return out;
}

Usage& Usage::operator+=(const Usage& other) noexcept {
    input_tokens += other.input_tokens;
    cached_input_tokens += other.cached_input_tokens;
    output_tokens += other.output_tokens;
    reasoning_tokens += other.reasoning_tokens;
    cache_write_tokens += other.cache_write_tokens;
    accepted_prediction_tokens += other.accepted_prediction_tokens;
    rejected_prediction_tokens += other.rejected_prediction_tokens;
    return *this;
}

std::string_view to_string(Role role) noexcept {
    switch (role) {
        case Role::system:
            return "system";
        case Role::developer:
            return "developer";
        case Role::user:
            return "user";
        case Role::assistant:
            return "assistant";
        case Role::tool:
            return "tool";
    }
    return "user";
}

std::optional<Role> role_from(std::string_view name) noexcept {
    for (const Role role : {Role::system, Role::developer, Role::user, Role::assistant, Role::tool})
        if (to_string(role) == name) return role;
    return std::nullopt;
}

std::string_view to_string(FinishReason reason) noexcept {
    switch (reason) {
        case FinishReason::stop:
            return "stop";
        case FinishReason::length:
            return "length";
        case FinishReason::tool_calls:
            return "tool_calls";
        case FinishReason::content_filter:
            return "content_filter";
        case FinishReason::cancelled:
            return "cancelled";
    }
    return "stop";
}

std::string_view to_string(ReasoningSettings::Effort effort) noexcept {
    switch (effort) {
        case ReasoningSettings::Effort::none:
            return "none";
        case ReasoningSettings::Effort::minimal:
            return "minimal";
        case ReasoningSettings::Effort::low:
            return "low";
        case ReasoningSettings::Effort::medium:
            return "medium";
        case ReasoningSettings::Effort::high:
            return "high";
        case ReasoningSettings::Effort::xhigh:
            return "xhigh";
    }
    return "medium";
}

std::optional<ReasoningSettings::Effort> effort_from(std::string_view name) noexcept {
    using enum ReasoningSettings::Effort;
    for (const auto effort : {none, minimal, low, medium, high, xhigh})
        if (to_string(effort) == name) return effort;
    return std::nullopt;
}

}  // namespace tenon::llm
