// A gateway written down: the [gateway] tables of tenon.toml (docs/guide/gateway.md).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

/// [gateway.deployments.NAME]: what is to be opened, and how.
struct DeploymentSettings {
    Deployment about;               ///< without its functions
    std::string model;              ///< "openai:gpt-5", an installed model …
    std::string base_url, api_key;  ///< over those of the provider
    std::string api_key_variable;   ///< an environment variable that holds the key
    std::string region, api_version;
    bool embedding = false;
    int line = 0;
};

struct Settings {
    std::vector<DeploymentSettings> deployments;
    std::vector<Route> routes;
    std::vector<Team> teams;
    std::vector<Key> keys;
    net::RetryPolicy retry = Options().retry;
    std::chrono::milliseconds fallback_patience = Options().fallback_patience;
    BreakerPolicy breaker;
    CachePolicy cache;            ///< without its embedder
    std::string cache_embedding;  ///< the model that tells similar questions; empty: only the same ones
    std::uint64_t default_max_tokens = Options().default_max_tokens;
};

/// The text of a TOML file; other tables are passed over. Nullopt: it has no [gateway]. A route may name a model that
/// is no deployment ("openai:gpt-5"): it becomes one of that name. Errors: invalid_argument, each beginning with the
/// line: "line 12: …".
[[nodiscard]] Result<std::optional<Settings>> parse_settings(std::string_view toml);

}  // namespace tenon::gateway
