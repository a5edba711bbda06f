// What every route sees.
#pragma once

#include <atomic>
#include <memory>
#include <stop_token>
#include <string>

#include "serve/api_error.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/net/http_message.hpp"
#include "tenon/net/router.hpp"
#include "tenon/observe/metrics.hpp"
#include "tenon/serve/server.hpp"

namespace tenon::serve {

struct State {
    Services services;
    ServerOptions options;
    observe::Metrics metrics;
    std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();

    void count_tokens(const std::string& model, const llm::Usage& usage);
};
using StatePtr = std::shared_ptr<State>;

/// Who made this request.
[[nodiscard]] Caller caller_of(const net::HttpRequest& http);

/// Shows in the metrics that a model is at work, from construction to destruction, and afterwards whether it came to
/// its end or was stopped (the client left, time ran out, the server ended).
class RunningGeneration {
  public:
    RunningGeneration(StatePtr state, std::string model, std::stop_token stop);
    ~RunningGeneration();
    RunningGeneration(const RunningGeneration&) = delete;
    RunningGeneration& operator=(const RunningGeneration&) = delete;

  private:
    StatePtr state_;
    std::string model_;
    std::stop_token stop_;
};

void add_openai_routes(net::Router& router, const StatePtr& state);
void add_embedding_route(net::Router& router, const StatePtr& state);
void add_token_routes(net::Router& router, const StatePtr& state);
void add_rerank_route(net::Router& router, const StatePtr& state);
void add_adapter_routes(net::Router& router, const StatePtr& state);
void add_rag_routes(net::Router& router, const StatePtr& state);
void add_knowledge_routes(net::Router& router, const StatePtr& state);
void add_console_routes(net::Router& router);
/// /openapi.json and /docs, about the routes that are there already.
void add_api_document(net::Router& router, const StatePtr& state);

/// Sends a whole JSON answer through a streaming route.
[[nodiscard]] task<Result<void>> send_response(std::shared_ptr<net::ResponseWriter> writer, net::HttpResponse response);
/// Begins an event stream.
[[nodiscard]] task<Result<void>> start_events(std::shared_ptr<net::ResponseWriter> writer);
/// "chatcmpl-…": unique, unguessable enough for an id.
[[nodiscard]] std::string make_id(std::string_view prefix);
[[nodiscard]] std::int64_t unix_now();

}  // namespace tenon::serve
