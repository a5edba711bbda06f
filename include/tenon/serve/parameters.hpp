// What a handler may take. Each parameter's type says where its value comes from:
//
//     Path<int>, Path<UserId>       the next placeholder of the path; Path<int, "id"> a named one; a struct: by fields
//     Query<Paging>                 a described struct, one query parameter a field; Query<int, "limit"> a single one
//     Header<Trace>, Cookie<Seen>   the same; a field `user_agent` is the header User-Agent
//     Body<NewUser>                 JSON; Body<Text> and Body<Bytes> as they are; BodyStream piece by piece
//     Form<Application>             urlencoded or multipart/form-data; fields of type Upload are files
//     Inject<Database>              what the App was told to provide; once a request
//     Auth<User>                    whom an authenticator of the App has found; else the answer is 401
//     BearerToken, BasicCredentials, ApiKey<"X-Key">    what the client shows, for authenticators
//     WebSocket                     of app.websocket: the open socket
//     Context, CallOptions          the request itself; the deadline and the stop token
//
// Structs are described with Boost.Describe and may have rules (tenon/json/rules.hpp). A request that does not fit is
// answered with 422 and a list of all that is wrong with it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/describe/class.hpp>

#include "tenon/async/stream.hpp"
#include "tenon/json/reflect.hpp"
#include "tenon/net/web_socket.hpp"
#include "tenon/serve/scope.hpp"

namespace tenon::serve {

/// A string literal as a template argument.
template <std::size_t N>
struct Literal {
    char text[N]{};
    constexpr Literal(const char (&from)[N]) { std::copy_n(from, N, text); }  // NOLINT(google-explicit-constructor)
    [[nodiscard]] constexpr std::string_view view() const { return {text, N - 1}; }
};

namespace detail {
template <class T>
struct Held {
    using value_type = T;
    T value{};
    [[nodiscard]] T& operator*() noexcept { return value; }
    [[nodiscard]] const T& operator*() const noexcept { return value; }
    [[nodiscard]] T* operator->() noexcept { return &value; }
    [[nodiscard]] const T* operator->() const noexcept { return &value; }
};
}  // namespace detail

template <class T, Literal Name = "">
struct Path : detail::Held<T> {};
template <class T, Literal Name = "">
struct Query : detail::Held<T> {};
template <class T, Literal Name = "">
struct Header : detail::Held<T> {};
template <class T, Literal Name = "">
struct Cookie : detail::Held<T> {};
template <class T>
struct Body : detail::Held<T> {};
template <class T>
struct Form : detail::Held<T> {};

/// A shared object of type T: made for this request, or the App's one.
template <class T>
class Inject {
  public:
    using value_type = T;
    Inject() = default;
    explicit Inject(std::shared_ptr<T> value) : value_(std::move(value)) {}
    [[nodiscard]] T& operator*() const noexcept { return *value_; }
    [[nodiscard]] T* operator->() const noexcept { return value_.get(); }
    [[nodiscard]] const std::shared_ptr<T>& shared() const noexcept { return value_; }

  private:
    std::shared_ptr<T> value_;
};
/// As Inject, of somebody who has been authenticated; found before anything else is looked at.
template <class T>
class Auth : public Inject<T> {
  public:
    using Inject<T>::Inject;
};

/// The token of `Authorization: Bearer TOKEN`.
struct BearerToken {
    std::string token;
};
/// Of `Authorization: Basic …` (RFC 7617).
struct BasicCredentials {
    std::string user, password;
};
/// A key in a header.
template <Literal Name>
struct ApiKey {
    std::string key;
};
/// A key in a query parameter, where headers cannot be set; it ends up in logs.
template <Literal Name>
struct QueryKey {
    std::string key;
};

/// Plain text, in a body or an answer.
struct Text {
    std::string text;
};
struct Bytes {
    std::string data;
    std::string content_type = "application/octet-stream";
};
/// The body piece by piece, never held whole. Not to be used after the handler has returned.
struct BodyStream {
    StreamPtr<std::string> stream;
    std::string content_type;
};

/// An open WebSocket. A handle: copies are the same socket. `send` may be called while a `read` waits.
class WebSocket {
  public:
    WebSocket() = default;
    explicit WebSocket(std::shared_ptr<net::WebSocket> socket) : socket_(std::move(socket)) {}

    /// The next message; nullopt when the client has closed. Errors: those of net::WebSocket::read.
    [[nodiscard]] task<Result<std::optional<net::WebSocketMessage>>> read() const { return socket_->read(); }
    /// The next message as JSON that fits T. Errors: those of `read` and of json::from_text.
    template <class T>
    [[nodiscard]] task<Result<std::optional<T>>> read_json() const {
        return parsed<T>(socket_->read());
    }
    [[nodiscard]] task<Result<void>> send(std::string text) const {
        return socket_->send(net::WebSocketMessage{std::move(text), false});
    }
    [[nodiscard]] task<Result<void>> send_bytes(std::string bytes) const {
        return socket_->send(net::WebSocketMessage{std::move(bytes), true});
    }
    template <class T>
    [[nodiscard]] task<Result<void>> send_json(const T& value) const {
        return send(json::to_text(value));
    }
    [[nodiscard]] task<void> close(std::uint16_t code = 1000, std::string reason = std::string()) const {
        return socket_->close(code, std::move(reason));
    }

  private:
    template <class T>
    static task<Result<std::optional<T>>> parsed(task<Result<std::optional<net::WebSocketMessage>>> reading) {
        auto message = co_await std::move(reading);
        if (!message) co_return std::unexpected(std::move(message).error());
        if (!*message) co_return std::optional<T>{};
        auto value = json::from_text<T>((**message).data);
        if (!value) co_return std::unexpected(std::move(value).error());
        co_return std::optional<T>(std::move(*value));
    }
    std::shared_ptr<net::WebSocket> socket_;
};

/// A file of a form. It lies in a directory that goes when the request is over: move it to keep it.
struct Upload {
    std::string file_name;  ///< as the client gave it: never a path to be trusted
    std::string content_type;
    std::string path;  ///< where it lies
    std::uint64_t bytes = 0;

    /// Errors: io, resource_exhausted (longer than `limit`).
    [[nodiscard]] Result<std::string> read(std::size_t limit = std::size_t{64} << 20) const;
    /// Errors: io, already_exists.
    [[nodiscard]] Result<void> move_to(const std::string& where) const;
};
BOOST_DESCRIBE_STRUCT(Upload, (), (file_name, content_type, path, bytes))

namespace detail {

/// What a parameter takes of a path.
enum class PathUse : std::uint8_t { none, next, named, fields };
struct PathNeed {
    PathUse use = PathUse::none;
    std::string_view name{};
    std::span<const json::Field> fields{};
};

template <class T>
inline constexpr bool is_struct = json::detail::type_table<T>.kind == json::Kind::object;

template <class A>
struct ParameterOf {};

template <Place P, class T, Literal Name, class A>
struct PlacedParameter {
    static_assert(is_struct<T> || P == Place::path || !Name.view().empty(),
                  "a single value needs its name: Query<int, \"limit\">; a described struct does not");
    static constexpr PathNeed path = P != Place::path       ? PathNeed{}
                                     : !Name.view().empty() ? PathNeed{PathUse::named, Name.view(), {}}
                                     : is_struct<T> ? PathNeed{PathUse::fields, {}, json::detail::type_table<T>.fields}
                                                    : PathNeed{PathUse::next, {}, {}};
    static constexpr ParameterKind kind{
        .read =
            [](Scope& scope, const BoundParameter& bound, void* to, std::vector<FieldFault>& faults) {
                T* value = &static_cast<A*>(to)->value;
                const json::Type& type = json::type_of<T>();
                if constexpr (is_struct<T>) {
                    if (!bound.one_field) return read_fields(scope, P, type, value, faults);
                    const auto& only = type.fields.front();
                    return read_one(scope, P, bound.name, only.type(), only.get(value), faults);
                } else {
                    return read_one(scope, P, bound.name, type, value, faults);
                }
            },
        .declare =
            [](Draft& draft, const BoundParameter& bound) {
                const json::Type& type = json::type_of<T>();
                if constexpr (is_struct<T>) {
                    if (!bound.one_field) return draft.add_fields(P, type);
                    return draft.add_value(P, bound.name, type.fields.front().type());
                } else {
                    return draft.add_value(P, bound.name, type);
                }
            }};
    static constexpr std::string_view name = Name.view();
};
template <class T, Literal Name>
struct ParameterOf<Path<T, Name>> : PlacedParameter<Place::path, T, Name, Path<T, Name>> {};
template <class T, Literal Name>
struct ParameterOf<Query<T, Name>> : PlacedParameter<Place::query, T, Name, Query<T, Name>> {};
template <class T, Literal Name>
struct ParameterOf<Header<T, Name>> : PlacedParameter<Place::header, T, Name, Header<T, Name>> {};
template <class T, Literal Name>
struct ParameterOf<Cookie<T, Name>> : PlacedParameter<Place::cookie, T, Name, Cookie<T, Name>> {};

template <class T>
struct ParameterOf<Body<T>> {
    static constexpr ParameterKind kind{
        .read =
            [](Scope& scope, const BoundParameter&, void* to, std::vector<FieldFault>& faults) {
                read_json_body(scope, json::type_of<T>(), &static_cast<Body<T>*>(to)->value, faults);
            },
        .declare =
            [](Draft& draft, const BoundParameter&) {
                draft.bodies.push_back({"application/json", &json::type_of<T>(), !json::detail::is_optional<T>});
            }};
};
template <>
struct ParameterOf<Body<Text>> {
    static constexpr ParameterKind kind{
        .read = [](Scope& scope, const BoundParameter&, void* to,
                   std::vector<FieldFault>&) { static_cast<Body<Text>*>(to)->value.text = take_body(scope); },
        .declare =
            [](Draft& draft, const BoundParameter&) {
                draft.bodies.push_back({"text/plain", &json::type_of<std::string>(), false});
            }};
};
template <>
struct ParameterOf<Body<Bytes>> {
    static constexpr ParameterKind kind{
        .read =
            [](Scope& scope, const BoundParameter&, void* to, std::vector<FieldFault>&) {
                auto& body = static_cast<Body<Bytes>*>(to)->value;
                body.content_type = content_type_of(scope);
                body.data = take_body(scope);
            },
        .declare =
            [](Draft& draft, const BoundParameter&) {
                draft.bodies.push_back({"application/octet-stream", nullptr, false});
            }};
};
template <>
struct ParameterOf<BodyStream> {
    static constexpr ParameterKind kind{
        .read =
            [](Scope& scope, const BoundParameter&, void* to, std::vector<FieldFault>&) {
                auto& body = *static_cast<BodyStream*>(to);
                body.content_type = content_type_of(scope);
                body.stream = take_body_stream(scope);
            },
        .declare =
            [](Draft& draft, const BoundParameter&) {
                draft.bodies.push_back({"application/octet-stream", nullptr, false});
                draft.waits_for_body = true;
            }};
};
template <class T>
struct ParameterOf<Form<T>> {
    static_assert(is_struct<T>, "Form<T> takes a described struct: one field of the form a member");
    static constexpr ParameterKind kind{
        .resolve =
            [](ScopePtr scope, void* to) {
                return read_form_body(std::move(scope), &json::type_of<T>(), &static_cast<Form<T>*>(to)->value);
            },
        .declare = [](Draft& draft, const BoundParameter&) { draft.add_form(json::type_of<T>()); }};
};

template <class A>
task<Result<void>> inject(ScopePtr scope, void* to) {
    using T = typename A::value_type;
    auto made = co_await provided(std::move(scope), type_key<T>());
    if (!made) co_return std::unexpected(std::move(made).error());
    *static_cast<A*>(to) = A(std::static_pointer_cast<T>(std::move(*made)));
    co_return Result<void>{};
}
template <class T>
struct ParameterOf<Inject<T>> {
    static constexpr ParameterKind kind{
        .resolve = &inject<Inject<T>>,
        .declare = [](Draft& draft, const BoundParameter&) { draft.needs.push_back(type_key<T>()); }};
};
template <class T>
struct ParameterOf<Auth<T>> {
    static constexpr ParameterKind kind{
        .resolve = &inject<Auth<T>>,
        .declare = [](Draft& draft, const BoundParameter&) { draft.needs.push_back(type_key<T>()); },
        .early = true};
};

task<Result<void>> resolve_bearer(ScopePtr scope, void* to);
task<Result<void>> resolve_basic(ScopePtr scope, void* to);
task<Result<void>> resolve_key(ScopePtr scope, SecurityScheme::Kind kind, std::string name, std::string* to);
template <>
struct ParameterOf<BearerToken> {
    static constexpr ParameterKind kind{
        .resolve = &resolve_bearer,
        .declare = [](Draft& draft, const BoundParameter&) { draft.security.push_back({}); },
        .early = true};
};
template <>
struct ParameterOf<BasicCredentials> {
    static constexpr ParameterKind kind{.resolve = &resolve_basic,
                                        .declare =
                                            [](Draft& draft, const BoundParameter&) {
                                                draft.security.push_back({SecurityScheme::Kind::basic, {}});
                                            },
                                        .early = true};
};
template <class A, SecurityScheme::Kind Where, Literal Name>
struct KeyParameter {
    static constexpr ParameterKind kind{.resolve =
                                            [](ScopePtr scope, void* to) {
                                                return resolve_key(std::move(scope), Where, std::string(Name.view()),
                                                                   &static_cast<A*>(to)->key);
                                            },
                                        .declare =
                                            [](Draft& draft, const BoundParameter&) {
                                                draft.security.push_back({Where, std::string(Name.view())});
                                            },
                                        .early = true};
};
template <Literal Name>
struct ParameterOf<ApiKey<Name>> : KeyParameter<ApiKey<Name>, SecurityScheme::Kind::api_key_header, Name> {};
template <Literal Name>
struct ParameterOf<QueryKey<Name>> : KeyParameter<QueryKey<Name>, SecurityScheme::Kind::api_key_query, Name> {};

void keep_socket_place(Scope& scope, WebSocket* place);
template <>
struct ParameterOf<WebSocket> {
    static constexpr ParameterKind kind{
        .read = [](Scope& scope, const BoundParameter&, void* to,
                   std::vector<FieldFault>&) { keep_socket_place(scope, static_cast<WebSocket*>(to)); },
        .declare = [](Draft& draft, const BoundParameter&) { draft.web_socket = true; }};
};

template <>
struct ParameterOf<Context> {
    static constexpr ParameterKind kind{
        .read = [](Scope& scope, const BoundParameter&, void* to,
                   std::vector<FieldFault>&) { *static_cast<Context*>(to) = context_of(scope); },
        .declare = [](Draft&, const BoundParameter&) {}};
    static constexpr bool takes_everything = true;
};
template <>
struct ParameterOf<CallOptions> {
    static constexpr ParameterKind kind{
        .read = [](Scope& scope, const BoundParameter&, void* to,
                   std::vector<FieldFault>&) { *static_cast<CallOptions*>(to) = call_of(scope); },
        .declare = [](Draft&, const BoundParameter&) {}};
};

/// Whether an App knows how to fill a parameter of this type. Specialise ParameterOf to add one.
template <class A>
concept Fillable = requires { ParameterOf<A>::kind; };

template <class A>
constexpr PathNeed path_need() {
    if constexpr (requires { ParameterOf<A>::path; })
        return ParameterOf<A>::path;
    else
        return {};
}
template <class A>
constexpr bool takes_everything() {
    return requires { ParameterOf<A>::takes_everything; };
}
template <class A>
constexpr std::string_view name_of_parameter() {
    if constexpr (requires { ParameterOf<A>::name; })
        return ParameterOf<A>::name;
    else
        return {};
}

}  // namespace detail
}  // namespace tenon::serve
