// Globs over paths: "*", "?", "[a-z]", "{a,b}" within a name, "**" over any number of folders.
#include <string>
#include <vector>

#include "tenon/base/utf8.hpp"
#include "tenon/rag/loader.hpp"

namespace tenon::rag {
namespace {

constexpr std::size_t max_alternatives = 512;

/// "a{b,c}d" → "abd", "acd"; braces may nest. A brace without its partner stands for itself.
void expand(std::string_view pattern, std::string prefix, std::vector<std::string>& out) {
    if (out.size() >= max_alternatives) return;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        if (pattern[i] == '\\' && i + 1 < pattern.size()) {
            prefix += pattern.substr(i++, 2);
            continue;
        }
        if (pattern[i] != '{') {
            prefix += pattern[i];
            continue;
        }
        std::vector<std::size_t> bounds{i};
        int depth = 0;
        std::size_t close = std::string_view::npos;
        for (std::size_t k = i; k < pattern.size(); ++k) {
            if (pattern[k] == '{')
                ++depth;
            else if (pattern[k] == ',' && depth == 1)
                bounds.push_back(k);
            else if (pattern[k] == '}' && --depth == 0) {
                close = k;
                break;
            }
        }
        if (close == std::string_view::npos || bounds.size() == 1) {
            prefix += '{';
            continue;
        }
        bounds.push_back(close);
        for (std::size_t k = 0; k + 1 < bounds.size(); ++k)
            expand(std::string(pattern.substr(bounds[k] + 1, bounds[k + 1] - bounds[k] - 1)) +
                       std::string(pattern.substr(close + 1)),
                   prefix, out);
        return;
    }
    out.push_back(std::move(prefix));
}

/// Matches one character of `text` at `at` against the pattern at `p`; moves both past it.
bool match_one(std::string_view pattern, std::size_t& p, std::string_view text, std::size_t& at) {
    const auto d = utf8::decode(text, at);
    if (d.code_point == '/') return false;
    if (pattern[p] == '?') {
        ++p;
        at += d.length;
        return true;
    }
    if (pattern[p] == '[') {
        std::size_t i = p + 1;
        const bool negated = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
        if (negated) ++i;
        bool found = false, closed = false;
        for (bool first = true; i < pattern.size(); first = false) {
            if (pattern[i] == ']' && !first) {
                closed = true;
                break;
            }
            const auto low = utf8::decode(pattern, i);
            i += low.length;
            char32_t high = low.code_point;
            if (i + 1 < pattern.size() && pattern[i] == '-' && pattern[i + 1] != ']') {
                const auto upper = utf8::decode(pattern, i + 1);
                high = upper.code_point;
                i += 1 + upper.length;
            }
            found = found || (d.code_point >= low.code_point && d.code_point <= high);
        }
        if (closed) {
            if (found == negated) return false;
            p = i + 1;
            at += d.length;
            return true;
        }
    }
    if (pattern[p] == '\\' && p + 1 < pattern.size()) ++p;
    if (pattern[p] != text[at]) return false;
    ++p;
    ++at;
    return true;
}

/// Backtracks to the last "*" and the last "**" only, so it takes at most pattern × text² steps.
bool match(std::string_view pattern, std::string_view text) {
    std::size_t p = 0, t = 0;
    std::size_t star = std::string_view::npos, star_text = 0;
    std::size_t deep = std::string_view::npos, deep_text = 0;
    while (true) {
        if (p < pattern.size() && pattern[p] == '*') {
            if (p + 1 < pattern.size() && pattern[p + 1] == '*') {
                p += 2;
                if (p < pattern.size() && pattern[p] == '/') ++p;  // "**/" also matches no folder at all
                deep = p;
                deep_text = t;
                star = std::string_view::npos;
                continue;
            }
            star = ++p;
            star_text = t;
            continue;
        }
        if (t == text.size() && p == pattern.size()) return true;
        if (t < text.size() && p < pattern.size()) {
            if (pattern[p] == '/' && text[t] == '/') {
                ++p, ++t;
                continue;
            }
            if (match_one(pattern, p, text, t)) continue;
        }
        if (star != std::string_view::npos && star_text < text.size() && text[star_text] != '/') {
            p = star;
            t = ++star_text;
            continue;
        }
        if (deep != std::string_view::npos && deep_text < text.size()) {
            // "**/x" goes on after the next slash, "**" at its end takes all.
            if (deep == pattern.size()) return true;
            const std::size_t slash = text.find('/', deep_text);
            if (slash == std::string_view::npos) return false;
            p = deep;
            t = deep_text = slash + 1;
            star = std::string_view::npos;
            continue;
        }
        return false;
    }
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view path) {
    std::vector<std::string> alternatives;
    expand(pattern, {}, alternatives);
    for (const std::string& one : alternatives)
        if (match(one, path)) return true;
    return false;
}

}  // namespace tenon::rag
