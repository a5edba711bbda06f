#include "net/chunked_writer.hpp"

#include <fmt/format.h>

namespace tenon::net {

task<Result<void>> ChunkedWriter::start(int status, Headers headers) {
    co_return co_await on_strand(strand_, start_here(status, std::move(headers)));
}

task<Result<void>> ChunkedWriter::write(std::string chunk) {
    co_return co_await on_strand(strand_, write_here(std::move(chunk)));
}

task<Result<void>> ChunkedWriter::finish() { co_return co_await on_strand(strand_, finish_here()); }

task<Result<void>> ChunkedWriter::start_here(int status, Headers headers) {
    const auto connection = connection_;
    if (!connection) co_return fail(ErrorCode::cancelled, "the request is over");
    if (started_) co_return fail(ErrorCode::internal, "the answer has been started already");
    started_ = true;
    framing_ = !status_has_body(status) ? Framing::none
               : connection->http_1_0_  ? Framing::until_close
                                        : Framing::chunked;
    auto text = connection->make_head(status, std::move(headers), framing_, 0);
    co_return co_await connection->send(std::move(text), {});
}

task<Result<void>> ChunkedWriter::write_here(std::string chunk) {
    const auto connection = connection_;
    if (!connection || finished_) co_return fail(ErrorCode::cancelled, "the request is over");
    if (!started_) co_return fail(ErrorCode::internal, "an answer is written before it is started");
    if (chunk.empty() || head_ || framing_ == Framing::none) co_return Result<void>{};
    connection->record_.body_bytes_out += chunk.size();
    std::string size;
    if (framing_ == Framing::chunked) {
        size = fmt::format("{:x}\r\n", chunk.size());
        chunk += "\r\n";
    }
    co_return co_await connection->send(std::move(size), std::move(chunk));
}

task<Result<void>> ChunkedWriter::finish_here() {
    const auto connection = connection_;
    if (!connection) co_return fail(ErrorCode::cancelled, "the request is over");
    if (std::exchange(finished_, true)) co_return Result<void>{};
    if (!started_) TENON_CO_CHECK(co_await start_here(200, {}));
    if (head_ || framing_ != Framing::chunked) co_return Result<void>{};
    co_return co_await connection->send("0\r\n\r\n", {});
}

}  // namespace tenon::net
