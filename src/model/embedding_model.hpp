// Encoders as embedding models and as rerankers.
#pragma once

#include "model/encoder_stack.hpp"

namespace tenon::model {

/// Pooling, length and normalisation as the files say. Errors: corrupt, unsupported, resource_exhausted.
[[nodiscard]] Result<std::unique_ptr<EncoderModel>> load_embedding_model(const SourcePtr& source, EncoderSpec spec,
                                                                         const LoadOptions& options);
/// The classification head of a cross-encoder: a dense layer over the first (or the mean) token where there is one,
/// then one number. Errors: unsupported (more labels than one), corrupt, resource_exhausted.
[[nodiscard]] Result<std::unique_ptr<RerankModel>> load_rerank_model(const SourcePtr& source, EncoderSpec spec,
                                                                     const LoadOptions& options);
/// Whether the files are a cross-encoder's: GGUF's rank pooling, or a folder saved by a ...ForSequenceClassification.
[[nodiscard]] bool is_reranker(const ModelSource& source);

/// The source's tokenizer, if it fits the model. Errors: corrupt, and those of ModelSource::tokenizer.
[[nodiscard]] Result<text::TokenizerPtr> load_encoder_tokenizer(const ModelSource& source, std::size_t vocabulary);

}  // namespace tenon::model
