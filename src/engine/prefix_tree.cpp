#include "engine/prefix_tree.hpp"

#include <algorithm>

namespace tenon::engine {

using model::kv_page_tokens;
using model::KvPage;

std::size_t common_prefix(std::span<const text::TokenId> a, std::span<const text::TokenId> b) noexcept {
    const std::size_t shorter = std::min(a.size(), b.size());
    return static_cast<std::size_t>(
        std::mismatch(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(shorter), b.begin()).first - a.begin());
}

struct PrefixTree::Node {
    std::vector<text::TokenId> tokens;
    KvPage page = 0;
    std::uint64_t last_used = 0;
    Node* parent = nullptr;
    std::vector<std::unique_ptr<Node>> children;
};

namespace {

/// Calls visit(node) on every node below.
template <class Node, class Visit>
void each(const Node& node, const Visit& visit) {
    for (const auto& child : node.children) {
        visit(*child);
        each(*child, visit);
    }
}

}  // namespace

PrefixTree::PrefixTree(std::shared_ptr<model::KvPool> pool) : pool_(std::move(pool)) {}

PrefixTree::~PrefixTree() {
    for (const auto& [space, root] : roots_) each(*root, [&](const Node& node) { pool_->release(node.page); });
}

PrefixTree::Match PrefixTree::match(model::AdapterUse adapter, std::span<const text::TokenId> tokens) {
    Match match;
    ++clock_;
    const auto root = roots_.find(space_of(adapter));
    if (root == roots_.end()) return match;
    for (Node* node = root->second.get(); match.length < tokens.size();) {
        Node* best = nullptr;
        std::size_t shared = 0;
        for (const auto& child : node->children) {
            const std::size_t common = common_prefix(child->tokens, tokens.subspan(match.length));
            if (common <= shared) continue;
            shared = common;
            best = child.get();
        }
        if (best == nullptr) break;
        best->last_used = clock_;
        match.length += shared;
        match.pages.push_back(best->page);
        if (shared < kv_page_tokens) break;
        node = best;
    }
    return match;
}

void PrefixTree::insert(model::AdapterUse adapter, std::span<const text::TokenId> tokens,
                        std::span<const KvPage> pages) {
    ++clock_;
    auto& root = roots_[space_of(adapter)];
    if (root == nullptr) root = std::make_unique<Node>();
    Node* node = root.get();
    for (const KvPage page : pages) {
        if (tokens.empty()) return;
        const auto part = tokens.first(std::min(kv_page_tokens, tokens.size()));
        tokens = tokens.subspan(part.size());
        Node* next = nullptr;
        for (const auto& child : node->children) {
            const std::size_t common = common_prefix(child->tokens, part);
            if (common == part.size()) {  // all of it is here already, perhaps more
                next = child.get();
                break;
            }
            if (common < child->tokens.size()) continue;
            // A page that went on to be filled takes the place of what it was.
            pool_->retain(page);
            pool_->release(child->page);
            child->page = page;
            child->tokens.assign(part.begin(), part.end());
            next = child.get();
            break;
        }
        if (next == nullptr) {
            next = node->children.emplace_back(std::make_unique<Node>()).get();
            next->tokens.assign(part.begin(), part.end());
            next->page = page;
            next->parent = node;
            pool_->retain(page);
            ++size_;
        }
        next->last_used = clock_;
        node = next;
    }
}

void PrefixTree::evict(std::size_t count) {
    while (pool_->free_pages() < count) {
        std::vector<Node*> leaves;
        for (const auto& [space, root] : roots_)
            each(*root, [&](Node& node) {
                if (node.children.empty() && pool_->references(node.page) == 1) leaves.push_back(&node);
            });
        if (leaves.empty()) break;
        std::ranges::sort(leaves, {}, &Node::last_used);
        for (Node* leaf : leaves) {
            if (pool_->free_pages() >= count) break;
            pool_->release(leaf->page);
            --size_;
            std::erase_if(leaf->parent->children, [&](const auto& child) { return child.get() == leaf; });
        }
    }
    std::erase_if(roots_, [](const auto& entry) { return entry.second->children.empty(); });
}

std::size_t PrefixTree::evictable() const {
    // A page that somebody reads holds those above it: whoever reads it reads them too.
    std::size_t count = 0;
    for (const auto& [space, root] : roots_)
        each(*root, [&](const Node& node) { count += pool_->references(node.page) == 1 ? 1 : 0; });
    return count;
}

}  // namespace tenon::engine
