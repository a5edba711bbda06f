// How far apart two words are, for "did you mean".
#pragma once

#include <cstddef>
#include <string_view>

namespace tenon {

/// Insertions, removals and replacements of bytes that make one of the other (Levenshtein 1966). Time: the product of
/// the lengths.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace tenon
