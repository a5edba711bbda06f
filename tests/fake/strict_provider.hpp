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

inline std::string openai_responses(const json::Value& body) {
    static const auto spec = JsonSchema::spec("openai_responses");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    if (json::find(body, "previous_response_id") != nullptr && json::find(body, "conversation") != nullptr)
        return "'previous_response_id' and 'conversation' exclude each other";
    std::set<std::string> open;
    const bool known_before = json::find(body, "previous_response_id") != nullptr;
    const auto& items = list(body, "input");
    for (std::size_t i = 0; i < items.size(); ++i) {
        const auto type = field(items[i], "type");
        const std::string id(field(items[i], "call_id"));
        if (type == "function_call") open.insert(id);
        if (type == "function_call_output" && open.erase(id) == 0 && !known_before)
            return "No tool call found for function call output with call_id " + id;
        if (type == "reasoning" && i + 1 == items.size())
            return "Item of type 'reasoning' was provided without its required following item";
    }
    return open.empty() ? "" : "No tool output found for function call " + *open.begin();
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

/// Contents alternate and begin with the user; each response answers a call of the turn before, all of them.
inline std::string gemini_order(const json::Value& body) {
    std::multiset<std::string> open;
    std::string_view last;
    for (const auto& content : list(body, "contents")) {
        const auto role = field(content, "role");
        if (role != "user" && role != "model") return "please use a valid role: user, model";
        if (last.empty() && role != "user") return "the first content must be the user's";
        if (role == last) return "roles must alternate";
        last = role;
        if (list(content, "parts").empty()) return "parts must not be empty";
        const bool answering = !open.empty();
        for (const auto& part : list(content, "parts")) {
            if (part.as_object().empty()) return "required oneof field 'data' must have one initialized field";
            if (const auto* response = json::find(part, "functionResponse")) {
                const auto found = open.find(std::string(field(*response, "name")));
                if (role != "user" || found == open.end()) return "a function response must follow its function call";
                open.erase(found);
            }
        }
        if (answering && !open.empty())
            return "the number of function response parts must equal the number of function call parts";
        for (const auto& part : list(content, "parts"))
            if (const auto* call = json::find(part, "functionCall")) open.insert(std::string(field(*call, "name")));
    }
    return last.empty() ? "contents is not specified" : "";
}

inline std::string gemini_generate(const json::Value& body) {
    static const auto spec = JsonSchema::spec("gemini_generate");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    if (const auto* config = json::find(body, "toolConfig")) {
        const auto* calling = json::find(*config, "functionCallingConfig");
        if (calling != nullptr && !list(*calling, "allowedFunctionNames").empty() && field(*calling, "mode") != "ANY")
            return "allowed_function_names is only allowed in mode ANY";
    }
    if (const auto* config = json::find(body, "generationConfig")) {
        const bool schema =
            json::find(*config, "responseJsonSchema") != nullptr || json::find(*config, "responseSchema") != nullptr;
        if (schema && field(*config, "responseMimeType") != "application/json")
            return "a response schema wants the response mime type application/json";
        if (json::find(*config, "logprobs") != nullptr && !json::bool_or(*config, "responseLogprobs", false))
            return "logprobs wants response_logprobs";
        if (const auto* thinking = json::find(*config, "thinkingConfig"))
            if (json::find(*thinking, "thinkingBudget") != nullptr && json::find(*thinking, "thinkingLevel") != nullptr)
                return "thinking_budget and thinking_level exclude each other";
    }
    return gemini_order(body);
}

inline std::string gemini_count(const json::Value& body) {
    const auto* request = json::find(body, "generateContentRequest");
    if (request == nullptr || body.as_object().size() != 1) return "generateContentRequest is missing";
    auto inner = request->as_object();
    if (!field(*request, "model").starts_with("models/")) return "model is missing";
    inner.erase("model");
    return gemini_generate(inner);
}

inline std::string gemini_embed(const json::Value& body) {
    for (const auto& one : list(body, "requests")) {
        if (!field(one, "model").starts_with("models/")) return "model is missing";
        if (json::find(one, "content") == nullptr) return "content is missing";
        for (const auto& [key, value] : one.as_object())
            if (key != "model" && key != "content" && key != "taskType" && key != "outputDimensionality" &&
                key != "title")
                return "unknown name \"" + std::string(key) + "\"";
    }
    return list(body, "requests").empty() ? "requests is empty" : "";
}

inline std::string ollama_chat(const json::Value& body) {
    static const auto spec = JsonSchema::spec("ollama_chat");
    if (auto fault = spec.check(body); !fault.empty()) return fault;
    for (const auto& message : list(body, "messages")) {
        const auto role = field(message, "role");
        if (role != "system" && role != "user" && role != "assistant" && role != "tool") return "invalid role";
    }
    return list(body, "messages").empty() ? "messages is empty" : "";
}
inline std::string ollama_generate(const json::Value& body) {
    static const auto spec = JsonSchema::spec("ollama_generate");
    return spec.check(body);
}
inline std::string ollama_embed(const json::Value& body) {
    static const auto spec = JsonSchema::spec("ollama_embed");
    return spec.check(body);
}

/// generate_rest.yaml: text_input is required, everything else lies in "parameters".
inline std::string kserve_generate(const json::Value& body) {
    if (!body.is_object() || field(body, "text_input").empty()) return "text_input is required";
    for (const auto& [key, value] : body.as_object())
        if (key != "text_input" && key != "parameters" && key != "id") return "unknown field " + std::string(key);
    return "";
}

/// inference_rest.md: $inference_request.
inline std::string kserve_infer(const json::Value& body) {
    for (const auto& [key, value] : body.as_object())
        if (key != "id" && key != "parameters" && key != "inputs" && key != "outputs")
            return "unknown field " + std::string(key);
    static const std::set<std::string_view> types{"BOOL",  "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16",
                                                  "INT32", "INT64", "FP16",   "FP32",   "FP64",   "BYTES"};
    for (const auto& input : list(body, "inputs")) {
        for (const auto& [key, value] : input.as_object())
            if (key != "name" && key != "shape" && key != "datatype" && key != "parameters" && key != "data")
                return "unknown field " + std::string(key);
        if (field(input, "name").empty() || !types.contains(field(input, "datatype"))) return "an input is malformed";
        std::int64_t elements = 1;
        for (const auto& size : list(input, "shape")) elements *= size.as_int64();
        if (elements != static_cast<std::int64_t>(list(input, "data").size()))
            return "the data does not fill the shape";
    }
    return list(body, "inputs").empty() ? "inputs is required" : "";
}

}  // namespace tenon::fake
