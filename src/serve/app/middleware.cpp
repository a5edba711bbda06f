#include "tenon/serve/middleware.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <atomic>
#include <deque>
#include <map>
#include <mutex>

// GCC 12 takes the coroutine frame's operator delete, once inlined, for one that does not match its operator new.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

namespace tenon::serve {
namespace {

/// Whether the client takes gzip: named, and not with q=0.
bool accepts_gzip(std::string_view field) {
    while (!field.empty()) {
        auto item = field.substr(0, field.find(','));
        field.remove_prefix(std::min(field.size(), item.size() + 1));
        while (item.starts_with(' ')) item.remove_prefix(1);
        const auto name = item.substr(0, item.find_first_of("; "));
        if (!net::equals_ignoring_case(name, "gzip") && name != "*") continue;
        const auto q = item.find("q=");
        return q == std::string_view::npos || item.substr(q + 2).find_first_of("123456789") != std::string_view::npos;
    }
    return false;
}

bool compresses_well(std::string_view type) {
    return type.starts_with("text/") || type.contains("json") || type.contains("xml") || type.contains("javascript");
}

std::string compressed(std::string_view text) {
    z_stream stream{};
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK) return {};
    std::string out(deflateBound(&stream, text.size()), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool good = deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(good ? stream.total_out : 0);
    deflateEnd(&stream);
    return out;
}

task<net::HttpResponse> answer_compressed(net::HttpRequest request, net::CallContext context, net::Handler next,
                                          std::size_t min_bytes) {
    const bool wanted = accepts_gzip(request.headers.find("accept-encoding").value_or(""));
    auto response = co_await next(std::move(request), std::move(context));
    if (response.stream || response.upgrade || response.body.size() < min_bytes ||
        response.headers.contains("content-encoding") ||
        !compresses_well(response.headers.find("content-type").value_or("")))
        co_return response;
    response.headers.add("Vary", "Accept-Encoding");
    if (!wanted) co_return response;
    auto small = compressed(response.body);
    if (small.empty() || small.size() >= response.body.size()) co_return response;
    response.body = std::move(small);
    response.headers.set("Content-Encoding", "gzip");
    co_return response;
}

task<net::HttpResponse> answer_timed(net::HttpRequest request, net::CallContext context, net::Handler next) {
    const auto begin = Clock::now();
    auto response = co_await next(std::move(request), std::move(context));
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    response.headers.add("Server-Timing", fmt::format("app;dur={:.3f}", ms));
    co_return response;
}

struct Counted {
    std::shared_ptr<std::atomic<std::size_t>> running;
    explicit Counted(std::shared_ptr<std::atomic<std::size_t>> count) : running(std::move(count)) {}
    ~Counted() { running->fetch_sub(1); }
    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;
};

task<net::HttpResponse> answer_counted(net::HttpRequest request, net::CallContext context, net::Handler next,
                                       std::shared_ptr<std::atomic<std::size_t>> running, std::size_t most) {
    const bool full = running->fetch_add(1) >= most;
    const Counted counted(running);
    if (full) {
        auto busy = problem_response(
            Error(ErrorCode::unavailable, "too many requests are being answered; try again in a moment"));
        busy.headers.set("Retry-After", "1");
        co_return busy;
    }
    co_return co_await next(std::move(request), std::move(context));
}

/// When the requests of the last window came, for each key.
class Windows {
  public:
    Windows(std::size_t count, std::chrono::milliseconds window) : count_(count), window_(window) {}
    /// How long to wait; nullopt: it may go on, and counts.
    std::optional<std::chrono::milliseconds> enter(const std::string& key) {
        const std::scoped_lock lock(mutex_);
        const auto now = Clock::now();
        if (now >= sweep_) {  // keys that were quiet for a whole window are forgotten
            std::erase_if(times_, [&](const auto& entry) { return entry.second.back() + window_ <= now; });
            sweep_ = now + window_;
        }
        auto& times = times_[key];
        while (!times.empty() && times.front() + window_ <= now) times.pop_front();
        if (times.size() >= count_) return std::chrono::ceil<std::chrono::milliseconds>(times.front() + window_ - now);
        times.push_back(now);
        return std::nullopt;
    }

  private:
    std::size_t count_;
    std::chrono::milliseconds window_;
    std::mutex mutex_;
    std::map<std::string, std::deque<Clock::time_point>> times_;
    Clock::time_point sweep_{};
};

task<net::HttpResponse> too_many(std::chrono::milliseconds wait) {
    Error error =
        Error(ErrorCode::rate_limited, "too many requests; wait before the next one").with_retry_after(wait.count());
    co_return problem_response(error);
}

}  // namespace

Middleware gzip(std::size_t min_bytes) {
    return [min_bytes](net::HttpRequest request, net::CallContext context, net::Handler next) {
        return answer_compressed(std::move(request), std::move(context), std::move(next), min_bytes);
    };
}

Middleware timing() {
    return [](net::HttpRequest request, net::CallContext context, net::Handler next) {
        return answer_timed(std::move(request), std::move(context), std::move(next));
    };
}

Middleware limit_concurrency(std::size_t most) {
    return [most, running = std::make_shared<std::atomic<std::size_t>>(0)](
               net::HttpRequest request, net::CallContext context, net::Handler next) {
        return answer_counted(std::move(request), std::move(context), std::move(next), running, most);
    };
}

Middleware limit_rate(std::size_t count, std::chrono::milliseconds window,
                      std::function<std::string(const net::HttpRequest&)> key) {
    return [windows = std::make_shared<Windows>(std::max<std::size_t>(1, count), window), key = std::move(key)](
               net::HttpRequest request, net::CallContext context, net::Handler next) -> task<net::HttpResponse> {
        const auto wait = windows->enter(key ? key(request) : request.remote);
        if (wait) return too_many(*wait);
        return next(std::move(request), std::move(context));
    };
}

}  // namespace tenon::serve
