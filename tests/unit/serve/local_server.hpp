// A server over one model of this process, and a client of it.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>
#include <stdexcept>
#include <string>

#include "fake/causal_model.hpp"
#include "tenon/json/json.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/provider/local.hpp"
#include "tenon/serve/server.hpp"

namespace tenon::serve::test {

struct Reply {
    int status;
    std::string body;
    [[nodiscard]] json::Value value() const { return json::parse(body).value(); }
};

/// Knows the model under the name "fake" alone, which is the default too.
class LocalServer {
  public:
    ~LocalServer() {
        sync_wait(runtime, server->shutdown());
        client.reset();
        server.reset();
    }
    LocalServer(const LocalServer&) = delete;
    LocalServer& operator=(const LocalServer&) = delete;

    Reply send(const std::string& method, const std::string& path, std::string body = {}) {
        net::ClientRequest request;
        request.method = method;
        request.url = server->url() + path;
        request.body = std::move(body);
        if (!request.body.empty()) request.headers.add("Content-Type", "application/json");
        auto reply = sync_wait(runtime, client->send(std::move(request)));
        if (!reply) throw std::runtime_error(reply.error().describe());
        return {reply->status, reply->body};
    }
    Reply post(const std::string& path, std::string body) { return send("POST", path, std::move(body)); }

    Runtime runtime{2};
    std::shared_ptr<provider::LocalChatModel> model;
    std::unique_ptr<Server> server;
    std::unique_ptr<net::HttpClient> client;

  protected:
    LocalServer() = default;

    void start(std::shared_ptr<fake::FakeModel> fake, engine::EngineOptions options) {
        model = provider::LocalChatModel::create(std::move(fake), {.name = "fake", .engine = options}).value();
        Services services;
        services.runtime = &runtime;
        services.default_chat_model = "fake";
        services.chat_model = [this](std::string name, Caller) { return open(model, std::move(name)); };
        services.local_chat_model = [this](std::string name) { return open_local(model, std::move(name)); };
        services.activity = [this] {
            return std::vector{
                ModelActivity{"fake", model->engine().context(), model->engine().stats(), model->engine().requests()}};
        };
        services.models = [] { return std::vector<ModelEntry>(); };
        services.version = "test";
        ServerOptions server_options;
        server_options.port = 0;
        auto started = Server::start(std::move(services), std::move(server_options));
        if (!started) throw std::runtime_error(started.error().describe());
        server = std::move(*started);
        client = std::make_unique<net::HttpClient>(runtime.executor());
    }

  private:
    static task<Result<llm::ChatModelPtr>> open(std::shared_ptr<provider::LocalChatModel> model, std::string name) {
        if (name != "fake") co_return fail(ErrorCode::not_found, "no model of that name");
        co_return model;
    }
    static task<Result<std::shared_ptr<provider::LocalChatModel>>> open_local(
        std::shared_ptr<provider::LocalChatModel> model, std::string name) {
        if (name != "fake") co_return fail(ErrorCode::unsupported, "elsewhere");
        co_return model;
    }
};

}  // namespace tenon::serve::test
