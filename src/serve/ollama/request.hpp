// Bodies of Ollama's API to our types. Published in its docs/api.md.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/answer.hpp"
#include "serve/fields.hpp"

namespace tenon::serve::ollama {

/// POST /api/chat. Streams unless told otherwise. Options that only tune the machine (num_thread, num_gpu, keep_alive
/// …) are left out; those that would change the answer and are not known here are refused. `num_predict` above
/// `most_tokens`, or none (-1, -2), is brought down to it.
[[nodiscard]] ApiResult<Question> read_chat(const json::Value& body, std::uint64_t most_tokens);
/// POST /api/generate. Without a prompt it asks for the model to be loaded, and for nothing else.
struct GenerateBody {
    Question question;
    bool load_only = false;
};
[[nodiscard]] ApiResult<GenerateBody> read_generate(const json::Value& body, std::uint64_t most_tokens);

struct EmbedBody {
    std::string model;
    std::vector<std::string> inputs;
    std::optional<std::size_t> dimensions;
};
/// POST /api/embed ("input"), and the older /api/embeddings ("prompt").
[[nodiscard]] ApiResult<EmbedBody> read_embed(const json::Value& body);

/// Clients of Ollama may say "NAME:latest" for NAME.
[[nodiscard]] std::string plain_name(std::string name);

}  // namespace tenon::serve::ollama
