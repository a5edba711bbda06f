// Strict fakes: what the providers' servers refuse, so do these. A request is held to the published specification
// (tests/data/specs) and to the rules that a schema cannot say.
#pragma once

#include <set>
#include <string>

#include "fake/json_schema.hpp"

namespace tenon::fake {

inline std::string_view field(const json::Value& value, std::string_view key) {
    return json::string_or(value, key, "");
}

inline const json::Array& list(const json::Value& value, std::string_view key) {
    static const json::Array none;
    const auto* found = json::find(value, key);
    return found != nullptr && found->is_array() ? found->get_array() : none;
}

/// Each tool message answers a call of the assistant's message before it, and every call is answered before anyone else
/// speaks.
inline std::string openai_chat_order(const json::Value& body) {
    std::set<std::string> open;
    for (const auto& message : list(body, "messages")) {
        if (field(message, "role") == "tool") {
            if (open.erase(std::string(field(message, "tool_call_id"))) == 0)
                return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
            continue;
        }
        if (!open.empty()) return "an assistant message with 'tool_calls' must be followed by tool messages";
        for (const auto& call : list(message, "tool_calls")) open.insert(std::string(field(call, "id")));
    }
    return open.empty() ? "" : "an assistant message with 'tool_calls' must be followed by tool messages";
}

inline std::string openai_chat(const json::Value& body) {
    static const auto spec = JsonSchema::spec("openai_chat");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    if (list(body, "messages").empty()) return "$.messages: is empty";
    const auto* choice = json::find(body, "tool_choice");
    if (choice != nullptr && json::find(body, "tools") == nullptr) return "'tool_choice' is only allowed with 'tools'";
    if (json::find(body, "parallel_tool_calls") != nullptr && json::find(body, "tools") == nullptr)
        return "'parallel_tool_calls' is only allowed with 'tools'";
    if (json::find(body, "top_logprobs") != nullptr && !json::bool_or(body, "logprobs", false))
        return "'top_logprobs' wants 'logprobs'";
    if (json::find(body, "max_tokens") != nullptr && json::find(body, "max_completion_tokens") != nullptr)
        return "'max_tokens' and 'max_completion_tokens' exclude each other";
    return openai_chat_order(body);
}

/// Turns alternate and begin with the user; results answer the calls of the turn before, all of them, and stand first.
inline std::string anthropic_order(const json::Value& body) {
    std::set<std::string> open;
    std::string_view last;
    std::size_t cached = 0;
    const auto count_cached = [&](const json::Array& blocks) {
        for (const auto& block : blocks) cached += json::find(block, "cache_control") != nullptr ? 1 : 0;
    };
    count_cached(list(body, "system"));
    count_cached(list(body, "tools"));
    for (const auto& message : list(body, "messages")) {
        const auto role = field(message, "role");
        if (last.empty() && role != "user") return "the first message must be the user's";
        if (role == last) return "roles must alternate";
        last = role;
        count_cached(list(message, "content"));
        bool other = false;
        for (const auto& block : list(message, "content")) {
            const auto type = field(block, "type");
            if (type == "tool_result") {
                if (other) return "tool_result blocks must come first in their message";
                if (open.erase(std::string(field(block, "tool_use_id"))) == 0)
                    return "each tool_result must have a tool_use in the previous message";
            } else {
                other = true;
            }
            if (type == "text" && field(block, "text").empty()) return "text content blocks must be non-empty";
            if (type == "tool_use" && role != "assistant") return "tool_use blocks are the assistant's";
        }
        if (!open.empty()) return "tool_use ids were found without tool_result blocks immediately after";
        for (const auto& block : list(message, "content"))
            if (field(block, "type") == "tool_use") open.insert(std::string(field(block, "id")));
    }
    if (!open.empty()) return "tool_use ids were found without tool_result blocks";
    if (cached > 4) return "a maximum of 4 blocks with cache_control may be provided";
    return last == "user" || last == "assistant" ? "" : "messages: at least one message is required";
}

inline std::string anthropic_messages(const json::Value& body) {
    static const auto spec = JsonSchema::spec("anthropic_messages");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    if (const auto* thinking = json::find(body, "thinking");
        thinking != nullptr && field(*thinking, "type") == "enabled") {
        const auto budget = json::integer_or(*thinking, "budget_tokens", 0);
        if (budget < 1024) return "thinking.budget_tokens: must be at least 1024";
        if (json::integer_or(body, "max_tokens", 0) <= budget)
            return "max_tokens must be greater than thinking.budget_tokens";
    }
    const auto model = field(body, "model");
    const bool older = model.contains("-4-5") || model.contains("-4-6") || model == "m";
    for (const char* setting : {"temperature", "top_p", "top_k"})
        if (!older && json::find(body, setting) != nullptr)
            return "`" + std::string(setting) + "` is deprecated for this model";
    return anthropic_order(body);
}

inline std::string anthropic_count(const json::Value& body) {
    static const auto spec = JsonSchema::spec("anthropic_count_tokens");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    return anthropic_order(body);
}

}  // namespace tenon::fake
