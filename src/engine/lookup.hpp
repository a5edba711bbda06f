// Guesses that cost nothing: what followed the last time.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tenon/text/tokenizer.hpp"

namespace tenon::engine {

/// Where in `source` the longest part ends that `tail` ends with too, from `least` to `most` tokens and not the end of
/// `source` itself; of several, the last. Gives the place after it; source.size(): none.
[[nodiscard]] std::size_t find_tail(std::span<const text::TokenId> source, std::span<const text::TokenId> tail,
                                    std::size_t least, std::size_t most) noexcept;

/// `count` tokens that may follow `tokens`, for so they did before; a loop is gone on with. Empty: nothing was found.
[[nodiscard]] std::vector<text::TokenId> look_up(std::span<const text::TokenId> tokens, std::size_t least,
                                                 std::size_t most, std::size_t count);

/// At most `count` tokens of `prediction` after the place that `said` has come to.
[[nodiscard]] std::vector<text::TokenId> follow(std::span<const text::TokenId> prediction,
                                                std::span<const text::TokenId> said, std::size_t count);

}  // namespace tenon::engine
