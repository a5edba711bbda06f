// Unicode properties and normal forms as the reference tokenizers use them. Pure and thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::text::tok {

/// What the byte-level pre-tokenizers distinguish.
enum class CharClass : std::uint8_t { other, letter, number, space, newline };  // newline: \r and \n, which are also \s

[[nodiscard]] bool is_letter(char32_t c) noexcept;       ///< \p{L}
[[nodiscard]] bool is_number(char32_t c) noexcept;       ///< \p{N}
[[nodiscard]] bool is_white_space(char32_t c) noexcept;  ///< White_Space
[[nodiscard]] bool is_word(char32_t c) noexcept;         ///< \w as Rust's regex has it: Alphabetic, M, Nd, Pc, joiners
[[nodiscard]] bool is_mark(char32_t c) noexcept;         ///< \p{M}
[[nodiscard]] bool is_punctuation(char32_t c) noexcept;  ///< ASCII punctuation and symbols, and \p{P} of Unicode 8
[[nodiscard]] bool bert_nonspacing_mark(char32_t c) noexcept;  ///< \p{Mn} of Unicode 8
[[nodiscard]] bool bert_control(
    char32_t c) noexcept;  ///< \p{Cc}, \p{Cf}, \p{Co} but for tab, line feed, carriage return
[[nodiscard]] CharClass classify_wide(char32_t c) noexcept;

/// A character of valid UTF-8 and its length; `text[at]` must begin a character.
struct Char {
    char32_t code;
    std::uint32_t length;
};
[[nodiscard]] inline Char next_char(std::string_view text, std::size_t at) noexcept {
    const auto b = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    const unsigned char lead = b(0);
    if (lead < 0x80) return {lead, 1};
    if (lead < 0xE0) return {static_cast<char32_t>((lead & 0x1FU) << 6 | (b(1) & 0x3FU)), 2};
    if (lead < 0xF0) return {static_cast<char32_t>((lead & 0x0FU) << 12 | (b(1) & 0x3FU) << 6 | (b(2) & 0x3FU)), 3};
    return {static_cast<char32_t>((lead & 0x07U) << 18 | (b(1) & 0x3FU) << 12 | (b(2) & 0x3FU) << 6 | (b(3) & 0x3FU)),
            4};
}
/// The length of the character that begins with this byte of valid UTF-8.
[[nodiscard]] constexpr std::size_t char_length(char lead) noexcept {
    const auto b = static_cast<unsigned char>(lead);
    return b < 0x80 ? 1 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : 4;
}

enum class NormalForm : std::uint8_t { nfc, nfd, nfkc, nfkd };
[[nodiscard]] std::string normalize(std::string_view text, NormalForm form);
/// Each character's full lower-case mapping, without context (no final sigma), as Rust's char::to_lowercase.
[[nodiscard]] std::string lowercase(std::string_view text);
/// Calls `visit(grapheme)` for each extended grapheme cluster, in order.
void for_each_grapheme(std::string_view text, void (*visit)(void*, std::string_view), void* context);

}  // namespace tenon::text::tok
