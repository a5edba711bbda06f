// LINK: tenon_mcp
// An MCP server that wants a token, and a client that finds out by itself where to get one (OAuth 2.1). The client acts
// for itself here; with `visit` instead of a secret, a user would log in with a browser.
#include <boost/json.hpp>
#include <iostream>

#include "tenon/agent/tools.hpp"
#include "tenon/mcp/oauth.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/http_server.hpp"

using namespace tenon;

task<Result<std::string>> ask(std::string url, std::shared_ptr<net::HttpClient> http) {
    // [client]
    mcp::OAuthOptions login;
    login.grant = mcp::OAuthGrant::client_credentials;
    login.client = {"nightly-report", "hush"};

    mcp::Endpoint shop;
    shop.url = url;
    shop.authorize = mcp::oauth(http, login);
    TENON_CO_TRY(const auto client, co_await mcp::connect(shop, http));
    // [/client]
    TENON_CO_TRY(const auto result, co_await client->call_tool("calculator", R"({"expression":"6*7"})"));
    co_await client->close();
    co_return mcp::text_of(result.content);
}

// [verify]
task<Result<std::string>> verify(std::string token) {
    if (token != "a-token") co_return fail(ErrorCode::unauthenticated, "the token is not known");
    co_return std::string("nightly-report");
}
// [/verify]

/// The least that an authorization server must do.
task<net::HttpResponse> describe_issuer(std::string issuer) {
    co_return net::HttpResponse::json(
        json::dump(json::Object{{"issuer", issuer}, {"token_endpoint", issuer + "/token"}}));
}
task<net::HttpResponse> give_token(net::HttpRequest request, net::CallContext) {
    std::cout << net::parse_query(request.body).front().second << " for "
              << (request.headers.contains("Authorization") ? "a client with a secret" : "nobody") << "\n";
    co_return net::HttpResponse::json(R"({"access_token":"a-token","token_type":"Bearer","expires_in":600})");
}

int main() {
    Runtime runtime;
    net::HttpServerOptions web_options;
    web_options.port = 0;
    auto issuer = std::make_shared<std::string>();
    net::Router issuing;
    issuing.get("/.well-known/oauth-authorization-server",
                [issuer](net::HttpRequest, net::CallContext) { return describe_issuer(*issuer); });
    issuing.post("/token", give_token);
    const auto authorization = net::HttpServer::start(runtime.executor(), web_options, std::move(issuing)).value();
    *issuer = authorization->url();

    mcp::Server server({"shop", "1.0"});
    server.with(agent::tools::calculator());
    // [server]
    mcp::HttpOptions options;
    options.verify = verify;
    options.authorization_servers = {authorization->url()};
    // [/server]
    net::Router router;
    mcp::mount(router, server, options);
    const auto web = net::HttpServer::start(runtime.executor(), web_options, std::move(router)).value();

    const auto http = std::make_shared<net::HttpClient>(runtime.executor());
    const auto answer = sync_wait(runtime, ask(web->url() + "/mcp", http));
    std::cout << (answer ? *answer : answer.error().describe()) << "\n";
    sync_wait(runtime, web->shutdown(std::chrono::milliseconds(0)));
    sync_wait(runtime, authorization->shutdown(std::chrono::milliseconds(0)));
    return answer ? 0 : 1;
}
// prints: client_credentials for a client with a secret
// prints: 42
