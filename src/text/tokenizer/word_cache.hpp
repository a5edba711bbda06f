// Two ways of making BPE over long texts cheap without changing its result.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>

#include "text/tokenizer/tables.hpp"

namespace tenon::text::tok {

/// Remembers, for each token, whether merging its own text gives exactly that token: then a piece equal to a token
/// needs one table look-up. Bounded by the vocabulary; relaxed atomics suffice, since every thread computes the same.
class WholeWordCache {
  public:
    explicit WholeWordCache(std::size_t tokens) : states_(std::make_unique<std::atomic<std::uint8_t>[]>(tokens)) {}
    [[nodiscard]] bool is_whole(TokenId id) const noexcept {
        return states_[static_cast<std::size_t>(id)].load(std::memory_order_relaxed) == 1;
    }
    void learn(TokenId id, bool whole) const noexcept {
        states_[static_cast<std::size_t>(id)].store(whole ? 1 : 2, std::memory_order_relaxed);
    }

  private:
    std::unique_ptr<std::atomic<std::uint8_t>[]> states_;
};

/// Cuts a text between a character x and a following "▁" when no token contains "x▁": no merge can cross there.
class WordSplitter {
  public:
    /// Without `enabled` nothing is cut (unknown characters that fuse make neighbours depend on each other).
    void build(const TokenTexts& texts, bool enabled) {
        enabled_ = enabled;
        if (!enabled) return;
        for (std::size_t id = 0; id < texts.size(); ++id) {
            const std::string_view text = texts[static_cast<TokenId>(id)];
            for (std::size_t at = text.find(mark, 1); at != std::string_view::npos; at = text.find(mark, at + 1)) {
                if (!text.substr(0, at).ends_with(mark)) crossed_[static_cast<unsigned char>(text[at - 1])] = true;
            }
        }
    }

    template <class Visit>
    void for_each_word(std::string_view text, Visit&& visit) const {
        if (!enabled_) {
            visit(text);
            return;
        }
        std::size_t begin = 0;
        for (std::size_t at = text.find(mark, 1); at != std::string_view::npos;
             at = text.find(mark, at + mark.size())) {
            if (crossed_[static_cast<unsigned char>(text[at - 1])] || text.substr(0, at).ends_with(mark)) continue;
            visit(text.substr(begin, at - begin));
            begin = at;
        }
        visit(text.substr(begin));
    }

  private:
    static constexpr std::string_view mark = "\u2581";
    std::array<bool, 256> crossed_{};
    bool enabled_ = false;
};

}  // namespace tenon::text::tok
