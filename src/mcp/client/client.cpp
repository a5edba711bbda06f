#include "tenon/mcp/client.hpp"

#include <fmt/format.h>

#include <boost/asio/this_coro.hpp>

#include "mcp/client/link.hpp"
#include "mcp/client/session.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

constexpr int most_pages = 1000;

class SessionClient final : public Client {
  public:
    SessionClient(std::shared_ptr<Link> link, std::shared_ptr<ClientSession> session)
        : link_(std::move(link)), session_(std::move(session)) {}
    ~SessionClient() override { session_->close(Error(ErrorCode::cancelled, "the MCP client is closed")); }

    const Implementation& server() const noexcept override { return session_->server; }
    const ServerCapabilities& can() const noexcept override { return session_->can; }
    const std::string& instructions() const noexcept override { return session_->instructions; }
    Revision revision() const noexcept override { return session_->revision().value_or(latest_revision); }

    task<Result<std::vector<ToolInfo>>> tools(CallOptions options) override {
        const auto session = session_;
        const auto link = link_;
        auto all = co_await list<ToolInfo>(session, "tools/list", "tools", std::move(options));
        if (!all || !link->has_headers()) co_return all;
        std::vector<ToolInfo> usable;
        std::map<std::string, std::vector<wire::ParameterHeader>> headers;
        for (auto& tool : *all) {
            auto marked = wire::parameter_headers(wire::parsed(tool.input_schema));
            if (!marked) {
                if (const auto& log = session->options().log)
                    log(tenon::LogLevel::warning, "mcp",
                        fmt::format("the tool {} is left out: {}", tool.name, marked.error().message()));
                continue;
            }
            headers[tool.name] = std::move(*marked);
            usable.push_back(std::move(tool));
        }
        const std::scoped_lock lock(mutex_);
        headers_ = std::move(headers);
        listed_ = true;
        co_return usable;
    }
    task<Result<std::vector<Resource>>> resources(CallOptions options) override {
        return list<Resource>(session_, "resources/list", "resources", std::move(options));
    }
    task<Result<std::vector<ResourceTemplate>>> resource_templates(CallOptions options) override {
        return list<ResourceTemplate>(session_, "resources/templates/list", "resourceTemplates", std::move(options));
    }
    task<Result<std::vector<Prompt>>> prompts(CallOptions options) override {
        return list<Prompt>(session_, "prompts/list", "prompts", std::move(options));
    }

    task<Result<ToolResult>> call_tool(std::string name, std::string arguments, RequestOptions options) override {
        const auto session = session_;
        auto given = json::parse(arguments.empty() ? "{}" : arguments);
        if (!given || !given->is_object())
            co_return fail(ErrorCode::invalid_argument, "the arguments of a tool must be a JSON object");
        const bool marked = link_->has_headers() && is_stateless(revision());
        for (int attempt = 0;; ++attempt) {
            net::Headers headers;
            if (marked) {
                // Which arguments travel as headers is told by the listing.
                bool listed = false;
                {
                    const std::scoped_lock lock(mutex_);
                    listed = listed_;
                }
                if (!listed || attempt > 0) {
                    auto fresh = co_await tools(options.call);
                    if (!fresh && attempt > 0) co_return std::unexpected(std::move(fresh).error());
                }
                headers = headers_for(name, *given);
            }
            json::Object params{{"name", name}, {"arguments", *given}};
            auto result = co_await session->converse("tools/call", std::move(params), options, std::move(headers));
            if (!result && marked && attempt == 0 &&
                result.error().message().ends_with(fmt::format("({})", rpc::header_mismatch)))
                continue;
            if (!result) co_return std::unexpected(std::move(result).error());
            co_return read<ToolResult>(std::move(*result), "tools/call");
        }
    }
    task<Result<std::vector<ResourceContents>>> read(std::string uri, RequestOptions options) override {
        const auto session = session_;
        json::Object params{{"uri", std::move(uri)}};
        TENON_CO_TRY(auto result, co_await session->converse("resources/read", std::move(params), std::move(options)));
        auto contents = wire::read_all<ResourceContents>(json::Value(std::move(result)), "contents");
        if (!contents)
            co_return fail(ErrorCode::protocol, "the MCP server's answer to resources/read makes no sense",
                           contents.error());
        co_return std::move(*contents);
    }
    task<Result<PromptResult>> prompt(std::string name, std::map<std::string, std::string> arguments,
                                      RequestOptions options) override {
        const auto session = session_;
        json::Object params{{"name", std::move(name)}};
        if (!arguments.empty()) {
            json::Object given;
            for (auto& [key, value] : arguments) given[key] = value;
            params["arguments"] = std::move(given);
        }
        TENON_CO_TRY(auto result, co_await session->converse("prompts/get", std::move(params), std::move(options)));
        co_return read<PromptResult>(std::move(result), "prompts/get");
    }
    task<Result<CompletionResult>> complete(CompletionRequest request, CallOptions options) override {
        const auto session = session_;
        TENON_CO_TRY(auto result, co_await session->request("completion/complete", wire::write(request),
                                                            RequestOptions(std::move(options))));
        co_return read<CompletionResult>(std::move(result), "completion/complete");
    }
    task<Result<void>> ping(CallOptions options) override {
        const auto session = session_;
        const std::string method = is_stateless(revision()) ? "server/discover" : "ping";
        auto result = co_await session->request(method, json::Object(), RequestOptions(std::move(options)));
        if (!result) co_return std::unexpected(std::move(result).error());
        co_return Result<void>{};
    }
    task<void> close() override {
        const auto link = link_;
        session_->close(Error(ErrorCode::cancelled, "the MCP client is closed"));
        co_await link->close();
    }

  private:
    template <class T>
    static Result<T> read(json::Object result, std::string_view method) {
        auto value = wire::read<T>(json::Value(std::move(result)));
        if (!value)
            return fail(ErrorCode::protocol, fmt::format("the MCP server's answer to {} makes no sense", method),
                        value.error());
        return value;
    }
    template <class T>
    static task<Result<std::vector<T>>> list(std::shared_ptr<ClientSession> session, std::string method,
                                             std::string key, CallOptions options) {
        std::vector<T> out;
        std::string cursor;
        for (int page = 0; page < most_pages; ++page) {
            json::Object params;
            if (!cursor.empty()) params["cursor"] = cursor;
            TENON_CO_TRY(auto result, co_await session->request(method, std::move(params), RequestOptions(options)));
            const json::Value whole(std::move(result));
            auto some = wire::read_all<T>(whole, key);
            if (!some)
                co_return fail(ErrorCode::protocol, fmt::format("the MCP server's answer to {} makes no sense", method),
                               some.error());
            std::ranges::move(*some, std::back_inserter(out));
            cursor = json::string_or(whole, "nextCursor", "");
            if (cursor.empty()) co_return out;
        }
        co_return fail(ErrorCode::protocol, fmt::format("the MCP server's {} has no end", method));
    }
    net::Headers headers_for(const std::string& tool, const json::Value& arguments) {
        net::Headers out;
        const std::scoped_lock lock(mutex_);
        const auto at = headers_.find(tool);
        if (at == headers_.end()) return out;
        for (const auto& header : at->second)
            if (auto value = wire::header_value(header, arguments)) out.add(header.name, std::move(*value));
        return out;
    }

    const std::shared_ptr<Link> link_;
    const std::shared_ptr<ClientSession> session_;
    std::mutex mutex_;
    bool listed_ = false;
    std::map<std::string, std::vector<wire::ParameterHeader>> headers_;
};

}  // namespace

task<Result<ClientPtr>> open_client(std::shared_ptr<Link> link, ClientOptions options, CallOptions call) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto session =
        std::make_shared<ClientSession>(executor, std::move(options), [weak = std::weak_ptr(link)](Outgoing message) {
            if (const auto alive = weak.lock()) alive->send(std::move(message));
        });
    link->attach(session);
    ClientPtr client = std::make_shared<SessionClient>(link, session);
    auto opened = co_await session->open(std::move(call));
    if (!opened) {
        co_await client->close();
        co_return std::unexpected(std::move(opened).error());
    }
    co_return client;
}

task<Result<ClientPtr>> connect(Command command, ClientOptions options, CallOptions call) {
    const auto executor = co_await boost::asio::this_coro::executor;
    TENON_CO_TRY(auto link, start_program(executor, std::move(command), options.log));
    co_return co_await open_client(std::move(link), std::move(options), std::move(call));
}
task<Result<ClientPtr>> connect(Endpoint endpoint, std::shared_ptr<net::HttpClient> http, ClientOptions options,
                                CallOptions call) {
    const auto executor = co_await boost::asio::this_coro::executor;
    if (endpoint.authorize && endpoint.token.empty()) {
        Challenge first;
        first.status = 0;
        first.server = endpoint.url;
        TENON_CO_TRY(endpoint.token, co_await endpoint.authorize(std::move(first), call));
    }
    auto link = http_link(executor, std::move(endpoint), std::move(http), options.log);
    co_return co_await open_client(std::move(link), std::move(options), std::move(call));
}

}  // namespace tenon::mcp
