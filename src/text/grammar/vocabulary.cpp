#include "text/grammar/vocabulary.hpp"

#include <algorithm>

namespace tenon::text {
namespace {

using Trie = GrammarVocabulary::Trie;

constexpr std::size_t longest_token = 512;  // bytes; longer ones (padding, separators) are left out

void arrange(Trie& trie) {
    for (std::size_t id = 0; id < trie.bytes.size(); ++id)
        if (!trie.bytes[id].empty() && trie.bytes[id].size() <= longest_token)
            trie.tokens.push_back(static_cast<TokenId>(id));
    const auto text = [&](TokenId id) -> const std::string& { return trie.bytes[static_cast<std::size_t>(id)]; };
    std::sort(trie.tokens.begin(), trie.tokens.end(),
              [&](TokenId a, TokenId b) { return text(a) != text(b) ? text(a) < text(b) : a < b; });
    std::vector<std::uint32_t> path;  // nodes from the root to the last token's
    std::string before;
    for (std::uint32_t i = 0; i < trie.tokens.size(); ++i) {
        const std::string& bytes = text(trie.tokens[i]);
        std::size_t common = 0;
        while (common < before.size() && common < bytes.size() && before[common] == bytes[common]) ++common;
        while (path.size() > common) {
            trie.nodes[path.back()].end = static_cast<std::uint32_t>(trie.nodes.size());
            path.pop_back();
        }
        for (std::size_t at = common; at < bytes.size(); ++at) {
            const std::uint32_t parent = path.empty() ? Trie::no_parent : path.back();
            path.push_back(static_cast<std::uint32_t>(trie.nodes.size()));
            trie.nodes.push_back(
                {0, parent, i, 0, static_cast<std::uint16_t>(at + 1), static_cast<std::uint8_t>(bytes[at])});
        }
        ++trie.nodes[path.back()].count;
        before = bytes;
        trie.deepest = std::max(trie.deepest, bytes.size());
    }
    for (const auto node : path) trie.nodes[node].end = static_cast<std::uint32_t>(trie.nodes.size());
}

}  // namespace

GrammarVocabulary::GrammarVocabulary(std::unique_ptr<const Trie> trie) : trie_(std::move(trie)) {}
GrammarVocabulary::~GrammarVocabulary() = default;
std::size_t GrammarVocabulary::size() const noexcept { return trie_->size; }

std::shared_ptr<const GrammarVocabulary> GrammarVocabulary::create(const Tokenizer& tokenizer, std::size_t size) {
    auto trie = std::make_unique<Trie>();
    const auto& spec = tokenizer.spec();
    trie->size = std::max(size, spec.tokens.size());
    trie->bytes.resize(spec.tokens.size());
    for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
        const auto id = static_cast<TokenId>(i);
        if (tokenizer.is_end_of_generation(id)) {
            trie->ends.push_back(id);
            continue;
        }
        const auto type = spec.types.empty() ? TokenType::normal : spec.types[i];
        if (tokenizer.is_control(id) || type == TokenType::unknown || type == TokenType::unused ||
            type == TokenType::control)
            continue;
        trie->bytes[i] = tokenizer.token_bytes(id);
    }
    arrange(*trie);
    return std::shared_ptr<const GrammarVocabulary>(new GrammarVocabulary(std::move(trie)));
}

std::shared_ptr<const GrammarVocabulary> GrammarVocabulary::create(std::span<const std::string> tokens,
                                                                   std::span<const TokenId> ends) {
    auto trie = std::make_unique<Trie>();
    trie->size = tokens.size();
    trie->bytes.assign(tokens.begin(), tokens.end());
    trie->ends.assign(ends.begin(), ends.end());
    for (const auto id : ends) trie->bytes[static_cast<std::size_t>(id)].clear();
    arrange(*trie);
    return std::shared_ptr<const GrammarVocabulary>(new GrammarVocabulary(std::move(trie)));
}

}  // namespace tenon::text
