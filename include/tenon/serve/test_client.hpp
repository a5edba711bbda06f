// Calls an App in its own process, without a socket: for the tests of whoever writes one.
//
//     serve::TestClient client(app);
//     auto reply = client.post("/users", NewUser{"Ada"});
//     EXPECT_EQ(reply.status, 201);
//     EXPECT_EQ(reply.as<User>()->name, "Ada");
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/json/reflect.hpp"
#include "tenon/net/sse.hpp"
#include "tenon/serve/app.hpp"

namespace tenon::serve {

struct TestReply {
    int status = 0;
    net::Headers headers;
    std::string body;  ///< whole, also when it was streamed

    [[nodiscard]] std::string header(std::string_view name) const {
        return std::string(headers.find(name).value_or(""));
    }
    template <class T>
    [[nodiscard]] Result<T> as() const {
        return json::from_text<T>(body);
    }
    [[nodiscard]] Result<Problem> problem() const { return as<Problem>(); }
    /// Of an event stream.
    [[nodiscard]] std::vector<net::SseEvent> events() const;
};

/// Goes through routing, middleware, authentication, validation, the handler and what follows it: a call returns when
/// background tasks have ended and what was injected is gone. What belongs to connections (CORS, the server's own keys,
/// limits of time) does not take part. Runs the on_start functions when made and the on_stop ones when destroyed.
/// Not thread-safe; not to be used on a thread of the runtime.
class TestClient {
  public:
    /// Fails every call with status 0 and the reason as the body when the App does not hold together.
    explicit TestClient(const App& app);
    ~TestClient();
    TestClient(const TestClient&) = delete;
    TestClient& operator=(const TestClient&) = delete;

    TestReply get(std::string target, net::Headers headers = {}) {
        return send("GET", std::move(target), {}, std::move(headers));
    }
    TestReply del(std::string target, net::Headers headers = {}) {
        return send("DELETE", std::move(target), {}, std::move(headers));
    }
    template <class T>
    TestReply post(std::string target, const T& body, net::Headers headers = {}) {
        return send_json("POST", std::move(target), json::to_text(body), std::move(headers));
    }
    template <class T>
    TestReply put(std::string target, const T& body, net::Headers headers = {}) {
        return send_json("PUT", std::move(target), json::to_text(body), std::move(headers));
    }
    template <class T>
    TestReply patch(std::string target, const T& body, net::Headers headers = {}) {
        return send_json("PATCH", std::move(target), json::to_text(body), std::move(headers));
    }
    /// With headers of its own for every call from now on.
    void set_header(std::string name, std::string value);
    TestReply send(std::string method, std::string target, std::string body, net::Headers headers = {},
                   CallOptions call = {});

    [[nodiscard]] Runtime& runtime() noexcept;

  private:
    TestReply send_json(std::string method, std::string target, std::string body, net::Headers headers);
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::serve
