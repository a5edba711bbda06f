// tenon mcp serve: knowledge bases, tools and answers from them as an MCP server.
#include "mcp_serve.hpp"

#include <fmt/format.h>

#include <csignal>

#include "mcp_offer.hpp"
#include "options.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> bases, tools;
    bool ask = false, http = false;
    std::string host, path = "/mcp";
    int port = -1;
    std::vector<std::string> keys, hosts;
    RemoteFlags remote;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("--from,-f", o.bases, "knowledge base to search (repeatable); without it, every one there is");
    sub.add_option(
        "--tool,-t", o.tools,
        "calculator, fetch, python, files=FOLDER, sql=FILE or sql=postgresql://…, web_search=PROVIDER (repeatable); "
        "without it, calculator");
    sub.add_flag("--ask", o.ask, "also a tool that answers questions from each base, with citations, by --model");
    o.remote.declare(sub);
    sub.add_flag("--http", o.http, "serve over streamable HTTP rather than standard input and output");
    sub.add_option("--host", o.host, "address to listen on (127.0.0.1); 0.0.0.0 opens it to the network");
    sub.add_option("--port,-p", o.port, "port (8080); 0 picks a free one")->check(in_range(0, 65535));
    sub.add_option("--path", o.path, "of the endpoint (/mcp)");
    sub.add_option("--key", o.keys, "bearer token clients must show (repeatable; better in TENON_SERVER_KEYS)");
    sub.add_option("--allow-host", o.hosts, "name this server is reached by, beside localhost; * for any (repeatable)");
}

/// Until Ctrl-C or SIGTERM, which are blocked in every thread.
Result<void> serve_http(Context& context, const mcp::Server& server, const Options& o, const sigset_t& signals) {
    const auto& settings = context.settings();
    net::HttpServerOptions options;
    options.host = o.host.empty() ? settings.host : o.host;
    options.port = static_cast<std::uint16_t>(o.port >= 0 ? o.port : settings.port);
    mcp::HttpOptions mount;
    mount.path = o.path;
    mount.tokens = o.keys.empty() ? settings.server_keys : o.keys;
    if (!o.hosts.empty()) {
        mount.hosts = o.hosts;
        for (const auto* own : {"localhost", "127.0.0.1", "::1"}) mount.hosts.emplace_back(own);
    }
    net::Router router;
    mcp::mount(router, server, mount);
    TENON_TRY(const auto http, net::HttpServer::start(context.runtime().executor(), options, std::move(router)));
    print_line(fmt::format("serving on {}{}", http->url(), o.path));
    int which = 0;
    sigwait(&signals, &which);
    sync_wait(context.runtime(), http->shutdown(std::chrono::milliseconds(1000)));
    return {};
}

Result<void> run(Context& context, const Options& o) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    if (o.http) pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread starts
    o.remote.apply(context.settings());
    TENON_TRY(const auto offer, McpOffer::make(context, {o.bases, o.tools, o.ask}));
    const mcp::Server& server = offer->server();

    if (o.http) return serve_http(context, server, o, signals);
    const InterruptGuard interrupt;
    const CallOptions call{{}, interrupt.token()};
    auto served = sync_wait(context.runtime(), mcp::serve_stdio(server, call));
    if (!served && served.error().code() == ErrorCode::cancelled) return {};
    return served;
}

}  // namespace

void add_mcp_serve(CommandLine& mcp, Command& chosen) {
    add_command<Options>(mcp, chosen, "serve", "offer knowledge bases and tools to MCP clients", declare, run);
}

}  // namespace tenon::app
