// A Model Context Protocol client: the tools, resources and prompts of any MCP server.
//
//     auto files = co_await mcp::connect(mcp::Command{{"npx", "@modelcontextprotocol/server-filesystem", "."}});
//     auto tools = co_await mcp::tools_of(*files);
//     auto agent = agent::Agent{model}.with(*tools);
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenon/agent/tool.hpp"
#include "tenon/base/log.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/mcp/types.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::mcp {

/// A server that is started as a program and spoken to over its standard input and output. Looked up on PATH, no shell.
/// It gets this process's environment and `environment` on top. When the client goes, its input is closed; a server
/// that does not end by itself within a second is ended.
struct Command {
    std::vector<std::string> words;
    std::vector<std::pair<std::string, std::string>> environment{};
    bool inherit_environment = true;
    std::string folder{};  ///< to run in; empty: this process's own
};

/// Why a server does not let us in (RFC 6750, RFC 9728).
struct Challenge {
    int status = 401;                 ///< or 403: the token lacks a scope; 0: nothing was asked yet
    std::string server;               ///< URL of the MCP server
    int attempt = 1;                  ///< how often this request was refused
    std::string error{};              ///< "invalid_token", "insufficient_scope"
    std::string scope{};              ///< what it wants
    std::string resource_metadata{};  ///< URL of its metadata, when it says so
    std::string token{};              ///< the one it did not take
};
/// Gets a token for a server (oauth.hpp has one); the request is sent once more with it, three times at most. Asked
/// with status 0 before the first request of an Endpoint without a token: may give one that is at hand, or an empty
/// one.
using Authorizer = std::function<task<Result<std::string>>(Challenge, CallOptions)>;

/// A server behind a URL (streamable HTTP).
struct Endpoint {
    std::string url;
    std::string token{};  ///< sent as `Authorization: Bearer`
    net::Headers headers{};
    Authorizer authorize{};
};

struct Changed {
    enum class What : std::uint8_t { tools, prompts, resources, resource } what;
    std::string uri{};  ///< of What::resource
};

/// What the client can do for servers, and what it wants to hear. The functions are called from any thread.
struct ClientOptions {
    Implementation about{"tenon", "0.1.0"};
    /// The only revision to speak; unset: the newest both sides know, with or without a handshake.
    std::optional<Revision> revision{};
    std::function<task<Result<SamplingResult>>(SamplingRequest, CallOptions)> on_sample{};
    bool sample_with_tools = false;  ///< `on_sample` heeds the request's tools
    std::function<task<Result<ElicitResult>>(ElicitRequest, CallOptions)> on_elicit{};
    bool elicit_urls = false;  ///< `on_elicit` takes pages to visit too
    std::optional<std::vector<Root>> roots{};
    std::function<void(LogMessage)> on_log{};
    LogLevel log_level = LogLevel::info;  ///< of the messages for `on_log`
    std::function<void(Changed)> on_change{};
    std::vector<std::string> follow{};  ///< URIs of resources whose changes `on_change` hears
    std::chrono::milliseconds connect_timeout{30'000};
    std::chrono::milliseconds request_timeout{600'000};  ///< of requests without a deadline
    LogSink log{};                                       ///< also what a started server writes to its standard error
};

struct RequestOptions {
    CallOptions call{};
    std::function<void(Progress)> on_progress{};
    RequestOptions() = default;
    RequestOptions(CallOptions options)  // NOLINT(google-explicit-constructor): the usual case
        : call(std::move(options)) {}
};

/// A connection to one server. Thread-safe: any number of requests may be under way. Questions of the server are
/// answered with the functions of the options.
///
/// Errors of all requests: invalid_argument, not_found and unsupported (the server says so), unavailable (it is gone),
/// protocol (it says what the protocol does not allow), unauthenticated, permission_denied, cancelled,
/// deadline_exceeded (the server is told to stop).
class Client {
  public:
    virtual ~Client() = default;  ///< closes the connection

    [[nodiscard]] virtual const Implementation& server() const noexcept = 0;
    [[nodiscard]] virtual const ServerCapabilities& can() const noexcept = 0;
    [[nodiscard]] virtual const std::string& instructions() const noexcept = 0;
    [[nodiscard]] virtual Revision revision() const noexcept = 0;

    /// All pages. Over HTTP, tools whose `x-mcp-header` marks break the rules are left out, and the log says so.
    [[nodiscard]] virtual task<Result<std::vector<ToolInfo>>> tools(CallOptions options = CallOptions()) = 0;
    [[nodiscard]] virtual task<Result<std::vector<Resource>>> resources(CallOptions options = CallOptions()) = 0;
    [[nodiscard]] virtual task<Result<std::vector<ResourceTemplate>>> resource_templates(
        CallOptions options = CallOptions()) = 0;
    [[nodiscard]] virtual task<Result<std::vector<Prompt>>> prompts(CallOptions options = CallOptions()) = 0;

    /// `arguments_json`: an object; empty: {}. A tool that fails is a result with `is_error`, not an error.
    [[nodiscard]] virtual task<Result<ToolResult>> call_tool(std::string name, std::string arguments_json = {},
                                                             RequestOptions options = RequestOptions()) = 0;
    [[nodiscard]] virtual task<Result<std::vector<ResourceContents>>> read(
        std::string uri, RequestOptions options = RequestOptions()) = 0;
    [[nodiscard]] virtual task<Result<PromptResult>> prompt(std::string name,
                                                            std::map<std::string, std::string> arguments = {},
                                                            RequestOptions options = RequestOptions()) = 0;
    [[nodiscard]] virtual task<Result<CompletionResult>> complete(CompletionRequest request,
                                                                  CallOptions options = CallOptions()) = 0;
    /// Whether the server still answers.
    [[nodiscard]] virtual task<Result<void>> ping(CallOptions options = CallOptions()) = 0;
    /// Ends the connection in order. Requests under way fail with cancelled.
    [[nodiscard]] virtual task<void> close() = 0;
};
using ClientPtr = std::shared_ptr<Client>;

/// Starts a program and shakes hands. Errors: not_found (no such program), those of requests.
[[nodiscard]] task<Result<ClientPtr>> connect(Command command, ClientOptions options = ClientOptions(),
                                              CallOptions call = CallOptions());
/// Over HTTP; `http` is shared.
[[nodiscard]] task<Result<ClientPtr>> connect(Endpoint endpoint, std::shared_ptr<net::HttpClient> http,
                                              ClientOptions options = ClientOptions(),
                                              CallOptions call = CallOptions());

struct ToolsOptions {
    std::string prefix{};  ///< of their names, against clashes between servers
    agent::ToolPolicy policy{};
    /// Whether a person must agree to each call; unset: never.
    std::function<bool(const ToolInfo&)> needs_approval{};
};
/// The server's tools for any agent. They keep the client alive. Names become what models take: letters, digits, _
/// and -, 64 at most.
[[nodiscard]] task<Result<std::vector<agent::Tool>>> tools_of(ClientPtr client, ToolsOptions options = ToolsOptions(),
                                                              CallOptions call = CallOptions());

/// Answers a server's samples with a model of ours: for ClientOptions::on_sample.
[[nodiscard]] std::function<task<Result<SamplingResult>>(SamplingRequest, CallOptions)> sample_with(
    llm::ChatModelPtr model);

}  // namespace tenon::mcp
