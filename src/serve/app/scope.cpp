#include "tenon/serve/scope.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "serve/app/state.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/net/url.hpp"
#include "tenon/serve/parameters.hpp"

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::serve {

Scope::~Scope() {
    while (!made.empty()) made.pop_back();  // the last made first
}

task<void> AppRun::wait_for_background() {
    while (background.load() > 0) (void)co_await idle.wait({});
}

const net::HttpRequest& Context::request() const { return scope_->request; }
const CallOptions& Context::call() const { return scope_->context.call; }
const std::string& Context::request_id() const { return scope_->context.request_id; }
void Context::set_header(std::string name, std::string value) { scope_->added.set(std::move(name), std::move(value)); }
void Context::set_cookie(std::string name, std::string value, CookieOptions options) {
    if (!net::is_token(name)) return;
    auto text = fmt::format("{}={}; Path={}", name, net::percent_encode(value), options.path);
    if (options.max_age) text += fmt::format("; Max-Age={}", options.max_age->count());
    if (options.http_only) text += "; HttpOnly";
    if (options.secure) text += "; Secure";
    if (!options.same_site.empty()) text += "; SameSite=" + options.same_site;
    scope_->added.add("Set-Cookie", std::move(text));
}
void Context::background(std::function<task<void>()> work) { scope_->background.push_back(std::move(work)); }

namespace detail {

Context context_of(Scope& scope) { return Context(scope.shared_from_this()); }
const CallOptions& call_of(const Scope& scope) { return scope.context.call; }
void keep_socket_place(Scope& scope, WebSocket* place) { scope.socket = place; }

// --- parameters that are there
// ----------------------------------------------------------------------------------------

namespace {

/// The values of one cookie (RFC 6265 §4.2), percent-decoded where they can be.
std::vector<std::string> cookies(const net::Headers& headers, std::string_view name) {
    std::vector<std::string> out;
    for (const auto& field : headers) {
        if (!net::equals_ignoring_case(field.name, "cookie")) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            auto pair = rest.substr(0, rest.find(';'));
            rest.remove_prefix(std::min(rest.size(), pair.size() + 1));
            while (pair.starts_with(' ')) pair.remove_prefix(1);
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos || pair.substr(0, equals) != name) continue;
            auto value = pair.substr(equals + 1);
            if (value.size() >= 2 && value.starts_with('"') && value.ends_with('"'))
                value = value.substr(1, value.size() - 2);
            out.push_back(net::percent_decode(value).value_or(std::string(value)));
        }
    }
    return out;
}

void read_placed(Scope& scope, Place place, std::string_view name, const json::Type& type, const json::Rules& rules,
                 void* to, std::vector<FieldFault>& faults) {
    std::vector<std::string_view> texts;
    std::vector<std::string> decoded;
    const auto& request = scope.request;
    const auto pick = [&](const net::QueryParameters& from) {
        for (const auto& [key, value] : from)
            if (key == name) texts.push_back(value);
    };
    switch (place) {
        case Place::path:
            pick(request.path_parameters);
            break;
        case Place::query:
            pick(request.query);
            break;
        case Place::header:
            for (const auto& field : request.headers)
                if (net::equals_ignoring_case(field.name, name)) texts.push_back(field.value);
            break;
        case Place::cookie:
            decoded = cookies(request.headers, name);
            texts.assign(decoded.begin(), decoded.end());
            break;
    }
    read_texts(type, rules, texts, to, to_string(place), name, faults);
}

bool is_json(std::string_view content_type) {
    auto type = content_type.substr(0, content_type.find(';'));
    while (type.ends_with(' ')) type.remove_suffix(1);
    return net::equals_ignoring_case(type, "application/json") ||
           (type.size() > 5 && net::equals_ignoring_case(type.substr(type.size() - 5), "+json"));
}

net::HttpResponse refusal(int status, std::string detail) {
    Problem problem;
    problem.status = status;
    problem.title = net::reason_phrase(status);
    problem.detail = std::move(detail);
    return problem_response(std::move(problem));
}

}  // namespace

void read_fields(Scope& scope, Place place, const json::Type& type, void* to, std::vector<FieldFault>& faults) {
    for (const auto& field : type.fields) {
        if (place == Place::header && field.name.contains('_')) {
            std::string name(field.name);
            std::ranges::replace(name, '_', '-');
            read_placed(scope, place, name, field.type(), field.rules, field.get(to), faults);
        } else {
            read_placed(scope, place, field.name, field.type(), field.rules, field.get(to), faults);
        }
    }
}

void read_one(Scope& scope, Place place, std::string_view name, const json::Type& type, void* to,
              std::vector<FieldFault>& faults) {
    read_placed(scope, place, name, type, {}, to, faults);
}

void read_json_body(Scope& scope, const json::Type& type, void* to, std::vector<FieldFault>& faults) {
    const auto& request = scope.request;
    if (const auto given = request.headers.find("content-type"); given && !given->empty() && !is_json(*given)) {
        scope.refusal = refusal(415, "this body must be JSON: send it with Content-Type: application/json");
        return;
    }
    if (request.body.empty()) {
        if (type.kind != json::Kind::optional) faults.push_back({"body", "", "missing: a JSON body is required"});
        return;
    }
    json::ReadOptions options;
    options.refuse_unknown = scope.run->app->options.refuse_unknown;
    options.max_errors = 32;
    for (auto& fault : json::detail::find_faults_in_text(type, request.body, to, options))
        faults.push_back({"body", std::move(fault.path), std::move(fault.message)});
}

std::string take_body(Scope& scope) { return std::move(scope.request.body); }
std::string content_type_of(const Scope& scope) {
    return std::string(scope.request.headers.find("content-type").value_or("application/octet-stream"));
}
StreamPtr<std::string> take_body_stream(Scope& scope) { return std::move(scope.request.body_stream); }

// --- credentials
// ------------------------------------------------------------------------------------------------------

namespace {
std::optional<std::string_view> authorization(const Scope& scope, std::string_view scheme) {
    const auto given = scope.request.headers.find("authorization");
    if (!given || given->size() <= scheme.size() + 1 || (*given)[scheme.size()] != ' ' ||
        !net::equals_ignoring_case(given->substr(0, scheme.size()), scheme))
        return std::nullopt;
    auto rest = given->substr(scheme.size() + 1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    if (rest.empty()) return std::nullopt;
    return rest;
}
}  // namespace

Result<std::string> bearer_token(const Scope& scope) {
    const auto token = authorization(scope, "Bearer");
    if (!token) return fail(ErrorCode::unauthenticated, "a token is needed: send \"Authorization: Bearer TOKEN\"");
    return std::string(*token);
}

Result<std::pair<std::string, std::string>> basic_credentials(const Scope& scope) {
    const auto given = authorization(scope, "Basic");
    if (!given) return fail(ErrorCode::unauthenticated, "a user and a password are needed (HTTP basic authentication)");
    const auto decoded = base64_decode(*given);
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos)
        return fail(ErrorCode::unauthenticated, "the credentials are not those of HTTP basic authentication");
    return std::pair(decoded->substr(0, colon), decoded->substr(colon + 1));
}

Result<std::string> api_key(const Scope& scope, SecurityScheme::Kind kind, std::string_view name) {
    std::optional<std::string_view> given;
    if (kind == SecurityScheme::Kind::api_key_header)
        given = scope.request.headers.find(name);
    else
        given = scope.request.query_parameter(name);
    if (!given || given->empty())
        return fail(ErrorCode::unauthenticated,
                    fmt::format("a key is needed: send it as the {} {}",
                                kind == SecurityScheme::Kind::api_key_header ? "header" : "query parameter", name));
    return std::string(*given);
}

task<Result<void>> resolve_bearer(ScopePtr scope, void* to) {
    TENON_CO_TRY(static_cast<BearerToken*>(to)->token, bearer_token(*scope));
    co_return Result<void>{};
}
task<Result<void>> resolve_basic(ScopePtr scope, void* to) {
    TENON_CO_TRY(auto pair, basic_credentials(*scope));
    auto& credentials = *static_cast<BasicCredentials*>(to);
    credentials.user = std::move(pair.first);
    credentials.password = std::move(pair.second);
    co_return Result<void>{};
}
task<Result<void>> resolve_key(ScopePtr scope, SecurityScheme::Kind kind, std::string name, std::string* to) {
    TENON_CO_TRY(*to, api_key(*scope, kind, name));
    co_return Result<void>{};
}

// --- filling
// ----------------------------------------------------------------------------------------------------------

bool waits(const std::vector<BoundParameter>& parameters) noexcept {
    return std::ranges::any_of(parameters, [](const BoundParameter& p) { return p.kind->resolve != nullptr; });
}

Result<void> fill_now(Scope& scope, const std::vector<BoundParameter>& parameters, Arguments& arguments) {
    std::vector<FieldFault> faults;
    for (std::size_t i = 0; i < parameters.size(); ++i)
        if (parameters[i].kind->read != nullptr)
            parameters[i].kind->read(scope, parameters[i], arguments.at(i), faults);
    if (!faults.empty() && !scope.refusal) scope.refusal = faults_response(faults);
    if (scope.refusal) return fail(ErrorCode::invalid_argument, "the request does not fit");
    return {};
}

task<Result<void>> fill(ScopePtr scope, const std::vector<BoundParameter>* parameters, Arguments* arguments) {
    for (std::size_t i = 0; i < parameters->size(); ++i) {
        const auto& kind = *(*parameters)[i].kind;
        if (kind.resolve != nullptr && kind.early) TENON_CO_CHECK(co_await kind.resolve(scope, arguments->at(i)));
    }
    TENON_CO_CHECK(fill_now(*scope, *parameters, *arguments));
    for (std::size_t i = 0; i < parameters->size(); ++i) {
        const auto& kind = *(*parameters)[i].kind;
        if (kind.resolve != nullptr && !kind.early) TENON_CO_CHECK(co_await kind.resolve(scope, arguments->at(i)));
    }
    co_return Result<void>{};
}

task<Result<std::shared_ptr<void>>> provided(ScopePtr scope, TypeKey key) {
    for (const auto& made : scope->made)
        if (made.key == key) co_return made.value;
    std::optional<Error> first;
    for (const Provider* provider : scope->run->app->providers_of(key)) {
        const auto arguments = provider->maker->arguments();
        Result<std::shared_ptr<void>> made = std::shared_ptr<void>{};
        auto filled = co_await fill(scope, &provider->parameters, arguments.get());
        if (!filled)
            made = std::unexpected(std::move(filled).error());
        else if (provider->maker->waits())
            made = co_await provider->maker->call(*arguments);
        else
            made = provider->maker->call_now(*arguments);
        if (made) {
            if (!*made)
                co_return fail(ErrorCode::internal, fmt::format("the provider of {} gave a null pointer", key.name));
            scope->made.push_back({key, *made});
            co_return made;
        }
        if (!first) first = made.error();
        if (made.error().code() != ErrorCode::unauthenticated) co_return made;
    }
    if (first) co_return std::unexpected(std::move(*first));
    co_return fail(ErrorCode::internal, fmt::format("nothing provides {}", key.name));
}

}  // namespace detail
}  // namespace tenon::serve
