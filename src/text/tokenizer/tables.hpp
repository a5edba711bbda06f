// Read-only hash tables of a vocabulary: token text → id, and pair of ids → merge.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/text/tokenizer.hpp"

namespace tenon::text::tok {

/// The texts of all ids in one buffer.
class TokenTexts {
  public:
    void reserve(std::size_t count, std::size_t bytes);
    void add(std::string_view text);
    [[nodiscard]] std::string_view operator[](TokenId id) const noexcept {
        const auto i = static_cast<std::size_t>(id);
        return std::string_view(bytes_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
    }
    [[nodiscard]] std::size_t size() const noexcept { return offsets_.size() - 1; }

  private:
    std::string bytes_;
    std::vector<std::size_t> offsets_{0};
};

[[nodiscard]] inline std::uint64_t hash_bytes(std::string_view text) noexcept {
    constexpr std::uint64_t multiplier = 0x9E3779B97F4A7C15ULL;
    const char* p = text.data();
    std::size_t n = text.size();
    std::uint64_t h = n * multiplier;
    while (n >= 8) {
        std::uint64_t word;
        std::memcpy(&word, p, 8);
        h = (h ^ word) * multiplier;
        h ^= h >> 32;
        p += 8;
        n -= 8;
    }
    std::uint64_t tail = 0;
    for (std::size_t i = 0; i < n; ++i) tail |= static_cast<std::uint64_t>(static_cast<unsigned char>(p[i])) << (8 * i);
    h = (h ^ tail) * multiplier;
    h ^= h >> 29;
    return h * multiplier;
}

/// Text → id over a TokenTexts that must outlive the table. Of equal texts the first inserted wins.
class TextTable {
  public:
    void build(const TokenTexts& texts, std::span<const TokenId> ids);
    [[nodiscard]] TokenId find(std::string_view text) const noexcept { return find(text, hash_bytes(text)); }
    /// The same when the text's `hash_bytes` is known already.
    [[nodiscard]] TokenId find(std::string_view text, std::uint64_t h) const noexcept {
        if (text.size() > longest_ || slots_.empty()) return no_token;
        const auto tag = static_cast<std::uint32_t>(h);
        for (std::size_t i = (h >> 32) & mask_;; i = (i + 1) & mask_) {
            const Slot& slot = slots_[i];
            if (slot.id == no_token) return no_token;
            if (slot.tag == tag && (*texts_)[slot.id] == text) return slot.id;
        }
    }
    /// Brings what `find` will read into the cache.
    void prefetch(std::uint64_t h) const noexcept { __builtin_prefetch(slots_.data() + ((h >> 32) & mask_)); }
    [[nodiscard]] std::size_t longest() const noexcept { return longest_; }
    /// No two ids have the same text.
    [[nodiscard]] bool unique() const noexcept { return unique_; }

  private:
    struct Slot {
        std::uint32_t tag = 0;
        TokenId id = no_token;
    };
    void insert(TokenId id, std::string_view text, std::uint64_t h);
    const TokenTexts* texts_ = nullptr;
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
    std::size_t longest_ = 0;
    bool unique_ = true;
};

struct Merge {
    std::uint32_t rank = 0xFFFFFFFFU;
    TokenId result = no_token;
};

/// (left id, right id) → merge. The first insertion of a pair wins.
class MergeTable {
  public:
    void reserve(std::size_t count);
    void insert(TokenId left, TokenId right, Merge merge);
    void prefetch(TokenId left, TokenId right) const noexcept {
        __builtin_prefetch(slots_.data() + (hash(make_key(left, right)) & mask_), 1);
    }
    [[nodiscard]] Merge find(TokenId left, TokenId right) const noexcept {
        if (slots_.empty()) return {};
        const std::uint64_t key = make_key(left, right);
        for (std::size_t i = hash(key) & mask_;; i = (i + 1) & mask_) {
            const Slot& slot = slots_[i];
            if (slot.merge.result == no_token) return {};
            if (slot.key == key) return slot.merge;
        }
    }

  private:
    struct Slot {
        std::uint64_t key = 0;
        Merge merge;
    };
    static std::uint64_t make_key(TokenId left, TokenId right) noexcept {
        return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 | static_cast<std::uint32_t>(right);
    }
    static std::size_t hash(std::uint64_t key) noexcept {
        key *= 0x9E3779B97F4A7C15ULL;
        return static_cast<std::size_t>((key ^ key >> 32) * 0xD6E8FEB86659FD93ULL >> 24);
    }
    std::vector<Slot> slots_;
    std::size_t mask_ = 0;
};

/// GPT-2's printable alphabet of bytes: the character that stands for a byte, and back.
[[nodiscard]] char32_t byte_to_alphabet(unsigned char byte) noexcept;
/// Appends the bytes that `text` stands for; false (and `out` as it was) when a character is not of the alphabet.
[[nodiscard]] bool alphabet_to_bytes(std::string_view text, std::string& out);
void bytes_to_alphabet(std::string_view bytes, std::string& out);

/// The byte of a byte-fallback token "<0xAB>", or -1.
[[nodiscard]] int byte_of_token(std::string_view token) noexcept;

}  // namespace tenon::text::tok
