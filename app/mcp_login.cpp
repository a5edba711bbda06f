#include "mcp_login.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <unistd.h>

#include <array>
#include <sstream>

#include "tenon/base/file.hpp"
#include "tenon/net/url.hpp"
#include "terminal.hpp"

extern char** environ;

namespace tenon::app {
namespace {

constexpr std::size_t most_key_bytes = std::size_t{64} << 10;
constexpr std::chrono::minutes patience{5};

#ifdef __APPLE__
constexpr const char* opener = "open";
#else
constexpr const char* opener = "xdg-open";
#endif

bool has_desktop() {
#ifdef __APPLE__
    return true;
#else
    return !environment({"DISPLAY", "WAYLAND_DISPLAY", "BROWSER"}).empty();
#endif
}

/// In a session of its own: the browser stays when this program goes. Whatever comes of it, the address stands on the
/// terminal.
void open_browser(std::string url) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t how;
    if (::posix_spawn_file_actions_init(&files) != 0) return;
    if (::posix_spawnattr_init(&how) == 0) {
        for (int descriptor = 0; descriptor < 3; ++descriptor)
            ::posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_RDWR, 0);
        ::posix_spawnattr_setflags(&how, POSIX_SPAWN_SETSID);
        std::string program = opener;
        std::array<char*, 3> words{program.data(), url.data(), nullptr};
        pid_t child = 0;
        (void)::posix_spawnp(&child, opener, &files, &how, words.data(), environ);
        ::posix_spawnattr_destroy(&how);
    }
    ::posix_spawn_file_actions_destroy(&files);
}

task<Result<void>> visit(std::string url) {
    const auto host = net::host_of(url).value_or("the authorization server");
    note(fmt::format("log in at {} with a browser of this machine:\n\n  {}\n", host, url));
    if (has_desktop()) open_browser(std::move(url));
    co_return Result<void>{};
}

std::shared_ptr<mcp::TokenStore> store_of(Context& context) {
    return mcp::file_token_store(context.settings().home / "mcp");
}

std::vector<std::string> words(const std::string& text) {
    std::vector<std::string> out;
    std::istringstream in(text);
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

}  // namespace

void McpLogin::declare(CommandLine& sub) {
    const std::string heading = "Login";
    sub.add_flag("--auth", browser, "log in with a browser when the server wants that (OAuth); the token is kept")
        ->group(heading);
    sub.add_flag("--as-client", as_client, "get a token for the client itself: nobody logs in (client credentials)")
        ->group(heading);
    sub.add_option(
           "--client-id", client_id,
           "client registered with the authorization server (its secret: TENON_MCP_CLIENT_SECRET), or the https "
           "address of a client's document")
        ->group(heading);
    sub.add_option("--client-key", client_key, "PEM file: the client's private key, instead of a secret")
        ->group(heading);
    sub.add_option("--scope", scope, "scopes to ask for, parted by spaces")->group(heading);
    sub.add_option("--redirect-port", redirect_port, "port of this machine that the browser comes back to; 0: any")
        ->check(in_range(0, 65535))
        ->group(heading);
}

Result<mcp::Authorizer> open_login(Context& context, const McpLogin& login, std::optional<mcp::Revision> revision) {
    mcp::OAuthOptions options;
    options.store = store_of(context);
    options.login_timeout = patience;
    options.scopes = words(login.scope);
    options.redirect_port = static_cast<std::uint16_t>(login.redirect_port);
    options.assume_endpoints = revision && *revision <= mcp::Revision::v2025_03_26;
    if (login.as_client) options.grant = mcp::OAuthGrant::client_credentials;
    if (login.as_client && (login.browser || login.client_id.empty()))
        return fail(ErrorCode::invalid_argument,
                    login.browser ? "either a person logs in or the client does: --auth or --as-client"
                                  : "a client that gets tokens for itself needs its --client-id");
    if (login.client_id.starts_with("https://")) {
        options.client_document = login.client_id;
    } else if (!login.client_id.empty()) {
        options.client.id = login.client_id;
        options.client.secret =
            login.client_secret.empty() ? environment({"TENON_MCP_CLIENT_SECRET"}) : login.client_secret;
        if (!login.client_key.empty()) {
            TENON_TRY(options.client.private_key, read_file(login.client_key, most_key_bytes));
        }
    }
    if (login.browser) options.visit = [](std::string url, CallOptions) { return visit(std::move(url)); };
    return mcp::oauth(context.http(), std::move(options));
}

std::chrono::milliseconds connect_time(const McpLogin& login) {
    // Half of it is left for a handshake with servers that know of nothing else.
    const auto usual = mcp::ClientOptions().connect_timeout;
    return login.browser ? 2 * (usual + std::chrono::milliseconds(patience)) : usual;
}

Result<void> log_out(Context& context, const std::string& url) {
    TENON_TRY(const auto server, mcp::canonical_url(url));
    const auto store = store_of(context);
    TENON_TRY(const auto token, store->token(server));
    if (!token) return fail(ErrorCode::not_found, fmt::format("no token of {} is kept", server));
    return store->forget_token(server);
}

}  // namespace tenon::app
