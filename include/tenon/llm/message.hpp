// The vocabulary of conversations: one shape for every provider.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tenon::llm {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

struct TextPart {
    std::string text;
};
struct ImagePart {
    std::string url;
    std::string media_type;
    std::string bytes;
    std::string detail;
};  ///< url, or bytes with their type
struct AudioPart {
    std::string media_type;
    std::string bytes;
};
struct DocumentPart {
    std::string name;
    std::string media_type;
    std::string bytes;
};
struct ReasoningPart {
    std::string text;
    std::string signature;
};
struct ToolCallPart {
    std::string id;
    std::string name;
    std::string arguments_json;
};
struct ToolResultPart {
    std::string call_id;
    std::string name;
    std::string content;
    bool is_error = false;
};

using ContentPart =
    std::variant<TextPart, ImagePart, AudioPart, DocumentPart, ReasoningPart, ToolCallPart, ToolResultPart>;

struct Message {
    Role role = Role::user;
    std::vector<ContentPart> content;
    std::string name;

    [[nodiscard]] static Message system(std::string text) { return {Role::system, {TextPart{std::move(text)}}, {}}; }
    [[nodiscard]] static Message user(std::string text) { return {Role::user, {TextPart{std::move(text)}}, {}}; }
    [[nodiscard]] static Message assistant(std::string text) {
        return {Role::assistant, {TextPart{std::move(text)}}, {}};
    }
    /// All text parts, joined.
    [[nodiscard]] std::string text() const;
};

struct ToolDefinition {
    std::string name;
    std::string description;
    std::string parameters_schema;  ///< JSON Schema text
};

struct Usage {
    std::uint64_t input_tokens = 0;
    std::uint64_t cached_input_tokens = 0;
    std::uint64_t output_tokens = 0;
    std::uint64_t reasoning_tokens = 0;
};

enum class FinishReason : std::uint8_t { stop, length, tool_calls, content_filter, cancelled };

[[nodiscard]] std::string_view to_string(Role role) noexcept;
[[nodiscard]] std::optional<Role> role_from(std::string_view name) noexcept;
[[nodiscard]] std::string_view to_string(FinishReason reason) noexcept;

}  // namespace tenon::llm
