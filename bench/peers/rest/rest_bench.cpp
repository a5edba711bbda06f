// Our side of bench/peers/rest: validated JSON in and out, and event streams. Usage: rest_bench PORT [THREADS]
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/describe/class.hpp>
#include <cstdio>
#include <cstdlib>

#include "tenon/serve/app.hpp"

using namespace tenon;
using namespace tenon::serve;

struct Address {
    std::string street, city;
    std::optional<std::string> postcode;
};
BOOST_DESCRIBE_STRUCT(Address, (), (street, city, postcode))
struct Order {
    std::string name;
    double price = 0;
    int quantity = 0;
    std::vector<std::string> tags;
    Address address;
};
BOOST_DESCRIBE_STRUCT(Order, (), (name, price, quantity, tags, address))
constexpr auto describe_fields(const Order*) {
    return json::fields(json::about(&Order::name, {.min_length = 1, .max_length = 80}),
                        json::about(&Order::price, {.exclusive_minimum = 0}),
                        json::about(&Order::quantity, {.minimum = 1, .maximum = 1000}),
                        json::about(&Order::tags, {.max_items = 10}));
}
struct Receipt {
    int id = 0;
    double total = 0;
    Order order;
};
BOOST_DESCRIBE_STRUCT(Receipt, (), (id, total, order))
struct Tick {
    int index = 0;
    std::string text;
};
BOOST_DESCRIBE_STRUCT(Tick, (), (index, text))

namespace {

task<Result<std::optional<Tick>>> next_tick(std::shared_ptr<int> at, int count, bool yields) {
    if (*at == count) co_return std::optional<Tick>{};
    if (yields) co_await boost::asio::post(boost::asio::use_awaitable);
    const int index = (*at)++;
    co_return std::optional<Tick>(Tick{index, "a piece of an answer"});
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    Runtime runtime(argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1U);
    App app;
    app.post("/orders/{id}", [](Path<int> id, Body<Order> order) {
        Receipt receipt{*id, order->price * order->quantity, std::move(*order)};
        return receipt;
    });
    app.get("/events/{count}", [](Path<int> count, Query<int, "yields"> yields) {
        return Events<Tick>{stream_from<Tick>([at = std::make_shared<int>(0), count = *count, yields = *yields != 0]() {
            return next_tick(at, count, yields);
        })};
    });
    net::HttpServerOptions options;
    options.port = static_cast<std::uint16_t>(std::atoi(argv[1]));
    auto server = app.start(runtime, std::move(options));
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().describe().c_str());
        return 1;
    }
    std::printf("%s\n", (*server)->url().c_str());
    std::fflush(stdout);
    sync_wait(runtime, [](RunningApp* running) -> task<int> {
        co_await running->wait_for_signal();
        co_await running->shutdown(std::chrono::milliseconds(100));
        co_return 0;
    }(server->get()));
    return 0;
}
