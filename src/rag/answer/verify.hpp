// Holding an answer to its passages.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "rag/answer/passages.hpp"

namespace tenon::rag {

struct Support {
    double share = 0;         ///< of the sentence's content terms, found in the passages together
    double novelty = 0;       ///< share of its terms that the question did not have: an answer adds something
    bool facts_found = true;  ///< every number, path and identifier of it stands in the passages or the question
    std::vector<std::size_t> passages;  ///< those it stands on, best first
    std::vector<double> shares;         ///< of each
};

/// Whether a question wants yes or no ("Can I …?", "… 吗？"). Pure.
[[nodiscard]] bool asks_yes_or_no(std::string_view question);
/// Whether a text denies, forbids or warns ("not", "never", "avoid", "不能", "无法" …). A small model takes the right
/// sentence and says yes where it says no. Pure.
[[nodiscard]] bool denies(std::string_view text);

/// Checks sentences of an answer against the passages. Reusable; not thread-safe.
class Verifier {
  public:
    Verifier(std::string_view question, std::span<const Passage> passages);
    [[nodiscard]] Support check(std::string_view sentence) const;
    /// The stretch of passage `p` that best supports `sentence`: byte range of the passage's text.
    [[nodiscard]] text::Range quote(std::size_t p, std::string_view sentence) const;

  private:
    using Terms = std::unordered_set<std::string>;
    std::span<const Passage> passages_;
    std::vector<Terms> terms_;
    Terms question_;
    std::vector<std::string> folded_;  ///< passages, lower-case without spaces, for facts
    std::string folded_question_;
};

}  // namespace tenon::rag
