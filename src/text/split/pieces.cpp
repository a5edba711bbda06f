#include "text/split/pieces.hpp"

#include <algorithm>

#include "tenon/base/utf8.hpp"

namespace tenon::text::detail {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Characters that must stay with the one before them: combining marks, joiners, variation selectors, skin tones.
bool extends(char32_t c) {
    return (c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || (c >= 0xFE00 && c <= 0xFE0F) ||
           (c >= 0x20D0 && c <= 0x20FF) || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0x3099 && c <= 0x309A);
}

}  // namespace

Range trim(std::string_view text, std::size_t begin, std::size_t end) {
    while (begin < end && is_blank(text[begin])) ++begin;
    while (end > begin && is_blank(text[end - 1])) --end;
    return {begin, end};
}

std::size_t PieceMaker::tokens(std::size_t begin, std::size_t end) const {
    return std::max<std::size_t>(1, count_(text_.substr(begin, end - begin)));
}

void PieceMaker::push(Piece piece, std::size_t begin, std::size_t end, std::size_t tokens, Boundary boundary,
                      std::vector<Piece>& out) const {
    piece.begin = begin;
    piece.end = end;
    piece.tokens = tokens;
    piece.boundary = boundary;
    out.push_back(piece);
}

void PieceMaker::add(const Block& block, bool detach_last, std::vector<Piece>& out) const {
    auto [begin, end] = trim(text_, block.begin, block.end);
    if (begin == end) return;
    const bool by_lines = block.kind == BlockKind::code || block.kind == BlockKind::table;
    if (by_lines)  // indentation of the first line belongs to it
        while (begin > block.begin && text_[begin - 1] != '\n') --begin;
    Piece whole;
    whole.kind = block.kind;
    whole.page = block.page;
    whole.begin = begin;
    whole.end = end;
    const std::size_t first = out.size();
    if (end - begin <= countable() && !detach_last) {
        const std::size_t n = tokens(begin, end);
        if (n <= max_tokens_) {
            push(whole, begin, end, n, Boundary::block, out);
            return;
        }
    }
    if (by_lines)
        add_lines(whole, Boundary::block, out);
    else
        add_sentences(whole, Boundary::block, out);
    if (detach_last && out.size() - first > 2) {
        // Everything but the last sentence in one piece again, when it fits.
        Piece head = out[first];
        std::size_t sum = 0;
        for (std::size_t i = first; i + 1 < out.size(); ++i) sum += out[i].tokens;
        if (sum <= max_tokens_) {
            head.end = out[out.size() - 2].end;
            head.tokens = sum;
            const Piece last = out.back();
            out.resize(first);
            out.push_back(head);
            out.push_back(last);
        }
    }
}

void PieceMaker::add_sentences(const Piece& prototype, Boundary first, std::vector<Piece>& out) const {
    for (const Range& found : sentences(text_.substr(prototype.begin, prototype.end - prototype.begin))) {
        Piece sentence = prototype;
        sentence.begin = prototype.begin + found.begin;
        sentence.end = prototype.begin + found.end;
        if (sentence.end - sentence.begin <= countable()) {
            const std::size_t n = tokens(sentence.begin, sentence.end);
            if (n <= max_tokens_) {
                push(sentence, sentence.begin, sentence.end, n, first, out);
                first = Boundary::sentence;
                continue;
            }
        }
        add_words(sentence, first, out);
        first = Boundary::sentence;
    }
}

void PieceMaker::add_lines(const Piece& prototype, Boundary first, std::vector<Piece>& out) const {
    Range header{};
    if (prototype.kind == BlockKind::table) {
        const std::size_t newline = std::min(text_.find('\n', prototype.begin), prototype.end);
        const std::size_t next = newline < prototype.end ? newline + 1 : prototype.end;
        // A Markdown table names its columns above a |---| line.
        if (next < prototype.end) {
            const auto second = text_.substr(next, std::min(text_.find('\n', next), prototype.end) - next);
            if (second.find("--") != std::string_view::npos &&
                second.find_first_not_of("|-: +\t\r=") == std::string_view::npos)
                header = {prototype.begin, newline};
        }
    }
    bool after_empty = false;
    for (std::size_t at = prototype.begin; at < prototype.end;) {
        const std::size_t newline = std::min(text_.find('\n', at), prototype.end);
        std::size_t end = newline;
        while (end > at && is_blank(text_[end - 1])) --end;
        if (end > at) {
            Piece line = prototype;
            line.begin = at;
            line.end = end;
            if (at != prototype.begin) line.context = header;
            // Between two functions is a better place to cut code than inside one.
            const Boundary boundary =
                at == prototype.begin
                    ? first
                    : (after_empty || prototype.kind == BlockKind::table ? Boundary::line : Boundary::sentence);
            const std::size_t n = end - at <= countable() ? tokens(at, end) + 1 : max_tokens_ + 1;
            if (n <= max_tokens_)
                push(line, at, end, n, boundary, out);
            else
                add_words(line, boundary, out);
            after_empty = false;
        } else {
            after_empty = true;
        }
        at = newline + 1;
    }
}

std::size_t PieceMaker::cut_before(std::size_t begin, std::size_t end, std::size_t limit) const {
    if (end - begin <= limit) return end;
    std::size_t hard = begin + limit;
    while (hard > begin && is_continuation(text_[hard])) --hard;
    for (int guard = 0; guard < 16 && hard > begin && extends(utf8::decode(text_, hard).code_point); ++guard) {
        --hard;
        while (hard > begin && is_continuation(text_[hard])) --hard;
    }
    if (hard == begin) {  // one character is longer than the limit
        hard = begin + std::max<std::size_t>(1, utf8::decode(text_, begin).length);
        while (hard < end && is_continuation(text_[hard])) ++hard;
        return std::min(hard, end);
    }
    // Prefer a clause mark, then white space, in the last two thirds.
    const std::size_t floor = begin + limit / 3;
    std::size_t space = 0;
    for (std::size_t i = hard; i > floor; --i) {
        const char c = text_[i - 1];
        if (is_blank(c)) {
            if (space == 0) space = i;
            if (i >= 2 && (text_[i - 2] == ',' || text_[i - 2] == ';' || text_[i - 2] == ':')) return i;
        } else if (static_cast<unsigned char>(c) >= 0x80 && i >= begin + 3) {
            const auto mark = text_.substr(i - 3, 3);
            if (mark == "，" || mark == "、" || mark == "：" || mark == "；") return i;
        }
    }
    return space != 0 ? space : hard;
}

void PieceMaker::add_words(const Piece& prototype, Boundary first, std::vector<Piece>& out) const {
    std::size_t limit = std::max<std::size_t>(max_tokens_ * 2, 8);
    const std::size_t start_limit = limit;
    for (std::size_t at = prototype.begin; at < prototype.end;) {
        const std::size_t cut = cut_before(at, prototype.end, limit);
        const auto [begin, end] = trim(text_, at, cut);
        if (begin == end) {
            at = cut;
            continue;
        }
        const std::size_t n = tokens(begin, end);
        if (n > max_tokens_ && limit > 1) {
            limit = std::max<std::size_t>(1, std::min(limit, cut - at) / 2);
            continue;
        }
        push(prototype, begin, end, n, first, out);
        first = Boundary::word;
        at = cut;
        limit = std::min(start_limit, limit * 2);
    }
}

}  // namespace tenon::text::detail
