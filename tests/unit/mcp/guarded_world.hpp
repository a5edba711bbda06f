// An MCP server that wants tokens and the authorization servers that give them, scripted, in one process. Everything
// that must stay secret begins with "secret-".
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <map>
#include <mutex>

#include "mcp/auth/metadata.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/mcp/oauth.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/net/url.hpp"

namespace tenon::mcp::test {

inline std::string value_of(const net::QueryParameters& in, std::string_view name) {
    for (const auto& [key, value] : in)
        if (key == name) return value;
    return {};
}

class World {
  public:
    // What it does; set before it is used.
    std::string issuer = "one";  ///< which authorization server the MCP server names
    std::string scope = "read";  ///< what its first refusal asks for; empty: it does not say
    bool has_resource_metadata = true;
    bool names_metadata = true;  ///< in its refusals
    std::function<void(json::Object&)> edit_resource, edit_server;
    std::function<void(net::QueryParameters&)> edit_answer;    ///< what the browser brings back
    std::function<std::string(const std::string&)> edit_body;  ///< of both kinds of metadata
    std::function<std::optional<net::HttpResponse>(const net::QueryParameters&)> edit_token;
    std::map<std::string, std::string> needed;  ///< a scope for each method
    std::string registered_auth;
    int lifetime = 3600;
    bool refuses_all = false;

    // What has happened.
    std::vector<net::QueryParameters> pages, forms;
    std::vector<std::string> form_keys;  ///< Authorization of each form
    std::vector<json::Value> registrations;
    std::string said;  ///< in logs and errors

    World() {
        net::Router router;
        const auto on = [&](const char* method, const char* pattern,
                            net::HttpResponse (World::*answer)(const net::HttpRequest&)) {
            router.add(method, pattern,
                       [this, answer](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
                           const std::scoped_lock lock(mutex_);
                           co_return (this->*answer)(request);
                       });
        };
        on("GET", "/.well-known/oauth-protected-resource/mcp", &World::resource_metadata);
        on("GET", "/.well-known/oauth-authorization-server/{as}", &World::server_metadata);
        on("GET", "/.well-known/oauth-authorization-server", &World::root_metadata);
        on("GET", "/{as}/authorize", &World::authorize);
        on("POST", "/{as}/token", &World::token);
        on("POST", "/{as}/register", &World::enrol);
        on("GET", "/authorize", &World::authorize);
        on("POST", "/token", &World::token);
        on("POST", "/register", &World::enrol);
        on("GET", "/loop", &World::loop);
        on("POST", "/mcp", &World::serve);
        net::HttpServerOptions options;
        options.port = 0;
        web_ = net::HttpServer::start(runtime.executor(), options, std::move(router)).value();
        http = std::make_shared<net::HttpClient>(runtime.executor());
    }
    ~World() {
        sync_wait(runtime, web_->shutdown(std::chrono::milliseconds(0)));
        EXPECT_EQ(said.find("secret-"), std::string::npos) << said;
    }

    [[nodiscard]] std::string url() const { return web_->url(); }
    [[nodiscard]] std::string server() const { return url() + "/mcp"; }

    /// A browser whose user agrees to everything.
    OAuthOptions options() {
        OAuthOptions out;
        out.visit = [this](std::string page, CallOptions) -> task<Result<void>> {
            net::ClientRequest request;
            request.url = std::move(page);
            auto response = co_await http->send(std::move(request));
            if (!response) co_return std::unexpected(std::move(response).error());
            co_return Result<void>{};
        };
        out.store = store;
        out.log = [this](tenon::LogLevel, std::string_view, std::string_view text) { say(text); };
        return out;
    }
    Result<ClientPtr> connect(Authorizer authorize) {
        Endpoint endpoint;
        endpoint.url = server();
        endpoint.authorize = std::move(authorize);
        ClientOptions client;
        client.revision = Revision::v2026_07_28;
        auto connected = sync_wait(runtime, mcp::connect(std::move(endpoint), http, std::move(client)));
        if (!connected) say(connected.error().describe());
        return connected;
    }
    /// What a call of the tool gives.
    Result<std::string> call(Client& client) {
        const auto result = sync_wait(runtime, client.call_tool("t"));
        if (!result) {
            say(result.error().describe());
            return std::unexpected(result.error());
        }
        return text_of(result->content);
    }
    Result<std::string> use(OAuthOptions options) {
        TENON_TRY(const auto client, connect(oauth(http, std::move(options))));
        auto result = call(*client);
        sync_wait(runtime, client->close());
        return result;
    }
    /// From now on no token that was given is good.
    void forget_tokens() {
        const std::scoped_lock lock(mutex_);
        tokens_.clear();
    }
    void accept(const std::string& token, const std::string& scopes) {
        const std::scoped_lock lock(mutex_);
        tokens_[token] = scopes;
    }
    void say(std::string_view text) {
        const std::scoped_lock lock(saying_);
        said += std::string(text) + "\n";
    }

    Runtime runtime;
    std::shared_ptr<net::HttpClient> http;
    std::shared_ptr<TokenStore> store = memory_token_store();

  private:
    [[nodiscard]] std::string issuer_of(const net::HttpRequest& request) const {
        const auto name = request.path_parameter("as");
        return name.empty() ? url() : url() + "/" + std::string(name);
    }
    net::HttpResponse body(json::Object content) const {
        const auto text = json::dump(content);
        return net::HttpResponse::json(edit_body ? edit_body(text) : text);
    }
    net::HttpResponse resource_metadata(const net::HttpRequest&) {
        if (!has_resource_metadata) return net::HttpResponse::text("no", 404);
        json::Object out{{"resource", server()},
                         {"authorization_servers", json::Array{json::Value(url() + "/" + issuer)}},
                         {"scopes_supported", json::Array{"read", "list"}}};
        if (edit_resource) edit_resource(out);
        return body(std::move(out));
    }
    net::HttpResponse root_metadata(const net::HttpRequest& request) {
        if (issuer != "root") return net::HttpResponse::text("<html>", 404);
        return server_metadata(request);
    }
    net::HttpResponse server_metadata(const net::HttpRequest& request) {
        const auto name = issuer_of(request);
        json::Object out{{"issuer", name},
                         {"authorization_endpoint", name + "/authorize"},
                         {"token_endpoint", name + "/token"},
                         {"registration_endpoint", name + "/register"},
                         {"code_challenge_methods_supported", json::Array{"S256"}},
                         {"token_endpoint_auth_methods_supported", json::Array{"none"}},
                         {"authorization_response_iss_parameter_supported", true}};
        if (edit_server) edit_server(out);
        return body(std::move(out));
    }
    net::HttpResponse authorize(const net::HttpRequest& request) {
        pages.push_back(request.query);
        net::QueryParameters answer{{"code", "secret-code-" + std::to_string(pages.size())},
                                    {"state", value_of(request.query, "state")},
                                    {"iss", issuer_of(request)}};
        if (edit_answer) edit_answer(answer);
        auto to = value_of(request.query, "redirect_uri");
        for (const auto& [key, value] : answer)
            to += (to.contains('?') ? "&" : "?") + key + "=" + net::percent_encode(value);
        auto out = net::HttpResponse::text("", 302);
        out.headers.set("Location", to);
        return out;
    }
    net::HttpResponse token(const net::HttpRequest& request) {
        auto form = net::parse_query(request.body);
        forms.push_back(form);
        form_keys.emplace_back(request.headers.find("authorization").value_or(""));
        if (edit_token)
            if (auto answer = edit_token(form)) return std::move(*answer);
        const auto grant = value_of(form, "grant_type");
        std::string asked = value_of(form, "scope");
        if (grant == "authorization_code") asked = value_of(pages.back(), "scope");
        const auto refresh = value_of(form, "refresh_token");
        if (grant == "refresh_token") {
            if (!refreshes_.contains(refresh))
                return net::HttpResponse::json(R"({"error":"invalid_grant","error_description":"gone"})", 400);
            asked = refreshes_[refresh];
            refreshes_.erase(refresh);  // each is good for once
        }
        const auto number = std::to_string(forms.size());
        tokens_["secret-token-" + number] = asked;
        refreshes_["secret-refresh-" + number] = asked;
        auto out = net::HttpResponse::json(json::dump(json::Object{{"access_token", "secret-token-" + number},
                                                                   {"token_type", "bearer"},
                                                                   {"expires_in", lifetime},
                                                                   {"refresh_token", "secret-refresh-" + number}}));
        return out;
    }
    net::HttpResponse enrol(const net::HttpRequest& request) {
        registrations.push_back(json::parse(request.body).value());
        json::Object out{{"client_id", issuer_of(request) + "#" + std::to_string(registrations.size())}};
        if (!registered_auth.empty()) {
            out["client_secret"] = "secret-client";
            out["token_endpoint_auth_method"] = registered_auth;
        }
        return net::HttpResponse::json(json::dump(out), 201);
    }
    net::HttpResponse loop(const net::HttpRequest&) {
        auto out = net::HttpResponse::text("", 302);
        out.headers.set("Location", "/loop");
        return out;
    }
    net::HttpResponse refuse(int status, const std::string& error, const std::string& wanted) const {
        auto out = net::HttpResponse::json("{}", status);
        std::string challenge = "Bearer error=\"" + error + "\"";
        if (!wanted.empty()) challenge += ", scope=\"" + wanted + "\"";
        if (names_metadata)
            challenge += ", resource_metadata=\"" + url() + "/.well-known/oauth-protected-resource/mcp\"";
        out.headers.set("WWW-Authenticate", challenge);
        return out;
    }
    net::HttpResponse serve(const net::HttpRequest& request) {
        const auto message = json::parse(request.body).value();
        const std::string method(json::string_or(message, "method", ""));
        auto shown = std::string(request.headers.find("authorization").value_or(""));
        if (shown.starts_with("Bearer ")) shown.erase(0, 7);
        const auto known = tokens_.find(shown);
        if (refuses_all || known == tokens_.end()) return refuse(401, "invalid_token", scope);
        if (const auto need = needed.find(method); need != needed.end()) {
            const auto has = auth::words_of(known->second);
            if (std::ranges::find(has, need->second) == has.end())
                return refuse(403, "insufficient_scope", need->second);
        }
        json::Value result;
        if (method == "server/discover")
            result = json::parse(R"({"supportedVersions":["2026-07-28"],"capabilities":{"tools":{}}})").value();
        else if (method == "tools/list")
            result = json::parse(R"({"tools":[{"name":"t","inputSchema":{"type":"object"}}]})").value();
        else
            result = json::parse(R"({"content":[{"type":"text","text":"done"}]})").value();
        json::Object out{{"jsonrpc", "2.0"}, {"id", *json::find(message, "id")}, {"result", std::move(result)}};
        return net::HttpResponse::json(json::dump(out));
    }

    std::mutex mutex_, saying_;
    std::map<std::string, std::string> tokens_, refreshes_;
    std::unique_ptr<net::HttpServer> web_;
};

}  // namespace tenon::mcp::test
