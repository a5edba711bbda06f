// Finds stop strings in a stream of text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::engine {

/// Withholds text only while it may begin a stop string. The string that is complete first wins; of those that end
/// together, the longest. What comes out does not depend on how the text was cut into pieces.
/// When pieces are whole characters and stop strings valid UTF-8, so is every output.
class StopMatcher {
  public:
    /// Empty strings are ignored.
    explicit StopMatcher(const std::vector<std::string>& stops);

    /// The text that became certain; after a match, nothing.
    [[nodiscard]] std::string push(std::string_view piece);
    /// The rest, when the text ends without a match.
    [[nodiscard]] std::string finish();
    [[nodiscard]] bool matched() const noexcept { return !match_.empty(); }
    /// The stop string that was found; empty before.
    [[nodiscard]] const std::string& match() const noexcept { return match_; }

  private:
    struct Pattern {
        std::string text;
        std::vector<std::size_t>
            fallback;           ///< [n]: longest proper border of the first n bytes (Knuth, Morris, Pratt 1977)
        std::size_t state = 0;  ///< bytes of `text` that the input ends with
    };
    std::vector<Pattern> patterns_;
    std::string withheld_;
    std::string match_;
};

}  // namespace tenon::engine
