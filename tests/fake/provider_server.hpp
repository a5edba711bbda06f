// A provider on the loopback: refuses what its specification refuses, answers with recorded streams.
#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/json.hpp>
#include <functional>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "fake/json_schema.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/net/http_server.hpp"

namespace tenon::fake {

struct Endpoint {
    std::function<std::string(const json::Value& body)> check;  ///< empty: fine
    std::string answer;
    std::string type = "text/event-stream";
};

class ProviderServer {
  public:
    explicit ProviderServer(std::map<std::string, Endpoint> endpoints) : endpoints_(std::move(endpoints)) {
        net::Router router;
        router.add("POST", "/{rest...}", [this](net::HttpRequest request, net::CallContext) -> task<net::HttpResponse> {
            co_return answer(request);
        });
        net::HttpServerOptions options;
        options.port = 0;
        auto started = net::HttpServer::start(runtime.executor(), options, std::move(router));
        EXPECT_TRUE(started);
        server_ = std::move(*started);
    }
    ~ProviderServer() {
        std::promise<void> done;
        boost::asio::co_spawn(runtime.executor(), server_->shutdown(std::chrono::milliseconds(0)),
                              [&](const std::exception_ptr&) { done.set_value(); });
        done.get_future().get();
    }
    ProviderServer(const ProviderServer&) = delete;
    ProviderServer& operator=(const ProviderServer&) = delete;

    [[nodiscard]] std::string url() const { return server_->url(); }
    /// Of the last request.
    [[nodiscard]] json::Value body() const { return json::parse(last_.body).value_or(nullptr); }
    [[nodiscard]] std::string header(std::string_view name) const {
        return std::string(last_.headers.find(name).value_or("(none)"));
    }
    [[nodiscard]] std::string target() const { return last_.target; }

    Runtime runtime{2};
    std::shared_ptr<net::HttpClient> client = std::make_shared<net::HttpClient>(runtime.executor());

  private:
    net::HttpResponse answer(net::HttpRequest& request) {
        const std::lock_guard lock(mutex_);
        last_.body = request.body;
        last_.headers = request.headers;
        last_.target = request.target;
        const auto known = endpoints_.find(request.path);
        std::string fault = known == endpoints_.end() ? "no such path: " + request.path : "";
        const auto body = json::parse(request.body);
        if (!body) fault = "the body is not JSON";
        if (fault.empty() && known->second.check) fault = known->second.check(*body);
        if (!fault.empty())
            return net::HttpResponse::json(
                json::dump(json::Object{{"error", json::Object{{"message", "STRICT: " + fault}}}}), 400);
        net::HttpResponse out;
        out.body = known->second.answer;
        out.headers.set("Content-Type", known->second.type);
        return out;
    }

    std::map<std::string, Endpoint> endpoints_;
    std::mutex mutex_;
    net::HttpRequest last_;
    std::unique_ptr<net::HttpServer> server_;
};

/// tests/data/streams/NAME
inline std::string recorded(const std::string& name) {
    std::ifstream in(std::string(TENON_TEST_DATA) + "/data/streams/" + name);
    EXPECT_TRUE(in) << name;
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace tenon::fake
