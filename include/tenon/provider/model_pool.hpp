// Models loaded on demand, within a memory budget.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {

/// Where a model's file or folder is. Called on the pool's loading thread; may block. Errors are handed to the caller.
using ModelResolver = std::function<Result<std::filesystem::path>(const std::string& name)>;

/// How the pool opens models; an empty function means the local models of this room. Called on the loading thread.
struct ModelLoaders {
    std::function<Result<std::uint64_t>(const std::filesystem::path&, model::ModelRole)> memory_needed{};
    std::function<Result<llm::ChatModelPtr>(const std::filesystem::path&, const std::string& name)> chat{};
    std::function<Result<llm::EmbedderPtr>(const std::filesystem::path&, const std::string& name)> embedder{};
    std::function<Result<llm::RerankerPtr>(const std::filesystem::path&, const std::string& name)> reranker{};
};

struct ModelPoolOptions {
    std::uint64_t memory_budget = 0;   ///< bytes for weights and caches of all loaded models; 0: no limit
    engine::EngineOptions engine{};    ///< of each chat model
    std::string draft{};               ///< a model that guesses ahead for `draft_for`; empty: none does
    std::string draft_for{};           ///< the others may have other vocabularies
    std::size_t embedder_threads = 0;  ///< of embedders and rerankers; 0: one per physical core
    ModelLoaders loaders{};
};

/// A low-rank adapter that is asked for by a name of its own.
struct AdapterSource {
    std::string base;  ///< name of the model it changes, as the pool knows it
    std::filesystem::path path;
    float scale = 1;
};

struct LoadedModel {
    std::string name;  ///< as first asked for
    std::filesystem::path path;
    model::ModelRole role = model::ModelRole::causal;
    std::uint64_t bytes = 0;
    bool in_use = false;
};

/// Hands out models by name and keeps them while the budget allows: least recently used out first, never one that
/// somebody still holds (a pointer from here, or a stream of it). Models load one at a time, each once however many
/// ask. Thread-safe. Coroutines that wait for a load must have ended before the pool is destroyed.
class ModelPool {
  public:
    ModelPool(ModelResolver resolve, ModelPoolOptions options);
    ~ModelPool();
    ModelPool(const ModelPool&) = delete;
    ModelPool& operator=(const ModelPool&) = delete;

    /// Errors: of the resolver and of loading; with the figures, unsupported (it can never fit) and resource_exhausted
    /// (not beside the models in use); deadline_exceeded and cancelled (the load itself goes on).
    [[nodiscard]] task<Result<llm::ChatModelPtr>> chat(std::string name, CallOptions options);
    [[nodiscard]] task<Result<llm::EmbedderPtr>> embedder(std::string name, CallOptions options);
    [[nodiscard]] task<Result<llm::RerankerPtr>> reranker(std::string name, CallOptions options);

    /// `chat(name)` is the base model with this adapter from now on; both share one engine. The files are read when it
    /// is first asked for. Errors: already_exists (another adapter has the name), invalid_argument (an empty name).
    [[nodiscard]] Result<void> add_adapter(std::string name, AdapterSource source);
    /// Answers under way end with the adapter they began with. False: there is none of this name.
    bool remove_adapter(const std::string& name);
    [[nodiscard]] std::vector<std::pair<std::string, AdapterSource>> adapters() const;

    /// Most recently used first.
    [[nodiscard]] std::vector<LoadedModel> loaded() const;
    /// The chat models in memory that run in this process, without those that are another one with an adapter, under
    /// the names they were first asked for. Holding one keeps
    /// it loaded.
    [[nodiscard]] std::vector<std::pair<std::string, std::shared_ptr<LocalChatModel>>> local_chat_models() const;
    [[nodiscard]] std::uint64_t bytes() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::provider
