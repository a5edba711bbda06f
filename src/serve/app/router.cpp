// From an App to routes: what does not hold together is refused before anything is served.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "serve/app/state.hpp"

namespace tenon::serve {
namespace {

/// Two paths with the same shape answer the same requests.
std::string shape_of(std::string_view path) {
    std::string out;
    bool inside = false;
    for (const char c : path) {
        if (c == '{') inside = true;
        if (!inside || c == '{' || c == '}') out += c;
        if (c == '}') inside = false;
    }
    return out;
}

class NeedsCheck {
  public:
    explicit NeedsCheck(const AppState& app) : app_(app) {}
    Result<void> run(TypeKey key, const std::string& who) {
        if (std::ranges::find(path_, key.id) != path_.end())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("{} needs itself, by way of what it is made of", key.name));
        if (done_.contains(key.id)) return {};
        const auto providers = app_.providers_of(key);
        if (providers.empty())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("nothing provides {}, which {} asks for: call app.provide<{}>(…)", key.name, who,
                                    key.name));
        path_.push_back(key.id);
        for (const auto* provider : providers)
            for (const auto needed : provider->draft.needs)
                TENON_CHECK(run(needed, fmt::format("the provider of {}", key.name)));
        path_.pop_back();
        done_.insert(key.id);
        return {};
    }

  private:
    const AppState& app_;
    std::vector<const void*> path_;
    std::set<const void*> done_;
};

std::string challenge_of(const std::vector<std::vector<SecurityScheme>>& alternatives) {
    std::set<std::string> words;
    for (const auto& all : alternatives)
        for (const auto& scheme : all) {
            if (scheme.kind == SecurityScheme::Kind::bearer) words.insert("Bearer");
            if (scheme.kind == SecurityScheme::Kind::basic) words.insert("Basic realm=\"api\", charset=\"UTF-8\"");
            if (!scheme.name.empty()) words.insert("ApiKey");
        }
    return fmt::format("{}", fmt::join(words, ", "));
}

net::Handler surrounded(const AppState& app, net::Handler handler) {
    for (auto at = app.middleware.rbegin(); at != app.middleware.rend(); ++at)
        handler = [middleware = *at, next = std::move(handler)](net::HttpRequest request, net::CallContext context) {
            return middleware(std::move(request), std::move(context), next);
        };
    return handler;
}

task<net::HttpResponse> fixed(std::shared_ptr<const std::string> text, std::string_view content_type) {
    net::HttpResponse response{200, {{"Content-Type", std::string(content_type)}}, *text};
    co_return response;
}

}  // namespace

std::vector<const Provider*> AppState::providers_of(TypeKey key) const {
    std::vector<const Provider*> out;
    for (const auto& provider : providers)
        if (provider.key == key) out.push_back(&provider);
    return out;
}

Result<void> AppState::check() const {
    std::set<std::string> seen;
    NeedsCheck needs(*this);
    for (const auto& each : operations) {
        const auto& operation = data(*each);
        const auto who = operation.method + " " + operation.path;
        if (operation.fault != detail::PathFault::none)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the path of {} does not fit its handler: {}", who,
                                    operation.fault == detail::PathFault::malformed ? "it is not well formed"
                                    : operation.fault == detail::PathFault::too_few
                                        ? "the handler takes more than it has placeholders"
                                        : "it has a placeholder that the handler does not take"));
        if (!seen.insert(operation.method + " " + shape_of(operation.path)).second)
            return fail(ErrorCode::invalid_argument, fmt::format("{} is there twice", who));
        for (const auto key : operation.draft.needs) TENON_CHECK(needs.run(key, who));
        for (const auto key : operation.secured_by) TENON_CHECK(needs.run(key, who));
    }
    for (const auto& provider : providers) TENON_CHECK(needs.run(provider.key, "the App"));
    return {};
}

Result<net::Router> make_router(const AppRunPtr& run) {
    const auto& app = *run->app;
    TENON_CHECK(app.check());
    net::Router router;
    for (const auto& each : app.operations) {
        auto* operation = &AppState::data(*each);
        operation->challenge = challenge_of(app.security_of(*operation));
        auto handler = surrounded(app, [run, operation](net::HttpRequest request, net::CallContext context) {
            return answer(run, operation, std::move(request), std::move(context));
        });
        router.add(operation->method, operation->path, std::move(handler), operation->options);
    }
    if (!app.options.document_path.empty()) {
        const auto text = std::make_shared<const std::string>(app.document());
        router.get(app.options.document_path,
                   [text](net::HttpRequest, net::CallContext) { return fixed(text, "application/json"); });
        if (!app.options.docs_path.empty()) {
            // The page asks for the document where it is.
            std::string page(docs_page());
            const std::string_view place = "/openapi.json";
            if (const auto at = page.find(place); at != std::string::npos)
                page.replace(at, place.size(), app.options.document_path);
            const auto html = std::make_shared<const std::string>(std::move(page));
            router.get(app.options.docs_path,
                       [html](net::HttpRequest, net::CallContext) { return fixed(html, "text/html; charset=utf-8"); });
        }
    }
    return router;
}

}  // namespace tenon::serve
