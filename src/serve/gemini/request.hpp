// Bodies of Gemini's API to our types. Published at ai.google.dev/api/generate-content.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/answer.hpp"
#include "serve/fields.hpp"

namespace tenon::serve::gemini {

/// The body of generateContent and streamGenerateContent; the model's name is in the path. Names of fields may be
/// written in camelCase or snake_case. What runs at Google alone is refused. `maxOutputTokens` above `most_tokens` is
/// brought down to it.
struct GenerateBody {
    Question question;
    bool thoughts = false;  ///< thoughts are wanted in the answer
};
[[nodiscard]] ApiResult<GenerateBody> read_generate(const json::Value& body, std::uint64_t most_tokens);
/// Of countTokens: contents, or a whole request as "generateContentRequest".
[[nodiscard]] ApiResult<Question> read_count(const json::Value& body);

struct EmbedBody {
    std::vector<std::string> texts;
    llm::EmbedKind kind = llm::EmbedKind::passage;
    std::optional<std::size_t> dimensions;
};
/// Of embedContent, and of batchEmbedContents ("requests", which must all want the same).
[[nodiscard]] ApiResult<EmbedBody> read_embed(const json::Value& body);

/// "contents" to messages.
[[nodiscard]] ApiResult<void> read_contents(const Fields& body, std::vector<llm::Message>& out);
[[nodiscard]] ApiResult<std::string> joined_text(const Fields& content);
/// The older schemas of this API ({"type": "STRING", "nullable": true}) as JSON Schema.
[[nodiscard]] json::Value json_schema(const json::Value& schema);
/// snake_case names of fields as camelCase, but not inside schemas, arguments and results, whose names are the user's.
[[nodiscard]] json::Value camel_case(const json::Value& value);

}  // namespace tenon::serve::gemini
