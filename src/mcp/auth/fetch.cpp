#include "mcp/auth/fetch.hpp"

#include <fmt/format.h>

#include "mcp/auth/address.hpp"
#include "tenon/net/url.hpp"

namespace tenon::mcp::auth {
namespace {

constexpr std::size_t most_bytes = std::size_t{256} << 10;
constexpr int most_redirects = 3;
constexpr std::chrono::seconds longest{30};

net::ClientRequest bounded(std::string method, std::string url) {
    net::ClientRequest out;
    out.method = std::move(method);
    out.url = std::move(url);
    out.headers.set("Accept", "application/json");
    out.idle_timeout = longest;
    out.max_redirects = 0;
    out.max_body_bytes = most_bytes;
    return out;
}
CallOptions bounded(CallOptions call) {
    const auto until = Clock::now() + longest;
    if (!call.deadline || *call.deadline > until) call.deadline = until;
    return call;
}

}  // namespace

task<Result<net::ClientResponse>> Fetcher::get(std::string url, CallOptions call) const {
    const auto http = http_;
    const bool loopback = loopback_;
    call = bounded(std::move(call));
    for (int redirects = 0;; ++redirects) {
        TENON_CO_CHECK(check_reachable(url, loopback, "address"));
        TENON_CO_TRY(auto response, co_await http->send(bounded("GET", url), call));
        const auto to = response.headers.find("location");
        if (response.status < 300 || response.status > 399 || !to) co_return response;
        if (redirects == most_redirects)
            co_return fail(ErrorCode::protocol, fmt::format("{} redirects too often", url));
        TENON_CO_TRY(url, net::resolve_reference(url, *to));
    }
}

task<Result<net::ClientResponse>> Fetcher::post(std::string url, net::Headers headers, std::string body,
                                                CallOptions call) const {
    const auto http = http_;
    TENON_CO_CHECK(check_reachable(url, loopback_, "address"));
    auto request = bounded("POST", std::move(url));
    for (const auto& field : headers) request.headers.set(field.name, field.value);
    request.body = std::move(body);
    co_return co_await http->send(std::move(request), bounded(std::move(call)));
}

}  // namespace tenon::mcp::auth
