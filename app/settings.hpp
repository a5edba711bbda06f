// Settings of the program: flags over TENON_* variables over tenon.toml over defaults. The only place that reads the
// environment.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::gateway {
struct Settings;
}

namespace tenon::app {

/// Of one provider: [providers.NAME] in tenon.toml.
struct ProviderSettings {
    std::string base_url, api_key;
    std::string region;       ///< Bedrock's
    std::string api_version;  ///< Azure's
};

struct Settings {
    std::filesystem::path home;                     ///< TENON_HOME: models, knowledge bases, tenon.toml
    std::string chat_model = "qwen2.5-coder-0.5b";  ///< TENON_MODEL
    std::string embedding_model = "minilm";         ///< TENON_EMBEDDING_MODEL
    std::size_t threads = 0;                        ///< TENON_THREADS; 0: one per physical core
    std::size_t context = 0;          ///< TENON_CONTEXT: tokens of a sequence; 0: the model's, at most 8192
    std::string kv_cache = "f16";     ///< TENON_KV_CACHE: how keys and values are kept, f16 or q8
    std::size_t kv_tokens = 0;        ///< TENON_KV_TOKENS: of all requests to one model; 0: four contexts
    std::size_t max_sequences = 32;   ///< TENON_MAX_SEQUENCES: requests one model works on together
    std::string draft_model;          ///< TENON_DRAFT_MODEL: guesses ahead for chat_model
    std::size_t draft_max = 8;        ///< TENON_DRAFT_MAX: guesses of one request in one pass
    bool lookup = false;              ///< TENON_LOOKUP: guess what followed the same words before
    bool context_shift = false;       ///< TENON_CONTEXT_SHIFT: forget the older half of a full context and go on
    int context_keep = 0;             ///< tokens at the beginning that are not forgotten; -1: the prompt
    std::uint64_t memory_budget = 0;  ///< TENON_MEMORY_BUDGET, bytes of loaded models; 0: two thirds of the machine's
    std::string base_url;             ///< TENON_BASE_URL: of models behind a server
    std::string api_key;              ///< TENON_API_KEY: for them
    std::map<std::string, ProviderSettings> providers;  ///< by name; over the two above
    std::string proxy;                                  ///< TENON_PROXY, else HTTPS_PROXY, https_proxy
    std::string no_proxy;                               ///< NO_PROXY, no_proxy
    std::string hf_endpoint;                            ///< HF_ENDPOINT; empty: the hub's own
    std::string hf_token;                               ///< HF_TOKEN
    std::string host = "127.0.0.1";                     ///< TENON_HOST
    int port = 8080;                                    ///< TENON_PORT
    std::vector<std::string> server_keys;               ///< TENON_SERVER_KEYS, comma-separated: clients must show one
    std::vector<std::string> cors_origins;              ///< TENON_CORS_ORIGINS, comma-separated
    struct Mcp {
        bool enabled = true;                           ///< /mcp of the server
        std::vector<std::string> bases;                ///< knowledge bases it offers; empty: all
        std::vector<std::string> tools;                ///< as `tenon mcp serve --tool` takes them; empty: calculator
        bool ask = false;                              ///< also ask_NAME
        std::vector<std::string> hosts;                ///< names the server is reached by, beside localhost; "*": any
    } mcp;                                             ///< [mcp]
    std::shared_ptr<const gateway::Settings> gateway;  ///< [gateway]; null: there is none
    std::filesystem::path file;                        ///< the tenon.toml that was read, or empty
};

/// Errors: invalid_argument, naming the file and key or the variable.
[[nodiscard]] Result<Settings> load_settings();

/// The first of these environment variables that is set, or empty.
[[nodiscard]] std::string environment(const std::vector<std::string>& names);

}  // namespace tenon::app
