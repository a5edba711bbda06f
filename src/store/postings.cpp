#include "store/postings.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <unordered_map>

#include "tenon/store/analyzer.hpp"

namespace tenon::store {
namespace {

constexpr double k1 = 1.2;
constexpr double b = 0.75;
constexpr double heading_weight = 1.0;
constexpr std::uint32_t max_count = 1U << 20;

void put_varint(std::string& out, std::uint32_t value) {
    while (value >= 0x80) {
        out += static_cast<char>(value | 0x80);
        value >>= 7;
    }
    out += static_cast<char>(value);
}

/// False when the bytes end early or the number is too large.
bool get_varint(std::span<const std::byte> data, std::size_t& at, std::uint32_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 35; shift += 7) {
        if (at >= data.size()) return false;
        const auto byte = std::to_integer<std::uint32_t>(data[at++]);
        if (shift == 28 && byte > 0x0F) return false;
        value |= (byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return false;
}

Error damaged() {
    return {ErrorCode::corrupt,
            "the full-text index of the knowledge base is damaged; remove the base and index again"};
}

struct TermEntry {
    std::string data;
    std::uint32_t next_ordinal = 0;  // ordinals are kept as differences
    Posting open;
    bool any = false;

    void flush() {
        if (!any) return;
        put_varint(data, open.ordinal - next_ordinal);
        next_ordinal = open.ordinal + 1;
        // The heading count is usually zero: one bit says so.
        put_varint(data, std::min(open.body, max_count) << 1 | (open.heading != 0 ? 1U : 0U));
        if (open.heading != 0) put_varint(data, std::min(open.heading, max_count));
        any = false;
    }
};

std::string_view file_stem(std::string_view source) {
    if (const auto slash = source.find_last_of("/\\"); slash != std::string_view::npos) source.remove_prefix(slash + 1);
    if (const auto dot = source.find_last_of('.'); dot != std::string_view::npos && dot != 0)
        source = source.substr(0, dot);
    return source;
}

}  // namespace

DocumentPostings index_document(const Document& document, std::span<const Chunk> chunks) {
    DocumentPostings out;
    std::unordered_map<std::string, TermEntry> entries;
    const auto entry = [&](std::string&& term, std::uint32_t ordinal) -> Posting& {
        TermEntry& found = entries[std::move(term)];
        if (found.any && found.open.ordinal != ordinal) found.flush();
        if (!found.any) {
            found.open = {ordinal, 0, 0};
            found.any = true;
        }
        return found.open;
    };
    std::string above;
    std::vector<Term> above_terms;
    for (std::uint32_t ordinal = 0; ordinal < chunks.size(); ++ordinal) {
        const Chunk& chunk = chunks[ordinal];
        AnalyzedText body = analyze(chunk.text);
        for (Term& term : body.terms) ++entry(std::move(term.text), ordinal).body;
        out.lengths.push_back(body.length);

        std::string heading(file_stem(document.source));
        if (!document.title.empty() && chunk.heading.find(document.title) == std::string::npos)
            heading += " \n" + document.title;
        heading += " \n" + chunk.heading;
        if (ordinal == 0 || heading != above) {
            above = std::move(heading);
            above_terms = analyze(above).terms;
        }
        for (const Term& term : above_terms) ++entry(std::string(term.text), ordinal).heading;
    }
    out.terms.reserve(entries.size());
    for (auto& [term, found] : entries) {
        found.flush();
        out.terms.emplace_back(term, std::move(found.data));
    }
    std::ranges::sort(out.terms);
    return out;
}

Result<void> decode_postings(std::span<const std::byte> data, std::vector<Posting>& out) {
    out.clear();
    std::uint32_t next = 0;
    for (std::size_t at = 0; at < data.size();) {
        std::uint32_t gap = 0, body = 0;
        Posting posting;
        if (!get_varint(data, at, gap) || !get_varint(data, at, body)) return std::unexpected(damaged());
        if ((body & 1) != 0 && !get_varint(data, at, posting.heading)) return std::unexpected(damaged());
        if (gap > UINT32_MAX - 1 - next) return std::unexpected(damaged());
        posting.ordinal = next + gap;
        posting.body = body >> 1;
        next = posting.ordinal + 1;
        out.push_back(posting);
    }
    return {};
}

std::string encode_lengths(std::span<const std::uint32_t> lengths) {
    std::string out;
    for (const std::uint32_t length : lengths) put_varint(out, length);
    return out;
}

Result<void> decode_lengths(std::span<const std::byte> data, std::vector<std::uint32_t>& out) {
    for (std::size_t at = 0; at < data.size();) {
        std::uint32_t length = 0;
        if (!get_varint(data, at, length)) return std::unexpected(damaged());
        out.push_back(length);
    }
    return {};
}

Bm25::Bm25(std::span<const std::uint32_t> lengths, std::size_t at_least)
    : lengths_(lengths),
      chunks_(static_cast<double>(std::max(lengths.size(), at_least))),
      scores_(lengths.size(), 0.0F) {
    const double total = std::accumulate(lengths.begin(), lengths.end(), 0.0);
    if (!lengths.empty() && total > 0) mean_length_ = total / static_cast<double>(lengths.size());
}

void Bm25::add(std::span<const std::pair<std::uint32_t, Posting>> found, double weight) {
    const auto df = static_cast<double>(found.size());
    const double idf = weight * std::log(1.0 + (chunks_ - df + 0.5) / (df + 0.5));
    limit_ += idf * (k1 + 1);
    for (const auto& [slot, posting] : found) {
        const double relative = static_cast<double>(lengths_[slot]) / mean_length_;
        const double count = posting.body + heading_weight * posting.heading;
        const double gain = idf * count * (k1 + 1) / (count + k1 * (1 - b + b * relative));
        if (scores_[slot] == 0.0F) touched_.push_back(slot);
        scores_[slot] += static_cast<float>(gain);
    }
}

}  // namespace tenon::store
