// The network of states a grammar becomes.
#pragma once

#include <cstdint>
#include <vector>

#include "tenon/text/grammar.hpp"
#include "text/grammar/expression.hpp"

namespace tenon::text {

using NodeId = std::uint32_t;
inline constexpr NodeId no_node = 0xFFFFFFFF;

struct GrammarNode {
    enum class Kind : std::uint8_t { fork, byte, call, accept } kind = Kind::fork;
    std::uint8_t low = 0, high = 0;  // byte
    bool useful = false;             // may reach the end of its rule
    NodeId next = no_node;           // fork, byte, call
    NodeId other = no_node;          // fork
    grammar::RuleId rule = 0;        // call
};

struct Grammar::Network {
    std::vector<GrammarNode> nodes;
    std::vector<NodeId> starts;  // by rule
    std::vector<bool> nullable;  // by rule
    grammar::RuleId root = 0;
};

namespace grammar {

/// Errors: invalid_argument (an undefined rule, a grammar that allows nothing), unsupported (left recursion through
/// several rules), resource_exhausted.
[[nodiscard]] Result<Grammar> build(Builder builder);

}  // namespace grammar
}  // namespace tenon::text
