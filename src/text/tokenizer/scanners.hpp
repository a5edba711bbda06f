// Hand-written equivalents of the commonest pre-tokenizer patterns; tested against the patterns themselves.
#pragma once

#include <string_view>
#include <vector>

#include "text/tokenizer/components.hpp"

namespace tenon::text::tok {

/// GPT-2: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
void scan_gpt2(std::string_view text, Span range, std::vector<Span>& out);
/// Llama 3 (max_digits 3) and Qwen 2 (1):
/// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
void scan_llama3(std::string_view text, Span range, std::size_t max_digits, std::vector<Span>& out);

}  // namespace tenon::text::tok
