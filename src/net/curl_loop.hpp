// libcurl's multi interface driven by the event loop. Private to net.
#pragma once

#include <curl/curl.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <functional>
#include <memory>
#include <unordered_map>

#include "tenon/async/task.hpp"

namespace tenon::net {

/// Everything here but the constructor, destructor and `strand` must be called on the strand, and never from within a
/// libcurl callback.
class CurlLoop : public std::enable_shared_from_this<CurlLoop> {
  public:
    using Strand = boost::asio::strand<Executor>;
    using Done = std::function<void(CURLcode)>;

    CurlLoop(Executor executor, std::size_t max_connections_per_host);
    ~CurlLoop();
    CurlLoop(const CurlLoop&) = delete;
    CurlLoop& operator=(const CurlLoop&) = delete;

    [[nodiscard]] const Strand& strand() const noexcept { return strand_; }
    /// Starts a transfer; `done` is called on the strand when it ends by itself.
    [[nodiscard]] bool add(CURL* easy, Done done);
    /// Ends a transfer and closes its connection when it was not over; `done` is not called.
    void remove(CURL* easy);
    /// Ends every transfer, with CURLE_ABORTED_BY_CALLBACK.
    void abort_all();

  private:
    struct Watch;
    static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* watch);
    static int on_timer(CURLM* multi, long timeout_ms, void* self);
    void watch(curl_socket_t socket, int what);
    void arm(const std::shared_ptr<Watch>& watch);
    void act(curl_socket_t socket, int events);

    Strand strand_;
    boost::asio::steady_timer timer_;
    CURLM* multi_ = nullptr;
    std::unordered_map<curl_socket_t, std::shared_ptr<Watch>> watches_;
    std::unordered_map<CURL*, Done> active_;
};

}  // namespace tenon::net
