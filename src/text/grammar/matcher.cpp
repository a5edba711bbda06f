#include <algorithm>
#include <mutex>

#include "text/grammar/machine.hpp"
#include "text/grammar/vocabulary.hpp"

namespace tenon::text {

using grammar::Configuration;
using grammar::Machine;
using grammar::SetId;

namespace {

constexpr std::size_t max_kept_bytes = std::size_t{96} << 20;  // of masks, per grammar

struct Words {
    std::vector<std::uint64_t> bits;
    explicit Words(std::size_t size) : bits((size + 63) / 64) {}
    void set(TokenId id) {
        bits[static_cast<std::size_t>(id) / 64] |= std::uint64_t{1} << (static_cast<std::size_t>(id) % 64);
    }
};

/// What one set allows, whatever stands below it.
struct Analysis {
    std::vector<std::uint64_t> bits;  // allowed; empty: `few` says which
    std::vector<TokenId> few;
    std::vector<std::uint32_t> open;  // subtrees that depend on what stands below
    [[nodiscard]] std::size_t bytes() const { return bits.size() * 8 + few.size() * 4 + open.size() * 4; }
};

/// A machine and what was found with it. When it is crowded, new matchers begin with another; old ones keep theirs.
struct Generation {
    explicit Generation(const Grammar& grammar) : machine(grammar.network()) {}
    Machine machine;
    std::unordered_map<SetId, Analysis> analyses;
    std::size_t kept_bytes = 0;
};

struct Standing {
    std::shared_ptr<Generation> generation;
    Configuration* at = nullptr;
    Machine::Overflow owned;  // `at`, when the table had no room for it
};

}  // namespace

struct TokenGrammar::Impl {
    Impl(Grammar g, std::shared_ptr<const GrammarVocabulary> v)
        : grammar(std::move(g)),
          vocabulary(std::move(v)),
          trie(vocabulary->trie()),
          current(std::make_shared<Generation>(grammar)),
          stack(trie.deepest + 1) {}

    const Grammar grammar;
    const std::shared_ptr<const GrammarVocabulary> vocabulary;
    const GrammarVocabulary::Trie& trie;

    std::mutex mutex;  // guards everything below
    std::shared_ptr<Generation> current;
    struct Level {
        Configuration* at;
        bool left;
    };
    std::vector<Level> stack;

    /// The tokens of the nodes [from, to) below `stack[depth of from - 1]` that stay alive; `dies(node, left)` hears of
    /// each subtree that does not.
    template <class Alive, class Dies>
    void walk(Machine& machine, std::uint32_t from, std::uint32_t to, Machine::Overflow& overflow, Alive alive,
              Dies dies) {
        for (std::uint32_t i = from; i < to;) {
            const auto& node = trie.nodes[i];
            const Level& above = stack[node.depth - 1U];
            Configuration* now = machine.step(above.at, node.byte, overflow);
            if (now->dead()) {
                dies(i, above.left);
                i = node.end;
                continue;
            }
            for (std::uint32_t t = node.first; t < node.first + node.count; ++t) alive(trie.tokens[t]);
            stack[node.depth] = {now, above.left || now->left};
            ++i;
        }
    }

    const Analysis& analysis(Generation& g, SetId set, Analysis& scratch, Machine::Overflow& overflow) {
        if (const auto found = g.analyses.find(set); found != g.analyses.end()) return found->second;
        scratch = {};
        Words words(trie.size);
        std::size_t count = 0;
        stack[0] = {g.machine.alone(set, overflow), false};
        walk(
            g.machine, 0, static_cast<std::uint32_t>(trie.nodes.size()), overflow,
            [&](TokenId t) {
                words.set(t);
                ++count;
            },
            [&](std::uint32_t node, bool left) {
                if (left) scratch.open.push_back(node);
            });
        if (count * 64 < trie.size) {
            for (std::size_t w = 0; w < words.bits.size(); ++w)
                for (auto bits = words.bits[w]; bits != 0; bits &= bits - 1)
                    scratch.few.push_back(
                        static_cast<TokenId>(w * 64 + static_cast<std::size_t>(__builtin_ctzll(bits))));
        } else {
            scratch.bits = std::move(words.bits);
        }
        scratch.open.shrink_to_fit();
        g.kept_bytes += scratch.bytes();
        if (g.kept_bytes > max_kept_bytes) return scratch;
        return g.analyses.emplace(set, std::move(scratch)).first->second;
    }

    TokenMask mask(Generation& g, Configuration* at) {
        if (at->mask) return at->mask;
        Machine::Overflow overflow;
        Words words(trie.size);
        std::vector<std::uint32_t> open;
        if (!g.machine.shallow(*at)) {
            stack[0] = {at, false};
            walk(
                g.machine, 0, static_cast<std::uint32_t>(trie.nodes.size()), overflow, [&](TokenId t) { words.set(t); },
                [](auto, auto) {});
        } else {
            Analysis scratch;
            for (const auto& entry : at->kernel) {
                const auto& known = analysis(g, entry.set, scratch, overflow);
                for (std::size_t w = 0; w < known.bits.size(); ++w) words.bits[w] |= known.bits[w];
                for (const auto t : known.few) words.set(t);
                open.insert(open.end(), known.open.begin(), known.open.end());
            }
        }
        // In order, and none twice; a subtree inside another one is walked with it.
        std::sort(open.begin(), open.end());
        std::uint32_t done = 0, last_parent = GrammarVocabulary::Trie::no_parent - 1;
        for (const auto root : open) {
            if (root < done) continue;
            const auto& node = trie.nodes[root];
            done = node.end;
            if (node.parent != last_parent) replay(g.machine, at, node.parent, overflow);
            last_parent = node.parent;
            walk(
                g.machine, root, node.end, overflow, [&](TokenId t) { words.set(t); }, [](auto, auto) {});
        }
        if (at->may_end)
            for (const auto id : trie.ends) words.set(id);
        auto made = std::make_shared<const std::vector<std::uint64_t>>(std::move(words.bits));
        if (at->stored && g.kept_bytes < max_kept_bytes) {
            g.kept_bytes += made->size() * 8;
            at->mask = made;
        }
        return made;
    }

    /// Fills the stack for the children of `node`.
    void replay(Machine& machine, Configuration* from, std::uint32_t node, Machine::Overflow& overflow) {
        path.clear();
        for (; node != GrammarVocabulary::Trie::no_parent; node = trie.nodes[node].parent)
            path.push_back(trie.nodes[node].byte);
        stack[0] = {from, false};
        for (std::size_t d = 0; d < path.size(); ++d)
            stack[d + 1] = {machine.step(stack[d].at, path[path.size() - d - 1], overflow), false};
    }
    std::vector<std::uint8_t> path;
};

TokenGrammar::TokenGrammar(Grammar grammar, std::shared_ptr<const GrammarVocabulary> vocabulary)
    : impl_(std::make_unique<Impl>(std::move(grammar), std::move(vocabulary))) {}
TokenGrammar::~TokenGrammar() = default;

std::string bytes_of(const TokenGrammar& grammar, TokenId token) {
    const auto& all = grammar.impl().trie.bytes;
    return token >= 0 && static_cast<std::size_t>(token) < all.size() ? all[static_cast<std::size_t>(token)]
                                                                      : std::string();
}

namespace {

const Standing& standing(const std::shared_ptr<const void>& state) {
    return *static_cast<const Standing*>(state.get());
}

/// Steps through `bytes`; null when they lead nowhere. What is outside the table is kept by the result.
std::shared_ptr<const void> follow(const std::shared_ptr<Generation>& generation, Configuration* from,
                                   std::string_view bytes) {
    auto to = std::make_shared<Standing>();
    to->generation = generation;
    Machine& machine = generation->machine;
    Machine::Overflow all;
    to->at = from;
    for (const char c : bytes) {
        to->at = machine.step(to->at, static_cast<std::uint8_t>(c), all);
        if (to->at->dead()) return nullptr;
    }
    for (auto& made : all)
        if (made.get() == to->at) to->owned.push_back(std::move(made));
    return to;
}

}  // namespace

GrammarMatcher::GrammarMatcher(std::shared_ptr<TokenGrammar> grammar) : grammar_(std::move(grammar)) {
    auto& impl = grammar_->impl();
    const std::scoped_lock lock(impl.mutex);
    if (impl.current->machine.crowded()) impl.current = std::make_shared<Generation>(impl.grammar);
    auto start = std::make_shared<Standing>();
    start->generation = impl.current;
    start->at = impl.current->machine.start();
    state_ = std::move(start);
}

Result<TokenMask> GrammarMatcher::mask() {
    auto& impl = grammar_->impl();
    const std::scoped_lock lock(impl.mutex);
    auto& generation = *standing(state_).generation;
    auto made = impl.mask(generation, standing(state_).at);
    if (generation.machine.overwhelmed())
        return fail(ErrorCode::resource_exhausted,
                    "the grammar is too ambiguous to follow; make its alternatives differ earlier");
    return made;
}

bool GrammarMatcher::accept(TokenId token) {
    const auto& trie = grammar_->impl().trie;
    if (token < 0 || static_cast<std::size_t>(token) >= trie.size) return false;
    if (std::ranges::find(trie.ends, token) != trie.ends.end()) return may_end();
    const auto& bytes = static_cast<std::size_t>(token) < trie.bytes.size()
                            ? trie.bytes[static_cast<std::size_t>(token)]
                            : std::string();
    return !bytes.empty() && accept_bytes(bytes);
}

bool GrammarMatcher::accept_bytes(std::string_view bytes) {
    auto& impl = grammar_->impl();
    const auto before = state_;  // its configuration must outlive the steps from it
    const std::scoped_lock lock(impl.mutex);
    if (bytes.empty()) return true;
    auto to = follow(standing(before).generation, standing(before).at, bytes);
    if (!to) return false;
    state_ = std::move(to);
    return true;
}

bool GrammarMatcher::may_end() const { return standing(state_).at->may_end; }
bool GrammarMatcher::must_end() const {
    const auto* at = standing(state_).at;
    return at->may_end && at->all.empty();
}

std::string GrammarMatcher::forced_bytes(std::size_t most) const {
    auto& impl = grammar_->impl();
    const std::scoped_lock lock(impl.mutex);
    Machine::Overflow overflow;
    std::string out;
    for (Configuration* at = standing(state_).at; out.size() < most && !at->may_end;) {
        Configuration* only = nullptr;
        int choices = 0, chosen = 0;
        for (int b = 0; b < 256 && choices < 2; ++b) {
            Configuration* to = standing(state_).generation->machine.step(at, static_cast<std::uint8_t>(b), overflow);
            if (to->dead()) continue;
            ++choices;
            only = to;
            chosen = b;
        }
        if (choices != 1) break;
        out += static_cast<char>(chosen);
        at = only;
    }
    return out;
}

bool Grammar::begins(std::string_view text) const {
    const auto fresh = std::make_shared<Generation>(*this);
    return follow(fresh, fresh->machine.start(), text) != nullptr;
}

bool Grammar::accepts(std::string_view text) const {
    const auto fresh = std::make_shared<Generation>(*this);
    const auto end = follow(fresh, fresh->machine.start(), text);
    return end != nullptr && standing(end).at->may_end;
}

}  // namespace tenon::text
