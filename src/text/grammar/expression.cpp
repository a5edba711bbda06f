#include "text/grammar/expression.hpp"

#include <algorithm>

namespace tenon::text::grammar {

std::vector<Range> CharSet::ranges() const {
    std::vector<Range> sorted;
    for (auto r : ranges_) {
        r.high = std::min(r.high, last_character);
        if (r.low > r.high) continue;
        // Surrogates are no characters.
        if (r.low < 0xD800 && r.high > 0xDFFF) {
            sorted.push_back({r.low, 0xD7FF});
            sorted.push_back({0xE000, r.high});
            continue;
        }
        if (r.low >= 0xD800 && r.low <= 0xDFFF) r.low = 0xE000;
        if (r.high >= 0xD800 && r.high <= 0xDFFF) r.high = 0xD7FF;
        if (r.low <= r.high) sorted.push_back(r);
    }
    std::sort(sorted.begin(), sorted.end());
    std::vector<Range> out;
    for (const auto& r : sorted) {
        if (!out.empty() && r.low <= out.back().high + 1)
            out.back().high = std::max(out.back().high, r.high);
        else
            out.push_back(r);
    }
    return out;
}

CharSet CharSet::complement() const {
    CharSet out;
    char32_t next = 0;
    for (const auto& r : ranges()) {
        if (r.low > next) out.add(next, r.low - 1);
        next = r.high + 1;
    }
    if (next <= last_character) out.add(next, last_character);
    return out;
}

CharSet CharSet::minus(const CharSet& other) const {
    CharSet out = complement();
    out.add(other);
    return out.complement();
}

bool CharSet::contains(char32_t c) const {
    return std::ranges::any_of(ranges_, [c](const auto& r) { return r.low <= c && c <= r.high; });
}

ExprId Builder::add(Expr expr) {
    rules.expressions.push_back(std::move(expr));
    return static_cast<ExprId>(rules.expressions.size() - 1);
}

ExprId Builder::text(std::string_view bytes) {
    Expr e{Expr::Kind::bytes, std::string(bytes), {}, {}};
    return add(std::move(e));
}
ExprId Builder::characters(const CharSet& set) {
    Expr e{Expr::Kind::characters, {}, set.ranges(), {}};
    return add(std::move(e));
}
ExprId Builder::sequence(std::vector<ExprId> parts) {
    if (parts.size() == 1) return parts.front();
    Expr e{Expr::Kind::sequence, {}, {}, std::move(parts)};
    return add(std::move(e));
}
ExprId Builder::choice(std::vector<ExprId> parts) {
    if (parts.size() == 1) return parts.front();
    if (parts.empty()) return nothing();
    Expr e{Expr::Kind::choice, {}, {}, std::move(parts)};
    return add(std::move(e));
}
ExprId Builder::repeat(ExprId part, std::uint32_t least, std::uint32_t most) {
    Expr e{Expr::Kind::repeat, {}, {}, {part}};
    e.least = least;
    e.most = most;
    return add(std::move(e));
}
ExprId Builder::rule(RuleId id) {
    Expr e{Expr::Kind::rule, {}, {}, {}};
    e.rule = id;
    return add(std::move(e));
}

RuleId Builder::named(const std::string& name) {
    const auto [at, made] = by_name_.try_emplace(name, 0);
    if (made) at->second = anonymous(name);
    return at->second;
}
RuleId Builder::anonymous(std::string name) {
    rules.names.push_back(std::move(name));
    rules.bodies.push_back(0);
    rules.defined.push_back(false);
    return static_cast<RuleId>(rules.names.size() - 1);
}
void Builder::define(RuleId rule, ExprId body) {
    rules.bodies[rule] = body;
    rules.defined[rule] = true;
}

CharSet digits() { return {{U'0', U'9'}}; }
CharSet word_characters() { return {{U'0', U'9'}, {U'A', U'Z'}, {U'_', U'_'}, {U'a', U'z'}}; }
CharSet spaces() {
    return {{U'\t', U'\r'},   {U' ', U' '},     {0xA0, 0xA0},     {0x1680, 0x1680}, {0x2000, 0x200A},
            {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
}

}  // namespace tenon::text::grammar
