// UTF-8 (RFC 3629): validation, decoding, repair. All functions are pure and thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::utf8 {

inline constexpr char32_t replacement = U'\uFFFD';

struct Decoded {
    char32_t code_point;  ///< U+FFFD when the bytes are not valid UTF-8
    std::uint8_t length;  ///< bytes consumed, 1..4; for invalid bytes the maximal invalid prefix (WHATWG)
    bool valid;
};

/// Decodes the character at `text[at]`; `at` must be below `text.size()`.
[[nodiscard]] Decoded decode(std::string_view text, std::size_t at) noexcept;

void append(std::string& out, char32_t code_point);
[[nodiscard]] std::string encode(char32_t code_point);
[[nodiscard]] bool is_valid(std::string_view text) noexcept;
/// Invalid sequences replaced by U+FFFD, as WHATWG and Python's errors="replace" do.
[[nodiscard]] std::string sanitize(std::string_view text);
/// Code points (an invalid sequence counts as one).
[[nodiscard]] std::size_t length(std::string_view text) noexcept;
[[nodiscard]] std::u32string to_utf32(std::string_view text);
[[nodiscard]] std::string from_utf32(std::u32string_view text);
/// Bytes at the end of `text` that begin a character whose rest has not arrived (0..3).
[[nodiscard]] std::size_t incomplete_suffix(std::string_view text) noexcept;
/// The longest prefix of at most `max_bytes` bytes that ends between characters.
[[nodiscard]] std::string_view truncate(std::string_view text, std::size_t max_bytes) noexcept;

/// Han, Hiragana, Katakana, Hangul: text written without spaces, or searched by bigrams.
[[nodiscard]] bool is_cjk(char32_t c) noexcept;

}  // namespace tenon::utf8
