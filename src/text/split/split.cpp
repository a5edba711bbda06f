// The splitter: sections by headings, then pieces packed into chunks of even size, cut at the best boundary.
#include <algorithm>
#include <array>
#include <cmath>

#include "tenon/base/utf8.hpp"
#include "text/split/pieces.hpp"

namespace tenon::text {
namespace {

using detail::Boundary;
using detail::Piece;
using detail::PieceMaker;
using detail::trim;

constexpr std::size_t heading_limit = 160;  // bytes of one heading that are kept
constexpr std::size_t context_limit = 160;
constexpr std::size_t path_depth = 6;

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// One line, blanks collapsed, no longer than `limit` bytes.
std::string one_line(std::string_view text, std::size_t limit) {
    std::string out;
    for (const char c : text) {
        const bool blank = c == ' ' || (c >= '\t' && c <= '\r');
        if (!blank)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
        if (out.size() > limit + 4) break;
    }
    while (!out.empty() && out.back() == ' ') out.pop_back();
    if (out.size() > limit) {
        out.resize(utf8::truncate(out, limit).size());
        out += "…";
    }
    return out;
}

std::string heading_text(std::string_view text, const Block& block) {
    if (!block.label.empty()) return one_line(block.label, heading_limit);
    const auto [begin, end] = trim(text, block.begin, block.end);
    auto line = text.substr(begin, std::min(text.find('\n', begin), end) - begin);
    while (!line.empty() && (line.front() == '#' || line.front() == ' ')) line.remove_prefix(1);
    while (!line.empty() && (line.back() == '#' || line.back() == ' ' || line.back() == '\r')) line.remove_suffix(1);
    return one_line(line, heading_limit);
}

/// Headings above the present place.
class HeadingPath {
  public:
    void enter(int level, std::string label) {
        level = std::clamp(level, 1, static_cast<int>(path_depth));
        while (!open_.empty() && open_.back().level >= level) open_.pop_back();
        open_.push_back({level, std::move(label)});
    }
    [[nodiscard]] std::string join(std::size_t drop = 0) const {
        std::string out;
        for (std::size_t i = 0; i + drop < open_.size(); ++i) {
            if (open_[i].label.empty()) continue;
            if (!out.empty()) out += " > ";
            out += open_[i].label;
        }
        return out;
    }

  private:
    struct Entry {
        int level;
        std::string label;
    };
    std::vector<Entry> open_;
};

/// Blocks in order, inside the text, on character boundaries, with what lies between them as blocks of their own.
std::vector<Block> complete(const StructuredText& document) {
    const std::string_view text = document.text;
    std::vector<Block> out;
    out.reserve(document.blocks.size() + 1);
    std::size_t at = 0;
    int page = 0;
    const auto fill = [&](std::size_t end) {
        const auto [begin, stop] = trim(text, at, end);
        if (begin == stop) return;
        // Empty lines divide what nobody described.
        for (std::size_t from = begin; from < stop;) {
            std::size_t to = text.find("\n\n", from);
            to = std::min(to, stop);
            const auto paragraph = trim(text, from, to);
            if (paragraph.begin < paragraph.end)
                out.push_back({BlockKind::other, paragraph.begin, paragraph.end, 0, page, {}});
            from = to + 1;
        }
    };
    for (const Block& block : document.blocks) {
        Block b = block;
        b.begin = std::clamp(b.begin, at, text.size());
        b.end = std::clamp(b.end, b.begin, text.size());
        while (b.begin > at && b.begin < text.size() && is_continuation(text[b.begin])) --b.begin;
        while (b.end < text.size() && is_continuation(text[b.end])) ++b.end;
        fill(b.begin);
        page = b.page;
        at = b.end;
        out.push_back(std::move(b));
    }
    fill(text.size());
    return out;
}

bool introduces(std::string_view text, const Block& block) {
    const auto [begin, end] = trim(text, block.begin, block.end);
    const auto s = text.substr(begin, end - begin);
    return s.ends_with(':') || s.ends_with("：") || s.ends_with(":**") || s.ends_with("::");
}

Range last_line_or_sentence(std::string_view text, std::size_t begin, std::size_t end) {
    const std::size_t from = end - begin > 600 ? end - 600 : begin;
    const auto found = sentences(text.substr(from, end - from));
    if (found.empty()) return {begin, end};
    return {from + found.back().begin, from + found.back().end};
}

class Splitter {
  public:
    Splitter(const StructuredText& document, const SplitOptions& options, const TokenCounter& count)
        : text_(document.text), blocks_(complete(document)), count_(count) {
        max_ = std::max<std::size_t>(options.max_tokens, 1);
        min_ = std::min(options.min_tokens, max_ / 2);
        overlap_ = options.overlap_sentences;
        pack_max_ = overlap_ == 0 ? max_ : std::max<std::size_t>(1, max_ - max_ / 5);
        target_ = std::max<std::size_t>(1, std::min(pack_max_, (min_ + pack_max_) / 2));
    }

    std::vector<ChunkSpan> run() {
        const PieceMaker maker(text_, pack_max_, count_);
        std::vector<Piece> section;
        Range intro{};
        bool after_intro = false;
        for (std::size_t i = 0; i < blocks_.size(); ++i) {
            const Block& block = blocks_[i];
            if (block.kind == BlockKind::heading) {
                flush(section, path_.join());
                intro = {};
                after_intro = false;
                path_.enter(block.level, heading_text(text_, block));
                if (stands_alone(i)) emit_heading(block);
                continue;
            }
            const Block* next =
                i + 1 < blocks_.size() && blocks_[i + 1].kind != BlockKind::heading ? &blocks_[i + 1] : nullptr;
            const bool prose =
                block.kind == BlockKind::paragraph || block.kind == BlockKind::other || block.kind == BlockKind::quote;
            const bool followed =
                prose && next != nullptr &&
                (next->kind == BlockKind::code || next->kind == BlockKind::table || next->kind == BlockKind::list_item);
            // A chunk lies on one page, or its citations would name the wrong one.
            if (!section.empty() && section.back().page != block.page) flush(section, path_.join());
            const std::size_t first = section.size();
            maker.add(block, followed && block.end - block.begin > 200, section);
            if (section.size() == first) continue;
            if (first > 0) {
                const BlockKind before = blocks_[i - 1].kind;
                const bool code_after_prose = block.kind == BlockKind::code && before != BlockKind::code;
                section[first].glued = after_intro || code_after_prose;
                // A list is kept whole while it fits.
                if (block.kind == BlockKind::list_item && before == BlockKind::list_item)
                    section[first].boundary = Boundary::line;
            }
            after_intro = false;
            if (intro.end > intro.begin && block.kind == BlockKind::list_item)
                for (std::size_t k = first; k < section.size(); ++k) section[k].context = intro;
            if (followed && introduces(text_, block)) {
                const auto [begin, end] = trim(text_, block.begin, block.end);
                intro = last_line_or_sentence(text_, begin, end);
                after_intro = true;
            } else if (block.kind != BlockKind::list_item) {
                intro = {};
            }
        }
        flush(section, path_.join());
        return std::move(out_);
    }

  private:
    /// A heading with nothing under it still says something.
    [[nodiscard]] bool stands_alone(std::size_t i) const {
        const Block& block = blocks_[i];
        if (block.begin == block.end) return false;
        if (i + 1 == blocks_.size()) return true;
        const Block& next = blocks_[i + 1];
        return next.kind == BlockKind::heading && next.level <= block.level;
    }

    void emit_heading(const Block& block) {
        const auto [begin, end] = trim(text_, block.begin, block.end);
        if (begin == end) return;
        const std::string above = path_.join(1);
        // A run of bare headings (a table of contents) makes one chunk, not one each.
        if (!out_.empty() && bare_ == out_.size() && out_.back().heading == above) {
            const std::size_t n = end - begin > max_ * 12 + 64 ? max_ : count_(text_.substr(begin, end - begin)) + 1;
            if (out_.back().tokens + n <= max_ &&
                trim(text_, out_.back().end, begin).begin == trim(text_, out_.back().end, begin).end) {
                out_.back().end = end;
                out_.back().tokens += n;
                return;
            }
        }
        Block plain = block;
        plain.kind = BlockKind::paragraph;
        std::vector<Piece> pieces;
        PieceMaker(text_, pack_max_, count_).add(plain, false, pieces);
        flush(pieces, above);
        bare_ = out_.size();
    }

    void flush(std::vector<Piece>& pieces, const std::string& heading) {
        if (pieces.empty()) return;
        std::vector<std::size_t> cuts = pack(pieces);
        cuts.push_back(pieces.size());
        std::size_t first = 0;
        const std::size_t section_begin = pieces.front().begin;
        for (const std::size_t last : cuts) {
            if (last == first) continue;
            ChunkSpan chunk;
            chunk.begin = pieces[first].begin;
            chunk.end = pieces[last - 1].end;
            chunk.page = pieces[first].page;
            chunk.heading = heading;
            for (std::size_t i = first; i < last; ++i) chunk.tokens += pieces[i].tokens;
            add_context(chunk, pieces[first], heading);
            if (overlap_ > 0 && first > 0) extend_back(chunk, section_begin);
            out_.push_back(std::move(chunk));
            first = last;
        }
        pieces.clear();
    }

    void add_context(ChunkSpan& chunk, const Piece& first, const std::string& heading) const {
        const Range context = first.context;
        if (context.end <= context.begin || context.begin >= chunk.begin) return;
        if (!heading.empty()) chunk.heading += " > ";
        std::string line = one_line(text_.substr(context.begin, context.end - context.begin), context_limit);
        if (first.kind == BlockKind::table) {
            while (!line.empty() && (line.front() == '|' || line.front() == ' ')) line.erase(0, 1);
            while (!line.empty() && (line.back() == '|' || line.back() == ' ')) line.pop_back();
        }
        chunk.heading += line;
    }

    void extend_back(ChunkSpan& chunk, std::size_t floor) const {
        const std::size_t reach = overlap_ * 600;
        std::size_t from = chunk.begin - floor > reach ? chunk.begin - reach : floor;
        while (from < chunk.begin && is_continuation(text_[from])) ++from;
        const auto before = sentences(text_.substr(from, chunk.begin - from));
        std::size_t tokens = 0;
        std::size_t begin = chunk.begin;
        for (std::size_t k = 0; k < std::min(overlap_, before.size()); ++k) {
            const Range& r = before[before.size() - 1 - k];
            if (from > floor && r.begin == 0) break;  // its beginning may lie further back
            tokens += count_(text_.substr(from + r.begin, r.end - r.begin)) + 1;
            if (chunk.tokens + tokens > max_) break;
            begin = from + r.begin;
        }
        if (begin < chunk.begin) {
            const std::size_t added = count_(text_.substr(begin, chunk.begin - begin));
            if (chunk.tokens + added > max_) return;
            chunk.begin = begin;
            chunk.tokens += added;
        }
    }

    /// Indexes of the pieces that begin a new chunk (the first excluded).
    [[nodiscard]] std::vector<std::size_t> pack(const std::vector<Piece>& pieces) const {
        std::vector<std::size_t> cuts;
        std::vector<std::size_t> rest(pieces.size() + 1, 0);
        for (std::size_t i = pieces.size(); i-- > 0;) rest[i] = rest[i + 1] + pieces[i].tokens;
        const auto sum = [&](std::size_t a, std::size_t b) { return rest[a] - rest[b]; };
        std::size_t first = 0;
        for (std::size_t i = 0; i < pieces.size(); ++i) {
            if (i == first) continue;
            const Piece& piece = pieces[i];
            const std::size_t have = sum(first, i);
            if (have + piece.tokens > pack_max_) {
                std::size_t cut = i;
                // What wants to stand with the piece before it takes that piece along.
                while (cut > first + 1 && pieces[cut].glued && sum(cut - 1, i + 1) <= pack_max_) --cut;
                if (pieces[cut].glued && cut == first + 1) cut = i;
                if (cut == i) cut = best_cut(pieces, first, i, sum);
                cuts.push_back(cut);
                first = cut;
                continue;
            }
            if (have >= target_ && piece.boundary == Boundary::block && !piece.glued && rest[i] >= min_) {
                cuts.push_back(i);
                first = i;
            }
        }
        // A short tail joins its neighbour, or the two are cut anew in the middle.
        if (!cuts.empty() && rest[cuts.back()] < min_) {
            const std::size_t before = cuts.size() > 1 ? cuts[cuts.size() - 2] : 0;
            if (rest[before] <= pack_max_) {
                cuts.pop_back();
            } else {
                std::size_t best = cuts.back();
                double best_cost = 1e300;
                for (std::size_t c = before + 1; c < pieces.size(); ++c) {
                    if (sum(before, c) > pack_max_ || rest[c] > pack_max_) continue;
                    const double cost = std::abs(static_cast<double>(sum(before, c)) - static_cast<double>(rest[c])) +
                                        penalty(pieces[c]);
                    if (cost < best_cost) best_cost = cost, best = c;
                }
                cuts.back() = best;
            }
        }
        return cuts;
    }

    [[nodiscard]] double penalty(const Piece& piece) const {
        constexpr std::array weights{0.0, 0.1, 0.25, 0.6};
        return static_cast<double>(max_) *
               (weights[static_cast<std::size_t>(piece.boundary)] + (piece.glued ? 0.5 : 0.0));
    }

    /// The chunk that began at `first` is full before `end`: the boundary in its second half that costs least.
    template <class Sum>
    [[nodiscard]] std::size_t best_cut(const std::vector<Piece>& pieces, std::size_t first, std::size_t end,
                                       const Sum& sum) const {
        std::size_t best = end;
        double best_cost = penalty(pieces[end]);
        const std::size_t total = sum(first, end);
        for (std::size_t c = end - 1; c > first; --c) {
            const std::size_t lost = sum(c, end);
            if (lost * 2 > total || lost + pieces[end].tokens > pack_max_) break;
            const double cost = penalty(pieces[c]) + static_cast<double>(lost);
            if (cost < best_cost) best_cost = cost, best = c;
        }
        return best;
    }

    std::string_view text_;
    std::vector<Block> blocks_;
    const TokenCounter& count_;
    std::size_t max_ = 0, min_ = 0, overlap_ = 0, pack_max_ = 0, target_ = 0;
    HeadingPath path_;
    std::vector<ChunkSpan> out_;
    std::size_t bare_ = 0;
};

}  // namespace

std::vector<ChunkSpan> split(const StructuredText& document, const SplitOptions& options, const TokenCounter& count) {
    return Splitter(document, options, count).run();
}

}  // namespace tenon::text
