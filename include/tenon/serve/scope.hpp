// One request on its way through an App, and how a handler's parameters are filled from it.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/net/http_message.hpp"
#include "tenon/serve/draft.hpp"

namespace tenon::serve {

class Scope;  ///< the request, what was made for it, and what is to happen afterwards; lives until both are over
using ScopePtr = std::shared_ptr<Scope>;

/// What is wrong with a request, told in the answer.
struct FieldFault {
    std::string in;       ///< "path", "query", "header", "cookie", "body" or "form"
    std::string field;    ///< "page_size", "skills[2].level"; "" is the whole body
    std::string message;  ///< "must be at most 100, is 500"
};

/// The request at hand. Take it as a parameter when types alone do not do. A handle: copies are the same request.
/// Valid for as long as it is kept; not thread-safe.
class Context {
  public:
    Context() = default;
    explicit Context(ScopePtr scope) : scope_(std::move(scope)) {}

    [[nodiscard]] const net::HttpRequest& request() const;
    /// Deadline and stop token: the token fires when the client goes away, the time is up or the server stops.
    [[nodiscard]] const CallOptions& call() const;
    [[nodiscard]] const std::string& request_id() const;
    /// Added to the answer, whatever it will be.
    void set_header(std::string name, std::string value);
    struct CookieOptions {
        std::string path = "/";
        std::optional<std::chrono::seconds> max_age{};
        bool http_only = true, secure = false;
        std::string same_site = "Lax";
    };
    /// The value is percent-encoded; a name that is no token is dropped.
    void set_cookie(std::string name, std::string value, CookieOptions options);
    void set_cookie(std::string name, std::string value) {
        set_cookie(std::move(name), std::move(value), CookieOptions());
    }
    /// Runs after the answer has been sent, one after another; what was injected lives until the last has ended.
    /// A shutdown waits for it.
    void background(std::function<task<void>()> work);

  private:
    ScopePtr scope_;
};

namespace detail {

struct BoundParameter;

/// How parameters of one type are filled.
struct ParameterKind {
    /// From what is there already; faults are collected.
    void (*read)(Scope& scope, const BoundParameter& bound, void* to, std::vector<FieldFault>& faults) = nullptr;
    /// By work that may wait; `early`: before anything is validated.
    task<Result<void>> (*resolve)(ScopePtr scope, void* to) = nullptr;
    void (*declare)(Draft& draft, const BoundParameter& bound) = nullptr;
    bool early = false;
};
struct BoundParameter {
    const ParameterKind* kind;
    std::string name{};      ///< of a single value
    bool one_field = false;  ///< the value is the only field of a struct
};

/// The arguments of one call, default-made, then filled.
class Arguments {
  public:
    virtual ~Arguments() = default;
    [[nodiscard]] virtual void* at(std::size_t index) noexcept = 0;
};

/// Fills all of them. A failure is an Error, or a refusal kept in the scope.
[[nodiscard]] task<Result<void>> fill(ScopePtr scope, const std::vector<BoundParameter>* parameters,
                                      Arguments* arguments);
[[nodiscard]] bool waits(const std::vector<BoundParameter>& parameters) noexcept;
[[nodiscard]] Result<void> fill_now(Scope& scope, const std::vector<BoundParameter>& parameters, Arguments& arguments);

void read_fields(Scope& scope, Place place, const json::Type& type, void* to, std::vector<FieldFault>& faults);
void read_one(Scope& scope, Place place, std::string_view name, const json::Type& type, void* to,
              std::vector<FieldFault>& faults);
void read_json_body(Scope& scope, const json::Type& type, void* to, std::vector<FieldFault>& faults);
[[nodiscard]] std::string take_body(Scope& scope);
[[nodiscard]] std::string content_type_of(const Scope& scope);
[[nodiscard]] StreamPtr<std::string> take_body_stream(Scope& scope);
[[nodiscard]] task<Result<void>> read_form_body(ScopePtr scope, const json::Type* type, void* to);
[[nodiscard]] task<Result<std::shared_ptr<void>>> provided(ScopePtr scope, TypeKey key);
[[nodiscard]] Result<std::string> bearer_token(const Scope& scope);
[[nodiscard]] Result<std::pair<std::string, std::string>> basic_credentials(const Scope& scope);
[[nodiscard]] Result<std::string> api_key(const Scope& scope, SecurityScheme::Kind kind, std::string_view name);
[[nodiscard]] Context context_of(Scope& scope);
[[nodiscard]] const CallOptions& call_of(const Scope& scope);

}  // namespace detail
}  // namespace tenon::serve
