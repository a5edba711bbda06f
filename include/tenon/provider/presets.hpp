// The providers we know by name: one table of addresses, keys, quirks and abilities.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/provider/openai.hpp"
#include "tenon/provider/rerank.hpp"

namespace tenon::provider {

enum class Protocol : std::uint8_t { openai, openai_responses, anthropic, gemini, ollama, kserve, rerank_only };

struct Preset {
    std::string name;  ///< what stands before the colon: "deepseek" of "deepseek:deepseek-chat"
    Protocol protocol = Protocol::openai;
    std::string base_url;  ///< may hold "{region}"; empty: the user must say it
    /// Environment variables an application may look for a key in, in this order. The library reads none.
    std::vector<std::string> key_variables;
    bool key_required = true;
    std::string api_key_header;                    ///< empty: a bearer token (or the protocol's own header)
    OpenAiQuirks quirks{};                         ///< of Protocol::openai
    std::optional<RerankOptions::Style> rerank{};  ///< when it reranks
    std::string rerank_url{};                      ///< empty: base_url
};

/// All of them, by name.
[[nodiscard]] std::vector<Preset> presets();
[[nodiscard]] std::optional<Preset> find_preset(std::string_view name);

}  // namespace tenon::provider
