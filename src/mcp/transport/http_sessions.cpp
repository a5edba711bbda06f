#include "mcp/transport/http_sessions.hpp"

#include <algorithm>

#include "mcp/wire/seal.hpp"

namespace tenon::mcp {
namespace {

constexpr std::size_t most_kept = 64;  ///< messages for a stream that is not there yet

}  // namespace

std::shared_ptr<Channel<rpc::Message>> HttpSession::open_stream() {
    const std::scoped_lock lock(mutex_);
    if (stream_) return nullptr;
    stream_ = std::make_shared<Channel<rpc::Message>>();
    for (auto& message : kept_) stream_->push(std::move(message));
    kept_.clear();
    return stream_;
}
void HttpSession::close_stream(const std::shared_ptr<Channel<rpc::Message>>& stream) {
    const std::scoped_lock lock(mutex_);
    if (stream_ == stream) stream_.reset();
}
void HttpSession::send(rpc::Message message) {
    const std::scoped_lock lock(mutex_);
    if (stream_) {
        if (stream_->size() < 10'000) stream_->push(std::move(message));
        return;
    }
    if (kept_.size() == most_kept) kept_.pop_front();
    kept_.push_back(std::move(message));
}
void HttpSession::end() {
    session->end();
    const std::scoped_lock lock(mutex_);
    if (stream_) stream_->close();
}

HttpSessions::~HttpSessions() {
    for (auto& [id, session] : sessions_) session->end();
}

std::shared_ptr<HttpSession> HttpSessions::make(std::string principal) {
    auto made = std::make_shared<HttpSession>();
    made->id = random_token();
    made->principal = std::move(principal);
    made->used = Clock::now();
    made->session = ServerSession::make(server_, [weak = std::weak_ptr(made)](rpc::Message message) {
        if (const auto alive = weak.lock()) alive->send(std::move(message));
    });
    std::vector<std::shared_ptr<HttpSession>> over;
    {
        const std::scoped_lock lock(mutex_);
        const auto oldest = Clock::now() - idle_;
        for (auto at = sessions_.begin(); at != sessions_.end();) {
            if (at->second->used >= oldest) {
                ++at;
                continue;
            }
            over.push_back(at->second);
            at = sessions_.erase(at);
        }
        if (sessions_.size() >= limit_ && !sessions_.empty()) {
            const auto last = std::ranges::min_element(
                sessions_, [](const auto& a, const auto& b) { return a.second->used < b.second->used; });
            over.push_back(last->second);
            sessions_.erase(last);
        }
        sessions_.emplace(made->id, made);
    }
    for (const auto& session : over) session->end();
    return made;
}

std::shared_ptr<HttpSession> HttpSessions::find(std::string_view id, std::string_view principal) {
    const std::scoped_lock lock(mutex_);
    const auto at = sessions_.find(id);
    if (at == sessions_.end() || at->second->principal != principal) return nullptr;
    at->second->used = Clock::now();
    return at->second;
}

void HttpSessions::end(const std::string& id) {
    std::shared_ptr<HttpSession> over;
    {
        const std::scoped_lock lock(mutex_);
        const auto at = sessions_.find(id);
        if (at == sessions_.end()) return;
        over = at->second;
        sessions_.erase(at);
    }
    over->end();
}

}  // namespace tenon::mcp
