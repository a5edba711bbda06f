// tenon mcp serve: knowledge bases, tools and answers from them as an MCP server.
#include "mcp_serve.hpp"

#include <fmt/format.h>

#include <boost/describe/class.hpp>
#include <csignal>

#include "knowledge.hpp"
#include "options.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/rag/answer.hpp"

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
    sub.add_option("--tool,-t", o.tools,
                   "calculator, fetch, python, files=FOLDER, sql=FILE (repeatable); without it, calculator");
    sub.add_flag("--ask", o.ask, "also a tool that answers questions from each base, with citations, by --model");
    o.remote.declare(sub);
    sub.add_flag("--http", o.http, "serve over streamable HTTP rather than standard input and output");
    sub.add_option("--host", o.host, "address to listen on (127.0.0.1); 0.0.0.0 opens it to the network");
    sub.add_option("--port,-p", o.port, "port (8080); 0 picks a free one")->check(in_range(0, 65535));
    sub.add_option("--path", o.path, "of the endpoint (/mcp)");
    sub.add_option("--key", o.keys, "bearer token clients must show (repeatable; better in TENON_SERVER_KEYS)");
    sub.add_option("--allow-host", o.hosts, "name this server is reached by, beside localhost; * for any (repeatable)");
}

struct Question {
    std::string question;
};
BOOST_DESCRIBE_STRUCT(Question, (), (question))

/// What a client gets from `ask_NAME`.
struct Cited {
    std::string source, text;
};
BOOST_DESCRIBE_STRUCT(Cited, (), (source, text))
struct Answer {
    std::string answer;
    bool answerable = false;
    std::vector<Cited> citations;
};
BOOST_DESCRIBE_STRUCT(Answer, (), (answer, answerable, citations))

task<Result<Answer>> ask(std::shared_ptr<const rag::Answerer> answerer, std::string question,
                         mcp::RequestContext context) {
    rag::AnswerOptions options;
    TENON_CO_TRY(auto answer, co_await answerer->answer(std::move(question), options, context.call()));
    Answer out;
    out.answer = std::move(answer.text);
    out.answerable = answer.answerable;
    for (auto& c : answer.citations) out.citations.push_back({std::move(c.source), std::move(c.text)});
    co_return out;
}

Result<void> add_base(Context& context, mcp::Server& server, const std::string& name, const Options& o) {
    TENON_TRY(const auto store, context.store());
    OpenBase base;
    if (auto opened = open_base(context, name)) {
        base = std::move(*opened);
    } else {
        // Without its embedder the words can still be searched.
        TENON_TRY(base.base, store->get(name));
        note(fmt::format("{}: searched without vectors: {}", name, opened.error().describe()));
    }
    server.knowledge_base(name, base.base, base.embedder);
    if (!o.ask) return {};
    TENON_TRY(const auto model, context.chat_model(""));
    const auto retriever =
        std::make_shared<const rag::Retriever>(base.base, base.embedder, context.runtime().blocking_executor());
    const auto answerer = std::make_shared<const rag::Answerer>(retriever, model);
    server.tool<Question>("ask_" + name,
                          fmt::format("Answers a question from the documents of '{}', with citations", name),
                          [answerer](Question given, mcp::RequestContext request) {
                              return ask(answerer, std::move(given.question), std::move(request));
                          });
    return {};
}

Result<void> add_tool(Context& context, mcp::Server& server, const std::string& given) {
    namespace tools = agent::tools;
    const auto equals = given.find('=');
    const auto name = given.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : given.substr(equals + 1);
    if (name == "calculator") {
        server.with(tools::calculator());
    } else if (name == "fetch") {
        server.with(tools::fetch(context.runtime().executor()));
    } else if (name == "python") {
        TENON_TRY(auto sandbox, agent::Sandbox::open());
        server.with(tools::python(std::move(sandbox), context.runtime().blocking_executor()));
    } else if (name == "files" && !value.empty()) {
        TENON_TRY(auto files, tools::files(value));
        server.with(std::move(files));
    } else if (name == "sql" && !value.empty()) {
        TENON_TRY(auto sql, tools::sql(value, context.runtime().blocking_executor()));
        server.with(std::move(sql));
    } else {
        return fail(
            ErrorCode::invalid_argument,
            fmt::format("'{}' is no tool; there are calculator, fetch, python, files=FOLDER and sql=FILE", given));
    }
    return {};
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
    mcp::ServerOptions options;
    options.instructions = "Tools of Tenon. search_NAME finds passages in a knowledge base; cite their sources.";
    mcp::Server server({"tenon", TENON_VERSION, "Tenon"}, std::move(options));
    auto bases = o.bases;
    if (bases.empty()) {
        TENON_TRY(const auto store, context.store());
        TENON_TRY(const auto all, store->list());
        for (const auto& base : all)
            if (base.problem.empty()) bases.push_back(base.name);
    }
    for (const auto& name : bases) TENON_CHECK(add_base(context, server, name, o));
    auto tools = o.tools;
    if (tools.empty()) tools.emplace_back("calculator");
    for (const auto& tool : tools) TENON_CHECK(add_tool(context, server, tool));

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
