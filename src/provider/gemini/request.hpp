// Requests as the Generative Language API wants them. No sockets. Private to provider.
#pragma once

#include <boost/json.hpp>
#include <string>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/provider/gemini.hpp"

namespace tenon::provider::gemini {

struct Conversation {
    json::Array system, contents;
};
/// Errors: invalid_argument (arguments that are not JSON, a part that this role cannot carry).
[[nodiscard]] Result<Conversation> conversation_of(const std::vector<llm::Message>& messages);

/// Body of :streamGenerateContent. Errors: those above, unsupported.
[[nodiscard]] Result<json::Object> generate_body(const std::string& model, const llm::ChatRequest& request,
                                                 const GeminiOptions& options);
/// Body of :countTokens.
[[nodiscard]] Result<std::string> count_body(const std::string& model, const llm::ChatRequest& request,
                                             const GeminiOptions& options);
/// Body of :batchEmbedContents.
[[nodiscard]] std::string embed_body(const std::string& model, const std::vector<std::string>& texts,
                                     llm::EmbedKind kind, const GeminiOptions& options);
/// "models/NAME" of "NAME"; "tunedModels/X" stays.
[[nodiscard]] std::string resource(const std::string& model);
/// A JSON Schema in the older dialect: types in capitals, keywords it does not know left out, null as `nullable`.
[[nodiscard]] json::Object older_schema(const json::Object& schema);

/// Ids of calls that the provider gave none begin so; they are not given back.
inline constexpr const char* made_id = "tenon_";

}  // namespace tenon::provider::gemini
