// What a handler may give. Any value that JSON knows (tenon/json/reflect.hpp) is answered as JSON with status 200;
// these say something else. All of them may come as T, Result<T>, task<T> or task<Result<T>>.
#pragma once

#include <concepts>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "tenon/json/reflect.hpp"
#include "tenon/net/http_message.hpp"
#include "tenon/net/sse.hpp"
#include "tenon/serve/parameters.hpp"

namespace tenon::serve {

/// 201, with the new thing and where it is now.
template <class T>
struct Created {
    T value;
    std::string location{};
};
/// 202: it will be done.
template <class T>
struct Accepted {
    T value;
};
/// 204. A handler that gives nothing (void, Result<void>) answers the same.
struct NoContent {};
/// A value with a status and headers of its own; the document says 200 unless told otherwise.
template <class T>
struct Reply {
    T value;
    int status = 200;
    net::Headers headers{};
};
struct Html {
    std::string html;
};
struct Redirect {
    std::string location;
    int status = 307;
};
/// A file on the disk: 404 when there is none; sent in pieces when it is long.
struct File {
    std::string path;
    std::string content_type{};   ///< empty: by the ending of the name
    std::string download_name{};  ///< not empty: the browser is to save it under this name
};
/// Server-sent events: each value is one event, its data JSON; a net::SseEvent goes out as it is. An error of the
/// stream is sent as a last event `error` with the problem as its data.
template <class T>
struct Events {
    StreamPtr<T> stream;
};
/// A stream whose values a function gives, called once for each: task<Result<std::optional<T>>>, nullopt at the end.
///
///     return Events<int>{stream_from<int>([n = 0]() mutable -> task<Result<std::optional<int>>> { … })};
template <class T, class Next>
[[nodiscard]] StreamPtr<T> stream_from(Next next) {
    class FromFunction final : public Stream<T> {
      public:
        explicit FromFunction(Next function) : next_(std::move(function)) {}
        task<Result<std::optional<T>>> next() override { return next_(); }

      private:
        Next next_;
    };
    return std::make_unique<FromFunction>(std::move(next));
}
/// JSON Lines: each value is a line. An error cuts the connection.
template <class T>
struct JsonLines {
    StreamPtr<T> stream;
};

/// The answer to whatever went wrong (RFC 9457), as application/problem+json.
struct Problem {
    struct Item {
        std::string in, field, message;
    };
    std::string type = "about:blank";
    std::string title;  ///< the status in words
    int status = 500;
    std::string detail;
    std::vector<Item> errors;  ///< of 422: every fault of the request
};
BOOST_DESCRIBE_STRUCT(Problem::Item, (), (in, field, message))
BOOST_DESCRIBE_STRUCT(Problem, (), (type, title, status, detail, errors))
[[nodiscard]] constexpr auto describe_fields(const Problem*) {
    return json::fields(
        "What went wrong (RFC 9457)",
        json::about(&Problem::errors, {.description = "every fault of the request", .required = false}));
}
[[nodiscard]] net::HttpResponse problem_response(Problem problem);
/// The problem an error is told as: status_of(code), the error's own words unless they are about the inside of the
/// server (internal, io), which go to the log alone.
[[nodiscard]] net::HttpResponse problem_response(const Error& error);

namespace detail {

template <class T>
inline constexpr bool is_json_able =
    std::is_arithmetic_v<T> || boost::describe::has_describe_enumerators<T>::value || std::is_same_v<T, std::string> ||
    std::is_same_v<T, boost::json::value> || std::is_same_v<T, std::monostate> || json::detail::is_optional<T> ||
    json::detail::is_owner<T> || json::detail::is_variant<T> || json::detail::TupleLike<T> ||
    json::detail::MapLike<T> || json::detail::ListLike<T> || boost::describe::has_describe_members<T>::value;

[[nodiscard]] net::HttpResponse json_reply(const json::Type& type, const void* value, int status);
[[nodiscard]] net::HttpResponse file_reply(File file);
[[nodiscard]] std::string event_text(const json::Type& type, const void* value);
[[nodiscard]] std::string line_text(const json::Type& type, const void* value);
[[nodiscard]] std::string error_event(const Error& error);
[[nodiscard]] net::HttpResponse stream_reply(std::string content_type, std::shared_ptr<Stream<std::string>> stream);

/// How a value becomes an answer. Specialise it to add a type: `make` and `declare`.
template <class T>
struct ReplyOf {};

template <class T>
    requires is_json_able<T>
struct ReplyOf<T> {
    static net::HttpResponse make(T value) { return json_reply(json::type_of<T>(), &value, 200); }
    static void declare(Draft& draft) { draft.add_response(200, "Success", "application/json", &json::type_of<T>()); }
};
template <class T>
    requires is_json_able<T>
struct ReplyOf<Created<T>> {
    static net::HttpResponse make(Created<T> made) {
        auto response = json_reply(json::type_of<T>(), &made.value, 201);
        if (!made.location.empty()) response.headers.set("Location", std::move(made.location));
        return response;
    }
    static void declare(Draft& draft) { draft.add_response(201, "Created", "application/json", &json::type_of<T>()); }
};
template <class T>
    requires is_json_able<T>
struct ReplyOf<Accepted<T>> {
    static net::HttpResponse make(Accepted<T> value) { return json_reply(json::type_of<T>(), &value.value, 202); }
    static void declare(Draft& draft) { draft.add_response(202, "Accepted", "application/json", &json::type_of<T>()); }
};
template <>
struct ReplyOf<NoContent> {
    static net::HttpResponse make(NoContent) { return {204, {}, {}}; }
    static void declare(Draft& draft) { draft.add_response(204, "Done; there is nothing to say", {}); }
};
template <>
struct ReplyOf<Text> {
    static net::HttpResponse make(Text text) { return net::HttpResponse::text(std::move(text.text)); }
    static void declare(Draft& draft) {
        draft.add_response(200, "Success", "text/plain", &json::type_of<std::string>());
    }
};
template <>
struct ReplyOf<Html> {
    static net::HttpResponse make(Html html) {
        return {200, {{"Content-Type", "text/html; charset=utf-8"}}, std::move(html.html)};
    }
    static void declare(Draft& draft) {
        draft.add_response(200, "Success", "text/html", &json::type_of<std::string>());
    }
};
template <>
struct ReplyOf<Bytes> {
    static net::HttpResponse make(Bytes bytes) {
        return {200, {{"Content-Type", std::move(bytes.content_type)}}, std::move(bytes.data)};
    }
    static void declare(Draft& draft) { draft.add_response(200, "Success", "application/octet-stream"); }
};
template <>
struct ReplyOf<Redirect> {
    static net::HttpResponse make(Redirect to) { return {to.status, {{"Location", std::move(to.location)}}, {}}; }
    static void declare(Draft& draft) { draft.add_response(307, "Somewhere else", {}); }
};
template <>
struct ReplyOf<File> {
    static net::HttpResponse make(File file) { return file_reply(std::move(file)); }
    static void declare(Draft& draft) { draft.add_response(200, "The file", "application/octet-stream"); }
};
template <>
struct ReplyOf<net::HttpResponse> {
    static net::HttpResponse make(net::HttpResponse response) { return response; }
    static void declare(Draft& draft) { draft.add_response(200, "Success", "*/*"); }
};
template <class T>
    requires requires(Draft& draft) { ReplyOf<T>::declare(draft); }
struct ReplyOf<Reply<T>> {
    static net::HttpResponse make(Reply<T> reply) {
        auto response = ReplyOf<T>::make(std::move(reply.value));
        response.status = reply.status;
        for (const auto& field : reply.headers) response.headers.set(field.name, field.value);
        return response;
    }
    static void declare(Draft& draft) { ReplyOf<T>::declare(draft); }
};

/// A stream of values as a stream of text.
template <class T, bool Events>
class TextStream final : public Stream<std::string> {
  public:
    explicit TextStream(StreamPtr<T> values) : values_(std::move(values)) {}
    task<Result<std::optional<std::string>>> next() override {
        if (over_) co_return std::optional<std::string>{};
        auto value = co_await values_->next();
        if (!value) {
            over_ = true;
            if constexpr (Events) co_return std::optional<std::string>(error_event(value.error()));
            co_return std::unexpected(std::move(value).error());
        }
        if (!*value) {
            over_ = true;
            co_return std::optional<std::string>{};
        }
        if constexpr (std::is_same_v<T, net::SseEvent>)
            co_return std::optional<std::string>(net::sse_encode(**value));
        else if constexpr (Events)
            co_return std::optional<std::string>(event_text(json::type_of<T>(), &**value));
        else
            co_return std::optional<std::string>(line_text(json::type_of<T>(), &**value));
    }

  private:
    StreamPtr<T> values_;
    bool over_ = false;
};
template <class T>
    requires(is_json_able<T> || std::same_as<T, net::SseEvent>)
struct ReplyOf<Events<T>> {
    static net::HttpResponse make(Events<T> events) {
        return stream_reply("text/event-stream; charset=utf-8",
                            std::make_shared<TextStream<T, true>>(std::move(events.stream)));
    }
    static void declare(Draft& draft) {
        if constexpr (std::same_as<T, net::SseEvent>)
            draft.add_response(200, "Server-sent events", "text/event-stream");
        else
            draft.add_response(200, "Server-sent events", "text/event-stream", &json::type_of<T>(), true);
    }
};
template <class T>
    requires is_json_able<T>
struct ReplyOf<JsonLines<T>> {
    static net::HttpResponse make(JsonLines<T> lines) {
        return stream_reply("application/jsonl", std::make_shared<TextStream<T, false>>(std::move(lines.stream)));
    }
    static void declare(Draft& draft) {
        draft.add_response(200, "One JSON value a line", "application/jsonl", &json::type_of<T>(), true);
    }
};

template <class T>
concept Answerable = requires(Draft& draft) { ReplyOf<T>::declare(draft); };

}  // namespace detail
}  // namespace tenon::serve
