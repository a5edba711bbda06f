// What the server serves: handed in by the program, so that no route chooses concrete types.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tenon/async/runtime.hpp"
#include "tenon/async/task.hpp"
#include "tenon/engine/engine.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/net/http_message.hpp"
#include "tenon/observe/metrics.hpp"
#include "tenon/store/knowledge_base.hpp"
#include "tenon/store/records.hpp"

namespace tenon::net {
class Router;
}
namespace tenon::provider {
class LocalChatModel;
}

namespace tenon::serve {

struct ModelEntry {
    std::string name;          ///< what requests call it
    std::string role;          ///< "chat", "embedding" or "reranker"
    std::int64_t created = 0;  ///< Unix seconds of installation
    bool loaded = false;
    std::string architecture, quantisation, licence;
    std::string parent{};  ///< of a low-rank adapter: the model it changes
    std::uint64_t context_length = 0, memory_bytes = 0;
};

/// What a model that runs in this process is doing.
struct ModelActivity {
    std::string model;
    std::size_t context = 0;  ///< tokens a request may have
    engine::EngineStats stats{};
    std::vector<engine::RequestSnapshot> requests{};
};

/// Who asks for a model.
struct Caller {
    std::string api_key{};  ///< as the client showed it; empty: none
    bool fresh = false;     ///< the answer must not come from a cache: one of several to one question
};

/// All functions are thread-safe and may be called for the server's whole life.
struct Services {
    Runtime* runtime = nullptr;
    std::shared_ptr<store::Store> store;
    std::shared_ptr<store::Records> responses{};  ///< what /v1/responses keeps; null: it keeps nothing
    std::string default_chat_model;
    std::string default_embedding_model;
    /// Opens a model by name for a caller, loading it when needed. Errors: not_found (says which are installed),
    /// permission_denied (not this caller's), unsupported, resource_exhausted.
    std::function<task<Result<llm::ChatModelPtr>>(std::string name, Caller caller)> chat_model;
    std::function<task<Result<llm::EmbedderPtr>>(std::string name, Caller caller)> embedder;
    /// A model of this process by name, for its tokenizer; null: there is none. Errors: as `chat_model`.
    std::function<task<Result<std::shared_ptr<provider::LocalChatModel>>>(std::string name)> local_chat_model{};
    std::function<std::vector<ModelActivity>()> activity{};  ///< of the models in memory; null: not known
    /// Null: /v1/rerank answers that there are none.
    std::function<task<Result<llm::RerankerPtr>>(std::string name, Caller caller)> reranker{};
    /// Adapters that come and go while the server runs; null: not allowed. An empty base is the default chat model.
    /// Errors: already_exists, those of opening the base, those of the adapter's files.
    std::function<task<Result<void>>(std::string name, std::string base, std::string path)> load_adapter{};
    std::function<bool(const std::string& name)> unload_adapter{};  ///< false: there is none of this name
    /// Keys beside ServerOptions::api_keys, and what they may do; see net::HttpServerOptions::accept_key.
    std::function<Result<void>(const net::HttpRequest& request, std::string_view key)> accept_key{};
    /// What answers tell a key, such as how much it may still ask for; see net::HttpServerOptions::add_headers.
    std::function<void(std::string_view key, net::Headers& response)> add_headers{};
    /// Called before metrics are rendered, to bring them up to date.
    std::function<void(observe::Metrics& metrics)> refresh_metrics{};
    std::function<std::vector<ModelEntry>()> models;
    /// Adds routes of the program's own; keys are asked for as everywhere, unless a route says `open_access`.
    std::function<void(net::Router& router)> add_routes{};
    /// Called after a knowledge base was made or removed through the API.
    std::function<void()> knowledge_bases_changed{};
    std::uint64_t memory_budget = 0;  ///< bytes the loaded models may take, for the metrics; 0: no bound
    /// Tokens of a text by the embedding model's tokenizer, for splitting.
    std::function<std::size_t(std::string_view)> count_tokens;
    std::string version;
};

}  // namespace tenon::serve
