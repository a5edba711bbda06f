#include "text/grammar/machine.hpp"

#include <algorithm>

namespace tenon::text::grammar {
namespace {

constexpr SetId no_set = 0xFFFFFFFF;
constexpr std::size_t max_stored = 20'000;  // configurations kept, 2 KB each and more
constexpr std::size_t max_entries = 4096;   // in one configuration
constexpr std::size_t max_frames = 4'000'000;
constexpr std::size_t max_set_nodes = 40'000'000;
constexpr std::uint32_t max_frame_depth = 120;  // nesting of calls; JSON nested deeper would not parse

}  // namespace

std::size_t Machine::VectorHash::operator()(const std::vector<std::uint32_t>& v) const noexcept {
    std::uint64_t hash = 0xcbf29ce484222325U ^ v.size();
    for (const auto x : v) {
        hash = (hash ^ x) * 0x9E3779B97F4A7C15U;
        hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
}

Machine::Machine(std::shared_ptr<const Grammar::Network> network) : network_(std::move(network)) {
    sets_.emplace_back();
    set_ids_[{}] = dead_set;
    start_sets_.assign(network_->starts.size(), no_set);
    frames_ = {{dead_set, bottom_frame, 0}, {dead_set, unknown_frame, 0}};
    mark_.resize(network_->nodes.size());
    Overflow none;
    dead_ = finish({}, false, false, none);
    start_ = finish({{bottom_frame, start_set(network_->root)}}, network_->nullable[network_->root], false, none);
}

SetId Machine::intern(std::vector<NodeId> nodes) {
    std::sort(nodes.begin(), nodes.end());
    const auto [at, made] = set_ids_.try_emplace(nodes, static_cast<SetId>(sets_.size()));
    if (!made) return at->second;
    set_nodes_ += nodes.size() + 300;
    if (set_nodes_ > max_set_nodes) overwhelmed_ = true;
    Set& set = sets_.emplace_back();
    for (const auto id : nodes) {
        const auto kind = network_->nodes[id].kind;
        set.accepting = set.accepting || kind == GrammarNode::Kind::accept;
        set.reads = set.reads || kind == GrammarNode::Kind::byte;
    }
    set.nodes = std::move(nodes);
    return at->second;
}

SetId Machine::closed(const std::vector<NodeId>& from, bool without_end) {
    std::vector<NodeId> todo(from), seen, kept;
    while (!todo.empty()) {
        const NodeId id = todo.back();
        todo.pop_back();
        if (id == no_node || mark_[id] || !network_->nodes[id].useful) continue;
        mark_[id] = true;
        seen.push_back(id);
        const auto& n = network_->nodes[id];
        if (n.kind == GrammarNode::Kind::fork) {
            todo.push_back(n.next);
            todo.push_back(n.other);
            continue;
        }
        if (n.kind == GrammarNode::Kind::call && network_->nullable[n.rule]) todo.push_back(n.next);
        if (n.kind != GrammarNode::Kind::accept || !without_end) kept.push_back(id);
    }
    for (const auto id : seen) mark_[id] = false;
    return intern(std::move(kept));
}

SetId Machine::united(SetId a, SetId b) {
    if (a == b || b == dead_set) return a;
    if (a == dead_set) return b;
    if (a > b) std::swap(a, b);
    const auto [at, made] = unions_.try_emplace((std::uint64_t{a} << 32) | b, dead_set);
    if (made) {
        std::vector<NodeId> all;
        std::set_union(sets_[a].nodes.begin(), sets_[a].nodes.end(), sets_[b].nodes.begin(), sets_[b].nodes.end(),
                       std::back_inserter(all));
        at->second = intern(std::move(all));
    }
    return at->second;
}

SetId Machine::step_set(SetId id, std::uint8_t byte) {
    Set& set = sets_[id];
    if (!set.reads) return dead_set;
    if (!set.next) {
        set.next = std::make_unique<std::array<SetId, 256>>();
        set.next->fill(no_set);
    }
    SetId& next = (*set.next)[byte];
    if (next == no_set) {
        std::vector<NodeId> to;
        for (const auto n : set.nodes) {
            const auto& node = network_->nodes[n];
            if (node.kind == GrammarNode::Kind::byte && node.low <= byte && byte <= node.high) to.push_back(node.next);
        }
        next = closed(to, false);
    }
    return next;
}

SetId Machine::start_set(RuleId rule) {
    if (start_sets_[rule] == no_set) start_sets_[rule] = closed({network_->starts[rule]}, true);
    return start_sets_[rule];
}

FrameId Machine::frame(SetId back, FrameId below) {
    const auto [at, made] =
        frame_ids_.try_emplace((std::uint64_t{back} << 32) | below, static_cast<FrameId>(frames_.size()));
    if (made) {
        frames_.push_back({back, below, frames_[below].depth + 1});
        if (frames_.size() > max_frames) overwhelmed_ = true;
    }
    return at->second;
}

void Machine::expand(SetId id) {
    if (sets_[id].expanded) return;
    sets_[id].expanded = true;
    std::vector<std::pair<RuleId, NodeId>> backs;
    for (const auto n : sets_[id].nodes)
        if (const auto& node = network_->nodes[n]; node.kind == GrammarNode::Kind::call)
            backs.emplace_back(node.rule, node.next);
    std::sort(backs.begin(), backs.end());
    std::vector<Call> calls;
    for (std::size_t i = 0; i < backs.size();) {
        std::vector<NodeId> to;
        const RuleId rule = backs[i].first;
        for (; i < backs.size() && backs[i].first == rule; ++i) to.push_back(backs[i].second);
        const SetId back = closed(to, false);
        const bool tail = std::ranges::all_of(
            sets_[back].nodes, [&](NodeId n) { return network_->nodes[n].kind == GrammarNode::Kind::accept; });
        calls.push_back({rule, back, tail});
    }
    sets_[id].calls = std::move(calls);
}

// Enters the calls of a kernel, shallow frames first: a frame's set is complete before its calls are entered.
Configuration* Machine::finish(std::vector<Entry> kernel, bool may_end, bool left, Overflow& overflow) {
    std::sort(kernel.begin(), kernel.end());
    std::vector<std::uint32_t> key{static_cast<std::uint32_t>(may_end) | (static_cast<std::uint32_t>(left) << 1)};
    for (const auto& e : kernel) {
        key.push_back(e.frame);
        key.push_back(e.set);
    }
    if (const auto found = table_.find(key); found != table_.end()) return found->second.get();

    auto made = std::make_unique<Configuration>();
    made->may_end = may_end;
    made->left = left;
    std::unordered_map<FrameId, SetId> sets;
    std::vector<std::vector<FrameId>> by_depth;
    const auto put = [&](FrameId f, SetId s) {
        const auto [at, fresh] = sets.try_emplace(f, s);
        if (!fresh) at->second = united(at->second, s);
        if (!fresh) return at->second != s;
        const auto depth = frames_[f].depth;
        if (by_depth.size() <= depth) by_depth.resize(depth + 1);
        by_depth[depth].push_back(f);
        return true;
    };
    for (const auto& e : kernel) put(e.frame, e.set);
    for (std::size_t depth = 0; depth < by_depth.size(); ++depth) {
        for (std::size_t i = 0; i < by_depth[depth].size(); ++i) {
            const FrameId f = by_depth[depth][i];
            // A tail call puts its callee under the same frame: repeat until the set no longer grows.
            for (SetId before = no_set; before != sets.at(f);) {
                before = sets.at(f);
                expand(before);
                for (const auto& call : sets_[before].calls) {
                    if (call.tail)
                        put(f, start_set(call.rule));
                    else if (frames_[f].depth < max_frame_depth)
                        put(frame(call.back, f), start_set(call.rule));
                }
                if (sets.size() > max_entries) {
                    overwhelmed_ = true;
                    return dead_;
                }
            }
        }
    }
    made->kernel = std::move(kernel);
    for (const auto& [f, s] : sets)
        if (sets_[s].reads) made->all.push_back({f, s});
    std::sort(made->all.begin(), made->all.end());
    if (table_.size() < max_stored) {
        made->stored = true;
        return table_.emplace(std::move(key), std::move(made)).first->second.get();
    }
    return overflow.emplace_back(std::move(made)).get();
}

Configuration* Machine::find_step(Configuration* from, std::uint8_t byte, Overflow& overflow) {
    std::unordered_map<FrameId, SetId> sets;
    std::vector<std::vector<FrameId>> by_depth;
    const auto put = [&](FrameId f, SetId s) {
        const auto [at, fresh] = sets.try_emplace(f, s);
        if (!fresh) at->second = united(at->second, s);
        if (!fresh) return;
        const auto depth = frames_[f].depth;
        if (by_depth.size() <= depth) by_depth.resize(depth + 1);
        by_depth[depth].push_back(f);
    };
    for (const auto& e : from->all)
        if (const SetId to = step_set(e.set, byte); to != dead_set) put(e.frame, to);
    // Rules that ended, deep ones first.
    bool may_end = false, left = false;
    for (std::size_t depth = by_depth.size(); depth-- > 0;) {
        for (std::size_t i = 0; i < by_depth[depth].size(); ++i) {
            const FrameId f = by_depth[depth][i];
            if (!sets_[sets.at(f)].accepting) continue;
            if (f == bottom_frame)
                may_end = true;
            else if (f == unknown_frame)
                left = true;
            else
                put(frames_[f].below, frames_[f].back);
        }
    }
    std::vector<Entry> kernel;
    for (const auto& [f, s] : sets) kernel.push_back({f, s});
    Configuration* to = kernel.empty() ? dead_ : finish(std::move(kernel), may_end, left, overflow);
    if (from->stored && (to->stored || to == dead_)) from->next[byte] = to;
    return to;
}

Configuration* Machine::alone(SetId set, Overflow& overflow) {
    return finish({{unknown_frame, set}}, false, false, overflow);
}

bool Machine::crowded() const noexcept {
    return overwhelmed_ || table_.size() >= max_stored || frames_.size() > max_frames / 2 ||
           set_nodes_ > max_set_nodes / 2;
}

bool Machine::shallow(const Configuration& at) const noexcept {
    return std::ranges::all_of(at.kernel,
                               [this](const auto& e) { return frames_[e.frame].depth + 40 < max_frame_depth; });
}

}  // namespace tenon::text::grammar
