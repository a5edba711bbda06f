// Knowledge bases with the embedder they were made with.
#pragma once

#include <memory>
#include <string_view>

#include "context.hpp"
#include "tenon/rag/retriever.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::app {

struct OpenBase {
    std::shared_ptr<store::KnowledgeBase> base;
    llm::EmbedderPtr embedder;  ///< null: full text only
    text::TokenCounter count;   ///< tokens of the embedding model, or an estimate without one
};

/// Tokens by the tokenizer of a local model; an estimate when it has none here.
[[nodiscard]] text::TokenCounter token_counter(Context& context, std::string_view model);
/// Opens or makes a base. `embedding`: a model name, "none", or empty for what the base has or the settings say.
[[nodiscard]] Result<OpenBase> open_for_indexing(Context& context, std::string_view name, std::string_view embedding);
[[nodiscard]] Result<OpenBase> open_base(Context& context, std::string_view name);
[[nodiscard]] Result<std::shared_ptr<const rag::Retriever>> open_retriever(Context& context, std::string_view name);

}  // namespace tenon::app
