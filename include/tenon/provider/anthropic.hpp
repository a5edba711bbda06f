// Claude models over Anthropic's Messages API, published at docs.anthropic.com/en/api/messages.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/llm/model.hpp"
#include "tenon/net/http_client.hpp"

namespace tenon::provider {

struct AnthropicOptions {
    std::string base_url = "https://api.anthropic.com/v1";          ///< what "/messages" is appended to
    std::string api_key;                                            ///< sent as x-api-key; empty: none
    std::string auth_token;                                         ///< sent as a bearer token; empty: none
    std::string version = "2023-06-01";                             ///< anthropic-version
    std::vector<std::string> betas;                                 ///< anthropic-beta
    net::Headers headers;                                           ///< sent with every request, over the ones above
    net::RetryPolicy retry{};                                       ///< for what fails before the first token
    std::chrono::seconds idle_timeout{300};                         ///< without a byte from the server
    std::uint64_t context_length = 200'000, max_output_tokens = 0;  ///< of the model; 0: unknown
    std::uint64_t default_max_tokens = 8192;  ///< the API wants a limit: for requests that set none
    /// How an effort is said: newer models decide for themselves how long to think (`adaptive`), those up to
    /// Claude 4.5 take a budget of tokens, 4.6 both.
    enum class Thinking : std::uint8_t { by_model, adaptive, budget };
    Thinking thinking = Thinking::by_model;
};

namespace anthropic {

/// Of requests (`ChatRequest::extensions`). Empty and unset fields are not sent.
struct RequestExtras {
    std::string service_tier;  ///< auto, standard_only
    std::string container;     ///< of code execution, to use again
    std::string inference_geo;
    std::vector<std::string> betas;           ///< for this request, beside the options'
    std::vector<std::string> tools_json;      ///< the provider's own tools, each a JSON object
    std::map<std::string, std::string> more;  ///< further fields by name, each a JSON text
};

/// Of answers (`ChatResponse::extensions`).
struct AnswerExtras {
    std::string stop_reason, stop_sequence;  ///< as the provider named them ("pause_turn", "refusal", …)
    std::string refusal;                     ///< category and explanation, when it refused
    std::string service_tier, container;
    std::uint64_t cache_write_5m_tokens = 0, cache_write_1h_tokens = 0;
    std::uint64_t web_searches = 0, web_fetches = 0;
};

}  // namespace anthropic

/// Always streams. System messages, wherever they stand, become the system prompt; tool results go into the user's
/// turn that follows. `CacheHint` is obeyed, at most four in a request (the API's limit). Documents can be cited.
/// Of the settings, min_p, penalties and seed have no counterpart and are left out, as are temperature, top_p and top_k
/// for models from Claude 4.7 on, which refuse them; log-probabilities and biases are
/// refused (unsupported), as are sound and forms other than JSON Schema. `complete` is unsupported.
/// `count_request_tokens` asks the provider. A ProviderPart of "anthropic" is given back as it came.
/// Errors: those of net::HttpClient and net::status_error; from the error object, by its type.
[[nodiscard]] llm::ChatModelPtr make_anthropic_chat_model(std::shared_ptr<net::HttpClient> client, std::string model,
                                                          AnthropicOptions options);

}  // namespace tenon::provider
