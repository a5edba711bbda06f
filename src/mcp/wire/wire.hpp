// The protocol's types as JSON and back. Reading is lenient about what is missing, strict about what is of the wrong
// kind; faults are invalid_argument and name the member. Private to mcp.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/mcp/types.hpp"

namespace tenon::mcp::wire {

inline constexpr std::string_view meta_version = "io.modelcontextprotocol/protocolVersion",
                                  meta_client = "io.modelcontextprotocol/clientInfo",
                                  meta_capabilities = "io.modelcontextprotocol/clientCapabilities",
                                  meta_log_level = "io.modelcontextprotocol/logLevel",
                                  meta_server = "io.modelcontextprotocol/serverInfo",
                                  meta_subscription = "io.modelcontextprotocol/subscriptionId";

/// A member that must be a string; missing is an error.
[[nodiscard]] Result<std::string> string_in(const json::Value& from, std::string_view key);
/// The same, empty when it is missing. Of another kind: an error.
[[nodiscard]] Result<std::string> text_in(const json::Value& from, std::string_view key);
/// The array, empty when it is missing.
[[nodiscard]] const json::Array& items_in(const json::Value& from, std::string_view key);
/// JSON text of the member; empty when it is missing or null.
[[nodiscard]] std::string json_in(const json::Value& from, std::string_view key);
/// JSON of ours: what the program said, or {} where it is none.
[[nodiscard]] json::Value parsed(std::string_view text);

[[nodiscard]] json::Object write(const Implementation& about);
[[nodiscard]] json::Object write(const Annotations& annotations);
[[nodiscard]] json::Object write(const Resource& resource);
[[nodiscard]] json::Object write(const ResourceTemplate& resource);
[[nodiscard]] json::Object write(const ResourceContents& contents);
[[nodiscard]] json::Object write(const Content& content);
[[nodiscard]] json::Array write(const std::vector<Content>& content);
[[nodiscard]] json::Object write(const ToolInfo& tool);
/// Until 2025-11-25 `structuredContent` must be an object: anything else is left out.
[[nodiscard]] json::Object write(const ToolResult& result, Revision revision);
[[nodiscard]] json::Object write(const Prompt& prompt);
[[nodiscard]] json::Object write(const PromptResult& result);
[[nodiscard]] json::Object write(const CompletionRequest& request);
[[nodiscard]] json::Object write(const CompletionResult& result);
[[nodiscard]] json::Object write(const LogMessage& message);
[[nodiscard]] json::Object write(const Root& root);
[[nodiscard]] json::Object write(const ElicitRequest& request, Revision revision);
[[nodiscard]] json::Object write(const ElicitResult& result);
[[nodiscard]] json::Object write(const SamplingRequest& request);
[[nodiscard]] json::Object write(const SamplingResult& result);
[[nodiscard]] json::Object write(const ClientCapabilities& can, Revision revision);
[[nodiscard]] json::Object write(const ServerCapabilities& can, Revision revision);

template <class T>
struct Read;  // one function, `of(const json::Value&) -> Result<T>`
#define TENON_MCP_READ(T)                                      \
    template <>                                                \
    struct Read<T> {                                           \
        [[nodiscard]] static Result<T> of(const json::Value&); \
    }
TENON_MCP_READ(Implementation);
TENON_MCP_READ(Resource);
TENON_MCP_READ(ResourceTemplate);
TENON_MCP_READ(ResourceContents);
TENON_MCP_READ(Content);
TENON_MCP_READ(ToolInfo);
TENON_MCP_READ(ToolResult);
TENON_MCP_READ(Prompt);
TENON_MCP_READ(PromptResult);
TENON_MCP_READ(CompletionRequest);
TENON_MCP_READ(CompletionResult);
TENON_MCP_READ(LogMessage);
TENON_MCP_READ(Root);
TENON_MCP_READ(ElicitRequest);
TENON_MCP_READ(ElicitResult);
TENON_MCP_READ(SamplingRequest);
TENON_MCP_READ(SamplingResult);
TENON_MCP_READ(ClientCapabilities);
TENON_MCP_READ(ServerCapabilities);
#undef TENON_MCP_READ

template <class T>
[[nodiscard]] Result<T> read(const json::Value& from) {
    return Read<T>::of(from);
}
/// Each item of the array at `key`.
template <class T>
[[nodiscard]] Result<std::vector<T>> read_all(const json::Value& from, std::string_view key) {
    std::vector<T> out;
    for (const auto& item : items_in(from, key)) {
        TENON_TRY(out.emplace_back(), read<T>(item));
    }
    return out;
}

}  // namespace tenon::mcp::wire
