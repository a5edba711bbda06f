// What a request asks of the model that is to take it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tenon/llm/model.hpp"

namespace tenon::gateway {

struct Needs {
    bool tools = false, forced_tools = false, images = false, audio = false, documents = false, logprobs = false,
         completion = false, json = false, json_schema = false, grammar = false, regex = false, embedding = false;
    std::uint64_t input_tokens = 0;
};

[[nodiscard]] Needs needs_of(const llm::ChatRequest& request);
[[nodiscard]] Needs needs_of(const llm::CompletionRequest& request);
/// The first thing the model lacks ("tools", "images" …), "context" when the request is too long for it even if its
/// tokens were a quarter fewer than estimated, else empty.
[[nodiscard]] std::string_view lacking(const llm::Capabilities& can, const Needs& needs);
/// Tokens of a request by a rough but generous count that needs no model: four bytes a token, one character a token
/// outside ASCII, 1,100 a picture.
[[nodiscard]] std::uint64_t estimate_tokens(const llm::ChatRequest& request);
[[nodiscard]] std::uint64_t estimate_tokens(std::string_view text);

}  // namespace tenon::gateway
