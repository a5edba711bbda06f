// Boost.JSON first: its own headers ask whether a value can be moved, which must not be answered before it is complete.
#include <boost/json/value.hpp>

#include "tenon/chain/parsers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "tenon/json/partial.hpp"

namespace tenon::chain {
namespace {

constexpr std::string_view space = " \t\r\n";

std::string_view trimmed(std::string_view text, std::string_view what = space) {
    const auto first = text.find_first_not_of(what);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(what) - first + 1);
}
bool digit(char c) { return c >= '0' && c <= '9'; }
bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
std::string lowered(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(), lower);
    return out;
}
std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        out.push_back(trimmed(text.substr(0, end)));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return out;
}

/// The JSON that begins at the front of `text`, whatever follows it.
Result<json::Value> json_at_front(std::string_view text) {
    json::PartialParser parser;
    for (const char c : text) {
        TENON_CHECK(parser.feed({&c, 1}));
        if (parser.done()) return parser.value();
    }
    TENON_CHECK(parser.finish());
    return parser.value();
}

std::string clean_item(std::string_view item) {
    item = trimmed(item);
    for (const std::string_view quote : {"\"", "'", "`", "**"})
        if (item.size() >= 2 * quote.size() && item.starts_with(quote) && item.ends_with(quote))
            item = trimmed(item.substr(quote.size(), item.size() - 2 * quote.size()));
    return std::string(item);
}

/// The text after a bullet or number, when the line has one.
std::optional<std::string_view> bullet(std::string_view line) {
    for (const std::string_view mark : {"- ", "* ", "+ ", "• "})
        if (line.starts_with(mark)) return line.substr(mark.size());
    std::size_t digits = 0;
    while (digits < line.size() && digits < 4 && digit(line[digits])) ++digits;
    if (digits == 0 || digits + 1 >= line.size() || (line[digits] != '.' && line[digits] != ')')) return std::nullopt;
    return line[digits + 1] == ' ' ? std::optional(line.substr(digits + 2)) : std::nullopt;
}

std::vector<std::string> cells_of(std::string_view line) {
    if (line.starts_with('|')) line.remove_prefix(1);
    std::vector<std::string> out(1);
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|')
            out.back() += line[++i];
        else if (line[i] == '|')
            out.emplace_back();
        else
            out.back() += line[i];
    }
    if (out.size() > 1 && trimmed(out.back()).empty()) out.pop_back();
    for (auto& cell : out) cell = std::string(trimmed(cell));
    return out;
}

bool rule_line(std::string_view line) {
    return line.find('-') != std::string_view::npos && line.find_first_not_of("|-: \t") == std::string_view::npos;
}

}  // namespace

Result<json::Value> find_json(std::string_view text) {
    if (auto whole = json::parse(trimmed(text))) return whole;
    if (const auto fence = text.find("```"); fence != std::string_view::npos) {
        const auto start = text.find('\n', fence);
        const auto end = start == std::string_view::npos ? start : text.find("```", start);
        if (start != std::string_view::npos)
            if (auto inside =
                    json::parse(trimmed(text.substr(start, end == std::string_view::npos ? end : end - start))))
                return inside;
    }
    std::optional<Error> first;
    std::size_t tries = 0;
    for (auto at = text.find_first_of("{["); at != std::string_view::npos && tries < 64;
         at = text.find_first_of("{[", at + 1), ++tries) {
        auto found = json_at_front(text.substr(at));
        if (found) return found;
        if (!first) first = std::move(found).error();
    }
    if (first) return std::unexpected(std::move(*first));
    return fail(ErrorCode::corrupt, "there is no JSON in the answer");
}

std::vector<std::string> parse_list(std::string_view text) {
    std::vector<std::string> out;
    const auto add = [&](std::string_view item) {
        auto clean = clean_item(item);
        if (!clean.empty()) out.push_back(std::move(clean));
    };
    const auto lines = lines_of(text);
    for (const auto line : lines)
        if (const auto item = bullet(line)) add(*item);
    if (!out.empty()) return out;
    const auto written = std::ranges::count_if(lines, [](auto l) { return !l.empty(); });
    if (written != 1) {
        for (const auto line : lines) add(line);
        return out;
    }
    auto rest = trimmed(text);
    while (!rest.empty()) {
        const auto comma = std::min(rest.find(','), rest.find("，"));
        add(rest.substr(0, comma));
        if (comma == std::string_view::npos) break;
        rest.remove_prefix(comma + (rest[comma] == ',' ? 1 : 3));
    }
    return out;
}

std::vector<std::string> parse_tags(std::string_view text, std::string_view name) {
    std::vector<std::string> out;
    const std::string open = fmt::format("<{}", name), close = fmt::format("</{}>", name);
    for (auto at = text.find(open); at != std::string_view::npos; at = text.find(open, at)) {
        at += open.size();
        if (at < text.size() && text[at] != '>' && text[at] != ' ' && text[at] != '\n' && text[at] != '/') continue;
        const auto body = text.find('>', at);
        if (body == std::string_view::npos) break;
        if (text[body - 1] == '/') {
            out.emplace_back();
            continue;
        }
        const auto end = text.find(close, body);
        out.emplace_back(trimmed(text.substr(body + 1, end == std::string_view::npos ? end : end - body - 1)));
        if (end == std::string_view::npos) break;
        at = end + close.size();
    }
    return out;
}

std::optional<std::string> parse_tag(std::string_view text, std::string_view name) {
    auto all = parse_tags(text, name);
    if (all.empty()) return std::nullopt;
    return std::move(all.front());
}

std::string_view Table::cell(std::size_t row, std::string_view column) const noexcept {
    const auto at = std::ranges::find(header, column);
    if (row >= rows.size() || at == header.end()) return {};
    return rows[row][static_cast<std::size_t>(at - header.begin())];
}

Result<Table> parse_table(std::string_view text) {
    const auto lines = lines_of(text);
    for (std::size_t i = 0; i + 1 < lines.size(); ++i) {
        if (lines[i].find('|') == std::string_view::npos || !rule_line(lines[i + 1])) continue;
        Table table{cells_of(lines[i]), {}};
        if (cells_of(lines[i + 1]).size() != table.header.size()) continue;
        for (std::size_t j = i + 2; j < lines.size() && lines[j].find('|') != std::string_view::npos; ++j) {
            table.rows.push_back(cells_of(lines[j]));
            table.rows.back().resize(table.header.size());
        }
        return table;
    }
    return fail(ErrorCode::corrupt, "there is no Markdown table in the answer");
}

Result<std::size_t> parse_choice(std::string_view text, std::span<const std::string_view> names) {
    const std::string said = lowered(trimmed(text, " \t\r\n\"'`*.!。"));
    for (std::size_t i = 0; i < names.size(); ++i)
        if (lowered(names[i]) == said) return i;
    std::optional<std::size_t> found;
    std::string list;
    bool several = false;
    const auto inside_word = [&](std::size_t at) {
        return at < said.size() && (letter(said[at]) || digit(said[at]) || said[at] == '_');
    };
    for (std::size_t i = 0; i < names.size(); ++i) {
        list += (i == 0 ? "" : ", ") + std::string(names[i]);
        const std::string name = lowered(names[i]);
        for (auto at = said.find(name); at != std::string::npos && !name.empty(); at = said.find(name, at + 1)) {
            if ((at > 0 && inside_word(at - 1)) || inside_word(at + name.size())) continue;
            several = several || (found && *found != i);
            found = i;
            break;
        }
    }
    if (found && !several) return *found;
    return fail(ErrorCode::invalid_argument,
                fmt::format("the answer says {} of: {}", several ? "several" : "none", list));
}

Result<std::chrono::year_month_day> parse_date(std::string_view text) {
    constexpr std::array<std::string_view, 12> months{"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
    // Numbers and names of months, with what stands between them.
    struct Part {
        int number = -1;
        int month = 0;
        std::size_t digits = 0, start = 0, end = 0;
    };
    std::vector<Part> parts;
    for (std::size_t i = 0; i < text.size() && parts.size() < 4096;) {
        const std::size_t start = i;
        if (digit(text[i])) {
            int n = 0;
            while (i < text.size() && digit(text[i])) n = std::min(n * 10 + (text[i++] - '0'), 100'000);
            parts.push_back({n, 0, i - start, start, i});
        } else if (letter(text[i])) {
            while (i < text.size() && letter(text[i])) ++i;
            const auto word = lowered(text.substr(start, i - start));
            for (std::size_t m = 0; m < months.size(); ++m)
                if (word.size() >= 3 && word.starts_with(months[m]))
                    parts.push_back({-1, static_cast<int>(m + 1), 0, start, i});
        } else {
            ++i;
        }
    }
    const auto between = [&](std::size_t i) {
        return trimmed(text.substr(parts[i].end, parts[i + 1].start - parts[i].end));
    };
    const auto loose = [&](std::size_t i) {  // "29th of February", "February 29, 2024"
        const auto gap = between(i);
        return gap.empty() || gap == "," || gap == "." || gap == "st" || gap == "nd" || gap == "rd" || gap == "th" ||
               gap == "of" || gap == "th of" || gap == "st of" || gap == "st," || gap == "th," || gap == "nd," ||
               gap == "rd,";
    };
    bool impossible = false;
    for (std::size_t i = 0; i + 2 < parts.size(); ++i) {
        const auto &a = parts[i], &b = parts[i + 1], &c = parts[i + 2];
        int year = -1, month = -1, day = -1;
        const auto gap = between(i), next = between(i + 1);
        if (a.digits == 4 && b.number >= 0 && c.number >= 0 &&
            ((gap == next && (gap == "-" || gap == "/" || gap == ".")) || (gap == "年" && next == "月")))
            year = a.number, month = b.number, day = c.number;
        else if (a.number >= 0 && b.number >= 0 && c.digits == 4 && gap == next && gap == ".")
            year = c.number, month = b.number, day = a.number;
        else if (a.number >= 0 && b.month > 0 && c.digits == 4 && loose(i) && loose(i + 1))
            year = c.number, month = b.month, day = a.number;
        else if (a.month > 0 && b.number >= 0 && c.digits == 4 && loose(i) && loose(i + 1))
            year = c.number, month = a.month, day = b.number;
        if (year < 0) continue;
        const std::chrono::year_month_day date{std::chrono::year(year),
                                               std::chrono::month(static_cast<unsigned>(month)),
                                               std::chrono::day(static_cast<unsigned>(day))};
        if (date.ok()) return date;
        impossible = true;
    }
    return fail(ErrorCode::invalid_argument, impossible
                                                 ? "the date in the answer does not exist"
                                                 : "there is no date in the answer; ask for one like 2024-02-29");
}

}  // namespace tenon::chain
