// A byte trie with values: common-prefix search over vocabularies and added tokens.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenon::text::tok {

/// Insert all, freeze once, then search from many threads. Of equal keys the first inserted wins.
class Trie {
  public:
    void insert(std::string_view key, std::int32_t value) { keys_.emplace_back(std::string(key), value); }

    void freeze() {
        std::ranges::stable_sort(keys_, {}, &std::pair<std::string, std::int32_t>::first);
        const auto repeats = std::ranges::unique(keys_, {}, &std::pair<std::string, std::int32_t>::first);
        keys_.erase(repeats.begin(), repeats.end());
        // Breadth first, so that the children of a node lie side by side, in the order of their bytes.
        struct Group {
            std::uint32_t node;
            std::size_t begin, end, depth;
        };
        nodes_.assign(1, Node{});
        std::vector<Group> level{{0, 0, keys_.size(), 0}};
        for (std::size_t g = 0; g < level.size(); ++g) {
            Group group = level[g];
            if (group.begin < group.end && keys_[group.begin].first.size() == group.depth) {
                nodes_[group.node].value = keys_[group.begin].second;
                ++group.begin;
            }
            nodes_[group.node].first_child = static_cast<std::uint32_t>(nodes_.size());
            for (std::size_t i = group.begin; i < group.end;) {
                const char byte = keys_[i].first[group.depth];
                std::size_t j = i;
                while (j < group.end && keys_[j].first[group.depth] == byte) ++j;
                level.push_back({static_cast<std::uint32_t>(nodes_.size()), i, j, group.depth + 1});
                nodes_.push_back({0, 0, -1, static_cast<unsigned char>(byte)});
                ++nodes_[group.node].children;
                i = j;
            }
        }
        keys_.clear();
        keys_.shrink_to_fit();
        for (std::uint32_t c = 0; c < nodes_[0].children; ++c)
            roots_[nodes_[nodes_[0].first_child + c].byte] = nodes_[0].first_child + c;
    }

    /// Calls visit(length, value) for each key that `text` begins with, shortest first.
    template <class Visit>
    void for_each_prefix(std::string_view text, Visit&& visit) const {
        if (text.empty() || nodes_.empty()) return;
        std::uint32_t node = roots_[static_cast<unsigned char>(text[0])];
        for (std::size_t length = 1; node != 0; ++length) {
            if (nodes_[node].value >= 0) visit(length, nodes_[node].value);
            if (length == text.size()) return;
            node = child(node, static_cast<unsigned char>(text[length]));
        }
    }

    [[nodiscard]] std::int32_t find(std::string_view key) const {
        std::int32_t found = -1;
        for_each_prefix(key, [&](std::size_t length, std::int32_t value) {
            if (length == key.size()) found = value;
        });
        return found;
    }
    [[nodiscard]] bool may_begin(char byte) const noexcept { return roots_[static_cast<unsigned char>(byte)] != 0; }
    [[nodiscard]] bool empty() const noexcept { return nodes_.size() <= 1; }

  private:
    struct Node {
        std::uint32_t first_child = 0;
        std::uint32_t children = 0;
        std::int32_t value = -1;
        unsigned char byte = 0;
    };
    [[nodiscard]] std::uint32_t child(std::uint32_t node, unsigned char byte) const noexcept {
        std::uint32_t low = nodes_[node].first_child;
        std::uint32_t high = low + nodes_[node].children;
        while (low < high) {
            const std::uint32_t middle = (low + high) / 2;
            if (nodes_[middle].byte < byte) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return low < nodes_[node].first_child + nodes_[node].children && nodes_[low].byte == byte ? low : 0;
    }

    std::vector<std::pair<std::string, std::int32_t>> keys_;
    std::vector<Node> nodes_;
    std::array<std::uint32_t, 256> roots_{};
};

}  // namespace tenon::text::tok
