// Getting tokens: from a refusal to being let in, and everything on the way that must not happen.
#include "tenon/mcp/oauth.hpp"

#include <atomic>
#include <thread>

#include "guarded_world.hpp"
#include "mcp/auth/crypto.hpp"

namespace tenon::mcp {
namespace {

using test::value_of;
using test::World;

ErrorCode code_of(const Result<std::string>& result) { return result ? ErrorCode::internal : result.error().code(); }

TEST(McpOAuth, LogsInAndRemembers) {
    World world;
    auto result = world.use(world.options());
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(*result, "done");
    ASSERT_EQ(world.pages.size(), 1U);
    ASSERT_EQ(world.forms.size(), 1U);
    ASSERT_EQ(world.registrations.size(), 1U);
    const auto page = world.pages[0];
    const auto form = world.forms[0];
    const auto redirect = value_of(page, "redirect_uri");
    EXPECT_EQ(value_of(page, "response_type"), "code");
    EXPECT_EQ(value_of(page, "client_id"), world.url() + "/one#1");
    EXPECT_TRUE(redirect.starts_with("http://127.0.0.1:") && redirect.ends_with("/callback")) << redirect;
    EXPECT_EQ(value_of(page, "resource"), world.server());
    EXPECT_EQ(value_of(page, "scope"), "read");
    EXPECT_EQ(value_of(page, "code_challenge_method"), "S256");
    EXPECT_GE(value_of(page, "state").size(), 43U);
    EXPECT_EQ(value_of(form, "grant_type"), "authorization_code");
    EXPECT_EQ(value_of(form, "code"), "secret-code-1");
    EXPECT_EQ(value_of(form, "redirect_uri"), redirect);
    EXPECT_EQ(value_of(form, "resource"), world.server());
    EXPECT_EQ(value_of(form, "client_id"), value_of(page, "client_id"));
    EXPECT_EQ(auth::code_challenge(value_of(form, "code_verifier")), value_of(page, "code_challenge"));
    EXPECT_EQ(world.form_keys[0], "");
    const auto asked = world.registrations[0];
    EXPECT_EQ(json::string_or(asked, "application_type", ""), "native");
    EXPECT_EQ(json::string_or(asked, "token_endpoint_auth_method", ""), "none");
    EXPECT_EQ(json::dump(*json::find(asked, "redirect_uris")), "[\"" + redirect + "\"]");
    EXPECT_EQ(json::dump(*json::find(asked, "grant_types")), R"(["authorization_code","refresh_token"])");

    // The same again needs nobody; and without a browser it works as well.
    auto alone = world.options();
    alone.visit = {};
    result = world.use(alone);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(world.pages.size(), 1U);
    // Another login of the same client comes back to where the client was registered for.
    world.forget_tokens();
    ASSERT_TRUE(world.store->forget_token(canonical_url(world.server()).value()));
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(world.pages.size(), 2U);
    EXPECT_EQ(world.registrations.size(), 1U);
    EXPECT_EQ(value_of(world.pages[1], "redirect_uri"), redirect);
    EXPECT_NE(value_of(world.pages[1], "state"), value_of(page, "state"));
}

TEST(McpOAuth, AsksForTheScopesThatAreNeeded) {
    World world;
    world.scope = "";
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(value_of(world.pages.at(0), "scope"), "read list");  // of the server's metadata
    world.store = memory_token_store();
    auto options = world.options();
    options.scopes = {"mine"};
    ASSERT_TRUE(world.use(options));
    EXPECT_EQ(value_of(world.pages.at(1), "scope"), "mine");
    world.store = memory_token_store();
    world.edit_resource = [](json::Object& o) { o.erase("scopes_supported"); };
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(std::ranges::count(world.pages.at(2), "scope", &std::pair<std::string, std::string>::first), 0);
    world.store = memory_token_store();
    world.scope = "read";
    world.edit_server = [](json::Object& o) { o["scopes_supported"] = json::Array{"read", "offline_access"}; };
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(value_of(world.pages.at(3), "scope"), "read offline_access");
}

TEST(McpOAuth, TellsWhyNobodyGetsIn) {
    World world;
    world.edit_answer = [](net::QueryParameters& answer) {
        answer.erase(answer.begin());
        answer.emplace_back("error", "access_denied");
        answer.emplace_back("error_description", "not\ntoday");
    };
    auto result = world.use(world.options());
    EXPECT_EQ(code_of(result), ErrorCode::permission_denied);
    EXPECT_NE(result.error().describe().find("access_denied (not today)"), std::string::npos);
    EXPECT_EQ(world.forms.size(), 0U);

    World silent;
    auto options = silent.options();
    options.visit = {};
    EXPECT_EQ(code_of(silent.use(options)), ErrorCode::unauthenticated);
    EXPECT_EQ(silent.registrations.size(), 0U);
    silent.needed["tools/call"] = "write";
    silent.accept("secret-kept", "read");
    OAuthToken weak;
    weak.access = "secret-kept";
    ASSERT_TRUE(silent.store->keep_token(canonical_url(silent.server()).value(), weak));
    EXPECT_EQ(code_of(silent.use(options)), ErrorCode::permission_denied);
    ASSERT_TRUE(silent.store->forget_token(canonical_url(silent.server()).value()));
    options.visit = [](std::string, CallOptions) -> task<Result<void>> { co_return Result<void>{}; };
    options.login_timeout = std::chrono::milliseconds(50);
    EXPECT_EQ(code_of(silent.use(options)), ErrorCode::deadline_exceeded);

    World strict;
    strict.edit_token = [](const auto&) {
        return net::HttpResponse::json(R"({"error":"invalid_client","error_description":"who?"})", 401);
    };
    EXPECT_EQ(code_of(strict.use(strict.options())), ErrorCode::unauthenticated);
    // The client that was registered did not help; the next login begins with a new one.
    EXPECT_FALSE(strict.store->client(strict.url() + "/one").value());

    const auto authorize = oauth(world.http, world.options());
    Challenge open;
    open.server = "http://203.0.113.7/mcp";
    const auto unencrypted = sync_wait(world.runtime, authorize(open, CallOptions()));
    EXPECT_EQ(code_of(unencrypted), ErrorCode::invalid_argument);
    open.status = 0;
    EXPECT_EQ(sync_wait(world.runtime, authorize(open, CallOptions())).value(), "");
}

TEST(McpOAuth, HeedsOnlyTheAnswerItWaitsFor) {
    World world;
    auto options = world.options();
    std::vector<int> statuses;
    const auto browser = options.visit;
    // Other pages of the user's browser know the port, perhaps, but not the state.
    options.visit = [&](std::string page, CallOptions call) -> task<Result<void>> {
        const auto redirect = value_of(net::parse_query(page.substr(page.find('?') + 1)), "redirect_uri");
        for (const auto* query : {"?code=stolen&state=guessed", "?code=stolen", "?code=a&state=&state=", ""}) {
            net::ClientRequest request;
            request.url = redirect + query;
            const auto response = co_await world.http->send(std::move(request));
            statuses.push_back(response ? response->status : 0);
        }
        auto visited = co_await browser(std::move(page), std::move(call));
        co_return visited;
    };
    const auto result = world.use(options);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(statuses, (std::vector<int>{400, 400, 400, 400}));
    EXPECT_EQ(value_of(world.forms.at(0), "code"), "secret-code-1");
}

TEST(McpOAuth, TakesAnswersOnlyFromTheServerItAsked) {
    const auto answered_with = [](bool advertised, std::function<std::string(std::string)> iss) {
        World world;
        world.edit_server = [&](json::Object& o) {
            if (!advertised) o.erase("authorization_response_iss_parameter_supported");
        };
        world.edit_answer = [&](net::QueryParameters& answer) {
            const auto given = iss(answer.at(2).second);
            answer.at(2).second = given;
            if (given.empty()) answer.pop_back();
            if (given.ends_with("evil")) answer.emplace_back("error", "of somebody else");
        };
        const auto result = world.use(world.options());
        EXPECT_EQ(world.said.find("somebody else"), std::string::npos);
        EXPECT_EQ(world.forms.size(), result ? 1U : 0U);
        return result ? std::optional<ErrorCode>() : result.error().code();
    };
    for (const bool advertised : {true, false}) {
        EXPECT_EQ(answered_with(advertised, [](auto iss) { return iss; }), std::nullopt);
        EXPECT_EQ(answered_with(advertised, [](auto) { return "https://evil"; }), ErrorCode::protocol);
        EXPECT_EQ(answered_with(advertised, [](auto iss) { return iss + "/"; }), ErrorCode::protocol);
    }
    EXPECT_EQ(answered_with(true, [](auto) { return ""; }), ErrorCode::protocol);
    EXPECT_EQ(answered_with(false, [](auto) { return ""; }), std::nullopt);
}

TEST(McpOAuth, RefusesHostileMetadata) {
    using Edit = std::function<void(json::Object&)>;
    const auto refused = [](const char* what, ErrorCode code, const Edit& resource, const Edit& server) {
        World world;
        world.edit_resource = resource;
        world.edit_server = server;
        EXPECT_EQ(code_of(world.use(world.options())), code) << what << ": " << world.said;
        EXPECT_EQ(world.pages.size() + world.forms.size(), 0U) << what;
    };
    const auto set = [](const char* key, json::Value value) -> Edit {
        return [=](json::Object& o) { o[key] = value; };
    };
    const auto drop = [](const char* key) -> Edit { return [=](json::Object& o) { o.erase(key); }; };
    const auto bad = ErrorCode::protocol;
    refused("another resource", bad, set("resource", "https://evil.example/mcp"), {});
    refused("a neighbour's resource", bad,
            [](json::Object& o) { o["resource"] = std::string(o["resource"].get_string()) + "2"; }, {});
    refused("no resource", bad, drop("resource"), {});
    refused("no authorization server", bad, drop("authorization_servers"), {});
    refused("an empty list", bad, set("authorization_servers", json::Array()), {});
    refused("a list of numbers", bad, set("authorization_servers", json::Array{1}), {});
    refused("an unencrypted one", bad, set("authorization_servers", json::Array{"http://203.0.113.7"}), {});
    refused("no URL", bad, set("authorization_servers", json::Array{"file:///etc/passwd"}), {});
    refused("with a user", bad, set("authorization_servers", json::Array{"https://a:b@example.org"}), {});
    refused("another issuer", bad, {}, set("issuer", "https://evil.example"));
    refused("no issuer", bad, {}, drop("issuer"));
    refused("no token endpoint", bad, {}, drop("token_endpoint"));
    refused("an unencrypted token endpoint", bad, {}, set("token_endpoint", "http://203.0.113.7/token"));
    refused("a script", bad, {}, set("authorization_endpoint", "javascript:alert(1)"));
    refused("an option of a program", bad, {}, set("authorization_endpoint", "--help"));
    refused("methods that are no list", bad, {}, set("code_challenge_methods_supported", "S256"));
    refused("no PKCE", ErrorCode::unsupported, {}, drop("code_challenge_methods_supported"));
    refused("plain PKCE", ErrorCode::unsupported, {}, set("code_challenge_methods_supported", json::Array{"plain"}));
    refused("no registration", ErrorCode::unsupported, {}, drop("registration_endpoint"));
    refused("nowhere to log in", ErrorCode::unsupported, {}, drop("authorization_endpoint"));

    using Body = std::function<std::string(const std::string&)>;
    const auto garbled = [](ErrorCode code, const Body& edit) {
        World world;
        world.edit_body = edit;
        EXPECT_EQ(code_of(world.use(world.options())), code) << world.said;
        EXPECT_EQ(world.pages.size(), 0U);
    };
    garbled(bad, [](const auto& text) { return text.substr(0, text.size() / 2); });
    garbled(bad, [](const auto&) { return "[]"; });
    garbled(bad, [](const auto&) { return std::string(100'000, '['); });
    garbled(ErrorCode::resource_exhausted, [](const auto& text) { return text + std::string(1 << 20, ' '); });
}

TEST(McpOAuth, GoesWhereItMayOnly) {
    World world;
    const auto authorize = oauth(world.http, world.options());
    const auto asked = [&](const std::string& metadata) {
        Challenge challenge;
        challenge.server = world.server();
        challenge.resource_metadata = metadata;
        return code_of(sync_wait(world.runtime, authorize(challenge, CallOptions())));
    };
    EXPECT_EQ(asked(world.url() + "/loop"), ErrorCode::protocol);
    EXPECT_EQ(asked("http://203.0.113.7/metadata"), ErrorCode::protocol);
    EXPECT_EQ(asked("file:///etc/passwd"), ErrorCode::protocol);
    EXPECT_EQ(asked(world.url() + "/nothing-there"), ErrorCode::protocol);
    // A server elsewhere does not send us to this machine.
    Challenge far;
    far.server = "https://mcp.example/mcp";
    far.resource_metadata = world.url() + "/.well-known/oauth-protected-resource/mcp";
    EXPECT_EQ(code_of(sync_wait(world.runtime, authorize(far, CallOptions()))), ErrorCode::protocol);
}

TEST(McpOAuth, RefreshesWhatHasExpired) {
    World world;
    const auto authorizer = oauth(world.http, world.options());
    const auto client = world.connect(authorizer);
    ASSERT_TRUE(client) << client.error().describe();
    world.forget_tokens();
    EXPECT_TRUE(world.call(**client));
    ASSERT_EQ(world.forms.size(), 2U);
    EXPECT_EQ(value_of(world.forms[1], "grant_type"), "refresh_token");
    EXPECT_EQ(value_of(world.forms[1], "refresh_token"), "secret-refresh-1");
    EXPECT_EQ(value_of(world.forms[1], "resource"), world.server());
    EXPECT_EQ(value_of(world.forms[1], "client_id"), value_of(world.forms[0], "client_id"));
    // The refresh token that came with the fresh one is the next to be used.
    world.forget_tokens();
    EXPECT_TRUE(world.call(**client));
    EXPECT_EQ(value_of(world.forms.at(2), "refresh_token"), "secret-refresh-2");
    EXPECT_EQ(world.pages.size(), 1U);
    // Where it is not taken any more, somebody must log in again.
    world.forget_tokens();
    world.edit_token = [](const net::QueryParameters& form) -> std::optional<net::HttpResponse> {
        if (value_of(form, "grant_type") != "refresh_token") return std::nullopt;
        return net::HttpResponse::json(R"({"error":"invalid_grant"})", 400);
    };
    EXPECT_TRUE(world.call(**client));
    EXPECT_EQ(world.pages.size(), 2U);
    EXPECT_EQ(value_of(world.pages[1], "scope"), "read");
    // While the authorization server is away, nobody is asked.
    world.forget_tokens();
    world.edit_token = [](const net::QueryParameters&) -> std::optional<net::HttpResponse> {
        return net::HttpResponse::text("", 503);
    };
    EXPECT_EQ(code_of(world.call(**client)), ErrorCode::unavailable);
    EXPECT_EQ(world.pages.size(), 2U);
    sync_wait(world.runtime, (*client)->close());
}

TEST(McpOAuth, DoesNotShowATokenThatHasExpired) {
    World world;
    world.lifetime = 0;
    ASSERT_TRUE(world.use(world.options()));
    // By its own word it has: it is refreshed when the server asks, though the server would still take it.
    world.lifetime = 3600;
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(value_of(world.forms.at(world.forms.size() - 1), "grant_type"), "refresh_token");
    EXPECT_EQ(world.pages.size(), 1U);
}

TEST(McpOAuth, StepsUpOnce) {
    World world;
    world.needed["tools/call"] = "write";
    const auto result = world.use(world.options());
    ASSERT_TRUE(result) << result.error().describe();
    ASSERT_EQ(world.pages.size(), 2U);
    EXPECT_EQ(value_of(world.pages[0], "scope"), "read");
    EXPECT_EQ(value_of(world.pages[1], "scope"), "read write");

    // A server that is never content, an authorization server that grants less, both together.
    World greedy;
    greedy.needed["tools/call"] = "everything";
    greedy.edit_server = [](json::Object& o) { o["scopes_supported"] = json::Array{"offline_access"}; };
    greedy.edit_token = [n = 0](const net::QueryParameters&) mutable -> std::optional<net::HttpResponse> {
        return net::HttpResponse::json(R"({"access_token":"secret-weak-)" + std::to_string(++n) +
                                       R"(","token_type":"Bearer","scope":"read"})");
    };
    greedy.accept("secret-weak-1", "read");
    greedy.accept("secret-weak-2", "read");
    greedy.accept("secret-weak-3", "read");
    auto client = greedy.connect(oauth(greedy.http, greedy.options()));
    ASSERT_TRUE(client) << client.error().describe();
    EXPECT_EQ(code_of(greedy.call(**client)), ErrorCode::permission_denied);
    EXPECT_EQ(code_of(greedy.call(**client)), ErrorCode::permission_denied);
    EXPECT_EQ(greedy.pages.size(), 2U);
    sync_wait(greedy.runtime, (*client)->close());
}

TEST(McpOAuth, GivesUpOnAServerThatTakesNoToken) {
    World world;
    world.refuses_all = true;
    EXPECT_EQ(code_of(world.use(world.options())), ErrorCode::unauthenticated);
    EXPECT_EQ(world.pages.size(), 1U);
    // A kept token, its refreshed one and that of a login are tried; then it is enough.
    EXPECT_EQ(code_of(world.use(world.options())), ErrorCode::unauthenticated);
    EXPECT_EQ(world.pages.size(), 2U);
}

TEST(McpOAuth, TokensAndClientsStayWithTheirAuthorizationServer) {
    World world;
    const auto client = world.connect(oauth(world.http, world.options()));
    ASSERT_TRUE(client) << client.error().describe();
    world.issuer = "two";
    world.forget_tokens();
    EXPECT_TRUE(world.call(**client));
    EXPECT_EQ(world.registrations.size(), 2U);
    ASSERT_EQ(world.pages.size(), 2U);
    EXPECT_EQ(value_of(world.pages[1], "client_id"), world.url() + "/two#2");
    ASSERT_EQ(world.forms.size(), 2U);
    EXPECT_EQ(value_of(world.forms[1], "grant_type"), "authorization_code");
    sync_wait(world.runtime, (*client)->close());
    // One that was registered beforehand is for its own.
    world.forget_tokens();
    world.store = memory_token_store();
    auto options = world.options();
    options.client = {"known", "secret-known"};
    options.client.issuer = world.url() + "/one";
    EXPECT_EQ(code_of(world.use(options)), ErrorCode::invalid_argument);
    EXPECT_EQ(world.forms.size(), 2U);
}

TEST(McpOAuth, ShowsWhoItIsAsTheServerWants) {
    World world;
    auto options = world.options();
    options.client = {"my id", "secret-a:b"};
    world.edit_server = [](json::Object& o) {
        o["token_endpoint_auth_methods_supported"] = json::Array{"client_secret_basic"};
    };
    ASSERT_TRUE(world.use(options));
    EXPECT_EQ(world.form_keys.at(0), "Basic bXklMjBpZDpzZWNyZXQtYSUzQWI=");
    EXPECT_EQ(value_of(world.forms.at(0), "client_id"), "");
    world.store = memory_token_store();
    options.store = world.store;
    world.edit_server = [](json::Object& o) {
        o["token_endpoint_auth_methods_supported"] = json::Array{"client_secret_post"};
    };
    ASSERT_TRUE(world.use(options));
    EXPECT_EQ(world.form_keys.at(1), "");
    EXPECT_EQ(value_of(world.forms.at(1), "client_id"), "my id");
    EXPECT_EQ(value_of(world.forms.at(1), "client_secret"), "secret-a:b");
    EXPECT_EQ(world.registrations.size(), 0U);
    options.store = memory_token_store();
    world.edit_server = [](json::Object& o) {
        o["token_endpoint_auth_methods_supported"] = json::Array{"tls_client_auth"};
    };
    EXPECT_EQ(code_of(world.use(options)), ErrorCode::unsupported);

    // A registered client does as it was told at its registration.
    World registering;
    registering.registered_auth = "client_secret_post";
    registering.edit_server = [](json::Object& o) {
        o["token_endpoint_auth_methods_supported"] = json::Array{"client_secret_post", "client_secret_basic"};
    };
    ASSERT_TRUE(registering.use(registering.options()));
    EXPECT_EQ(json::string_or(registering.registrations.at(0), "token_endpoint_auth_method", ""),
              "client_secret_basic");
    EXPECT_EQ(value_of(registering.forms.at(0), "client_secret"), "secret-client");

    World documents;
    options = documents.options();
    options.client_document = "https://tenon.example/client.json";
    ASSERT_TRUE(documents.use(options));
    EXPECT_EQ(documents.registrations.size(), 1U);  // it takes no documents
    documents.edit_server = [](json::Object& o) { o["client_id_metadata_document_supported"] = true; };
    documents.store = memory_token_store();
    options.store = documents.store;
    ASSERT_TRUE(documents.use(options));
    EXPECT_EQ(value_of(documents.pages.at(1), "client_id"), options.client_document);
    EXPECT_EQ(documents.registrations.size(), 1U);
    documents.forget_tokens();
    ASSERT_TRUE(documents.use(options));  // and refreshes as that client
    EXPECT_EQ(documents.pages.size(), 2U);
    options.store = memory_token_store();
    options.client_document = "http://tenon.example/client.json";
    EXPECT_EQ(code_of(documents.use(options)), ErrorCode::invalid_argument);
}

TEST(McpOAuth, ActsForItself) {
    World world;
    auto options = world.options();
    options.visit = {};
    options.grant = OAuthGrant::client_credentials;
    EXPECT_EQ(code_of(world.use(options)), ErrorCode::unauthenticated);  // as whom?
    options.client = {"robot", "secret-robot"};
    world.edit_server = [](json::Object& o) { o.erase("token_endpoint_auth_methods_supported"); };
    const auto result = world.use(options);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(world.pages.size(), 0U);
    EXPECT_EQ(value_of(world.forms.at(0), "grant_type"), "client_credentials");
    EXPECT_EQ(value_of(world.forms.at(0), "scope"), "read");
    EXPECT_EQ(value_of(world.forms.at(0), "resource"), world.server());
    EXPECT_TRUE(world.form_keys.at(0).starts_with("Basic "));
}

TEST(McpOAuth, KnowsTheCustomOf20250326) {
    World world;
    world.has_resource_metadata = world.names_metadata = false;
    world.issuer = "root";
    ASSERT_TRUE(world.use(world.options()));
    EXPECT_EQ(value_of(world.pages.at(0), "resource"), world.server());
    world.issuer = "nothing at all";
    world.store = memory_token_store();
    EXPECT_EQ(code_of(world.use(world.options())), ErrorCode::not_found);
    auto options = world.options();
    options.assume_endpoints = true;
    const auto result = world.use(options);
    ASSERT_TRUE(result) << result.error().describe();
    EXPECT_EQ(value_of(world.pages.at(1), "code_challenge_method"), "S256");
}

TEST(McpOAuth, ManyRequestsLogInOnce) {
    World world;
    const auto client = world.connect(oauth(world.http, world.options()));
    ASSERT_TRUE(client) << client.error().describe();
    world.edit_token = [](const net::QueryParameters& form) -> std::optional<net::HttpResponse> {
        if (value_of(form, "grant_type") != "refresh_token") return std::nullopt;
        return net::HttpResponse::json(R"({"error":"invalid_grant"})", 400);
    };
    world.forget_tokens();
    std::vector<std::thread> callers;
    std::atomic<int> done = 0;
    for (int i = 0; i < 8; ++i) callers.emplace_back([&] { done += world.call(**client) ? 1 : 0; });
    for (auto& caller : callers) caller.join();
    EXPECT_EQ(done, 8);
    EXPECT_EQ(world.pages.size(), 2U);
    sync_wait(world.runtime, (*client)->close());
}

TEST(McpOAuth, EndsWhenNobodyWaitsAnyMore) {
    World world;
    auto options = world.options();
    std::stop_source stop;
    options.visit = [&](std::string, CallOptions) -> task<Result<void>> {
        stop.request_stop();
        co_return Result<void>{};
    };
    const auto authorize = oauth(world.http, options);
    Challenge challenge;
    challenge.server = world.server();
    challenge.resource_metadata = world.url() + "/.well-known/oauth-protected-resource/mcp";
    EXPECT_EQ(code_of(sync_wait(world.runtime, authorize(challenge, CallOptions{{}, stop.get_token()}))),
              ErrorCode::cancelled);
    // And whoever comes next has the turn.
    options.visit = world.options().visit;
    EXPECT_TRUE(sync_wait(world.runtime, oauth(world.http, options)(challenge, CallOptions())));
}

}  // namespace
}  // namespace tenon::mcp
