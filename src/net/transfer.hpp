// One HTTP exchange (no redirects) on a CurlLoop. Private to net.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "net/curl_loop.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::net {

/// Made anywhere; every other call on the loop's strand, the last reference dropped there too. Who waits for the answer
/// holds it: dropping the last reference ends the transfer.
class Transfer : public std::enable_shared_from_this<Transfer> {
  public:
    Transfer(std::shared_ptr<CurlLoop> loop, ClientRequest request, const HttpClientOptions& options);
    ~Transfer();
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;

    [[nodiscard]] Result<void> start(const CallOptions& options);
    /// Until the final status and header fields are there.
    [[nodiscard]] task<Result<void>> wait_headers();
    /// The bytes that came since, at least one; nullopt at the end.
    [[nodiscard]] task<Result<std::optional<std::string>>> next();
    void abort(Error error);

    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const Headers& headers() const noexcept { return headers_; }
    [[nodiscard]] const std::shared_ptr<CurlLoop>& loop() const noexcept { return loop_; }

  private:
    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
    static curl_socket_t on_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
    [[nodiscard]] bool header_line(std::string_view line);
    void done(CURLcode code);
    void finish();
    [[nodiscard]] Error error_of(CURLcode code) const;
    [[nodiscard]] task<void> wait_signal();

    std::shared_ptr<CurlLoop> loop_;
    ClientRequest request_;
    CURL* easy_ = nullptr;
    curl_slist* header_list_ = nullptr;
    bool configured_ = false;
    bool hidden_by_proxy_ = false;  ///< public addresses wanted, and a proxy that would connect for us
    bool address_refused_ = false;
    char curl_message_[CURL_ERROR_SIZE] = {};

    int status_ = 0;
    Headers headers_;
    std::size_t header_bytes_ = 0;
    bool headers_done_ = false, finished_ = false, paused_ = false;
    std::optional<Error> error_;
    std::string buffer_;
    boost::asio::steady_timer signal_, deadline_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
};

}  // namespace tenon::net
