#include "tenon/mcp/oauth.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "mcp/auth/address.hpp"
#include "mcp/auth/discovery.hpp"
#include "mcp/auth/identity.hpp"
#include "mcp/auth/login.hpp"
#include "mcp/auth/scopes.hpp"
#include "mcp/auth/tokens.hpp"
#include "mcp/auth/turns.hpp"

namespace tenon::mcp {
namespace {

using namespace auth;

class OAuth : public std::enable_shared_from_this<OAuth> {
  public:
    OAuth(std::shared_ptr<net::HttpClient> http, OAuthOptions options)
        : http_(std::move(http)), options_(std::move(options)), turns_(std::make_shared<Turns>()) {
        if (!options_.store) options_.store = memory_token_store();
    }

    task<Result<std::string>> answer(Challenge challenge, CallOptions call);

  private:
    /// A server, what is kept for it, and where its tokens come from.
    struct Case {
        Challenge challenge;
        std::string server;  ///< canonical
        std::optional<OAuthToken> kept;
        Discovered at;
        Fetcher fetcher;
    };
    struct Given {
        std::string token;
        bool refreshed;  ///< and not got anew
    };
    [[nodiscard]] Result<std::optional<OAuthToken>> kept_for(const std::string& server) const;
    /// The token that this very request got, and is refused with.
    [[nodiscard]] const Given* refused_at_once(const Case& now) const;
    [[nodiscard]] Result<void> refuse_repetition(const Case& now) const;
    [[nodiscard]] Result<void> refuse_helplessness(const Case& now) const;
    [[nodiscard]] task<Result<std::optional<OAuthToken>>> refresh(std::shared_ptr<const Case> now, CallOptions call);
    [[nodiscard]] task<Result<OAuthToken>> get(std::shared_ptr<const Case> now, CallOptions call);
    [[nodiscard]] Result<std::string> keep(const Case& now, OAuthToken token);
    void log(tenon::LogLevel level, const std::string& text) const {
        if (options_.log) options_.log(level, "mcp", text);
    }

    const std::shared_ptr<net::HttpClient> http_;
    OAuthOptions options_;
    const std::shared_ptr<Turns> turns_;
    // For whoever has the turn:
    std::map<std::string, Given> newest_;  // by server
    // Servers, and scopes that were asked for because they were missing.
    std::set<std::pair<std::string, std::string>> stepped_up_;
};

std::string one_text(std::vector<std::string> scopes) {
    std::ranges::sort(scopes);
    return fmt::format("{}", fmt::join(scopes, " "));
}

std::vector<std::string> missing_scopes(const Challenge& challenge, const std::optional<OAuthToken>& kept) {
    const auto before = kept ? kept->scopes : std::vector<std::string>();
    return united(before, words_of(challenge.scope));
}

/// What is kept was got by another client than the one to be used now, or it is somebody else's.
Result<std::optional<OAuthToken>> OAuth::kept_for(const std::string& server) const {
    TENON_TRY(auto token, options_.store->token(server));
    const auto& client = options_.client;
    const bool other = token && !client.id.empty() &&
                       (token->client_id != client.id || (!client.issuer.empty() && token->issuer != client.issuer));
    if (other) token.reset();
    return token;
}

task<Result<std::string>> OAuth::answer(Challenge challenge, CallOptions call) {
    const auto self = shared_from_this();
    const auto parsed = parse_address(challenge.server);
    const bool possible = parsed && (parsed->is_encrypted() || parsed->loopback);
    if (!possible && challenge.status == 0) co_return std::string();
    TENON_CO_TRY(const auto server, parsed);
    if (!possible)
        co_return fail(ErrorCode::invalid_argument,
                       fmt::format("{} wants a token, which does not travel unencrypted; use its https address",
                                   challenge.server));
    TENON_CO_TRY(const auto turn, co_await turns_->take(call));
    const auto name = canonical(server);
    TENON_CO_TRY(auto kept, kept_for(name));
    // At the beginning, or when another request has got one meanwhile.
    const bool fresh = kept && (!kept->expires || *kept->expires > std::chrono::system_clock::now());
    if (fresh && kept->access != challenge.token) co_return kept->access;
    if (challenge.status == 0) co_return std::string();
    auto now = std::make_shared<Case>(
        Case{std::move(challenge), name, std::move(kept), Discovered(), Fetcher(http_, server.loopback)});
    TENON_CO_CHECK(refuse_repetition(*now));
    TENON_CO_CHECK(refuse_helplessness(*now));
    DiscoveryOptions where;
    where.assume_endpoints = options_.assume_endpoints;
    where.issuer = options_.client.issuer;
    if (where.issuer.empty() && now->kept) where.issuer = now->kept->issuer;
    TENON_CO_TRY(now->at, co_await discover(now->fetcher, now->challenge, where, call));
    TENON_CO_TRY(auto token, co_await refresh(now, call));
    const bool refreshed = token.has_value();
    if (!token) {
        TENON_CO_TRY(token, co_await get(now, call));
    }
    newest_[name] = Given{token->access, refreshed};
    if (now->challenge.status == 403) stepped_up_.emplace(name, one_text(missing_scopes(now->challenge, token)));
    co_return keep(*now, std::move(*token));
}

const OAuth::Given* OAuth::refused_at_once(const Case& now) const {
    const auto at = newest_.find(now.server);
    const bool same = at != newest_.end() && at->second.token == now.challenge.token;
    return same && now.challenge.attempt > 1 ? &at->second : nullptr;
}

/// Asking once more for what did not help would never end.
Result<void> OAuth::refuse_repetition(const Case& now) const {
    const auto& challenge = now.challenge;
    if (challenge.status == 403) {
        const auto wanted = one_text(missing_scopes(challenge, now.kept));
        if (stepped_up_.contains({now.server, wanted}))
            return fail(ErrorCode::permission_denied,
                        fmt::format("{} refuses the request for want of a scope, although a token for \"{}\" was got",
                                    challenge.server, printable(wanted)));
    } else if (const auto* given = refused_at_once(now); given != nullptr && !given->refreshed) {
        return fail(ErrorCode::unauthenticated,
                    fmt::format("{} refuses the token that its authorization server gave", challenge.server));
    }
    return {};
}

/// Where nobody can be asked, authorization servers are not bothered.
Result<void> OAuth::refuse_helplessness(const Case& now) const {
    if (options_.visit || options_.grant == OAuthGrant::client_credentials) return {};
    const auto& server = now.challenge.server;
    if (now.challenge.status == 403)
        return fail(ErrorCode::permission_denied,
                    fmt::format("{} wants the scope \"{}\" for this, and nobody can be asked to grant it here", server,
                                printable(now.challenge.scope)));
    if (now.kept && !now.kept->refresh.empty()) return {};
    return fail(ErrorCode::unauthenticated,
                fmt::format("{} wants somebody to log in, and nobody can be asked here", server));
}

/// Nothing where that cannot be done, or did not help.
task<Result<std::optional<OAuthToken>>> OAuth::refresh(std::shared_ptr<const Case> now, CallOptions call) {
    const auto self = shared_from_this();
    const auto& kept = now->kept;
    const auto& server = now->at.server;
    std::optional<OAuthToken> none;
    const bool possible = now->challenge.status == 401 && kept && refused_at_once(*now) == nullptr &&
                          !kept->refresh.empty() && kept->issuer == server.issuer;
    if (!possible) co_return none;
    TENON_CO_TRY(auto client, known_client(options_, server));
    if (!client || client->id != kept->client_id) {
        TENON_CO_TRY(client, options_.store->client(server.issuer));
    }
    if (!client || client->id != kept->client_id) co_return none;
    net::QueryParameters form{
        {"grant_type", "refresh_token"}, {"refresh_token", kept->refresh}, {"resource", now->at.resource}};
    auto token = co_await request_token(now->fetcher, server, *client, std::move(form), std::move(call));
    if (!token) {
        const auto code = token.error().code();
        if (code != ErrorCode::unauthenticated && code != ErrorCode::permission_denied)
            co_return std::unexpected(std::move(token).error());
        log(tenon::LogLevel::info, fmt::format("{} gives no fresh token for the old one", printable(server.issuer)));
        co_return none;
    }
    if (token->refresh.empty()) token->refresh = kept->refresh;
    token->scopes = kept->scopes;
    co_return std::optional<OAuthToken>(std::move(*token));
}

task<Result<OAuthToken>> OAuth::get(std::shared_ptr<const Case> now, CallOptions call) {
    const auto self = shared_from_this();
    const auto& server = now->at.server;
    const bool same = now->kept && now->kept->issuer == server.issuer;
    const auto before = same ? now->kept->scopes : std::vector<std::string>();
    const auto scopes = choose_scopes(now->challenge, now->at, options_, before);
    Result<OAuthToken> token = fail(ErrorCode::internal, "no grant");
    if (options_.grant == OAuthGrant::client_credentials) {
        TENON_CO_TRY(const auto client, known_client(options_, server));
        if (!client)
            co_return fail(ErrorCode::unauthenticated,
                           fmt::format("acting for oneself at {} takes a client that is registered there",
                                       printable(server.issuer)));
        net::QueryParameters form{{"grant_type", "client_credentials"}, {"resource", now->at.resource}};
        if (!scopes.empty()) form.emplace_back("scope", fmt::format("{}", fmt::join(scopes, " ")));
        token = co_await request_token(now->fetcher, server, *client, std::move(form), std::move(call));
    } else {
        token = co_await log_in(now->fetcher, now->at, scopes, options_, std::move(call));
    }
    // What was asked for counts when more is wanted later; who asked for nothing remembers what was given.
    if (token && !scopes.empty()) token->scopes = scopes;
    co_return token;
}

Result<std::string> OAuth::keep(const Case& now, OAuthToken token) {
    auto kept = options_.store->keep_token(now.server, token);
    if (!kept) return std::unexpected(std::move(kept).error());
    log(tenon::LogLevel::debug, fmt::format("{} gave a token for {}", printable(token.issuer), now.server));
    return std::move(token.access);
}

}  // namespace

Result<std::string> canonical_url(std::string_view server) {
    TENON_TRY(const auto address, parse_address(server));
    return canonical(address);
}

Authorizer oauth(std::shared_ptr<net::HttpClient> http, OAuthOptions options) {
    auto self = std::make_shared<OAuth>(std::move(http), std::move(options));
    return
        [self](Challenge challenge, CallOptions call) { return self->answer(std::move(challenge), std::move(call)); };
}

}  // namespace tenon::mcp
