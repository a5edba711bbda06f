#include "text/tokenizer/unigram.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/trie.hpp"
#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {
namespace {

constexpr double unknown_penalty = 10.0;

class Unigram final : public Model {
  public:
    Unigram(std::span<const std::string> tokens, std::vector<double> scores, UnigramOptions options)
        : options_(std::move(options)), scores_(std::move(scores)) {
        bytes_.fill(no_token);
        double lowest = std::numeric_limits<double>::infinity();
        double highest = -std::numeric_limits<double>::infinity();
        const auto flag = [](const std::vector<bool>& flags, std::size_t i) { return i < flags.size() && flags[i]; };
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            const int byte = byte_of_token(tokens[i]);
            if (options_.byte_fallback && byte >= 0) bytes_[static_cast<std::size_t>(byte)] = static_cast<TokenId>(i);
            const bool excluded = flag(options_.excluded, i);
            if (!excluded || options_.excluded.empty()) {
                lowest = std::min(lowest, scores_[i]);
                highest = std::max(highest, scores_[i]);
            }
            if (!excluded && !tokens[i].empty()) trie_.insert(tokens[i], static_cast<std::int32_t>(i));
        }
        trie_.freeze();
        unknown_score_ = lowest - unknown_penalty;
        highest_ = highest;
    }

    TokenId find(std::string_view token) const override { return trie_.find(token); }

    void encode(std::string_view piece, std::vector<TokenId>& out) const override {
        if (options_.single_precision) {
            viterbi<float>(piece, out);
        } else {
            viterbi<double>(piece, out);
        }
    }

  private:
    template <class Real>
    struct Node {
        Real score = 0;
        std::uint32_t begin = 0;
        TokenId id = no_token;
        bool reached = false;
    };

    template <class Real>
    void viterbi(std::string_view text, std::vector<TokenId>& out) const {
        const std::size_t n = text.size();
        std::vector<Node<Real>> best(n + 1);
        best[0].reached = true;
        const auto offer = [&](std::size_t begin, std::size_t end, Real score, TokenId id) {
            Node<Real>& node = best[end];
            if (node.reached && !(score > node.score)) return;
            node = {score, static_cast<std::uint32_t>(begin), id, true};
        };
        for (std::size_t begin = 0; begin < n;) {
            const std::size_t one = char_length(text[begin]);
            const Real here = best[begin].score;
            bool single = false;
            trie_.for_each_prefix(text.substr(begin), [&](std::size_t length, std::int32_t id) {
                const auto i = static_cast<std::size_t>(id);
                const bool user = i < options_.user_defined.size() && options_.user_defined[i];
                const Real score = user ? static_cast<Real>(static_cast<double>(length) * highest_ - 0.1)
                                        : static_cast<Real>(scores_[i]);
                offer(begin, begin + length, static_cast<Real>(score + here), id);
                single = single || length == one;
            });
            if (!single)
                offer(begin, begin + one, static_cast<Real>(static_cast<Real>(unknown_score_) + here),
                      options_.unknown);
            begin += one;
        }
        std::vector<std::size_t> ends;
        for (std::size_t end = n; end > 0; end = best[end].begin) ends.push_back(end);
        bool last_unknown = false;
        for (auto it = ends.rbegin(); it != ends.rend(); ++it) {
            const Node<Real>& node = best[*it];
            if (node.id != options_.unknown) {
                out.push_back(node.id);
                last_unknown = false;
                continue;
            }
            const std::string_view unknown = text.substr(node.begin, *it - node.begin);
            if (options_.byte_fallback && std::ranges::all_of(unknown, [&](char c) {
                    return bytes_[static_cast<unsigned char>(c)] != no_token;
                })) {
                for (const char c : unknown) out.push_back(bytes_[static_cast<unsigned char>(c)]);
                last_unknown = false;
                continue;
            }
            if (!last_unknown && options_.unknown != no_token) out.push_back(options_.unknown);
            last_unknown = true;
        }
    }

    UnigramOptions options_;
    std::vector<double> scores_;
    Trie trie_;
    std::array<TokenId, 256> bytes_{};
    double unknown_score_ = 0;
    double highest_ = 0;
};

}  // namespace

Result<ModelPtr> make_unigram(std::span<const std::string> tokens, std::vector<double> scores, UnigramOptions options) {
    if (tokens.size() != scores.size())
        return fail(ErrorCode::corrupt, "the unigram tokenizer has not one score for each token");
    if (options.unknown != no_token &&
        (options.unknown < 0 || static_cast<std::size_t>(options.unknown) >= tokens.size()))
        return fail(ErrorCode::corrupt, "the unigram tokenizer's unknown id is outside its vocabulary");
    return ModelPtr(std::make_unique<Unigram>(tokens, std::move(scores), std::move(options)));
}

}  // namespace tenon::text::tok
