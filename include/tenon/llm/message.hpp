// The vocabulary of conversations: one shape for every provider, nothing lost.
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

#include "tenon/llm/extensions.hpp"

namespace tenon::llm {

enum class Role : std::uint8_t { system, developer, user, assistant, tool };

struct TextPart {
    std::string text;
};
/// One of url, bytes with their type, or the id of a file the provider stores.
struct ImagePart {
    std::string url;
    std::string media_type;
    std::string bytes;
    std::string detail;  ///< low, high, auto; empty: the provider's default
    std::string file_id{};
};
struct AudioPart {
    std::string media_type;
    std::string bytes;
    std::string id{};          ///< of audio the model made, to refer to later
    std::string transcript{};  ///< of audio the model made
};
/// One of bytes with their type, url, or the id of a file the provider stores.
struct DocumentPart {
    std::string name;
    std::string media_type;
    std::string bytes;
    std::string url{};
    std::string file_id{};
    std::string context{};   ///< what the model should know about it, not to be cited
    bool citations = false;  ///< ask the model to cite it, where it can
};
/// What the model thought. `signature` and `redacted` are the provider's proof and cipher: give them back unchanged.
struct ReasoningPart {
    std::string text;
    std::string signature;
    std::string redacted{};  ///< opaque; then text is empty
    std::string id{};
    bool summary = false;  ///< text is the provider's summary, not the thought itself
};
struct ToolCallPart {
    std::string id;
    std::string name;
    std::string arguments_json;
    std::string signature{};  ///< opaque, for providers that sign calls (Gemini's thought signature)
};
struct ToolResultPart {
    std::string call_id;
    std::string name;
    std::string content;
    bool is_error = false;
    std::vector<ImagePart> images{};  ///< for providers that take pictures as results
};
/// Where the text before it comes from.
struct CitationPart {
    std::string source;  ///< name, url or path of what is cited
    std::string title{};
    std::string cited_text{};
    std::optional<std::size_t> document{};  ///< index among the request's documents
    std::size_t start = 0,
                end = 0;  ///< range in the source: characters, pages or blocks, as `unit` says; end exclusive
    enum class Unit : std::uint8_t { none, characters, pages, blocks } unit = Unit::none;
};
/// A part only one provider knows (results of its own tools, say): kept as it came, given back to it unchanged, and
/// left out for others.
struct ProviderPart {
    std::string provider;  ///< "anthropic", "openai", "gemini" …
    std::string type;
    std::string json;
};

using ContentPart = std::variant<TextPart, ImagePart, AudioPart, DocumentPart, ReasoningPart, ToolCallPart,
                                 ToolResultPart, CitationPart, ProviderPart>;

/// Ask the provider to cache the prompt up to here. Providers that cache by themselves ignore it.
struct CacheHint {
    std::chrono::seconds ttl{300};
};

struct Message {
    Role role = Role::user;
    std::vector<ContentPart> content;
    std::string name;
    std::string id{};  ///< the provider's, when it gave one
    std::optional<CacheHint> cache{};
    Extensions extensions{};

    [[nodiscard]] static Message system(std::string text) { return {Role::system, {TextPart{std::move(text)}}, {}}; }
    [[nodiscard]] static Message user(std::string text) { return {Role::user, {TextPart{std::move(text)}}, {}}; }
    [[nodiscard]] static Message assistant(std::string text) {
        return {Role::assistant, {TextPart{std::move(text)}}, {}};
    }
    [[nodiscard]] static Message tool_result(std::string call_id, std::string name, std::string content,
                                             bool is_error = false) {
        return {Role::tool, {ToolResultPart{std::move(call_id), std::move(name), std::move(content), is_error}}, {}};
    }
    /// All text parts, joined.
    [[nodiscard]] std::string text() const;
    /// All reasoning parts, joined.
    [[nodiscard]] std::string reasoning() const;
    [[nodiscard]] std::vector<const ToolCallPart*> tool_calls() const;
};

struct ToolDefinition {
    std::string name;
    std::string description;
    std::string parameters_schema;  ///< JSON Schema text
    bool strict = false;            ///< hold the model to the schema, where the provider can
};

struct ToolChoice {
    enum class Mode : std::uint8_t { automatic, none, required, named } mode = Mode::automatic;
    std::string name{};              ///< of the tool that must be called; with Mode::named
    std::optional<bool> parallel{};  ///< false: at most one call in an answer; unset: the provider's default
};

/// The form an answer must have.
struct TextFormat {};
struct JsonFormat {};  ///< some JSON value, of no particular shape
struct JsonSchemaFormat {
    std::string name;
    std::string schema;  ///< JSON Schema text
    std::string description{};
    bool strict = true;
};
struct GrammarFormat {
    std::string grammar;
    enum class Syntax : std::uint8_t { gbnf, lark } syntax = Syntax::gbnf;
    /// GBNF when it has "::=", else Lark.
    [[nodiscard]] static GrammarFormat of(std::string grammar) {
        const bool gbnf = grammar.find("::=") != std::string::npos;
        return {std::move(grammar), gbnf ? Syntax::gbnf : Syntax::lark};
    }
};
struct RegexFormat {
    std::string pattern;
};
using ResponseFormat = std::variant<TextFormat, JsonFormat, JsonSchemaFormat, GrammarFormat, RegexFormat>;

/// How hard a reasoning model should think. Unset fields take the provider's default.
struct ReasoningSettings {
    enum class Effort : std::uint8_t { none, minimal, low, medium, high, xhigh };
    std::optional<Effort> effort{};
    std::optional<std::uint64_t> budget_tokens{};
    bool include = true;  ///< bring the thoughts (or the provider's summary of them) back
};

struct Usage {
    std::uint64_t input_tokens = 0;         ///< all of the prompt, cached or not
    std::uint64_t cached_input_tokens = 0;  ///< of them, read from a cache
    std::uint64_t output_tokens = 0;        ///< reasoning included
    std::uint64_t reasoning_tokens = 0;
    std::uint64_t cache_write_tokens = 0;  ///< of the input, written to a cache
    /// Guesses of a local engine (speculation), or of the request's prediction: those in the answer, and those not.
    std::uint64_t accepted_prediction_tokens = 0, rejected_prediction_tokens = 0;

    Usage& operator+=(const Usage& other) noexcept;
};

enum class FinishReason : std::uint8_t { stop, length, tool_calls, content_filter, cancelled };

[[nodiscard]] std::string_view to_string(Role role) noexcept;
[[nodiscard]] std::optional<Role> role_from(std::string_view name) noexcept;
[[nodiscard]] std::string_view to_string(FinishReason reason) noexcept;
[[nodiscard]] std::string_view to_string(ReasoningSettings::Effort effort) noexcept;
[[nodiscard]] std::optional<ReasoningSettings::Effort> effort_from(std::string_view name) noexcept;

}  // namespace tenon::llm
