// The server's side, against a client that the test plays.
#include <gtest/gtest.h>

#include <boost/asio/use_future.hpp>
#include <boost/describe/class.hpp>

#include "tenon/agent/tools.hpp"
#include "tenon/mcp/server.hpp"
#include "unit/mcp/peer.hpp"

namespace tenon::mcp {
namespace {

using test::at;
using test::meta;
using test::Peer;

struct Place {
    std::string city;
};
BOOST_DESCRIBE_STRUCT(Place, (), (city))
struct Weather {
    std::string sky;
    int degrees = 0;
};
BOOST_DESCRIBE_STRUCT(Weather, (), (sky, degrees))
struct Name {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Name, (), (name))

task<Result<std::string>> greet(RequestContext context) {
    TENON_CO_TRY(const auto who, co_await context.elicit<Name>("What is your name?", "name"));
    if (!who) co_return std::string("Hello, whoever you are");
    TENON_CO_TRY(const auto again, co_await context.elicit<Name>("And your cat's?", "cat"));
    co_return "Hello, " + who->name + " and " + (again ? again->name : "no cat");
}

task<Result<std::string>> wait_for_stop(RequestContext context) {
    Signal never;
    context.progress(1, 2, "waiting");
    auto waited = co_await never.wait(context.call());
    if (!waited) co_return std::unexpected(waited.error());
    co_return std::string("done");
}

Server weather_server() {
    Server server({"weather", "1.0", "The weather"});
    server.with(agent::tools::calculator());
    server.tool<Place>("weather", "The weather now", [](Place place, RequestContext) -> Result<Weather> {
        if (place.city != "Kyiv") return fail(ErrorCode::not_found, "no such city; there is Kyiv");
        return Weather{"clear", 21};
    });
    server.tool<Name>("greet", "Greets", [](Name, RequestContext context) { return greet(std::move(context)); });
    server.tool<Name>("wait", "Waits", [](Name, RequestContext context) { return wait_for_stop(std::move(context)); });
    server.resource(Resource{"notes://today", "today"}, "buy milk");
    server.resource(ResourceTemplate{"notes://{year}/{+name}", "notes"},
                    [](std::string uri, std::map<std::string, std::string> v,
                       RequestContext) -> task<Result<std::vector<ResourceContents>>> {
                        if (v["year"] != "2026") co_return fail(ErrorCode::not_found, "nothing of that year");
                        std::vector<ResourceContents> out;
                        out.push_back({std::move(uri), "text/plain", v["name"], false});
                        co_return out;
                    });
    server.prompt(Prompt{"sum_up", "", "Sums up", {{"text", "what", true}}},
                  [](std::map<std::string, std::string> arguments, RequestContext) -> task<Result<PromptResult>> {
                      PromptResult out;
                      out.messages.push_back({Speaker::user, TextContent{"Sum up: " + arguments["text"]}});
                      co_return out;
                  });
    server.completions([](CompletionRequest request, RequestContext) -> task<Result<CompletionResult>> {
        CompletionResult out;
        for (int i = 0; i < 120; ++i) out.values.push_back(request.value + std::to_string(i));
        co_return out;
    });
    return server;
}

TEST(McpSession, ShakesHandsInEveryRevisionItKnows) {
    for (const std::string version : {"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"}) {
        Peer peer(weather_server());
        const auto answer = peer.initialize(version);
        EXPECT_EQ(at(answer, "result/protocolVersion"), json::Value(version));
        EXPECT_EQ(at(answer, "result/serverInfo/name"), json::Value("weather"));
        EXPECT_TRUE(at(answer, "result/capabilities/tools").is_object());
    }
    Peer peer(weather_server());
    EXPECT_EQ(at(peer.initialize("1999-01-01"), "result/protocolVersion"), json::Value("2025-11-25"));
    peer.forget();
    EXPECT_EQ(at(peer.initialize(), "error/code"), json::Value(-32600));  // once
}

TEST(McpSession, ServesNothingBeforeTheHandshakeButPing) {
    Peer peer(weather_server());
    EXPECT_EQ(at(peer.ask(1, "tools/list"), "error/code"), json::Value(-32600));
    EXPECT_TRUE(at(peer.ask(2, "ping"), "result").is_object());
}

TEST(McpSession, CallsTools) {
    Peer peer(weather_server());
    peer.initialize();
    const auto list = peer.ask(1, "tools/list");
    EXPECT_EQ(at(list, "result/tools/1/name"), json::Value("weather"));
    EXPECT_EQ(at(list, "result/tools/1/inputSchema/required/0"), json::Value("city"));
    EXPECT_EQ(at(list, "result/tools/1/outputSchema/properties/degrees/type"), json::Value("integer"));
    EXPECT_TRUE(at(list, "result/resultType").is_null());

    auto result = peer.ask(2, "tools/call", R"({"name":"weather","arguments":{"city":"Kyiv"}})");
    EXPECT_EQ(at(result, "result/structuredContent/degrees"), json::Value(21));
    EXPECT_EQ(at(result, "result/content/0/text"), json::Value(R"({"sky":"clear","degrees":21})"));
    result = peer.ask(3, "tools/call", R"({"name":"weather","arguments":{"city":"Rome"}})");
    EXPECT_EQ(at(result, "result/isError"), json::Value(true));
    EXPECT_EQ(at(result, "result/content/0/text"), json::Value("no such city; there is Kyiv"));
    result = peer.ask(4, "tools/call", R"({"name":"weather","arguments":{"town":"Rome"}})");
    EXPECT_EQ(at(result, "result/isError"), json::Value(true));  // for the model to mend
    result = peer.ask(5, "tools/call", R"({"name":"calculator","arguments":{"expression":"6*7"}})");
    EXPECT_EQ(at(result, "result/content/0/text"), json::Value("42"));
    EXPECT_EQ(at(peer.ask(6, "tools/call", R"({"name":"nothing"})"), "error/code"), json::Value(-32602));
    EXPECT_EQ(at(peer.ask(7, "tools/call", R"({"name":"weather","arguments":[1]})"), "error/code"),
              json::Value(-32602));
    EXPECT_EQ(at(peer.ask(8, "no/such"), "error/code"), json::Value(-32601));
}

TEST(McpSession, ReadsResources) {
    Peer peer(weather_server());
    peer.initialize();
    EXPECT_EQ(at(peer.ask(1, "resources/read", R"({"uri":"notes://today"})"), "result/contents/0/text"),
              json::Value("buy milk"));
    EXPECT_EQ(at(peer.ask(2, "resources/read", R"({"uri":"notes://2026/a%20b/c"})"), "result/contents/0/text"),
              json::Value("a b/c"));
    EXPECT_EQ(at(peer.ask(3, "resources/read", R"({"uri":"notes://2025/a"})"), "error/code"), json::Value(-32002));
    EXPECT_EQ(at(peer.ask(4, "resources/read", R"({"uri":"other://x"})"), "error/code"), json::Value(-32002));
    EXPECT_EQ(at(peer.ask(5, "resources/read", "{" + meta() + R"(,"uri":"other://x"})"), "error/code"),
              json::Value(-32602));
    EXPECT_EQ(at(peer.ask(6, "resources/templates/list"), "result/resourceTemplates/0/uriTemplate"),
              json::Value("notes://{year}/{+name}"));
}

TEST(McpSession, GivesPromptsAndCompletes) {
    Peer peer(weather_server());
    peer.initialize();
    EXPECT_EQ(at(peer.ask(1, "prompts/get", R"({"name":"sum_up","arguments":{"text":"this"}})"),
                 "result/messages/0/content/text"),
              json::Value("Sum up: this"));
    EXPECT_EQ(at(peer.ask(2, "prompts/get", R"({"name":"sum_up"})"), "error/code"), json::Value(-32602));
    const auto complete =
        peer.ask(3, "completion/complete",
                 R"({"ref":{"type":"ref/prompt","name":"sum_up"},"argument":{"name":"text","value":"a"}})");
    EXPECT_EQ(at(complete, "result/completion/values").as_array().size(), 100U);
    EXPECT_EQ(at(complete, "result/completion/hasMore"), json::Value(true));
}

TEST(McpSession, ListsInPages) {
    ServerOptions options;
    options.page_size = 2;
    Server server({"many", "1"}, options);
    for (int i = 0; i < 5; ++i)
        server.tool<Name>("tool" + std::to_string(i), "", [](Name, RequestContext) { return std::string(); });
    Peer peer(server);
    peer.initialize();
    std::string cursor;
    std::vector<std::string> names;
    for (int page = 1; page < 10; ++page) {
        const auto list = peer.ask(page, "tools/list", cursor.empty() ? "{}" : R"({"cursor":")" + cursor + "\"}");
        const auto tools = at(list, "result/tools");
        for (const auto& tool : tools.as_array()) names.emplace_back(json::string_or(tool, "name", ""));
        const auto next = at(list, "result/nextCursor");
        if (next.is_null()) break;
        cursor = next.as_string();
    }
    EXPECT_EQ(names, (std::vector<std::string>{"tool0", "tool1", "tool2", "tool3", "tool4"}));
    EXPECT_EQ(at(peer.ask(20, "tools/list", R"({"cursor":"99"})"), "error/code"), json::Value(-32602));
    EXPECT_EQ(at(peer.ask(21, "tools/list", R"({"cursor":7})"), "error/code"), json::Value(-32602));
}

TEST(McpSession, TellsProgressAndStopsWhatIsCancelled) {
    Peer peer(weather_server());
    peer.initialize();
    peer.say(
        R"({"jsonrpc":"2.0","id":"w","method":"tools/call","params":{"name":"wait","arguments":{"name":""},"_meta":{"progressToken":"t"}}})");
    const auto progress = peer.await_method("notifications/progress");
    EXPECT_EQ(at(progress, "params/progressToken"), json::Value("t"));
    EXPECT_EQ(at(progress, "params/total"), json::Value(2));
    peer.say(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"w"}})");
    peer.settle();
    // Nothing is said of a cancelled request; the session goes on.
    EXPECT_TRUE(at(peer.ask(2, "ping"), "result").is_object());
    EXPECT_TRUE(peer.await([](const json::Value& m) { return Peer::is(m, "id", 2); }).is_object());
}

TEST(McpSession, AsksTheClientAndWaits) {
    Peer peer(weather_server());
    peer.initialize("2025-11-25", R"({"elicitation":{}})");
    peer.say(R"({"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"greet","arguments":{"name":""}}})");
    auto question = peer.await_method("elicitation/create");
    EXPECT_EQ(at(question, "params/requestedSchema/properties/name/type"), json::Value("string"));
    EXPECT_EQ(at(question, "params/mode"), json::Value("form"));
    peer.forget();
    peer.say(R"({"jsonrpc":"2.0","id":)" + json::dump(at(question, "id")) +
             R"(,"result":{"action":"accept","content":{"name":"Ada"}}})");
    question = peer.await_method("elicitation/create");
    peer.say(R"({"jsonrpc":"2.0","id":)" + json::dump(at(question, "id")) + R"(,"result":{"action":"decline"}})");
    const auto answer =
        peer.await([](const json::Value& m) { return Peer::is(m, "id", 5) && json::find(m, "result") != nullptr; });
    EXPECT_EQ(at(answer, "result/content/0/text"), json::Value("Hello, Ada and no cat"));
}

TEST(McpSession, DoesNotAskClientsThatCannotAnswer) {
    Peer peer(weather_server());
    peer.initialize();
    const auto answer = peer.ask(1, "tools/call", R"({"name":"greet","arguments":{"name":""}})");
    EXPECT_EQ(at(answer, "result/isError"), json::Value(true));
    EXPECT_EQ(peer.heard("elicitation/create"), 0U);
}

TEST(McpSession, SendsMessagesOfTheLevelAsked) {
    Server server({"log", "1"});
    server.tool<Name>("log", "", [](Name, RequestContext context) {
        context.log(LogLevel::debug, "low");
        context.log(LogLevel::error, "high", "me");
        return std::string("done");
    });
    Peer peer(server);
    peer.initialize();
    (void)peer.ask(1, "logging/setLevel", R"({"level":"error"})");
    (void)peer.ask(2, "tools/call", R"({"name":"log","arguments":{"name":""}})");
    EXPECT_EQ(peer.heard("notifications/message"), 1U);
    EXPECT_EQ(at(peer.await_method("notifications/message"), "params/data"), json::Value("high"));
    EXPECT_EQ(at(peer.ask(3, "logging/setLevel", R"({"level":"loud"})"), "error/code"), json::Value(-32602));
    peer.forget();
    // Without a session only who asks for messages gets them.
    (void)peer.ask(4, "tools/call", "{" + meta() + R"(,"name":"log","arguments":{"name":""}})");
    EXPECT_EQ(peer.heard("notifications/message"), 0U);
    (void)peer.ask(5, "tools/call",
                   "{" + meta("{}", R"(,"io.modelcontextprotocol/logLevel":"debug")") +
                       R"(,"name":"log","arguments":{"name":""}})");
    EXPECT_EQ(peer.heard("notifications/message"), 2U);
}

TEST(McpSession, TellsWhoFollowsOfChanges) {
    auto server = weather_server();
    Peer peer(server);
    peer.initialize();
    (void)peer.ask(1, "resources/subscribe", R"({"uri":"notes://today"})");
    server.resource_changed("notes://other");
    server.resource_changed("notes://today");
    EXPECT_EQ(at(peer.await_method("notifications/resources/updated"), "params/uri"), json::Value("notes://today"));
    EXPECT_EQ(peer.heard("notifications/resources/updated"), 1U);
    EXPECT_TRUE(server.remove_tool("wait"));
    EXPECT_TRUE(peer.await_method("notifications/tools/list_changed").is_object());
    EXPECT_FALSE(server.remove_tool("wait"));
}

TEST(McpSession, RefusesTwoRequestsOfOneId) {
    Peer peer(weather_server());
    peer.initialize();
    peer.say(
        R"({"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"wait","arguments":{"name":""},"_meta":{"progressToken":1}}})");
    (void)peer.await_method("notifications/progress");
    EXPECT_EQ(at(peer.ask(3, "ping"), "error/code"), json::Value(-32600));
}

// From 2026-07-28 on.

TEST(McpStateless, DiscoversAndListsWithoutAHandshake) {
    Peer peer(weather_server());
    const auto discovered = peer.ask(1, "server/discover", "{" + meta() + "}");
    EXPECT_EQ(at(discovered, "result/supportedVersions/0"), json::Value("2026-07-28"));
    EXPECT_EQ(at(discovered, "result/_meta/io.modelcontextprotocol~1serverInfo/name"), json::Value("weather"));
    const auto list = peer.ask(2, "tools/list", "{" + meta() + "}");
    EXPECT_EQ(at(list, "result/resultType"), json::Value("complete"));
    EXPECT_TRUE(at(list, "result/ttlMs").is_int64());
    EXPECT_EQ(at(list, "result/cacheScope"), json::Value("private"));
    EXPECT_EQ(at(peer.ask(3, "ping", "{" + meta() + "}"), "error/code"), json::Value(-32601));
    EXPECT_EQ(at(peer.ask(4, "server/discover"), "error/code"), json::Value(-32602));
    const auto unknown = peer.ask(
        5, "tools/list",
        R"({"_meta":{"io.modelcontextprotocol/protocolVersion":"2030-01-01","io.modelcontextprotocol/clientCapabilities":{}}})");
    EXPECT_EQ(at(unknown, "error/code"), json::Value(-32022));
    EXPECT_EQ(at(unknown, "error/data/requested"), json::Value("2030-01-01"));
}

TEST(McpStateless, AsksByReturningAndIsAskedAgain) {
    Peer peer(weather_server());
    const std::string call = "{" + meta(R"({"elicitation":{}})") + R"(,"name":"greet","arguments":{"name":""})";
    const auto first = peer.ask(1, "tools/call", call + "}");
    EXPECT_EQ(at(first, "result/resultType"), json::Value("input_required"));
    EXPECT_EQ(at(first, "result/inputRequests/name/method"), json::Value("elicitation/create"));
    const auto state = [](const json::Value& m) {
        return R"(,"requestState":)" + json::dump(at(m, "result/requestState"));
    };
    const auto second = peer.ask(
        2, "tools/call",
        call + R"(,"inputResponses":{"name":{"action":"accept","content":{"name":"Ada"}}})" + state(first) + "}");
    EXPECT_TRUE(at(second, "result/inputRequests/name").is_null());
    EXPECT_EQ(at(second, "result/inputRequests/cat/method"), json::Value("elicitation/create"));
    // The first answer is in the state now.
    const auto third = peer.ask(
        3, "tools/call",
        call + R"(,"inputResponses":{"cat":{"action":"accept","content":{"name":"Tom"}}})" + state(second) + "}");
    EXPECT_EQ(at(third, "result/content/0/text"), json::Value("Hello, Ada and Tom"));

    // A form that does not fit is asked for again; a state of another call or another making is refused.
    const auto odd =
        peer.ask(4, "tools/call", call + R"(,"inputResponses":{"name":{"action":"accept","content":{"name":7}}}})");
    EXPECT_EQ(at(odd, "result/resultType"), json::Value("input_required"));
    const auto other = peer.ask(
        5, "tools/call",
        "{" + meta(R"({"elicitation":{}})") + R"(,"name":"greet","arguments":{"name":"x"})" + state(second) + "}");
    EXPECT_EQ(at(other, "error/code"), json::Value(-32602));
    EXPECT_EQ(at(peer.ask(6, "tools/call", call + R"(,"requestState":"1.YQ==.00"})"), "error/code"),
              json::Value(-32602));
}

TEST(McpStateless, SaysWhichCapabilityIsMissing) {
    Peer peer(weather_server());
    const auto answer = peer.ask(1, "tools/call", "{" + meta() + R"(,"name":"greet","arguments":{"name":""}})");
    EXPECT_EQ(at(answer, "error/code"), json::Value(-32021));
    EXPECT_TRUE(at(answer, "error/data/requiredCapabilities/elicitation").is_object());
}

TEST(McpStateless, ListensUntilItIsCancelledOrTheServerEnds) {
    auto server = weather_server();
    Peer peer(server);
    peer.say(R"({"jsonrpc":"2.0","id":"s","method":"subscriptions/listen","params":{)" + meta() +
             R"(,"notifications":{"toolsListChanged":true,"resourceSubscriptions":["notes://today"]}}})");
    const auto agreed = peer.await_method("notifications/subscriptions/acknowledged");
    EXPECT_EQ(at(agreed, "params/notifications/toolsListChanged"), json::Value(true));
    EXPECT_EQ(at(agreed, "params/_meta/io.modelcontextprotocol~1subscriptionId"), json::Value("s"));
    server.remove_tool("wait");
    EXPECT_EQ(at(peer.await_method("notifications/tools/list_changed"),
                 "params/_meta/io.modelcontextprotocol~1subscriptionId"),
              json::Value("s"));
    server.remove_prompt("sum_up");
    server.resource_changed("notes://today");
    (void)peer.await_method("notifications/resources/updated");
    EXPECT_EQ(peer.heard("notifications/prompts/list_changed"), 0U);  // nobody asked for those
    peer.session().input_ended();
    const auto end = peer.await([](const json::Value& m) { return json::find(m, "result") != nullptr; });
    EXPECT_EQ(at(end, "id"), json::Value("s"));
}

TEST(McpServer, AsksBeforeToolsThatWantApproval) {
    Server server({"careful", "1"});
    agent::ToolPolicy policy;
    policy.approval = true;
    server.with(agent::tools::calculator().with_policy(policy));
    Peer peer(server);
    const std::string call = R"(,"name":"calculator","arguments":{"expression":"1+1"})";
    const auto cannot = peer.ask(1, "tools/call", "{" + meta() + call + "}");
    EXPECT_EQ(at(cannot, "result/isError"), json::Value(true));
    const auto asked = peer.ask(2, "tools/call", "{" + meta(R"({"elicitation":{}})") + call + "}");
    EXPECT_EQ(at(asked, "result/resultType"), json::Value("input_required"));
    const auto state = R"(,"requestState":)" + json::dump(at(asked, "result/requestState"));
    const auto yes = peer.ask(3, "tools/call",
                              "{" + meta(R"({"elicitation":{}})") + call + state +
                                  R"(,"inputResponses":{"approve":{"action":"accept","content":{"run":true}}}})");
    EXPECT_EQ(at(yes, "result/content/0/text"), json::Value("2"));
    const auto no = peer.ask(
        4, "tools/call",
        "{" + meta(R"({"elicitation":{}})") + call + state + R"(,"inputResponses":{"approve":{"action":"decline"}}})");
    EXPECT_EQ(at(no, "result/isError"), json::Value(true));
}

}  // namespace
}  // namespace tenon::mcp
