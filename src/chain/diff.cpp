// Myers' greedy algorithm, "An O(ND) Difference Algorithm and Its Variations" (1986), over lines.
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/chain/registry.hpp"

namespace tenon::chain {
namespace {

using Lines = std::vector<std::string_view>;

Lines split(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const auto end = text.find('\n');
        lines.push_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    }
    return lines;
}

struct Edit {
    char kind;  // ' ', '-', '+'
    std::size_t before, after;
};

std::vector<Edit> edits_between(const Lines& a, const Lines& b) {
    const auto n = static_cast<std::ptrdiff_t>(a.size()), m = static_cast<std::ptrdiff_t>(b.size());
    const std::ptrdiff_t most = n + m;
    std::vector<std::ptrdiff_t> v(static_cast<std::size_t>(2 * most + 2), 0);
    std::vector<std::vector<std::ptrdiff_t>> rounds;
    const auto at = [most](std::ptrdiff_t k) { return static_cast<std::size_t>(k + most); };
    std::ptrdiff_t found = -1;
    for (std::ptrdiff_t d = 0; d <= most && found < 0; ++d) {
        // Only what this round can reach: diagonals -d-1 … d+1.
        rounds.emplace_back(v.begin() + (most - d - 1 < 0 ? 0 : most - d - 1),
                            v.begin() + std::min(most + d + 2, 2 * most + 2));
        for (std::ptrdiff_t k = -d; k <= d; k += 2) {
            std::ptrdiff_t x = k == -d || (k != d && v[at(k - 1)] < v[at(k + 1)]) ? v[at(k + 1)] : v[at(k - 1)] + 1;
            std::ptrdiff_t y = x - k;
            while (x < n && y < m && a[static_cast<std::size_t>(x)] == b[static_cast<std::size_t>(y)]) {
                ++x;
                ++y;
            }
            v[at(k)] = x;
            if (x >= n && y >= m) {
                found = d;
                break;
            }
        }
    }
    std::vector<Edit> edits;
    std::ptrdiff_t x = n, y = m;
    const auto put = [&](char kind) {
        edits.push_back({kind, static_cast<std::size_t>(x), static_cast<std::size_t>(y)});
    };
    for (std::ptrdiff_t d = found; d >= 0; --d) {
        const auto& w = rounds[static_cast<std::size_t>(d)];
        const auto in = [&](std::ptrdiff_t diagonal) {
            return w[static_cast<std::size_t>(diagonal + most - std::max<std::ptrdiff_t>(most - d - 1, 0))];
        };
        const std::ptrdiff_t k = x - y;
        const std::ptrdiff_t from = d == 0 ? 0 : (k == -d || (k != d && in(k - 1) < in(k + 1)) ? k + 1 : k - 1);
        const std::ptrdiff_t px = d == 0 ? 0 : in(from), py = d == 0 ? 0 : px - from;
        while (x > px && y > py) {
            --x;
            --y;
            put(' ');
        }
        if (d == 0) break;
        if (from == k + 1) {
            --y;
            put('+');
        } else {
            --x;
            put('-');
        }
    }
    std::ranges::reverse(edits);
    return edits;
}

}  // namespace

std::string unified_diff(std::string_view before, std::string_view after, std::string_view before_label,
                         std::string_view after_label) {
    if (before == after) return {};
    constexpr std::size_t context = 3;
    const Lines a = split(before), b = split(after);
    // The algorithm's memory grows with the square of the difference; texts of this size are no prompts.
    if (a.size() + b.size() > 5'000)
        return fmt::format("--- {}\n+++ {}\nthe texts differ\n", before_label, after_label);
    const auto edits = edits_between(a, b);
    std::string out = fmt::format("--- {}\n+++ {}\n", before_label, after_label);
    for (std::size_t i = 0; i < edits.size();) {
        if (edits[i].kind == ' ') {
            ++i;
            continue;
        }
        const std::size_t begin = i > context ? i - context : 0;
        std::size_t end = i + 1, quiet = 0;
        for (std::size_t j = i; j < edits.size() && quiet <= 2 * context; ++j) {
            quiet = edits[j].kind == ' ' ? quiet + 1 : 0;
            if (quiet == 0) end = j + 1;
        }
        const std::size_t last = std::min(end + context, edits.size());
        std::size_t removed = 0, added = 0;
        std::string body;
        for (std::size_t j = begin; j < last; ++j) {
            const auto& e = edits[j];
            removed += e.kind != '+' ? 1U : 0U;
            added += e.kind != '-' ? 1U : 0U;
            body += e.kind;
            body += e.kind == '+' ? b[e.after] : a[e.before];
            body += '\n';
        }
        out += fmt::format("@@ -{},{} +{},{} @@\n{}", edits[begin].before + (removed > 0 ? 1 : 0), removed,
                           edits[begin].after + (added > 0 ? 1 : 0), added, body);
        i = last;
    }
    return out;
}

}  // namespace tenon::chain
