#include "net/curl_loop.hpp"

#include <boost/asio/bind_executor.hpp>
#include <utility>
#include <vector>

namespace tenon::net {

namespace asio = boost::asio;

namespace {

void initialise_curl() {
    static const CURLcode once = curl_global_init(CURL_GLOBAL_DEFAULT);
    (void)once;
}

}  // namespace

struct CurlLoop::Watch {
    explicit Watch(const Strand& strand) : descriptor(strand) {}
    asio::posix::stream_descriptor descriptor;  // borrowed from libcurl: released, never closed
    curl_socket_t socket = CURL_SOCKET_BAD;
    int want = 0;
    bool reading = false, writing = false, closed = false;

    void close() {
        closed = true;
        if (descriptor.is_open()) descriptor.release();
    }
};

CurlLoop::CurlLoop(Executor executor, std::size_t max_connections_per_host)
    : strand_(asio::make_strand(std::move(executor))), timer_(strand_) {
    initialise_curl();
    multi_ = curl_multi_init();
    if (multi_ == nullptr) return;
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlLoop::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlLoop::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(max_connections_per_host));
}

CurlLoop::~CurlLoop() {
    if (multi_ != nullptr) {
        curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, nullptr);
        curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, nullptr);
        for (auto& [easy, done] : active_) curl_multi_remove_handle(multi_, easy);
    }
    for (auto& [socket, watch] : watches_) watch->close();
    if (multi_ != nullptr) curl_multi_cleanup(multi_);
}

bool CurlLoop::add(CURL* easy, Done done) {
    if (multi_ == nullptr) return false;
    active_[easy] = std::move(done);
    if (curl_multi_add_handle(multi_, easy) == CURLM_OK) return true;
    active_.erase(easy);
    return false;
}

void CurlLoop::remove(CURL* easy) {
    if (active_.erase(easy) != 0) curl_multi_remove_handle(multi_, easy);
}

void CurlLoop::abort_all() {
    auto active = std::exchange(active_, {});
    for (auto& [easy, done] : active) {
        curl_multi_remove_handle(multi_, easy);
        done(CURLE_ABORTED_BY_CALLBACK);
    }
}

int CurlLoop::on_socket(CURL*, curl_socket_t socket, int what, void* self, void*) {
    static_cast<CurlLoop*>(self)->watch(socket, what);
    return 0;
}

void CurlLoop::watch(curl_socket_t socket, int what) {
    auto found = watches_.find(socket);
    if (what == CURL_POLL_REMOVE) {
        if (found == watches_.end()) return;
        found->second->close();
        watches_.erase(found);
        return;
    }
    if (found == watches_.end()) {
        auto created = std::make_shared<Watch>(strand_);
        created->socket = socket;
        boost::system::error_code error;
        created->descriptor.assign(socket, error);
        if (error) return;  // libcurl's own time-out ends the transfer
        found = watches_.emplace(socket, std::move(created)).first;
    }
    found->second->want = what;
    arm(found->second);
}

void CurlLoop::arm(const std::shared_ptr<Watch>& watch) {
    using asio::posix::stream_descriptor;
    if (watch->closed) return;
    const auto wait = [&](stream_descriptor::wait_type type, int event, bool Watch::*pending) {
        if ((watch->want & event) == 0 || (*watch).*pending) return;
        (*watch).*pending = true;
        watch->descriptor.async_wait(
            type, asio::bind_executor(strand_, [weak = weak_from_this(), watch, event,
                                                pending](const boost::system::error_code& error) {
                (*watch).*pending = false;
                const auto self = weak.lock();
                if (!self || watch->closed || error) return;
                if ((watch->want & event) != 0)
                    self->act(watch->socket, event == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT);
                self->arm(watch);
            }));
    };
    wait(stream_descriptor::wait_read, CURL_POLL_IN, &Watch::reading);
    wait(stream_descriptor::wait_write, CURL_POLL_OUT, &Watch::writing);
}

int CurlLoop::on_timer(CURLM*, long timeout_ms, void* data) {
    auto* self = static_cast<CurlLoop*>(data);
    if (timeout_ms < 0) {
        self->timer_.cancel();
        return 0;
    }
    self->timer_.expires_after(std::chrono::milliseconds(timeout_ms));
    self->timer_.async_wait(
        asio::bind_executor(self->strand_, [weak = self->weak_from_this()](const boost::system::error_code& error) {
            const auto loop = weak.lock();
            if (!error && loop) loop->act(CURL_SOCKET_TIMEOUT, 0);
        }));
    return 0;
}

void CurlLoop::act(curl_socket_t socket, int events) {
    int running = 0;
    curl_multi_socket_action(multi_, socket, events, &running);
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
        if (message->msg != CURLMSG_DONE) continue;
        CURL* const easy = message->easy_handle;
        const CURLcode code = message->data.result;
        auto entry = active_.extract(easy);
        curl_multi_remove_handle(multi_, easy);
        if (!entry.empty()) entry.mapped()(code);
    }
}

}  // namespace tenon::net
