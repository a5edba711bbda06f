// OpenAI request bodies to our types. Published at platform.openai.com/docs/api-reference.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/api_error.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::serve {

struct ChatBody {
    std::string model;
    llm::ChatRequest request;
    std::size_t n = 1;
    bool stream = false, include_usage = false;
};

struct CompletionBody {
    std::string model;
    std::vector<std::string> prompts;
    llm::GenerationSettings settings;
    std::size_t n = 1, best_of = 1;        ///< best_of >= n answers are made, the n likeliest are given
    std::optional<int> logprobs{};         ///< alternatives of each token of the text, the echoed prompt's included
    std::optional<int> prompt_logprobs{};  ///< vLLM's: the same of the prompt, on its own
    llm::ResponseFormat format{};          ///< grammars and schemas, as for chats
    bool beams = false;                    ///< vLLM's use_beam_search: best_of is the width
    double length_penalty = 1;
    bool only_prompt = false;  ///< max_tokens was 0: the one token that is made is not shown
    bool echo = false, stream = false, include_usage = false;
};

struct EmbeddingBody {
    std::string model;
    std::vector<std::string> inputs;
    bool base64 = false;
    llm::EmbedKind kind = llm::EmbedKind::passage;
    std::optional<std::size_t> dimensions;
};

/// Errors name the parameter.
[[nodiscard]] ApiResult<json::Value> parse_body(std::string_view body);
[[nodiscard]] ApiResult<ChatBody> parse_chat(const json::Value& body, std::uint64_t max_tokens);
[[nodiscard]] ApiResult<CompletionBody> parse_completion(const json::Value& body, std::uint64_t max_tokens);
[[nodiscard]] ApiResult<EmbeddingBody> parse_embedding(const json::Value& body);
/// {"role", "content"} objects.
[[nodiscard]] ApiResult<std::vector<llm::Message>> parse_messages(const json::Value& list, const std::string& param);

}  // namespace tenon::serve
