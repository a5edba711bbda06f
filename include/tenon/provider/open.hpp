// A model by its name: "openai:gpt-5", "anthropic:claude-sonnet-4-5", "vllm:Qwen/Qwen3-8B", or a local one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/provider/presets.hpp"

namespace tenon::provider {

class ModelPool;

struct OpenSettings {
    std::shared_ptr<net::HttpClient> client;  ///< for models behind a server
    std::shared_ptr<ModelPool> pool;          ///< for local ones
    std::string base_url;                     ///< over the preset's
    std::string api_key;
    std::string region;       ///< for addresses that hold one (Bedrock)
    std::string api_version;  ///< Azure's; becomes the query "api-version"
    net::Headers headers;     ///< sent with every request
    net::RetryPolicy retry{};
    std::chrono::seconds idle_timeout{300};
    std::uint64_t context_length = 0;  ///< of the model, when known
};

/// "deepseek:deepseek-chat" → its preset and "deepseek-chat". No preset: a local model, whose name is the whole.
struct ModelName {
    std::optional<Preset> preset;
    std::string model;
};
[[nodiscard]] ModelName parse_model_name(std::string_view name);

/// Sends nothing yet. Local names are opened by the pool. Errors: invalid_argument (no name after the colon, no
/// address, no region, no pool or client), unauthenticated (this provider wants a key; names the variables a program
/// may look in), unsupported (a provider that has no such model), those of the pool.
[[nodiscard]] task<Result<llm::ChatModelPtr>> open_chat_model(std::string name, OpenSettings settings,
                                                              CallOptions options);
[[nodiscard]] task<Result<llm::EmbedderPtr>> open_embedder(std::string name, OpenSettings settings,
                                                           CallOptions options);
[[nodiscard]] Result<llm::RerankerPtr> open_reranker(std::string name, OpenSettings settings);
/// The same for local names too.
[[nodiscard]] task<Result<llm::RerankerPtr>> open_reranker(std::string name, OpenSettings settings,
                                                           CallOptions options);

}  // namespace tenon::provider
