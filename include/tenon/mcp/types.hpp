// The vocabulary of the Model Context Protocol (modelcontextprotocol.io, revisions 2024-11-05 to 2026-07-28), parsed.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tenon::mcp {

/// Ordered: later ones are greater. From 2026-07-28 on there is no handshake and no session: every request says its
/// revision and what the client can do, and servers ask the client by returning what they need ("multi round trip").
enum class Revision : std::uint8_t { v2024_11_05, v2025_03_26, v2025_06_18, v2025_11_25, v2026_07_28 };
inline constexpr Revision latest_revision = Revision::v2026_07_28;
/// The newest one with a handshake.
inline constexpr Revision latest_session_revision = Revision::v2025_11_25;
[[nodiscard]] std::string_view to_string(Revision revision) noexcept;  ///< "2026-07-28"
[[nodiscard]] std::optional<Revision> revision_from(std::string_view text) noexcept;
/// Without handshake or session.
[[nodiscard]] constexpr bool is_stateless(Revision revision) noexcept { return revision >= Revision::v2026_07_28; }

struct Icon {
    std::string src;
    std::string media_type{};
    std::vector<std::string> sizes{};
    std::string theme{};  ///< "light", "dark"
};

/// A program that speaks the protocol: said by itself, so for display only.
struct Implementation {
    std::string name;
    std::string version;
    std::string title{};
    std::string description{};
    std::string website_url{};
    std::vector<Icon> icons{};
};

/// Hints for whoever shows or chooses content.
struct Annotations {
    std::vector<std::string> audience{};  ///< "user", "assistant"
    std::optional<double> priority{};     ///< 0 … 1
    std::string last_modified{};          ///< ISO 8601
    [[nodiscard]] bool empty() const noexcept { return audience.empty() && !priority && last_modified.empty(); }
};

/// What a resource holds: text, or bytes when `is_binary`.
struct ResourceContents {
    std::string uri;
    std::string media_type{};
    std::string data;
    bool is_binary = false;
};

struct Resource {
    std::string uri;
    std::string name;
    std::string title{};
    std::string description{};
    std::string media_type{};
    std::optional<std::uint64_t> bytes{};
    Annotations annotations{};
    std::vector<Icon> icons{};
};

/// Many resources at once: an RFC 6570 template, "notes://{year}/{name}".
struct ResourceTemplate {
    std::string uri_template;
    std::string name;
    std::string title{};
    std::string description{};
    std::string media_type{};
    Annotations annotations{};
    std::vector<Icon> icons{};
};

struct TextContent {
    std::string text;
    Annotations annotations{};
};
struct ImageContent {
    std::string bytes;
    std::string media_type;
    Annotations annotations{};
};
struct AudioContent {
    std::string bytes;
    std::string media_type;
    Annotations annotations{};
};
/// A resource that can be read later.
struct ResourceLink {
    Resource resource;
};
/// A resource with its contents.
struct EmbeddedResource {
    ResourceContents contents;
    Annotations annotations{};
};
using Content = std::variant<TextContent, ImageContent, AudioContent, ResourceLink, EmbeddedResource>;
/// The text of every part that has some, joined by line breaks.
[[nodiscard]] std::string text_of(const std::vector<Content>& content);

/// Hints about a tool, from its server: not to be trusted more than the server is. Unset: unknown.
struct ToolHints {
    std::optional<bool> read_only{}, destructive{}, idempotent{}, open_world{};
};
struct ToolInfo {
    std::string name;  ///< 1 … 128 of letters, digits, `_`, `-`, `.`
    std::string title{};
    std::string description{};
    std::string input_schema = R"({"type":"object"})";  ///< JSON Schema
    std::string output_schema{};                        ///< of `structured`; empty: none is promised
    ToolHints hints{};
    std::vector<Icon> icons{};
    std::string meta{};  ///< `_meta`, a JSON object, or empty
};
struct ToolResult {
    std::vector<Content> content{};
    std::string structured{};  ///< JSON; empty: none
    bool is_error = false;     ///< the tool failed, and the content says how: for the model to read
    std::string meta{};        ///< `_meta`, a JSON object, or empty

    [[nodiscard]] static ToolResult text(std::string text) { return {{TextContent{std::move(text)}}, {}, false, {}}; }
    [[nodiscard]] static ToolResult error(std::string text) { return {{TextContent{std::move(text)}}, {}, true, {}}; }
};

struct PromptArgument {
    std::string name;
    std::string description{};
    bool required = false;
    std::string title{};
};
struct Prompt {
    std::string name;
    std::string title{};
    std::string description{};
    std::vector<PromptArgument> arguments{};
    std::vector<Icon> icons{};
};
enum class Speaker : std::uint8_t { user, assistant };
struct PromptMessage {
    Speaker role = Speaker::user;
    Content content;
};
struct PromptResult {
    std::string description{};
    std::vector<PromptMessage> messages;
};

/// What an argument of a prompt or of a resource template may be.
struct CompletionRequest {
    std::string prompt{};        ///< name of the prompt, or
    std::string uri_template{};  ///< the template
    std::string argument;
    std::string value;                              ///< as far as it is written
    std::map<std::string, std::string> resolved{};  ///< the other arguments, as far as they are known
};
struct CompletionResult {
    std::vector<std::string> values;  ///< the first 100 go out
    std::optional<std::uint64_t> total{};
    bool has_more = false;
};

/// RFC 5424, from the least to the most severe.
enum class LogLevel : std::uint8_t { debug, info, notice, warning, error, critical, alert, emergency };
[[nodiscard]] std::string_view to_string(LogLevel level) noexcept;
[[nodiscard]] std::optional<LogLevel> log_level_from(std::string_view name) noexcept;
struct LogMessage {
    LogLevel level = LogLevel::info;
    std::string logger{};
    std::string data;  ///< JSON
};

struct Progress {
    double done = 0;  ///< grows
    std::optional<double> total{};
    std::string message{};
};

/// A folder or file the client lets the server work in.
struct Root {
    std::string uri;  ///< "file://…"
    std::string name{};
};

/// The server asks the client's user for something.
struct ElicitRequest {
    std::string message;
    std::string schema{};  ///< of a form: a flat JSON Schema object of strings, numbers, booleans and choices
    std::string url{};     ///< instead of a form: a page to visit
    std::string id{};      ///< of a page: what 2025-11-25 tells its end by
};
struct ElicitResult {
    enum class Action : std::uint8_t { accept, decline, cancel } action = Action::cancel;
    std::string content{};  ///< of an accepted form: a JSON object
};

/// The model calls a tool (2025-11-25 and later).
struct ToolUseContent {
    std::string id, name, arguments;  ///< JSON
};
/// What came of it.
struct ToolResultContent {
    std::string id;
    std::vector<Content> content;
    std::string structured{};
    bool is_error = false;
};
using SamplingContent = std::variant<TextContent, ImageContent, AudioContent, ToolUseContent, ToolResultContent>;
struct SamplingMessage {
    Speaker role = Speaker::user;
    std::vector<SamplingContent> content;
};
/// The server asks for an answer of the client's model.
struct SamplingRequest {
    std::vector<SamplingMessage> messages;
    std::string system_prompt{};
    std::uint64_t max_tokens = 1024;
    std::optional<double> temperature{};
    std::vector<std::string> stop_sequences{};
    std::vector<std::string> model_hints{};  ///< names or parts of names, the best first
    std::optional<double> cost_priority{}, speed_priority{}, intelligence_priority{};
    std::vector<ToolInfo> tools{};
    std::string tool_choice{};  ///< "auto", "required", "none"; empty: the client's default
};
struct SamplingResult {
    std::vector<SamplingContent> content;
    std::string model;
    std::string stop_reason{};  ///< "endTurn", "stopSequence", "maxTokens", "toolUse" …
    Speaker role = Speaker::assistant;
};

struct ClientCapabilities {
    bool sampling = false, sampling_tools = false;
    bool elicitation_form = false, elicitation_url = false;
    bool roots = false, roots_changes = false;
    std::map<std::string, std::string> extensions{};  ///< identifier → settings, a JSON object
};
struct ServerCapabilities {
    bool tools = false, tools_changes = false;
    bool resources = false, resources_changes = false, resources_subscribe = false;
    bool prompts = false, prompts_changes = false;
    bool completions = false;
    bool logging = false;
    std::map<std::string, std::string> extensions{};
};

}  // namespace tenon::mcp
