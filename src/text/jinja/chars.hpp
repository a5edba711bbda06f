// Characters as Python's str sees them: whitespace, case, printability. Pure functions over UTF-8.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::text::jinja {

/// str.isspace of one character.
[[nodiscard]] bool is_space(char32_t c) noexcept;
[[nodiscard]] bool is_printable(char32_t c) noexcept;

[[nodiscard]] std::size_t skip_space(std::string_view text, std::size_t at) noexcept;
[[nodiscard]] std::string_view strip_left(std::string_view text) noexcept;
[[nodiscard]] std::string_view strip_right(std::string_view text) noexcept;
/// Strips the characters of `chars` instead of whitespace.
[[nodiscard]] std::string_view strip_left(std::string_view text, std::string_view chars) noexcept;
[[nodiscard]] std::string_view strip_right(std::string_view text, std::string_view chars) noexcept;

[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string capitalize(std::string_view text);
[[nodiscard]] std::string title(std::string_view text);
[[nodiscard]] std::string swap_case(std::string_view text);

enum class Class : unsigned char {
    alpha,
    digit,
    decimal,
    numeric,
    alnum,
    space,
    upper,
    lower,
    title,
    ascii,
    printable
};
/// str.isalpha and its kin.
[[nodiscard]] bool is_class(std::string_view text, Class which) noexcept;

/// str.splitlines.
[[nodiscard]] std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends = false);
/// str.split(): runs of whitespace separate; at most `limit` splits (negative: all).
[[nodiscard]] std::vector<std::string_view> split_space(std::string_view text, std::int64_t limit);
[[nodiscard]] std::vector<std::string_view> split_space_right(std::string_view text, std::int64_t limit);

/// Byte offset of the n-th character; `text.size()` when there are fewer.
[[nodiscard]] std::size_t byte_of(std::string_view text, std::size_t character) noexcept;
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;

}  // namespace tenon::text::jinja
