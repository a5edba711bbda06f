// CSV and TSV (RFC 4180, leniently): one line of "column: value" pairs for each record, so that a passage reads by
// itself.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "rag/load/lines.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

constexpr std::size_t max_columns = 10'000;

/// Reads one record at `at`; a quoted field may hold separators, line breaks and doubled quotes.
std::vector<std::string> record(std::string_view text, std::size_t& at, char separator) {
    std::vector<std::string> fields(1);
    while (at < text.size()) {
        std::string& field = fields.back();
        const char c = text[at];
        if (c == '"' && field.empty()) {
            ++at;
            while (at < text.size()) {
                const std::size_t quote = std::min(text.find('"', at), text.size());
                field.append(text, at, quote - at);
                at = quote + 1;
                if (at < text.size() && text[at] == '"')
                    field += text[at++];
                else
                    break;
            }
            at = std::min(at, text.size());
            continue;
        }
        ++at;
        if (c == '\n') break;
        if (c == separator && fields.size() < max_columns)
            fields.emplace_back();
        else
            field += c;
    }
    return fields;
}

char find_separator(std::string_view text) {
    const std::string_view sample = text.substr(0, 64 << 10);
    char best = ',';
    double best_score = 0;
    for (const char candidate : {',', ';', '\t', '|'}) {
        std::size_t at = 0;
        std::size_t records = 0, same = 0, width = 0;
        while (at < sample.size() && records < 50) {
            const std::size_t from = at;
            const auto fields = record(sample, at, candidate);
            if (fields.size() == 1 && trimmed(sample.substr(from, at - from)).empty()) continue;
            if (records == 0) width = fields.size();
            if (fields.size() == width) ++same;
            ++records;
        }
        if (width < 2 || records == 0) continue;
        const double score =
            static_cast<double>(same) / static_cast<double>(records) + 0.01 * std::log2(static_cast<double>(width));
        if (score > best_score) best_score = score, best = candidate;
    }
    return best;
}

bool is_number(std::string_view s) {
    s = trimmed(s);
    return !s.empty() && s.find_first_not_of("0123456789.,-+eE%$€¥ /:") == std::string_view::npos;
}

/// A first record names the columns when its fields are different words and no data.
bool is_header(const std::vector<std::string>& first, const std::vector<std::string>& second) {
    std::unordered_set<std::string> seen;
    for (const std::string& field : first) {
        const auto s = trimmed(field);
        if (s.empty() || is_number(s) || s.size() > 100 || !seen.emplace(s).second) return false;
    }
    if (second.empty()) return first.size() > 1;
    const bool data = std::ranges::any_of(second, is_number);
    const auto length = [](const std::vector<std::string>& r) {
        std::size_t n = 0;
        for (const auto& f : r) n += f.size();
        return n;
    };
    return data || length(first) <= length(second) * 2;
}

}  // namespace

Result<StructuredText> load_csv(const Input& input) {
    TENON_TRY(const std::string text, decode_text(input));
    std::size_t at = 0;
    char separator = input.media_type == "text/tab-separated-values" ? '\t' : '\0';
    if (text.starts_with("sep=") && text.size() > 5 && text[5] == '\n') {  // what spreadsheets write
        separator = text[4];
        at = 6;
    }
    if (separator == '\0') separator = find_separator(std::string_view(text).substr(at));
    DocumentBuilder builder(input.options.limits.max_text_bytes);
    std::vector<std::string> header;
    std::vector<std::string> first = record(text, at, separator);
    std::size_t peek = at;
    const std::vector<std::string> second =
        peek < text.size() ? record(text, peek, separator) : std::vector<std::string>{};
    if (is_header(first, second)) {
        for (const auto& name : first) header.push_back(collapse(name));
        std::string names = "Columns:";
        for (const auto& name : header) names += (name.data() == header.front().data() ? " " : ", ") + name;
        builder.add(BlockKind::other, names);
    } else {
        at = 0;
        if (text.starts_with("sep=")) at = std::min<std::size_t>(6, text.size());
    }
    std::string row;
    while (at < text.size() && !builder.full()) {
        const auto fields = record(text, at, separator);
        row.clear();
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const std::string value = collapse(fields[i]);
            if (value.empty()) continue;
            if (!row.empty()) row += header.empty() ? ", " : "; ";
            if (i < header.size()) row += header[i] + ": ";
            row += value;
        }
        builder.add(BlockKind::table, row, 0, 0, true);
    }
    return std::move(builder).finish({});
}

}  // namespace tenon::rag::load_detail
