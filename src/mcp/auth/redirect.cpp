#include "mcp/auth/redirect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "mcp/auth/tokens.hpp"
#include "mcp/wire/seal.hpp"

namespace tenon::mcp::auth {
namespace {

constexpr std::string_view path = "/callback";
constexpr std::string_view page =
    "<!doctype html><meta charset=\"utf-8\"><title>Tenon</title>"
    "<p>Tenon has its answer. You may close this page.</p><p lang=\"zh\">Tenon 已收到结果，可以关闭此页面。</p>\n";

std::size_t times(const net::QueryParameters& in, std::string_view name) {
    return static_cast<std::size_t>(std::ranges::count(in, name, &net::QueryParameters::value_type::first));
}
std::string_view value_of(const net::QueryParameters& in, std::string_view name) {
    const auto at = std::ranges::find(in, name, &net::QueryParameters::value_type::first);
    return at == in.end() ? std::string_view() : std::string_view(at->second);
}

}  // namespace

Result<std::unique_ptr<RedirectListener>> RedirectListener::open(Executor executor, std::uint16_t port,
                                                                 std::string state) {
    auto answers = std::make_shared<Answers>();
    auto taken = std::make_shared<std::atomic<bool>>(false);
    net::Router router;
    router.get(std::string(path),
               [answers, taken, state = std::move(state)](net::HttpRequest request,
                                                          net::CallContext) -> task<net::HttpResponse> {
                   const bool ours = request.method == "GET" && times(request.query, "state") == 1 &&
                                     equal_in_constant_time(value_of(request.query, "state"), state);
                   if (!ours || taken->exchange(true))
                       co_return net::HttpResponse::text("This is not the answer that is waited for.\n", 400);
                   answers->push(std::move(request.query));
                   auto response = net::HttpResponse::text(std::string(page));
                   response.headers.set("Content-Type", "text/html; charset=utf-8");
                   response.headers.set("Cache-Control", "no-store");
                   response.headers.set("Referrer-Policy", "no-referrer");
                   response.headers.set("Content-Security-Policy", "default-src 'none'");
                   co_return response;
               });
    net::HttpServerOptions options;
    options.host = "127.0.0.1";
    options.port = port;
    options.max_connections = 16;
    TENON_TRY(auto server, net::HttpServer::start(std::move(executor), std::move(options), std::move(router)));
    return std::unique_ptr<RedirectListener>(new RedirectListener(std::move(server), std::move(answers)));
}

std::string RedirectListener::uri() const { return server_->url() + std::string(path); }

task<Result<net::QueryParameters>> RedirectListener::wait(CallOptions call) {
    const auto answers = answers_;
    TENON_CO_TRY(auto answer, co_await answers->next(std::move(call)));
    if (!answer) co_return fail(ErrorCode::cancelled, "nobody waits for the login any more");
    co_return std::move(*answer);
}

task<void> RedirectListener::close() { co_await server_->shutdown(std::chrono::seconds(1)); }

Result<std::string> read_response(const net::QueryParameters& answer, const ServerMetadata& server) {
    for (const std::string_view name : {"code", "iss", "error"})
        if (times(answer, name) > 1)
            return fail(ErrorCode::protocol, fmt::format("the login's answer has more than one \"{}\"", name));
    const bool told = times(answer, "iss") == 1;
    if (told && value_of(answer, "iss") != server.issuer)
        return fail(ErrorCode::protocol,
                    fmt::format("the login's answer is not from {}, where it was asked for", printable(server.issuer)));
    if (!told && server.sends_issuer)
        return fail(ErrorCode::protocol,
                    fmt::format("the login's answer does not say that it is from {}, which always says so",
                                printable(server.issuer)));
    if (const auto error = value_of(answer, "error"); !error.empty()) {
        const auto detail = printable(value_of(answer, "error_description"));
        return fail(code_of(error), fmt::format("logging in at {} failed: {}{}", printable(server.issuer),
                                                printable(error), detail.empty() ? "" : fmt::format(" ({})", detail)));
    }
    std::string code(value_of(answer, "code"));
    if (code.empty()) return fail(ErrorCode::protocol, "the login's answer has no code");
    return code;
}

}  // namespace tenon::mcp::auth
