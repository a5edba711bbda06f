#include <algorithm>

#include "tenon/text/splitter.hpp"

namespace tenon::text {
namespace {

constexpr std::size_t stride = 256;

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

}  // namespace

LineIndex::LineIndex(std::string_view text) : text_(text) {
    line_starts_.push_back(0);
    std::size_t characters = 0;
    characters_.reserve(text.size() / stride + 1);
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (i % stride == 0) characters_.push_back(characters);
        if (begins_character(text[i])) ++characters;
        if (text[i] == '\n') line_starts_.push_back(i + 1);
    }
    if (text.size() % stride == 0) characters_.push_back(characters);
}

std::size_t LineIndex::line(std::size_t byte) const noexcept {
    byte = std::min(byte, text_.size());
    return static_cast<std::size_t>(std::ranges::upper_bound(line_starts_, byte) - line_starts_.begin());
}

std::size_t LineIndex::character(std::size_t byte) const noexcept {
    byte = std::min(byte, text_.size());
    const std::size_t block = byte / stride;
    const auto tail = text_.substr(block * stride, byte - block * stride);
    return characters_[block] + static_cast<std::size_t>(std::ranges::count_if(tail, begins_character));
}

}  // namespace tenon::text
