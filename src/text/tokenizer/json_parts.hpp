// The component sections of a Hugging Face tokenizer.json.
#pragma once

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"
#include "text/tokenizer/pipeline.hpp"

namespace tenon::text::tok {

/// Each: null gives null (or nothing). Errors: corrupt (wrong shape), unsupported (an unknown "type").
[[nodiscard]] Result<NormalizerPtr> json_normalizer(const json::Value& value, int depth = 0);
/// `model_is_byte_level`: the model itself works on bytes, so ByteLevel only cuts.
[[nodiscard]] Result<PreTokenizerPtr> json_pre_tokenizer(const json::Value& value, bool model_is_byte_level,
                                                         int depth = 0);
[[nodiscard]] Result<void> json_decoder(const json::Value& value, DecodeSteps& steps);
[[nodiscard]] Result<void> json_post_processor(const json::Value& value, std::size_t vocabulary, PostProcessor& post,
                                               int depth = 0);
/// True when a (possibly nested) component of this type occurs.
[[nodiscard]] bool json_contains_type(const json::Value& value, std::string_view type, int depth = 0);

}  // namespace tenon::text::tok
