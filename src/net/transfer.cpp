#include "net/transfer.hpp"

#include <fmt/format.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <utility>

#include "net/address.hpp"

namespace tenon::net {

namespace asio = boost::asio;

namespace {

constexpr std::size_t pause_above = std::size_t{256} << 10;
constexpr std::size_t max_header_bytes = std::size_t{256} << 10;

bool set_method(CURL* easy, const ClientRequest& request) {
    bool ok = true;
    const auto set = [&](auto option, auto value) { ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK; };
    const bool has_body = !request.body.empty();
    if (has_body || request.method == "POST") {
        set(CURLOPT_POST, 1L);
        set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
        set(CURLOPT_POSTFIELDS, request.body.c_str());
        if (request.method != "POST") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    } else if (request.method == "HEAD") {
        set(CURLOPT_NOBODY, 1L);
    } else {
        set(CURLOPT_HTTPGET, 1L);
        if (request.method != "GET") set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    return ok;
}

}  // namespace

Transfer::Transfer(std::shared_ptr<CurlLoop> loop, ClientRequest request, const HttpClientOptions& options)
    : loop_(std::move(loop)), request_(std::move(request)), signal_(loop_->strand()), deadline_(loop_->strand()) {
    easy_ = curl_easy_init();
    if (easy_ == nullptr) return;
    bool ok = set_method(easy_, request_);
    const auto set = [&](auto option, auto value) { ok = ok && curl_easy_setopt(easy_, option, value) == CURLE_OK; };
    set(CURLOPT_URL, request_.url.c_str());
    set(CURLOPT_PROTOCOLS_STR, "http,https");
    set(CURLOPT_NOSIGNAL, 1L);
    set(CURLOPT_QUICK_EXIT, 1L);  // a cancelled call does not wait for the name resolver's thread
    set(CURLOPT_ERRORBUFFER, static_cast<char*>(curl_message_));
    set(CURLOPT_PRIVATE, static_cast<void*>(this));
    set(CURLOPT_FOLLOWLOCATION, 0L);
    set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    set(CURLOPT_BUFFERSIZE, 128L << 10);
    set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
    set(CURLOPT_HEADERDATA, static_cast<void*>(this));
    set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
    set(CURLOPT_WRITEDATA, static_cast<void*>(this));
    set(CURLOPT_PROXY, options.proxy.c_str());  // set even when empty: libcurl would ask the environment
    set(CURLOPT_NOPROXY, options.no_proxy.c_str());
    set(CURLOPT_USERAGENT, options.user_agent.c_str());
    set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_timeout.count()));
    set(CURLOPT_HTTP_VERSION, static_cast<long>(options.http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    set(CURLOPT_TCP_KEEPALIVE, 1L);
    if (options.public_addresses_only) {
        hidden_by_proxy_ = !options.proxy.empty();
        set(CURLOPT_OPENSOCKETFUNCTION, &Transfer::on_socket);
        set(CURLOPT_OPENSOCKETDATA, static_cast<void*>(this));
    }
    set(CURLOPT_SSL_VERIFYPEER, options.verify_tls ? 1L : 0L);
    set(CURLOPT_SSL_VERIFYHOST, options.verify_tls ? 2L : 0L);
    if (!options.ca_file.empty()) set(CURLOPT_CAINFO, options.ca_file.c_str());
    if (!options.ca_path.empty()) set(CURLOPT_CAPATH, options.ca_path.c_str());
    if (request_.accept_compressed) set(CURLOPT_ACCEPT_ENCODING, "");
    if (request_.idle_timeout.count() > 0) {
        set(CURLOPT_LOW_SPEED_LIMIT, 1L);
        set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request_.idle_timeout.count()));
    }
    for (const auto& field : request_.headers) {
        const auto line = field.value.empty() ? field.name + ";" : fmt::format("{}: {}", field.name, field.value);
        curl_slist* longer = curl_slist_append(header_list_, line.c_str());
        ok = ok && longer != nullptr;
        if (longer != nullptr) header_list_ = longer;
    }
    if (!request_.headers.contains("expect")) {  // no pause for a 100 Continue that many servers never send
        curl_slist* longer = curl_slist_append(header_list_, "Expect:");
        if (longer != nullptr) header_list_ = longer;
    }
    set(CURLOPT_HTTPHEADER, header_list_);
    configured_ = ok;
}

Transfer::~Transfer() {
    if (easy_ != nullptr) {
        loop_->remove(easy_);
        curl_easy_cleanup(easy_);
    }
    curl_slist_free_all(header_list_);
}

/// Looks at the address itself, after the name was resolved: a name that changes its mind does not help.
curl_socket_t Transfer::on_socket(void* self, curlsocktype, curl_sockaddr* address) {
    if (!is_public(address->addr)) {
        static_cast<Transfer*>(self)->address_refused_ = true;
        return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

Result<void> Transfer::start(const CallOptions& options) {
    if (hidden_by_proxy_)
        return fail(ErrorCode::invalid_argument,
                    "behind a proxy nothing can be said about the addresses it connects to; fetch without the proxy");
    if (options.stop.stop_requested()) return fail(ErrorCode::cancelled, "the caller asked to stop");
    if (options.deadline && *options.deadline <= Clock::now())
        return fail(ErrorCode::deadline_exceeded, fmt::format("no time is left to ask {}", request_.url));
    if (easy_ == nullptr || !configured_)
        return fail(ErrorCode::internal, fmt::format("cannot set up the request to {}", request_.url));
    // Weak: whoever waits for the answer holds the transfer. A loop that held it too would be held by it for ever when
    // the event loop is destroyed in the middle.
    const std::weak_ptr<Transfer> weak = weak_from_this();
    const auto done = [weak](CURLcode code) {
        if (const auto self = weak.lock()) self->done(code);
    };
    if (!loop_->add(easy_, done))
        return fail(ErrorCode::internal, fmt::format("cannot start the request to {}", request_.url));
    if (options.deadline) {
        deadline_.expires_at(*options.deadline);
        deadline_.async_wait(asio::bind_executor(
            loop_->strand(), [weak, deadline = *options.deadline](const boost::system::error_code& error) {
                const auto self = weak.lock();
                if (!error && self && Clock::now() >= deadline)
                    self->abort(Error(ErrorCode::deadline_exceeded,
                                      fmt::format("{} took longer than allowed", self->request_.url)));
            }));
    }
    if (options.stop.stop_possible())
        on_stop_.emplace(options.stop, [weak, strand = loop_->strand()] {
            asio::post(strand, [weak] {
                if (const auto self = weak.lock()) self->abort(Error(ErrorCode::cancelled, "the caller asked to stop"));
            });
        });
    return {};
}

task<void> Transfer::wait_signal() {
    signal_.expires_at(Clock::time_point::max());
    boost::system::error_code ignored;
    co_await signal_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

task<Result<void>> Transfer::wait_headers() {
    const auto self = shared_from_this();
    while (!headers_done_ && !finished_) co_await wait_signal();
    if (error_ && !headers_done_) co_return std::unexpected(*error_);
    if (!headers_done_) co_return fail(ErrorCode::protocol, fmt::format("{} answered nothing", request_.url));
    co_return Result<void>{};
}

task<Result<std::optional<std::string>>> Transfer::next() {
    const auto self = shared_from_this();
    while (buffer_.empty() && !finished_) co_await wait_signal();
    if (!buffer_.empty()) {
        std::optional<std::string> out = std::exchange(buffer_, {});
        if (paused_ && !finished_) {
            paused_ = false;
            const auto code = curl_easy_pause(easy_, CURLPAUSE_CONT);
            if (code != CURLE_OK) abort(error_of(code));
        }
        co_return out;
    }
    if (error_) co_return std::unexpected(*error_);
    co_return std::optional<std::string>{};
}

void Transfer::abort(Error error) {
    if (finished_) return;
    error_ = std::move(error);
    buffer_.clear();
    const auto self = shared_from_this();
    loop_->remove(easy_);
    finish();
}

void Transfer::done(CURLcode code) {
    if (finished_) return;
    if (code != CURLE_OK && !error_) error_ = error_of(code);
    finish();
}

void Transfer::finish() {
    finished_ = true;
    deadline_.cancel();
    on_stop_.reset();
    signal_.cancel();
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
    return static_cast<Transfer*>(self)->header_line({data, size * count}) ? size * count : 0;
}

bool Transfer::header_line(std::string_view line) {
    if (headers_done_) return true;  // trailers
    header_bytes_ += line.size();
    if (header_bytes_ > max_header_bytes) {
        error_ = Error(ErrorCode::protocol, fmt::format("{} sent too many header bytes", request_.url));
        return false;
    }
    while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
    if (line.starts_with("HTTP/")) {
        headers_.clear();
        status_ = 0;
        const auto space = line.find(' ');
        if (space != std::string_view::npos && line.size() >= space + 4)
            std::from_chars(line.data() + space + 1, line.data() + space + 4, status_);
    } else if (line.empty()) {
        if (status_ >= 200) {
            headers_done_ = true;
            signal_.cancel();
        }
    } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
        auto value = line.substr(colon + 1);
        while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
        while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
        headers_.add(std::string(line.substr(0, colon)), std::string(value));
    }
    return true;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* user) {
    auto* self = static_cast<Transfer*>(user);
    if (self->buffer_.size() >= pause_above) {
        self->paused_ = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    const bool waiting = self->buffer_.empty();
    self->buffer_.append(data, size * count);
    if (waiting) self->signal_.cancel();
    return size * count;
}

Error Transfer::error_of(CURLcode code) const {
    const std::string_view particular = curl_message_;
    if (address_refused_ && code == CURLE_COULDNT_CONNECT)
        return {ErrorCode::permission_denied, request_.url + ": its address is not one of the public Internet"};
    const auto text = fmt::format("{}: {}", request_.url, particular.empty() ? curl_easy_strerror(code) : particular);
    switch (code) {
        case CURLE_URL_MALFORMAT:
            return {ErrorCode::invalid_argument, text};
        case CURLE_OPERATION_TIMEDOUT:
            return {ErrorCode::deadline_exceeded, text};
        case CURLE_ABORTED_BY_CALLBACK:
            return {ErrorCode::cancelled, "the HTTP client was closed"};
        case CURLE_OUT_OF_MEMORY:
            return {ErrorCode::resource_exhausted, text};
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CACERT_BADFILE:
        case CURLE_SSL_ISSUER_ERROR:
            return {ErrorCode::permission_denied, text + " (check the system time and the CA certificates)"};
        case CURLE_COULDNT_RESOLVE_HOST:
        case CURLE_COULDNT_RESOLVE_PROXY:
        case CURLE_COULDNT_CONNECT:
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_PARTIAL_FILE:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PROXY:
            return {ErrorCode::unavailable, text};
        default:
            return {ErrorCode::protocol, text};
    }
}

}  // namespace tenon::net
