#include "text/grammar/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>

#include "tenon/base/utf8.hpp"

namespace tenon::text::grammar {
namespace {

constexpr std::size_t max_nodes = 1'500'000;
constexpr std::size_t max_depth = 400;

using Kind = Expr::Kind;

class NetworkBuilder {
  public:
    explicit NetworkBuilder(Builder builder) : builder_(std::move(builder)), rules_(builder_.rules) {}

    Result<Grammar> run() {
        auto network = std::make_shared<Grammar::Network>();
        network_ = network.get();
        for (RuleId r = 0; r < rules_.names.size(); ++r)
            if (!rules_.defined[r])
                return fail(ErrorCode::invalid_argument,
                            fmt::format("the grammar uses the rule \"{}\", which it does not define", rules_.names[r]));
        for (RuleId r = 0; r < rules_.names.size(); ++r) TENON_CHECK(unfold_left_recursion(r));
        for (RuleId r = 0; r < rules_.names.size(); ++r) {
            const NodeId accept = node({.kind = GrammarNode::Kind::accept});
            TENON_TRY(const NodeId start, build(rules_.bodies[r], accept, 0));
            network_->starts.push_back(start);
            accepts_.push_back(accept);
        }
        network_->root = rules_.root;
        find_nullable();
        TENON_CHECK(find_useful());
        TENON_CHECK(refuse_left_recursion());
        return Grammar(std::move(network));
    }

  private:
    NodeId node(GrammarNode n) {
        network_->nodes.push_back(n);
        return static_cast<NodeId>(network_->nodes.size() - 1);
    }
    NodeId byte(std::uint8_t low, std::uint8_t high, NodeId next) {
        return node({.kind = GrammarNode::Kind::byte, .low = low, .high = high, .next = next});
    }
    NodeId fork(NodeId a, NodeId b) {
        if (a == no_node || a == b) return b;
        return b == no_node ? a : node({.kind = GrammarNode::Kind::fork, .next = a, .other = b});
    }

    /// A → A x | y  becomes  A → y x*.
    Result<void> unfold_left_recursion(RuleId rule) {
        const Expr body = rules_.expressions[rules_.bodies[rule]];
        const std::vector<ExprId> all = body.kind == Kind::choice ? body.parts : std::vector{rules_.bodies[rule]};
        std::vector<ExprId> tails, others;
        for (const auto id : all) {
            const Expr e = rules_.expressions[id];
            if (e.kind == Kind::rule && e.rule == rule) continue;  // A → A says nothing
            const bool recursive = e.kind == Kind::sequence && !e.parts.empty() &&
                                   rules_.expressions[e.parts[0]].kind == Kind::rule &&
                                   rules_.expressions[e.parts[0]].rule == rule;
            if (recursive)
                tails.push_back(builder_.sequence({e.parts.begin() + 1, e.parts.end()}));
            else
                others.push_back(id);
        }
        if (tails.empty() && others.size() == all.size()) return {};
        if (others.empty())
            return fail(ErrorCode::invalid_argument, fmt::format("the rule \"{}\" never ends", rules_.names[rule]));
        const ExprId first = builder_.choice(others);
        builder_.define(rule,
                        tails.empty() ? first : builder_.sequence({first, builder_.repeat(builder_.choice(tails), 0)}));
        return {};
    }

    Result<NodeId> build(ExprId id, NodeId next, std::size_t depth) {
        if (network_->nodes.size() > max_nodes)
            return fail(ErrorCode::resource_exhausted,
                        "the grammar is too large when its repetitions are written out; lower the bounds");
        if (depth > max_depth) return fail(ErrorCode::resource_exhausted, "the grammar is nested too deeply");
        const Expr& e = rules_.expressions[id];
        switch (e.kind) {
            case Kind::bytes:
                for (auto c = e.bytes.rbegin(); c != e.bytes.rend(); ++c) {
                    const auto b = static_cast<std::uint8_t>(*c);
                    next = byte(b, b, next);
                }
                return next;
            case Kind::characters:
                return characters(e.ranges, next);
            case Kind::sequence:
                for (auto part = e.parts.rbegin(); part != e.parts.rend(); ++part) {
                    TENON_TRY(next, build(*part, next, depth + 1));
                }
                return next;
            case Kind::choice: {
                NodeId all = no_node;
                for (auto part = e.parts.rbegin(); part != e.parts.rend(); ++part) {
                    TENON_TRY(const NodeId one, build(*part, next, depth + 1));
                    all = fork(one, all);
                }
                return all;
            }
            case Kind::repeat: {
                const ExprId part = e.parts[0];
                const auto least = e.least, most = e.most;
                if (most < least)
                    return fail(ErrorCode::invalid_argument,
                                fmt::format("a repetition of {} to {} times is impossible", least, most));
                if (most == unbounded) {
                    const NodeId loop = node({.kind = GrammarNode::Kind::fork, .other = next});
                    TENON_TRY(const NodeId again, build(part, loop, depth + 1));
                    network_->nodes[loop].next = again;
                    next = loop;
                } else {
                    const NodeId end = next;
                    for (std::uint32_t i = least; i < most; ++i) {
                        TENON_TRY(const NodeId one, build(part, next, depth + 1));
                        next = one == no_node ? end : fork(one, end);
                    }
                }
                for (std::uint32_t i = 0; i < least; ++i) {
                    TENON_TRY(next, build(part, next, depth + 1));
                }
                return next;
            }
            case Kind::rule:
                return node({.kind = GrammarNode::Kind::call, .next = next, .rule = e.rule});
        }
        return next;
    }

    /// Sequences of byte ranges that spell the characters (RFC 3629).
    NodeId characters(const std::vector<Range>& ranges, NodeId next) {
        std::array<NodeId, 3> tails{no_node, no_node, no_node};  // one, two, three continuation bytes before `next`
        const auto tail = [&](std::size_t count) {
            NodeId to = next;
            for (std::size_t i = 0; i < count; ++i) {
                if (tails[i] == no_node) tails[i] = byte(0x80, 0xBF, to);
                to = tails[i];
            }
            return to;
        };
        NodeId all = no_node;
        const std::function<void(const std::string&, const std::string&, NodeId&, std::size_t)> spell =
            [&](const std::string& low, const std::string& high, NodeId& into, std::size_t at) {
                const auto l = static_cast<std::uint8_t>(low[at]), h = static_cast<std::uint8_t>(high[at]);
                const std::size_t rest = low.size() - at - 1;
                if (rest == 0) {
                    into = fork(byte(l, h, next), into);
                    return;
                }
                const bool low_full = std::all_of(low.begin() + static_cast<std::ptrdiff_t>(at) + 1, low.end(),
                                                  [](char c) { return c == '\x80'; });
                const bool high_full = std::all_of(high.begin() + static_cast<std::ptrdiff_t>(at) + 1, high.end(),
                                                   [](char c) { return c == '\xBF'; });
                if (low_full && high_full) {
                    into = fork(byte(l, h, tail(rest)), into);
                    return;
                }
                if (l == h) {
                    NodeId inside = no_node;
                    spell(low, high, inside, at + 1);
                    into = fork(byte(l, l, inside), into);
                    return;
                }
                std::string low_end = low, high_start = high;
                std::fill(low_end.begin() + static_cast<std::ptrdiff_t>(at) + 1, low_end.end(), '\xBF');
                std::fill(high_start.begin() + static_cast<std::ptrdiff_t>(at) + 1, high_start.end(), '\x80');
                std::uint8_t from = l, to = h;
                if (!low_full) {
                    NodeId inside = no_node;
                    spell(low, low_end, inside, at + 1);
                    into = fork(byte(l, l, inside), into);
                    ++from;
                }
                if (!high_full) {
                    NodeId inside = no_node;
                    spell(high_start, high, inside, at + 1);
                    into = fork(byte(h, h, inside), into);
                    --to;
                }
                if (from <= to) into = fork(byte(from, to, tail(rest)), into);
            };
        for (const auto& r : ranges) {
            constexpr std::array<Range, 4> lengths{
                {{0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xFFFF}, {0x10000, last_character}}};
            for (const auto& length : lengths) {
                const char32_t low = std::max(r.low, length.low), high = std::min(r.high, length.high);
                if (low <= high) spell(utf8::encode(low), utf8::encode(high), all, 0);
            }
        }
        return all != no_node ? all : node({.kind = GrammarNode::Kind::fork});  // leads nowhere
    }

    template <class Visit>
    void closure(NodeId from, Visit visit) {
        std::vector<NodeId> todo{from};
        std::vector<NodeId> seen;
        if (mark_.size() < network_->nodes.size()) mark_.resize(network_->nodes.size());
        while (!todo.empty()) {
            const NodeId id = todo.back();
            todo.pop_back();
            if (id == no_node || mark_[id]) continue;
            mark_[id] = true;
            seen.push_back(id);
            const auto& n = network_->nodes[id];
            if (n.kind == GrammarNode::Kind::fork) {
                todo.push_back(n.next);
                todo.push_back(n.other);
            } else {
                visit(n);
                if (n.kind == GrammarNode::Kind::call && network_->nullable[n.rule]) todo.push_back(n.next);
            }
        }
        for (const auto id : seen) mark_[id] = false;
    }

    void find_nullable() {
        network_->nullable.assign(rules_.names.size(), false);
        for (bool changed = true; changed;) {
            changed = false;
            for (RuleId r = 0; r < rules_.names.size(); ++r) {
                if (network_->nullable[r]) continue;
                bool empty = false;
                closure(network_->starts[r],
                        [&](const GrammarNode& n) { empty = empty || n.kind == GrammarNode::Kind::accept; });
                if (empty) network_->nullable[r] = changed = true;
            }
        }
    }

    /// Marks nodes from which the end of their rule can be reached; a call counts when the called rule can end.
    Result<void> find_useful() {
        auto& nodes = network_->nodes;
        std::vector<std::vector<NodeId>> before(nodes.size()), callers(rules_.names.size());
        for (NodeId id = 0; id < nodes.size(); ++id) {
            if (nodes[id].next != no_node) before[nodes[id].next].push_back(id);
            if (nodes[id].other != no_node) before[nodes[id].other].push_back(id);
            if (nodes[id].kind == GrammarNode::Kind::call) callers[nodes[id].rule].push_back(id);
        }
        std::multimap<NodeId, RuleId> starting;
        for (RuleId r = 0; r < network_->starts.size(); ++r) starting.emplace(network_->starts[r], r);
        std::vector<NodeId> todo(accepts_);
        const auto useful = [&](NodeId id) { return id != no_node && nodes[id].useful; };
        while (!todo.empty()) {
            const NodeId id = todo.back();
            todo.pop_back();
            auto& n = nodes[id];
            if (n.useful) continue;
            const bool now = n.kind == GrammarNode::Kind::accept ||
                             (n.kind == GrammarNode::Kind::fork && (useful(n.next) || useful(n.other))) ||
                             (n.kind == GrammarNode::Kind::byte && useful(n.next)) ||
                             (n.kind == GrammarNode::Kind::call && useful(n.next) && useful(network_->starts[n.rule]));
            if (!now) continue;
            n.useful = true;
            todo.insert(todo.end(), before[id].begin(), before[id].end());
            for (auto [r, end] = starting.equal_range(id); r != end; ++r)
                todo.insert(todo.end(), callers[r->second].begin(), callers[r->second].end());
        }
        if (!useful(network_->starts[rules_.root]))
            return fail(ErrorCode::invalid_argument, "the grammar allows no text at all");
        return {};
    }

    Result<void> refuse_left_recursion() {
        std::vector<std::uint8_t> state(rules_.names.size(), 0);
        std::vector<std::vector<RuleId>> left(rules_.names.size());
        for (RuleId r = 0; r < rules_.names.size(); ++r) {
            closure(network_->starts[r], [&](const GrammarNode& n) {
                if (n.kind == GrammarNode::Kind::call && n.useful) left[r].push_back(n.rule);
            });
            std::sort(left[r].begin(), left[r].end());
            left[r].erase(std::unique(left[r].begin(), left[r].end()), left[r].end());
        }
        struct Visit {
            RuleId rule;
            std::size_t next = 0;
        };
        for (RuleId first = 0; first < rules_.names.size(); ++first) {
            if (state[first] != 0) continue;
            std::vector<Visit> path{{first}};
            state[first] = 1;
            while (!path.empty()) {
                auto& at = path.back();
                if (at.next == left[at.rule].size()) {
                    state[at.rule] = 2;
                    path.pop_back();
                    continue;
                }
                const RuleId to = left[at.rule][at.next++];
                if (state[to] == 1)
                    return fail(
                        ErrorCode::unsupported,
                        fmt::format(
                            "the rule \"{}\" can begin with itself through other rules; rewrite it with a repetition",
                            rules_.names[to]));
                if (state[to] == 0) {
                    state[to] = 1;
                    path.push_back({to});
                }
            }
        }
        return {};
    }

    Builder builder_;
    Rules& rules_;
    Grammar::Network* network_ = nullptr;
    std::vector<NodeId> accepts_;
    std::vector<bool> mark_;
};

}  // namespace

Result<Grammar> build(Builder builder) {
    NetworkBuilder network(std::move(builder));
    return network.run();
}

}  // namespace tenon::text::grammar
