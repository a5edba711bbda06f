// Decoding options of a request, as llama.cpp's and vLLM's servers spell them.
#pragma once

#include "serve/fields.hpp"
#include "tenon/llm/decoding.hpp"

namespace tenon::serve {

/// Errors name the parameter and its range.
[[nodiscard]] ApiResult<llm::DecodingSettings> read_decoding(const Fields& fields);

}  // namespace tenon::serve
