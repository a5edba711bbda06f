// Tokens as a tree of bytes.
#pragma once

#include <cstdint>
#include <vector>

#include "tenon/text/grammar.hpp"

namespace tenon::text {

/// Nodes in depth-first order; the root is not among them.
struct GrammarVocabulary::Trie {
    struct Node {
        std::uint32_t end;     ///< the node after this one's subtree
        std::uint32_t parent;  ///< no_parent: the root
        std::uint32_t first;   ///< into `tokens`: those of the subtree begin here …
        std::uint16_t count;   ///< … with so many that end in this very node
        std::uint16_t depth;   ///< 1 below the root
        std::uint8_t byte;
    };
    static constexpr std::uint32_t no_parent = 0xFFFFFFFF;
    std::vector<Node> nodes;
    std::vector<TokenId> tokens;     ///< sorted by their bytes
    std::vector<TokenId> ends;       ///< end a generation
    std::vector<std::string> bytes;  ///< by token; empty: never allowed
    std::size_t size = 0;
    std::size_t deepest = 0;
};

}  // namespace tenon::text
