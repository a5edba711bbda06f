// A server on a pair of descriptors: one client.
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>

#include "mcp/server/session.hpp"
#include "mcp/transport/pipe.hpp"
#include "tenon/mcp/server.hpp"

namespace tenon::mcp {
namespace {

/// How many requests are being served, and a bell for when there are none.
struct Served {
    std::atomic<int> count{1};
    Signal none;
    void done() {
        if (--count == 0) none.ring();
    }
};

task<void> serve_one(std::shared_ptr<ServerSession> session, rpc::Message message, Outlet outlet, Delivery delivery,
                     std::shared_ptr<Served> served) {
    co_await session->handle(std::move(message), std::move(outlet), std::move(delivery));
    served->done();
}

}  // namespace

task<Result<void>> serve_descriptors(Server server, int in, int out, CallOptions options) {
    const auto executor = co_await boost::asio::this_coro::executor;
    const auto pipe = MessagePipe::over_descriptors(executor, in, out);
    const Outlet outlet = [pipe](rpc::Message message) { pipe->write(rpc::encode(message)); };
    const auto session = ServerSession::make(server.state(), outlet);
    const auto served = std::make_shared<Served>();
    Delivery delivery;
    delivery.call.stop = options.stop;
    const auto take = [&](std::string line) {
        auto message = rpc::parse(line);
        if (!message) {
            auto& fault = message.error();
            outlet(rpc::Response{std::move(fault.id), rpc::Outcome(std::unexpect, std::move(fault.failure))});
            return;
        }
        ++served->count;
        boost::asio::co_spawn(executor, serve_one(session, std::move(*message), outlet, delivery, served),
                              [](std::exception_ptr error) {
                                  if (error) std::rethrow_exception(error);
                              });
    };
    auto read = co_await pipe->read(take, options);
    // What came before the end of the input is still answered; questions nobody can answer any more are not waited for.
    if (read)
        session->input_ended();
    else
        session->end();
    served->done();
    (void)co_await served->none.wait(CallOptions::within(std::chrono::seconds(30)));
    session->end();
    co_await pipe->finish(CallOptions::within(std::chrono::seconds(10)));
    pipe->close();
    co_return read;
}

task<Result<void>> serve_stdio(Server server, CallOptions options) {
    // Our own copies, so that the process's descriptors stay open.
    const int in = ::dup(STDIN_FILENO);
    const int out = ::dup(STDOUT_FILENO);
    if (in < 0 || out < 0) {
        if (in >= 0) ::close(in);
        if (out >= 0) ::close(out);
        co_return fail(ErrorCode::io, "standard input or output is closed");
    }
    co_return co_await serve_descriptors(std::move(server), in, out, std::move(options));
}

}  // namespace tenon::mcp
