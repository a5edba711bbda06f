// A Model Context Protocol server: tools, resources and prompts that any MCP client can use.
//
//     mcp::Server server({"books", "1.0"});
//     server.with(agent::tools::calculator(), my_agent)
//           .tool<Customer>("revenue", "Revenue by year", [](Customer c, mcp::RequestContext) { return look_up(c); });
//     sync_wait(runtime, mcp::serve_stdio(server));            // or, over HTTP: mcp::mount(router, server);
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "tenon/agent/agent.hpp"
#include "tenon/agent/tool.hpp"
#include "tenon/base/log.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/mcp/types.hpp"
#include "tenon/net/router.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::mcp {

struct RootsRequest {};
using Ask = std::variant<ElicitRequest, SamplingRequest, RootsRequest>;
using Reply = std::variant<ElicitResult, SamplingResult, std::vector<Root>>;

/// What a handler can do while it serves one request. Cheap to copy, thread-safe. After the request is over what it
/// sends is dropped.
class RequestContext {
  public:
    /// The deadline, and a stop token that fires when the client cancels, goes away, or the server ends.
    [[nodiscard]] const CallOptions& call() const noexcept;
    [[nodiscard]] Revision revision() const noexcept;
    [[nodiscard]] const Implementation& client() const noexcept;  ///< its name is empty when it did not say
    [[nodiscard]] const ClientCapabilities& client_can() const noexcept;

    /// Sent when the client asked to be told.
    void progress(double done, std::optional<double> total = std::nullopt, std::string message = {}) const;
    /// Sent when the client wants messages of this level.
    void log(LogLevel level, std::string text, std::string logger = {}) const;
    void log(LogMessage message) const;

    /// Asks the client. Until 2025-11-25 the handler waits for the answer. In 2026-07-28 the request ends here and
    /// comes again with the answer: the handler is run again from its beginning and gets every answer it had before, so
    /// what it does before it asks must bear repeating, and it must ask in the same order. `key` names the question;
    /// empty: its number.
    ///
    /// Errors: unsupported (the client cannot do that: let it through, and the client is told), cancelled (the answer
    /// is still to come: let it through), deadline_exceeded, protocol (the answer makes no sense).
    [[nodiscard]] task<Result<ElicitResult>> elicit(ElicitRequest request, std::string key = std::string()) const;
    [[nodiscard]] task<Result<SamplingResult>> sample(SamplingRequest request, std::string key = std::string()) const;
    [[nodiscard]] task<Result<std::vector<Root>>> roots(std::string key = std::string()) const;
    /// Several questions at once, by key; the replies are in their order.
    [[nodiscard]] task<Result<std::vector<Reply>>> ask(std::vector<std::pair<std::string, Ask>> questions) const;
    /// A form made from a described struct of strings, numbers, booleans and enums; nothing when the user declined.
    template <class T>
    [[nodiscard]] task<Result<std::optional<T>>> elicit(std::string message, std::string key = std::string()) const {
        ElicitRequest request;
        request.message = std::move(message);
        request.schema = json::schema_text<T>({.defaults = true, .allow_unknown = true});
        auto answer = co_await elicit(std::move(request), std::move(key));
        if (!answer) co_return std::unexpected(std::move(answer).error());
        if (answer->action != ElicitResult::Action::accept) co_return std::optional<T>();
        TENON_CO_TRY(T form, json::from_text<T>(answer->content));
        co_return std::optional<T>(std::move(form));
    }

    struct Impl;
    explicit RequestContext(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

  private:
    std::shared_ptr<Impl> impl_;
};

/// The arguments are JSON that fits the tool's schema. An error becomes a result with `is_error`, for the model to
/// read.
using ToolHandler = std::function<task<Result<ToolResult>>(std::string arguments_json, RequestContext)>;
/// `variables`: of the template. Errors: not_found (there is no such resource).
using ReadHandler = std::function<task<Result<std::vector<ResourceContents>>>(
    std::string uri, std::map<std::string, std::string> variables, RequestContext)>;
/// Those of a template's resources that are worth listing; called for each listing, from any thread.
using ListHandler = std::function<Result<std::vector<Resource>>()>;
/// Required arguments are there.
using PromptHandler =
    std::function<task<Result<PromptResult>>(std::map<std::string, std::string> arguments, RequestContext)>;
using CompletionHandler = std::function<task<Result<CompletionResult>>(CompletionRequest, RequestContext)>;

struct ServerOptions {
    std::string instructions{};             ///< how to use it, for the client's model
    std::size_t page_size = 100;            ///< of listings
    std::chrono::milliseconds list_ttl{0};  ///< how long clients may keep listings and resources; 0: not at all
    bool list_public = false;               ///< they are the same for everybody
    std::size_t max_concurrent = 64;        ///< requests of one session under way at once
    std::chrono::milliseconds ask_timeout{600'000};  ///< for an answer of the client
    /// Seals what travels through clients between the rounds of a request; empty: random for each process. Servers
    /// behind one address must share it.
    std::string state_key{};
    LogSink log{};
};

namespace detail {
template <class T>
struct HandlerResult {
    static ToolResult of(T value) {
        if constexpr (std::same_as<T, ToolResult>) {
            return value;
        } else if constexpr (std::convertible_to<T, std::string>) {
            return ToolResult::text(std::move(value));
        } else {
            auto text = json::to_text(value);
            return {{TextContent{text}}, text, false, {}};
        }
    }
    static std::string schema() {
        if constexpr (std::same_as<T, ToolResult> || std::convertible_to<T, std::string>)
            return {};
        else
            return json::type_of<T>().kind == json::Kind::object ? json::schema_text<T>() : std::string();
    }
};
}  // namespace detail

/// What a server offers, and to whom it is offered. A handle: copies are the same server. Thread-safe; what is added or
/// removed while it serves is announced to the clients.
///
/// Adding a thing whose name or URI is taken replaces it. A name or schema that will not do is a mistake in the program
/// and throws std::invalid_argument.
class Server {
  public:
    explicit Server(Implementation about, ServerOptions options = {});

    /// agent::Tool, vectors of them, agent::Agent (which becomes a tool that tells its steps as progress), and values
    /// with a `to_tools` found by argument-dependent lookup. A tool whose policy wants approval asks the client's user
    /// first, and is refused where the client cannot ask.
    template <class... Things>
    Server& with(Things&&... things) {
        (add(std::forward<Things>(things)), ...);
        return *this;
    }
    Server& tool(ToolInfo info, ToolHandler handler);
    /// A function of one described struct and the context. It returns text, a ToolResult, or a described struct (which
    /// becomes structured output with a schema), as it is, in a Result, in a task or in both.
    template <class Params, class F>
        requires std::invocable<F&, Params, RequestContext>
    Server& tool(std::string name, std::string description, F function);
    Server& resource(Resource resource, ReadHandler read);
    /// Text that does not change.
    Server& resource(Resource resource, std::string text);
    Server& resource(ResourceTemplate resources, ReadHandler read, ListHandler list = {});
    Server& prompt(Prompt prompt, PromptHandler handler);
    /// Completes arguments of prompts and templates.
    Server& completions(CompletionHandler handler);
    /// A tool `search_NAME` and the documents as resources `kb://NAME/SOURCE`. `embedder` null: full text only.
    Server& knowledge_base(const std::string& name, std::shared_ptr<store::KnowledgeBase> base,
                           llm::EmbedderPtr embedder = nullptr);

    bool remove_knowledge_base(const std::string& name);

    bool remove_tool(std::string_view name);
    bool remove_resource(std::string_view uri);
    bool remove_prompt(std::string_view name);
    /// Tells the clients that follow it.
    void resource_changed(std::string uri) const;

    [[nodiscard]] const Implementation& about() const noexcept;
    [[nodiscard]] std::vector<ToolInfo> tools() const;

    struct State;  ///< private to the room
    [[nodiscard]] const std::shared_ptr<State>& state() const noexcept { return state_; }

  private:
    void add(agent::Tool tool);
    void add(std::vector<agent::Tool> tools);
    void add(agent::Agent agent);
    template <class T>
        requires requires(T thing) {
            { to_tools(std::move(thing)) } -> std::same_as<std::vector<agent::Tool>>;
        }
    void add(T thing) {
        add(to_tools(std::move(thing)));
    }
    std::shared_ptr<State> state_;
};

namespace detail {
template <class Params, class F>
task<Result<ToolResult>> run_handler(std::shared_ptr<F> function, std::string arguments, RequestContext context) {
    TENON_CO_TRY(Params params, json::from_text<Params>(arguments));
    const auto invoke = [&]() -> decltype(auto) { return (*function)(std::move(params), std::move(context)); };
    using Returned = agent::detail::Unwrap<std::remove_cvref_t<decltype(invoke())>>;
    using Value = typename Returned::type;
    if constexpr (Returned::is_task) {
        auto out = co_await invoke();
        if constexpr (Returned::result) {
            if (!out) co_return std::unexpected(std::move(out).error());
            co_return HandlerResult<Value>::of(std::move(*out));
        } else {
            co_return HandlerResult<Value>::of(std::move(out));
        }
    } else if constexpr (Returned::result) {
        auto out = invoke();
        if (!out) co_return std::unexpected(std::move(out).error());
        co_return HandlerResult<Value>::of(std::move(*out));
    } else {
        co_return HandlerResult<Value>::of(invoke());
    }
}
}  // namespace detail

template <class Params, class F>
    requires std::invocable<F&, Params, RequestContext>
Server& Server::tool(std::string name, std::string description, F function) {
    using Returned = agent::detail::Unwrap<std::remove_cvref_t<std::invoke_result_t<F&, Params, RequestContext>>>;
    auto shared = std::make_shared<F>(std::move(function));
    ToolInfo info;
    info.name = std::move(name);
    info.description = std::move(description);
    info.input_schema = json::schema_text<Params>();
    info.output_schema = detail::HandlerResult<typename Returned::type>::schema();
    return tool(std::move(info), [shared](std::string arguments, RequestContext context) {
        return detail::run_handler<Params, F>(shared, std::move(arguments), std::move(context));
    });
}

/// Serves one client on the standard input and output of this process, until the input ends or `options.stop` fires.
/// Nothing else may write to standard output meanwhile. Errors: cancelled, io, resource_exhausted (a message of more
/// than 64 MiB).
[[nodiscard]] task<Result<void>> serve_stdio(Server server, CallOptions options = CallOptions());
/// The same on other descriptors, which it closes.
[[nodiscard]] task<Result<void>> serve_descriptors(Server server, int in, int out, CallOptions options = CallOptions());

struct HttpOptions {
    std::string path = "/mcp";
    /// Clients must show one as `Authorization: Bearer`; empty and no `verify`: everybody may come.
    std::vector<std::string> tokens{};
    /// Checks any other token and names its owner. Errors: unauthenticated, permission_denied (the owner lacks a
    /// scope).
    std::function<task<Result<std::string>>(std::string token)> verify{};
    /// RFC 9728: where clients get tokens. Not empty: the server's metadata is served under /.well-known/.
    std::vector<std::string> authorization_servers{};
    std::vector<std::string> scopes{};
    std::string resource{};  ///< this server's canonical URL; empty: from the request's Host

    /// Names that may stand in Host and Origin, without ports; empty: localhost, 127.0.0.1 and ::1 (a guard against DNS
    /// rebinding); "*": any.
    std::vector<std::string> hosts{};
    std::size_t max_body_bytes = std::size_t{16} << 20;
    std::size_t max_sessions = 1000;               ///< of revisions until 2025-11-25; the longest idle one goes first
    std::chrono::minutes session_idle{30};         ///< then it ends
    std::chrono::milliseconds keep_alive{15'000};  ///< between comments on quiet streams
};

/// Adds the streamable HTTP endpoint to a router: POST, GET and DELETE. The server and its sessions live as long as the
/// router's routes.
void mount(net::Router& router, Server server, HttpOptions options = {});

}  // namespace tenon::mcp
