#include "mcp/auth/login.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <charconv>

#include "mcp/auth/address.hpp"
#include "mcp/auth/crypto.hpp"
#include "mcp/auth/identity.hpp"
#include "mcp/auth/redirect.hpp"
#include "mcp/auth/tokens.hpp"

namespace tenon::mcp::auth {
namespace {

Result<void> check_possible(const Discovered& at, const OAuthOptions& options) {
    const auto& server = at.server;
    if (!options.visit)
        return fail(ErrorCode::unauthenticated,
                    fmt::format("{} wants somebody to log in, and nobody can be asked here", at.resource));
    if (server.authorization_endpoint.empty())
        return fail(ErrorCode::unsupported,
                    fmt::format("nobody can log in at {}: it has no authorization endpoint", printable(server.issuer)));
    const auto& methods = server.code_challenge_methods;
    if (!server.assumed && std::ranges::find(methods, "S256") == methods.end())
        return fail(ErrorCode::unsupported,
                    fmt::format("{} does not offer PKCE with S256, without which a login is not safe",
                                printable(server.issuer)));
    return {};
}

std::uint16_t port_of(const std::string& uri) {
    const auto address = parse_address(uri);
    std::uint16_t port = 0;
    if (address) std::from_chars(address->port.data(), address->port.data() + address->port.size(), port);
    return port;
}

/// One login under way.
struct Login {
    std::string state, verifier;
    OAuthClient client;
    std::unique_ptr<RedirectListener> listener;
};

/// Opens the port to come back to and finds out who we are, in this order: a registration names the port.
task<Result<Login>> prepare(Fetcher fetcher, Discovered at, OAuthOptions options, CallOptions call) {
    Login out;
    TENON_CO_TRY(out.state, random_text());
    TENON_CO_TRY(out.verifier, random_text());
    TENON_CO_TRY(auto client, known_client(options, at.server));
    auto port = options.redirect_port;
    if (!client) {
        TENON_CO_TRY(client, options.store->client(at.server.issuer));
        const auto now = std::chrono::system_clock::now();
        if (client && client->expires && *client->expires <= now) client.reset();
        if (client && port == 0) port = port_of(client->redirect_uri);
    }
    const auto executor = co_await boost::asio::this_coro::executor;
    auto listener = RedirectListener::open(executor, port, out.state);
    if (!listener && options.redirect_port == 0 && port != 0) listener = RedirectListener::open(executor, 0, out.state);
    if (!listener) co_return std::unexpected(std::move(listener).error());
    out.listener = std::move(*listener);
    // A registered client may come back only to where it said it would.
    if (client && !client->redirect_uri.empty() && client->redirect_uri != out.listener->uri()) client.reset();
    if (!client) {
        TENON_CO_TRY(client, co_await register_client(fetcher, at.server, options.client_name, out.listener->uri(),
                                                      std::move(call)));
        TENON_CO_CHECK(options.store->keep_client(at.server.issuer, *client));
    }
    out.client = std::move(*client);
    co_return out;
}

std::string page_of(const Login& login, const Discovered& at, const std::vector<std::string>& scopes) {
    net::QueryParameters form{{"response_type", "code"},
                              {"client_id", login.client.id},
                              {"redirect_uri", login.listener->uri()},
                              {"state", login.state},
                              {"code_challenge", code_challenge(login.verifier)},
                              {"code_challenge_method", "S256"},
                              {"resource", at.resource}};
    if (!scopes.empty()) form.emplace_back("scope", fmt::format("{}", fmt::join(scopes, " ")));
    const auto& endpoint = at.server.authorization_endpoint;
    return endpoint + (endpoint.contains('?') ? "&" : "?") + encode_form(form);
}

task<Result<std::string>> ask_user(RedirectListener* listener, std::string page, ServerMetadata server,
                                   OAuthOptions options, CallOptions call) {
    const auto until = Clock::now() + options.login_timeout;
    auto waiting = call;
    if (!waiting.deadline || *waiting.deadline > until) waiting.deadline = until;
    TENON_CO_CHECK(co_await options.visit(std::move(page), waiting));
    auto answer = co_await listener->wait(std::move(waiting));
    if (!answer && answer.error().code() == ErrorCode::deadline_exceeded)
        co_return fail(ErrorCode::deadline_exceeded,
                       fmt::format("nobody logged in at {} in time", printable(server.issuer)));
    if (!answer) co_return std::unexpected(std::move(answer).error());
    co_return read_response(*answer, server);
}

task<Result<OAuthToken>> redeem(Fetcher fetcher, Discovered at, Login* login, OAuthOptions options,
                                std::vector<std::string> scopes, CallOptions call) {
    auto page = page_of(*login, at, scopes);
    auto code = co_await ask_user(login->listener.get(), std::move(page), at.server, std::move(options), call);
    co_await login->listener->close();
    if (!code) co_return std::unexpected(std::move(code).error());
    net::QueryParameters form{{"grant_type", "authorization_code"},
                              {"code", *code},
                              {"redirect_uri", login->listener->uri()},
                              {"code_verifier", login->verifier},
                              {"resource", at.resource}};
    co_return co_await request_token(fetcher, at.server, login->client, std::move(form), std::move(call));
}

}  // namespace

task<Result<OAuthToken>> log_in(Fetcher fetcher, Discovered at, std::vector<std::string> scopes, OAuthOptions options,
                                CallOptions call) {
    TENON_CO_CHECK(check_possible(at, options));
    TENON_CO_TRY(auto login, co_await prepare(fetcher, at, options, call));
    auto token = co_await redeem(fetcher, at, &login, options, std::move(scopes), std::move(call));
    // Perhaps the authorization server has forgotten a client that it registered once: next time it is a new one.
    if (!token && !login.client.redirect_uri.empty()) (void)options.store->forget_client(at.server.issuer);
    co_return token;
}

}  // namespace tenon::mcp::auth
