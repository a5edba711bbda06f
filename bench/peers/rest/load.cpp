// The load of both sides: keep-alive connections that ask, read the whole answer, and ask again. One thread.
// Usage: rest_load PORT CONNECTIONS SECONDS orders | rest_load PORT CONNECTIONS SECONDS events YIELDS
// Prints {"requests", "chunks", "seconds", "p50_ms", "p99_ms", "errors"}.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

using boost::asio::ip::tcp;
using Clock = std::chrono::steady_clock;

namespace {

struct Totals {
    std::size_t requests = 0, chunks = 0, errors = 0;
    std::vector<double> times;
    bool over = false;
};

class Client : public std::enable_shared_from_this<Client> {
  public:
    Client(boost::asio::io_context& loop, std::string request, Totals* totals)
        : socket_(loop), request_(std::move(request)), totals_(totals) {}
    void start(const tcp::endpoint& at) {
        socket_.connect(at);
        socket_.set_option(tcp::no_delay(true));
        ask();
    }

  private:
    void ask() {
        if (totals_->over) return;
        begin_ = Clock::now();
        text_.clear();
        scanned_ = 0;
        boost::asio::async_write(socket_, boost::asio::buffer(request_),
                                 [self = shared_from_this()](const boost::system::error_code& error, std::size_t) {
                                     if (error) return self->failed();
                                     self->read();
                                 });
    }
    void read() {
        socket_.async_read_some(boost::asio::buffer(piece_),
                                [self = shared_from_this()](const boost::system::error_code& error, std::size_t got) {
                                    if (error) return self->failed();
                                    self->text_.append(self->piece_, got);
                                    self->look();
                                });
    }
    void failed() {
        if (!totals_->over) ++totals_->errors;
    }
    void look() {
        const auto head = text_.find("\r\n\r\n");
        if (head == std::string::npos) return read();
        // Either side may write its field names in any case.
        if (length_ == unknown) {
            std::string fields = text_.substr(0, head);
            std::ranges::transform(fields, fields.begin(), [](unsigned char c) { return std::tolower(c); });
            const auto at = fields.find("content-length: ");
            length_ = at == std::string::npos ? chunked : std::strtoul(fields.c_str() + at + 16, nullptr, 10);
        }
        const bool done = length_ == chunked ? text_.ends_with("\r\n0\r\n\r\n") : text_.size() >= head + 4 + length_;
        if (!done) return read();
        if (!text_.starts_with("HTTP/1.1 200")) ++totals_->errors;
        if (length_ == chunked)
            for (std::size_t at = head; (at = text_.find("data: ", at)) != std::string::npos; at += 6)
                ++totals_->chunks;
        length_ = unknown;
        if (!totals_->over) {
            ++totals_->requests;
            totals_->times.push_back(std::chrono::duration<double, std::milli>(Clock::now() - begin_).count());
        }
        ask();
    }

    static constexpr std::size_t unknown = static_cast<std::size_t>(-1), chunked = static_cast<std::size_t>(-2);
    tcp::socket socket_;
    std::string request_, text_;
    Totals* totals_;
    char piece_[65536];
    std::size_t scanned_ = 0, length_ = unknown;
    Clock::time_point begin_;
};

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    const int connections = std::atoi(argv[2]);
    const double seconds = std::atof(argv[3]);
    const bool events = std::string_view(argv[4]) == "events";
    std::string request;
    if (events) {
        request =
            "GET /events/100?yields=" + std::string(argc > 5 ? argv[5] : "0") + " HTTP/1.1\r\nHost: localhost\r\n\r\n";
    } else {
        const std::string body =
            R"({"name":"Flute, silver","price":349.5,"quantity":2,"tags":["music","wind","used"],"address":{"street":"12 St James's Square","city":"London","postcode":"SW1Y 4JH"}})";
        request = "POST /orders/42 HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
                  std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    boost::asio::io_context loop(1);
    Totals totals;
    const tcp::endpoint at(boost::asio::ip::address_v4::loopback(), port);
    const auto begin = Clock::now();
    for (int i = 0; i < connections; ++i) std::make_shared<Client>(loop, request, &totals)->start(at);
    loop.run_for(std::chrono::milliseconds(static_cast<int>(seconds * 1000)));
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    totals.over = true;
    std::ranges::sort(totals.times);
    const auto percentile = [&](double p) {
        return totals.times.empty()
                   ? 0.0
                   : totals.times[static_cast<std::size_t>(p * static_cast<double>(totals.times.size() - 1))];
    };
    std::printf(
        "{\"requests\": %zu, \"chunks\": %zu, \"seconds\": %.3f, \"p50_ms\": %.3f, \"p99_ms\": %.3f, \"errors\": "
        "%zu}\n",
        totals.requests, totals.chunks, took, percentile(0.5), percentile(0.99), totals.errors);
    return 0;
}
