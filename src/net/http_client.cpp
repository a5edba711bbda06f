#include "tenon/net/http_client.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/transfer.hpp"

namespace tenon::net {

namespace asio = boost::asio;

struct HttpClient::Impl {
    Impl(Executor executor, HttpClientOptions chosen)
        : options(std::move(chosen)),
          loop(std::make_shared<CurlLoop>(std::move(executor), options.max_connections_per_host)) {}
    HttpClientOptions options;
    std::shared_ptr<CurlLoop> loop;
};

HttpClient::HttpClient(Executor executor, HttpClientOptions options)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(options))) {}

HttpClient::~HttpClient() {
    asio::post(impl_->loop->strand(), [loop = impl_->loop] { loop->abort_all(); });
}

namespace {

struct CurlUrl {
    CurlUrl() : handle(curl_url()) {}
    ~CurlUrl() { curl_url_cleanup(handle); }
    CurlUrl(const CurlUrl&) = delete;
    CurlUrl& operator=(const CurlUrl&) = delete;

    bool set(const std::string& text) {
        return handle != nullptr && curl_url_set(handle, CURLUPART_URL, text.c_str(), 0) == CURLUE_OK;
    }
    [[nodiscard]] std::string part(CURLUPart which, unsigned flags = 0) const {
        char* text = nullptr;
        if (curl_url_get(handle, which, &text, flags) != CURLUE_OK) return {};
        std::string out = text;
        curl_free(text);
        return out;
    }
    [[nodiscard]] std::string origin() const {
        return part(CURLUPART_SCHEME) + "://" + part(CURLUPART_HOST) + ":" + part(CURLUPART_PORT, CURLU_DEFAULT_PORT);
    }
    CURLU* handle;
};

Result<void> check(const ClientRequest& request) {
    if (!is_token(request.method))
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not an HTTP method", request.method));
    CurlUrl url;
    if (!url.set(request.url))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" is not a URL; write it as https://host/path", request.url));
    const auto scheme = url.part(CURLUPART_SCHEME);
    if (scheme != "http" && scheme != "https")
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not an http or https URL", request.url));
    for (const auto& field : request.headers)
        if (!is_token(field.name) || !is_field_value(field.value))
            return fail(ErrorCode::invalid_argument, fmt::format("the header \"{}\" is malformed", field.name));
    return {};
}

bool is_redirect(int status) {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/// Turns `request` into the one a redirect asks for.
Result<void> redirect(ClientRequest& request, int status, std::string_view location) {
    CurlUrl from;
    CurlUrl to;
    if (!from.set(request.url) || !to.set(request.url) || !to.set(std::string(location)))
        return fail(ErrorCode::protocol, fmt::format("{} redirects to the malformed \"{}\"", request.url, location));
    const auto scheme = to.part(CURLUPART_SCHEME);
    if ((scheme != "http" && scheme != "https") || (scheme == "http" && from.part(CURLUPART_SCHEME) == "https"))
        return fail(ErrorCode::protocol,
                    fmt::format("{} redirects to \"{}\", which is not safe to follow", request.url, location));
    if (from.origin() != to.origin())
        for (const auto* name : {"authorization", "cookie", "proxy-authorization", "x-api-key", "api-key",
                                 "x-goog-api-key", "x-auth-token", "private-token"})
            request.headers.remove(name);
    if ((status == 303 && request.method != "HEAD") || ((status == 301 || status == 302) && request.method == "POST")) {
        request.method = "GET";
        request.body.clear();
        for (const auto* name : {"content-type", "content-length", "content-encoding"}) request.headers.remove(name);
    }
    request.url = to.part(CURLUPART_URL);
    return {};
}

/// The body; hops to the strand for each pull.
class BodyStream final : public Stream<std::string> {
  public:
    explicit BodyStream(std::shared_ptr<Transfer> transfer) : transfer_(std::move(transfer)) {}
    ~BodyStream() override {
        auto& loop = *transfer_->loop();
        asio::post(loop.strand(), [transfer = std::move(transfer_)] {
            transfer->abort(Error(ErrorCode::cancelled, "nobody reads the answer any more"));
        });
    }
    task<Result<std::optional<std::string>>> next() override {
        const auto transfer = transfer_;
        co_return co_await asio::co_spawn(transfer->loop()->strand(), transfer->next(), asio::use_awaitable);
    }

  private:
    std::shared_ptr<Transfer> transfer_;
};

/// Aborts the transfer when the coroutine that waits for it is destroyed. On the strand.
struct AbortGuard {
    std::shared_ptr<Transfer> transfer;
    ~AbortGuard() {
        if (transfer) transfer->abort(Error(ErrorCode::cancelled, "the request was dropped"));
    }
};

task<Result<StreamingResponse>> open_on_strand(std::shared_ptr<HttpClient::Impl> client, ClientRequest request,
                                               CallOptions options) {
    TENON_CO_CHECK(check(request));
    for (int redirects = 0;; ++redirects) {
        const auto transfer = std::make_shared<Transfer>(client->loop, request, client->options);
        AbortGuard guard{transfer};
        TENON_CO_CHECK(transfer->start(options));
        TENON_CO_CHECK(co_await transfer->wait_headers());
        const auto location = transfer->headers().find("location");
        if (!is_redirect(transfer->status()) || !location || request.max_redirects <= 0) {
            StreamingResponse response;
            response.status = transfer->status();
            response.headers = transfer->headers();
            response.url = request.url;
            response.body = std::make_unique<BodyStream>(transfer);
            guard.transfer.reset();
            co_return response;
        }
        if (redirects >= request.max_redirects)
            co_return fail(ErrorCode::protocol, fmt::format("{} redirects too many times", request.url));
        TENON_CO_CHECK(redirect(request, transfer->status(), *location));
    }
}

}  // namespace

task<Result<StreamingResponse>> HttpClient::open(ClientRequest request, CallOptions options) {
    const auto impl = impl_;
    co_return co_await asio::co_spawn(
        impl->loop->strand(), open_on_strand(impl, std::move(request), std::move(options)), asio::use_awaitable);
}

task<Result<ClientResponse>> HttpClient::send(ClientRequest request, CallOptions options) {
    const auto limit = request.max_body_bytes;
    TENON_CO_TRY(auto streaming, co_await open(std::move(request), std::move(options)));
    ClientResponse response{streaming.status, std::move(streaming.headers), {}, std::move(streaming.url)};
    for (;;) {
        TENON_CO_TRY(auto chunk, co_await streaming.body->next());
        if (!chunk) break;
        if (chunk->size() > limit - response.body.size())
            co_return fail(ErrorCode::resource_exhausted,
                           fmt::format("the answer of {} is longer than {} bytes", response.url, limit));
        if (response.body.empty())
            response.body = std::move(*chunk);
        else
            response.body += *chunk;
    }
    co_return response;
}

}  // namespace tenon::net
