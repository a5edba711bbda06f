// What /openapi.json says of the server's routes: each is told by the types it takes and gives.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "serve/app/state.hpp"
#include "tenon/serve/app.hpp"

namespace tenon::serve {
namespace document {

/// JSON, or, when the request asks for a stream, what `Stream` gives (Events or JsonLines).
template <class Whole, class Stream>
struct EitherOf {};

/// The route answers nothing but an error.
struct Refused {};

/// OpenAI's error object, which all routes answer faults with that belong to no other protocol.
struct ErrorDetail {
    std::string message, type;
    std::optional<json::Value> param, code;
};
BOOST_DESCRIBE_STRUCT(ErrorDetail, (), (message, type, param, code))
struct Error {
    ErrorDetail error;
};
BOOST_DESCRIBE_STRUCT(Error, (), (error))

struct KeyHolder {};

/// Stands for a handler in the document; never called.
template <class Reply, class... Inputs>
Result<Reply> stand_in(Inputs...) {
    return fail(ErrorCode::internal, "this route only stands in the document");
}

class Routes {
  public:
    explicit Routes(App& app) : app_(&app) {}

    void section(std::string tag) { tag_ = std::move(tag); }
    /// `pattern` is the router's own.
    template <class Reply, class... Inputs>
    Operation& add(std::string method, std::string pattern, std::string summary) {
        auto& operation = app_->route(method, RuntimePath{pattern}, &stand_in<Reply, Context, Inputs...>);
        keep(std::move(method), std::move(pattern), operation, std::move(summary));
        return operation;
    }
    /// One of several operations behind a route whose last segment is "NAME:verb", as Google has it.
    template <class Reply, class... Inputs>
    Operation& add_verb(std::string pattern, std::string_view shown, std::string_view verb, std::string summary) {
        const std::string path = std::string(shown) + '/' + std::string(verb);
        auto& operation = app_->route("POST", RuntimePath{path}, &stand_in<Reply, Context, Inputs...>);
        AppState::data(operation).shown_path = std::string(shown) + ':' + std::string(verb);
        keep("POST", std::move(pattern), operation, std::move(summary));
        return operation;
    }
    template <class T>
    void errors() {
        for (const auto& [route, operation] : all_)
            if (AppState::data(*operation).error == nullptr) operation->template fails_with<T>();
    }

    /// By method and the router's pattern.
    [[nodiscard]] const std::multimap<std::pair<std::string, std::string>, Operation*>& all() const { return all_; }

  private:
    void keep(std::string method, std::string pattern, Operation& operation, std::string summary) {
        operation.tag(tag_).summary(std::move(summary));
        all_.emplace(std::pair(std::move(method), std::move(pattern)), &operation);
    }

    App* app_;
    std::string tag_;
    std::multimap<std::pair<std::string, std::string>, Operation*> all_;
};

void describe_openai(Routes& routes);
void describe_responses(Routes& routes);
void describe_anthropic(Routes& routes);
void describe_gemini(Routes& routes);
void describe_ollama(Routes& routes);
void describe_documents(Routes& routes);
void describe_server(Routes& routes);

}  // namespace document

namespace detail {
template <class Whole, class Stream>
struct ReplyOf<document::EitherOf<Whole, Stream>> {
    static net::HttpResponse make(document::EitherOf<Whole, Stream>) { return {}; }
    static void declare(Draft& draft) {
        ReplyOf<Whole>::declare(draft);
        ReplyOf<Stream>::declare(draft);
    }
};
template <>
struct ReplyOf<document::Refused> {
    static net::HttpResponse make(document::Refused) { return {}; }
    static void declare(Draft&) {}
};
}  // namespace detail
}  // namespace tenon::serve
