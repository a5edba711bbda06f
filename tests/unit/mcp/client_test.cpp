// The client: against a server session of ours in the same process, against scripted peers, and over HTTP.
#include "tenon/mcp/client.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <thread>

#include "fake/scripted_model.hpp"
#include "mcp/client/link.hpp"
#include "mcp/transport/challenge.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::mcp {
namespace {

struct Name {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Name, (), (name))

task<Result<std::string>> greet(Name, RequestContext context) {
    TENON_CO_TRY(const auto who, co_await context.elicit<Name>("What is your name?", "name"));
    if (!who) co_return std::string("Hello, whoever you are");
    SamplingRequest request;
    SamplingMessage message;
    message.content.emplace_back(TextContent{"Rhyme with " + who->name});
    request.messages.push_back(std::move(message));
    TENON_CO_TRY(const auto sample, co_await context.sample(std::move(request), "rhyme"));
    TENON_CO_TRY(const auto roots, co_await context.roots("roots"));
    co_return "Hello, " + who->name + ", " + std::get<TextContent>(sample.content.at(0)).text + ", " + roots.at(0).uri;
}
task<Result<std::string>> wait_for_stop(std::shared_ptr<Signal> begun, std::shared_ptr<Signal> ended,
                                        RequestContext context) {
    context.progress(1, 2, "waiting");
    begun->ring();
    Signal never;
    (void)co_await never.wait(context.call());
    ended->ring();
    co_return std::string("done");
}

struct Fixture {
    std::shared_ptr<Signal> begun = std::make_shared<Signal>(), ended = std::make_shared<Signal>();
    Server server{Implementation{"test", "2.0"}, ServerOptions{"Use it well."}};
    Fixture() {
        server.with(agent::tools::calculator());
        server.tool<Name>("greet", "Greets", greet);
        server.tool<Name>("wait", "Waits", [b = begun, e = ended](Name, RequestContext context) {
            return wait_for_stop(b, e, std::move(context));
        });
        server.tool<Name>("say.it/loud", "Shouts", [](Name given, RequestContext) { return given.name + "!"; });
        server.resource(Resource{"a://b", "b"}, "text");
        server.prompt(Prompt{"p", "", "", {{"x", "", true}}},
                      [](std::map<std::string, std::string> a, RequestContext) -> task<Result<PromptResult>> {
                          PromptResult out;
                          out.messages.push_back({Speaker::user, TextContent{a["x"]}});
                          co_return out;
                      });
    }
};

ClientOptions able_client() {
    ClientOptions options;
    options.on_elicit = [](ElicitRequest, CallOptions) -> task<Result<ElicitResult>> {
        co_return ElicitResult{ElicitResult::Action::accept, R"({"name":"Ada"})"};
    };
    const auto model = fake::scripted_model();
    model->reply("a cicada");
    options.on_sample = sample_with(model);
    options.roots.emplace();
    options.roots->push_back({"file:///work", ""});
    return options;
}

/// Everything a client can ask, whatever the way it got there.
void use(Runtime& runtime, Client& client, bool asks = true) {
    EXPECT_EQ(client.server().name, "test");
    EXPECT_EQ(client.instructions(), "Use it well.");
    const auto tools = sync_wait(runtime, client.tools());
    ASSERT_TRUE(tools) << tools.error().describe();
    ASSERT_EQ(tools->size(), 4U);
    EXPECT_EQ((*tools)[3].name, "say.it/loud");
    auto result = sync_wait(runtime, client.call_tool("calculator", R"({"expression":"6*7"})"));
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(text_of(result->content), "42");
    EXPECT_FALSE(result->is_error);
    result = sync_wait(runtime, client.call_tool("calculator", R"({"expression":"6*"})"));
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->is_error);
    EXPECT_EQ(sync_wait(runtime, client.call_tool("nothing")).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(sync_wait(runtime, client.call_tool("calculator", "[]")).error().code(), ErrorCode::invalid_argument);
    if (asks) {
        result = sync_wait(runtime, client.call_tool("greet", R"({"name":""})"));
        ASSERT_TRUE(result) << result.error().describe();
        EXPECT_EQ(text_of(result->content), "Hello, Ada, a cicada, file:///work");
    }
    const auto contents = sync_wait(runtime, client.read("a://b"));
    ASSERT_TRUE(contents) << contents.error().describe();
    EXPECT_EQ(contents->at(0).data, "text");
    EXPECT_FALSE(sync_wait(runtime, client.read("a://c")));
    std::map<std::string, std::string> arguments{{"x", "1"}};
    const auto prompt = sync_wait(runtime, client.prompt("p", arguments));
    ASSERT_TRUE(prompt) << prompt.error().describe();
    EXPECT_EQ(std::get<TextContent>(prompt->messages.at(0).content).text, "1");
    EXPECT_TRUE(sync_wait(runtime, client.ping()));
}

/// A client and a server joined by a pair of sockets.
class Joined {
  public:
    explicit Joined(const Server& server) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
        const int out = ::dup(ends_[1]);
        serving_ = std::thread([this, server, out] {
            (void)sync_wait(runtime, serve_descriptors(server, ends_[1], out, CallOptions{{}, stop_.get_token()}));
        });
    }
    ~Joined() {
        stop_.request_stop();
        serving_.join();
    }
    Result<ClientPtr> connect(ClientOptions options) {
        auto link = descriptor_link(runtime.executor(), ends_[0], ::dup(ends_[0]));
        return sync_wait(runtime, open_client(std::move(link), std::move(options), CallOptions()));
    }
    Runtime runtime;

  private:
    int ends_[2] = {-1, -1};
    std::stop_source stop_;
    std::thread serving_;
};

TEST(McpClient, SpeaksEveryRevisionWithOurServer) {
    for (const auto revision :
         {Revision::v2024_11_05, Revision::v2025_06_18, Revision::v2025_11_25, Revision::v2026_07_28}) {
        const Fixture fixture;
        Joined joined(fixture.server);
        auto options = able_client();
        options.revision = revision;
        const auto client = joined.connect(std::move(options));
        ASSERT_TRUE(client) << client.error().describe();
        EXPECT_EQ((*client)->revision(), revision);
        use(joined.runtime, **client);
        sync_wait(joined.runtime, (*client)->close());
        EXPECT_FALSE(sync_wait(joined.runtime, (*client)->ping()));
    }
}

TEST(McpClient, TellsTheServerToStop) {
    for (const auto revision : {Revision::v2025_11_25, Revision::v2026_07_28}) {
        Fixture fixture;
        Joined joined(fixture.server);
        ClientOptions options;
        options.revision = revision;
        const auto client = joined.connect(options);
        ASSERT_TRUE(client) << client.error().describe();
        std::stop_source stop;
        std::atomic<int> told{0};
        RequestOptions request(CallOptions{{}, stop.get_token()});
        request.on_progress = [&](Progress p) {
            told = p.total == 2.0 ? 1 : 2;
            stop.request_stop();
        };
        const auto result = sync_wait(joined.runtime, (*client)->call_tool("wait", R"({"name":""})", request));
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code(), ErrorCode::cancelled);
        EXPECT_TRUE(sync_wait(joined.runtime, fixture.ended->wait(CallOptions::within(std::chrono::seconds(30)))));
        EXPECT_EQ(told, 1);
        EXPECT_TRUE(sync_wait(joined.runtime, (*client)->ping()));  // the connection goes on
        sync_wait(joined.runtime, (*client)->close());
    }
}

TEST(McpClient, GivesItsToolsToAgents) {
    const Fixture fixture;
    Joined joined(fixture.server);
    const auto client = joined.connect(ClientOptions());
    ASSERT_TRUE(client);
    auto tools = sync_wait(joined.runtime, tools_of(*client));
    ASSERT_TRUE(tools) << tools.error().describe();
    EXPECT_EQ(tools->at(3).name(), "say_it_loud");  // what models take
    const auto model = fake::scripted_model();
    model->reply(fake::Script().calls("say_it_loud", R"({"name":"hey"})")).reply("It said hey!");
    auto agent = agent::Agent{model}.with(std::move(*tools));
    auto run = agent.run("Shout hey");
    const auto answer = sync_wait(joined.runtime, run.answer());
    ASSERT_TRUE(answer) << answer.error().describe();
    EXPECT_EQ(answer->text, "It said hey!");
    EXPECT_EQ(std::get<llm::ToolResultPart>(answer->state.messages.at(2).content.at(0)).content, "hey!");
    sync_wait(joined.runtime, (*client)->close());
}

/// A server that says what the test tells it to: one line for each line it reads.
class Scripted {
  public:
    explicit Scripted(std::vector<std::string> lines) {
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends_), 0);
        talking_ = std::thread([this, lines = std::move(lines)] {
            for (const auto& line : lines) {
                char c = 0;
                while (::read(ends_[1], &c, 1) == 1 && c != '\n') {
                }
                const auto text = line + "\n";
                for (const char byte : text)  // as badly cut as can be
                    if (::send(ends_[1], &byte, 1, MSG_NOSIGNAL) != 1) break;
            }
            ::shutdown(ends_[1], SHUT_RDWR);
        });
    }
    ~Scripted() {
        talking_.join();
        ::close(ends_[1]);
    }
    Result<ClientPtr> connect(ClientOptions options = ClientOptions()) {
        auto link = descriptor_link(runtime.executor(), ends_[0], ::dup(ends_[0]));
        return sync_wait(runtime, open_client(std::move(link), std::move(options), CallOptions()));
    }
    Runtime runtime;

  private:
    int ends_[2] = {-1, -1};
    std::thread talking_;
};

constexpr auto unknown = R"({"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}})";
constexpr auto hello =
    R"({"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"old","version":"1"}}})";

TEST(McpClient, FallsBackToTheHandshake) {
    Scripted server(
        {unknown, hello, "", R"({"jsonrpc":"2.0","id":3,"result":{"tools":[{"name":"t","inputSchema":{}}]}})"});
    const auto client = server.connect();
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ((*client)->revision(), Revision::v2025_06_18);
    const auto tools = sync_wait(server.runtime, (*client)->tools());
    ASSERT_TRUE(tools) << tools.error().describe();
    EXPECT_EQ(tools->at(0).name, "t");
    // The script is over: the server has gone.
    EXPECT_EQ(sync_wait(server.runtime, (*client)->tools()).error().code(), ErrorCode::unavailable);
}

TEST(McpClient, SurvivesPeersThatTalkNonsense) {
    for (const std::string answer :
         {R"({"jsonrpc":"2.0","id":2,"result":{}})", R"({"jsonrpc":"2.0","id":2,"result":{"protocolVersion":7}})",
          R"({"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"1999-01-01"}})",
          R"({"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2025-06-18","capabilities":[]}})",
          R"({"jsonrpc":"2.0","id":2,"error":{"code":-32603,"message":"no"}})"}) {
        Scripted server({unknown, answer});
        EXPECT_FALSE(server.connect()) << answer;
    }
    Scripted silent({});
    const auto gone = silent.connect();
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code(), ErrorCode::unavailable);
    // Lines that are no message, answers nobody asked for and results of the wrong shape.
    Scripted noisy({unknown,
                    std::string("npm notice\n{}\n[1]\n{\"jsonrpc\":\"2.0\",\"id\":99,\"result\":{}}\n") + hello, "",
                    R"({"jsonrpc":"2.0","id":3,"result":{"tools":[{"title":"nameless"}]}})"});
    const auto client = noisy.connect();
    ASSERT_TRUE(client) << client.error().describe();
    const auto tools = sync_wait(noisy.runtime, (*client)->tools());
    ASSERT_FALSE(tools);
    EXPECT_EQ(tools.error().code(), ErrorCode::protocol);
}

TEST(McpClient, EndsListingsThatHaveNone) {
    std::vector<std::string> lines{unknown, hello, ""};
    for (int i = 3; i < 1100; ++i)
        lines.push_back(R"({"jsonrpc":"2.0","id":)" + std::to_string(i) +
                        R"(,"result":{"tools":[],"nextCursor":"x"}})");
    Scripted server(std::move(lines));
    const auto client = server.connect();
    ASSERT_TRUE(client) << client.error().describe();
    const auto tools = sync_wait(server.runtime, (*client)->tools());
    ASSERT_FALSE(tools);
    EXPECT_EQ(tools.error().code(), ErrorCode::protocol);
    sync_wait(server.runtime, (*client)->close());
}

TEST(McpProgram, SaysWhyItDidNotStart) {
    Runtime runtime;
    auto client = sync_wait(runtime, connect(Command{{"no-such-program-anywhere"}}));
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code(), ErrorCode::not_found);
    EXPECT_FALSE(sync_wait(runtime, connect(Command{})));
    client = sync_wait(runtime, connect(Command{{"sh", "-c", "echo it is broken >&2; exit 3"}}));
    ASSERT_FALSE(client);
    EXPECT_EQ(client.error().code(), ErrorCode::unavailable);
}

TEST(McpProgram, GetsItsEnvironmentAndFolder) {
    Runtime runtime;
    Command command{
        {"sh", "-c",
         R"(read line; printf '{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{},"instructions":"%s %s"}}\n' "$GREETING" "$PWD"; cat >/dev/null)"}};
    command.environment.emplace_back("GREETING", "hello");
    command.folder = "/";
    const auto client = sync_wait(runtime, connect(std::move(command)));
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ((*client)->instructions(), "hello /");
    sync_wait(runtime, (*client)->close());
}

/// Our server over HTTP.
struct Web {
    explicit Web(const Server& server, HttpOptions options = HttpOptions()) {
        net::Router router;
        mount(router, server, std::move(options));
        net::HttpServerOptions http_options;
        http_options.port = 0;
        web = net::HttpServer::start(runtime.executor(), http_options, std::move(router)).value();
        http = std::make_shared<net::HttpClient>(runtime.executor());
    }
    ~Web() { sync_wait(runtime, web->shutdown(std::chrono::milliseconds(0))); }
    Result<ClientPtr> connect(ClientOptions options, std::string token = {}, Authorizer authorize = {}) {
        Endpoint endpoint;
        endpoint.url = web->url() + "/mcp";
        endpoint.token = std::move(token);
        endpoint.authorize = std::move(authorize);
        return sync_wait(runtime, mcp::connect(std::move(endpoint), http, std::move(options)));
    }
    net::ClientResponse send(net::ClientRequest request) {
        if (request.url.empty()) request.url = web->url() + "/mcp";
        auto response = sync_wait(runtime, http->send(std::move(request)));
        EXPECT_TRUE(response) << response.error().describe();
        return response ? std::move(*response) : net::ClientResponse();
    }
    net::ClientResponse post(std::string body, net::Headers headers = {}) {
        net::ClientRequest request;
        request.method = "POST";
        request.headers = std::move(headers);
        if (!request.headers.contains("Content-Type")) request.headers.set("Content-Type", "application/json");
        request.body = std::move(body);
        return send(std::move(request));
    }
    Runtime runtime;
    std::unique_ptr<net::HttpServer> web;
    std::shared_ptr<net::HttpClient> http;
};

TEST(McpHttp, SpeaksBothWaysInBothEras) {
    for (const auto revision : {Revision::v2025_03_26, Revision::v2025_11_25, Revision::v2026_07_28}) {
        const Fixture fixture;
        Web web(fixture.server);
        auto options = able_client();
        options.revision = revision;
        const auto client = web.connect(std::move(options));
        ASSERT_TRUE(client) << client.error().describe();
        use(web.runtime, **client);
        sync_wait(web.runtime, (*client)->close());
    }
}

TEST(McpHttp, ClosingTheStreamCancelsAStatelessRequest) {
    Fixture fixture;
    Web web(fixture.server);
    const auto client = web.connect(ClientOptions());
    ASSERT_TRUE(client) << client.error().describe();
    std::stop_source stop;
    std::thread canceller([&] {
        (void)sync_wait(web.runtime, fixture.begun->wait(CallOptions::within(std::chrono::seconds(30))));
        stop.request_stop();
    });
    RequestOptions request(CallOptions{{}, stop.get_token()});
    request.on_progress = [](Progress) {};
    const auto result = sync_wait(web.runtime, (*client)->call_tool("wait", R"({"name":""})", request));
    canceller.join();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::cancelled);
    EXPECT_TRUE(sync_wait(web.runtime, fixture.ended->wait(CallOptions::within(std::chrono::seconds(30)))));
}

TEST(McpHttp, HearsOfChanges) {
    for (const auto revision : {Revision::v2025_11_25, Revision::v2026_07_28}) {
        Fixture fixture;
        Web web(fixture.server);
        ClientOptions options;
        options.revision = revision;
        const auto heard = std::make_shared<Signal>();
        options.on_change = [heard](Changed changed) {
            if (changed.what == Changed::What::tools) heard->ring();
        };
        const auto client = web.connect(std::move(options));
        ASSERT_TRUE(client) << client.error().describe();
        // The stream for changes opens by and by: changes go on until one is heard.
        bool told = false;
        for (int i = 0; i < 300 && !told; ++i) {
            fixture.server.tool<Name>("new", "", [](Name, RequestContext) { return std::string(); });
            told = sync_wait(web.runtime, heard->wait(CallOptions::within(std::chrono::milliseconds(100)))).has_value();
        }
        EXPECT_TRUE(told) << to_string(revision);
        sync_wait(web.runtime, (*client)->close());
    }
}

TEST(McpHttp, LetsInWhoShowsAToken) {
    const Fixture fixture;
    HttpOptions options;
    options.tokens = {"sesame"};
    options.authorization_servers = {"https://auth.example"};
    options.scopes = {"tools"};
    options.verify = [](std::string token) -> task<Result<std::string>> {
        if (token == "weak") co_return fail(ErrorCode::permission_denied, "the scope tools is missing");
        if (token != "fresh") co_return fail(ErrorCode::unauthenticated, "unknown");
        co_return std::string("somebody");
    };
    Web web(fixture.server, options);
    const auto refused = web.connect(ClientOptions());
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), ErrorCode::unauthenticated);
    EXPECT_EQ(web.connect(ClientOptions(), "weak").error().code(), ErrorCode::permission_denied);
    EXPECT_TRUE(web.connect(ClientOptions(), "sesame"));
    // A client that can get a token is told where.
    std::string asked;
    const auto client =
        web.connect(ClientOptions(), "stale", [&](Challenge challenge, CallOptions) -> task<Result<std::string>> {
            asked = challenge.resource_metadata + " " + challenge.scope + " " + challenge.error;
            co_return std::string("fresh");
        });
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ(asked, web.web->url() + "/.well-known/oauth-protected-resource/mcp tools invalid_token");
    net::ClientRequest request;
    request.url = asked.substr(0, asked.find(' '));
    const auto metadata = json::parse(web.send(request).body).value();
    EXPECT_EQ(json::string_or(metadata, "resource", ""), web.web->url() + "/mcp");
}

TEST(McpHttp, RefusesWhatIsNotForIt) {
    const Fixture fixture;
    Web web(fixture.server);
    const std::string ping = R"({"jsonrpc":"2.0","id":1,"method":"ping"})";
    EXPECT_EQ(web.post(ping, {{"Host", "evil.example"}}).status, 403);
    EXPECT_EQ(web.post(ping, {{"Origin", "http://evil.example"}}).status, 403);
    EXPECT_EQ(web.post(ping, {{"Content-Type", "text/plain"}}).status, 415);
    EXPECT_EQ(web.post("{").status, 400);
    EXPECT_EQ(web.post("[" + ping + "]").status, 400);
    EXPECT_EQ(web.post(ping).status, 400);                                   // no session
    EXPECT_EQ(web.post(ping, {{"Mcp-Session-Id", "made-up"}}).status, 404);  // no such session
    EXPECT_EQ(web.post(ping, {{"MCP-Protocol-Version", "1999-01-01"}}).status, 400);
    net::ClientRequest get;
    get.method = "GET";
    EXPECT_EQ(web.send(get).status, 405);
    const std::string list =
        R"({"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}})";
    const net::Headers good{{"MCP-Protocol-Version", "2026-07-28"}, {"Mcp-Method", "tools/list"}};
    EXPECT_EQ(web.post(list, good).status, 200);
    EXPECT_EQ(web.post(list).status, 400);  // the headers must say what the body says
    auto other = good;
    other.set("Mcp-Method", "tools/call");
    EXPECT_EQ(web.post(list, other).status, 400);
}

using Writer = std::shared_ptr<net::ResponseWriter>;

task<Result<void>> answer(Writer writer, int status, std::string type, std::string body) {
    net::Headers headers;
    headers.set("Content-Type", std::move(type));
    TENON_CO_CHECK(co_await writer->start(status, std::move(headers)));
    TENON_CO_CHECK(co_await writer->write(std::move(body)));
    co_return co_await writer->finish();
}

/// A server whose answer to a tool call breaks off after its first event; the rest comes to who asks with that event's
/// id.
task<Result<void>> breaks_off(net::HttpRequest request, Writer writer, net::CallContext) {
    const std::string events = "text/event-stream";
    if (request.method == "GET") {
        const auto last = request.headers.find("last-event-id");
        if (last != "cut-1") co_return co_await answer(writer, 405, "text/plain", "no");
        co_return co_await answer(
            writer, 200, events,
            "id: cut-2\ndata: "
            "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"late\"}]}}\n\n");
    }
    if (request.body.find("\"initialize\"") != std::string::npos)
        co_return co_await answer(
            writer, 200, "application/json",
            R"({"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}})");
    if (request.body.find("tools/call") != std::string::npos)
        co_return co_await answer(writer, 200, events, "id: cut-1\nretry: 10\ndata: \n\n");
    co_return co_await answer(writer, 202, "text/plain", "");
}

TEST(McpHttp, TakesUpAStreamThatBrokeOff) {
    Runtime runtime;
    net::Router router;
    router.add_streaming("POST", "/mcp", breaks_off);
    router.add_streaming("GET", "/mcp", breaks_off);
    net::HttpServerOptions web_options;
    web_options.port = 0;
    const auto web = net::HttpServer::start(runtime.executor(), web_options, std::move(router)).value();
    const auto http = std::make_shared<net::HttpClient>(runtime.executor());
    ClientOptions options;
    options.revision = Revision::v2025_11_25;
    Endpoint endpoint;
    endpoint.url = web->url() + "/mcp";
    const auto client = sync_wait(runtime, connect(endpoint, http, options));
    ASSERT_TRUE(client) << client.error().describe();
    const auto result = sync_wait(runtime, (*client)->call_tool("t"));
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(text_of(result->content), "late");
    sync_wait(runtime, (*client)->close());
    sync_wait(runtime, web->shutdown(std::chrono::milliseconds(0)));
}

TEST(McpHttp, EndsSessionsThatAreTooMany) {
    const Fixture fixture;
    HttpOptions options;
    options.max_sessions = 1;
    Web web(fixture.server, options);
    ClientOptions old;
    old.revision = Revision::v2025_11_25;
    const auto first = web.connect(old);
    const auto second = web.connect(old);
    ASSERT_TRUE(first && second);
    const auto gone = sync_wait(web.runtime, (*first)->ping());
    ASSERT_FALSE(gone);
    EXPECT_EQ(gone.error().code(), ErrorCode::unavailable);
    EXPECT_TRUE(sync_wait(web.runtime, (*second)->ping()));
}

TEST(McpChallenge, ReadsWhatServersSay) {
    net::Headers headers;
    headers.add("WWW-Authenticate",
                R"(Basic realm="x", Bearer error="invalid_token", scope="a b" , resource_metadata="https://x/y")");
    const auto challenge = read_challenge(401, headers);
    EXPECT_EQ(challenge.error, "invalid_token");
    EXPECT_EQ(challenge.scope, "a b");
    EXPECT_EQ(challenge.resource_metadata, "https://x/y");
    for (const auto* text :
         {"", "Bearer", "Bearer ,,,", "Bearer a=", "Bearer a=\"", "=\"\\", "Bearer scope=\"a\\\"b\""}) {
        net::Headers odd;
        odd.add("WWW-Authenticate", text);
        (void)read_challenge(401, odd);
    }
}

}  // namespace
}  // namespace tenon::mcp
