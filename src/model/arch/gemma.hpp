// What Gemma's generations share.
#pragma once

#include "model/decoder.hpp"

namespace tenon::model {

/// Embeddings times the square root of the width, gated GELU, the output matrix tied to the embedding, and in folders
/// norm weights stored less one. `four_norms`: one before and one after each half of a block.
[[nodiscard]] Result<DecoderSpec> read_gemma(const ModelSource& source, const LoadOptions& options, bool four_norms);

/// Queries are scaled by the inverse square root of query_pre_attn_scalar. GGUF does not hold it: it is a head's length
/// in all published models but those of `large` layers, where it is the width over the heads.
[[nodiscard]] Result<void> read_gemma_attention_scale(const ModelSource& source, std::size_t large, DecoderSpec& spec);

}  // namespace tenon::model
