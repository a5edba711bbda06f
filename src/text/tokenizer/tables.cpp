#include "text/tokenizer/tables.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "tenon/base/utf8.hpp"

namespace tenon::text::tok {
namespace {

struct Alphabet {
    std::array<char16_t, 256> to_char{};
    std::array<std::int16_t, 0x144> to_byte{};
    constexpr Alphabet() {
        for (auto& b : to_byte) b = -1;
        char16_t extra = 0x100;
        for (unsigned b = 0; b < 256; ++b) {
            const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
            const char16_t c = printable ? static_cast<char16_t>(b) : extra++;
            to_char[b] = c;
            to_byte[c] = static_cast<std::int16_t>(b);
        }
    }
};
constexpr Alphabet alphabet;

}  // namespace

void TokenTexts::reserve(std::size_t count, std::size_t bytes) {
    offsets_.reserve(count + 1);
    bytes_.reserve(bytes);
}

void TokenTexts::add(std::string_view text) {
    bytes_.append(text);
    offsets_.push_back(bytes_.size());
}

void TextTable::build(const TokenTexts& texts, std::span<const TokenId> ids) {
    texts_ = &texts;
    slots_.assign(std::bit_ceil(ids.size() * 2 + 2), Slot{});
    mask_ = slots_.size() - 1;
    longest_ = 0;
    unique_ = true;
    // In batches, so that the reads of one batch wait for memory together.
    std::array<std::uint64_t, 16> hashes;
    for (std::size_t at = 0; at < ids.size(); at += hashes.size()) {
        const auto batch = ids.subspan(at, std::min(hashes.size(), ids.size() - at));
        for (std::size_t n = 0; n < batch.size(); ++n) prefetch(hashes[n] = hash_bytes(texts[batch[n]]));
        for (std::size_t n = 0; n < batch.size(); ++n) insert(batch[n], texts[batch[n]], hashes[n]);
    }
}

void TextTable::insert(TokenId id, std::string_view text, std::uint64_t h) {
    const auto tag = static_cast<std::uint32_t>(h);
    std::size_t i = (h >> 32) & mask_;
    for (; slots_[i].id != no_token; i = (i + 1) & mask_) {
        if (slots_[i].tag == tag && (*texts_)[slots_[i].id] == text) {
            unique_ = false;
            return;
        }
    }
    longest_ = std::max(longest_, text.size());
    slots_[i] = {tag, id};
}

void MergeTable::reserve(std::size_t count) {
    slots_.assign(std::bit_ceil(count * 3 / 2 + 2), Slot{});
    mask_ = slots_.size() - 1;
}

void MergeTable::insert(TokenId left, TokenId right, Merge merge) {
    const std::uint64_t key = make_key(left, right);
    std::size_t i = hash(key) & mask_;
    for (; slots_[i].merge.result != no_token; i = (i + 1) & mask_) {
        if (slots_[i].key == key) return;
    }
    slots_[i] = {key, merge};
}

char32_t byte_to_alphabet(unsigned char byte) noexcept { return alphabet.to_char[byte]; }

bool alphabet_to_bytes(std::string_view text, std::string& out) {
    const std::size_t before = out.size();
    for (std::size_t i = 0; i < text.size();) {
        const auto c = static_cast<unsigned char>(text[i]);
        char32_t code = c;
        if (c >= 0x80) {
            const utf8::Decoded d = utf8::decode(text, i);
            code = d.valid ? d.code_point : char32_t{0xFFFF};
            i += d.length;
        } else {
            ++i;
        }
        const int byte = code < alphabet.to_byte.size() ? alphabet.to_byte[code] : -1;
        if (byte < 0) {
            out.resize(before);
            return false;
        }
        out += static_cast<char>(byte);
    }
    return true;
}

void bytes_to_alphabet(std::string_view bytes, std::string& out) {
    for (const char b : bytes) utf8::append(out, byte_to_alphabet(static_cast<unsigned char>(b)));
}

int byte_of_token(std::string_view token) noexcept {
    if (token.size() != 6 || !token.starts_with("<0x") || token[5] != '>') return -1;
    const auto digit = [](char c) {
        return c >= '0' && c <= '9'   ? c - '0'
               : c >= 'A' && c <= 'F' ? c - 'A' + 10
               : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                      : -1;
    };
    const int high = digit(token[3]);
    const int low = digit(token[4]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

}  // namespace tenon::text::tok
