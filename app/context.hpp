// What the commands share: settings, and everything opened on first use.
#pragma once

#include <memory>
#include <string>

#include "settings.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/llm/price.hpp"
#include "tenon/store/knowledge_base.hpp"

namespace tenon::gateway {
class Gateway;
}
namespace tenon::hub {
class Registry;
}
namespace tenon::net {
class HttpClient;
}
namespace tenon::provider {
class ModelPool;
}

namespace tenon::app {

/// The accessors that open things are for the main thread; once `pool()` and `http()` were called, the coroutines may
/// run anywhere.
class Context {
  public:
    /// Errors: those of the settings.
    [[nodiscard]] static Result<std::unique_ptr<Context>> open();
    ~Context();

    [[nodiscard]] Settings& settings() noexcept { return settings_; }
    [[nodiscard]] Runtime& runtime();
    [[nodiscard]] std::shared_ptr<net::HttpClient> http();
    [[nodiscard]] Result<hub::Registry*> registry();
    /// `loaded` models stay within the memory budget.
    [[nodiscard]] Result<std::shared_ptr<provider::ModelPool>> pool();
    [[nodiscard]] Result<std::shared_ptr<store::Store>> store();
    /// The gateway of the settings; null when they have none. `serving`: this process is the one that others' unsettled
    /// calls are left to. Errors: those of Gateway::create.
    [[nodiscard]] Result<std::shared_ptr<gateway::Gateway>> gateway(bool serving = false);
    /// Built in, and under it $TENON_HOME/prices.json. Errors: corrupt.
    [[nodiscard]] Result<llm::PriceTable> prices() const;
    /// Bytes that loaded models may take.
    [[nodiscard]] std::uint64_t memory_budget() const;

    /// The same by coroutine, for the server. The context must outlive them.
    [[nodiscard]] task<Result<llm::ChatModelPtr>> chat_model_async(std::string name);
    [[nodiscard]] task<Result<llm::EmbedderPtr>> embedder_async(std::string name);
    [[nodiscard]] task<Result<llm::RerankerPtr>> reranker_async(std::string name);
    /// An alias of the gateway, "openai:NAME", "anthropic:NAME" and so on (provider::presets), an alias, an installed
    /// name or a path. Errors: not_found (and how to fetch it), unsupported, …
    [[nodiscard]] Result<llm::ChatModelPtr> chat_model(std::string_view name);
    [[nodiscard]] Result<llm::EmbedderPtr> embedder(std::string_view name);
    [[nodiscard]] Result<llm::RerankerPtr> reranker(std::string_view name);
    /// Folder or file of an installed model. Errors: not_found, saying `tenon pull NAME`.
    [[nodiscard]] Result<std::filesystem::path> model_path(std::string_view name);

  private:
    Context() = default;
    Settings settings_;
    std::unique_ptr<Runtime> runtime_;
    std::shared_ptr<net::HttpClient> http_;
    std::unique_ptr<hub::Registry> registry_;
    std::shared_ptr<provider::ModelPool> pool_;
    std::shared_ptr<store::Store> store_;
    std::shared_ptr<gateway::Gateway> gateway_;
};

}  // namespace tenon::app
