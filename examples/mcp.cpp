// LINK: tenon_mcp
// The Model Context Protocol both ways: a function becomes a tool of an MCP server, and an agent uses that server's
// tools as it would any other's. Both ends are in this program so that it runs by itself; they speak HTTP.
#include <boost/describe/class.hpp>
#include <iostream>

#include "fake/scripted_model.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/mcp/client.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/http_server.hpp"

using namespace tenon;

// [tool]
struct Order {
    std::string number;
};
BOOST_DESCRIBE_STRUCT(Order, (), (number))
struct Parcel {
    std::string place;
    int days = 0;
};
BOOST_DESCRIBE_STRUCT(Parcel, (), (place, days))

Result<Parcel> track(Order order, mcp::RequestContext context) {
    context.progress(1, 2, "asking the carrier");
    if (order.number != "A7") return fail(ErrorCode::not_found, "no such order; there is A7");
    return Parcel{"Kyiv", 2};
}
// [/tool]

task<Result<std::string>> ask(std::string url, std::shared_ptr<net::HttpClient> http, llm::ChatModelPtr model) {
    // [client]
    mcp::Endpoint shop;
    shop.url = url;
    shop.token = "sesame";
    TENON_CO_TRY(const auto client, co_await mcp::connect(shop, http));
    TENON_CO_TRY(auto tools, co_await mcp::tools_of(client));

    auto agent = agent::Agent{model}.instructions("You answer customers.").with(std::move(tools));
    auto run = agent.run("Where is my order A7?");
    TENON_CO_TRY(const auto answer, co_await run.answer());
    // [/client]
    std::cout << client->server().name << " speaks " << to_string(client->revision()) << "\n";
    co_await client->close();
    co_return answer.text;
}

int main() {
    Runtime runtime;
    // [server]
    mcp::Server server({"shop", "1.0"});
    server.with(agent::tools::calculator()).tool<Order>("track", "Where an order is", track);

    net::Router router;
    mcp::HttpOptions options;
    options.tokens = {"sesame"};
    mcp::mount(router, server, options);
    // [/server]
    net::HttpServerOptions web_options;
    web_options.port = 0;
    const auto web = net::HttpServer::start(runtime.executor(), web_options, std::move(router)).value();

    const auto model = fake::scripted_model();
    model->reply(fake::Script().calls("track", R"({"number":"A7"})")).reply("In Kyiv; two more days.");
    const auto http = std::make_shared<net::HttpClient>(runtime.executor());
    const auto answer = sync_wait(runtime, ask(web->url() + "/mcp", http, model));
    std::cout << (answer ? *answer : answer.error().describe()) << "\n";
    sync_wait(runtime, web->shutdown(std::chrono::milliseconds(0)));
    return answer ? 0 : 1;
}
// prints: shop speaks 2026-07-28
// prints: In Kyiv; two more days.
