#include "tenon/llm/message.hpp"

namespace tenon::llm {

std::string Message::text() const {
    std::string out;
    for (const auto& part : content)
        if (const auto* t = std::get_if<TextPart>(&part)) out += t->text;
    return out;
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

}  // namespace tenon::llm
