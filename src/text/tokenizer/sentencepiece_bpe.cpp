// SentencePiece BPE (Kudo & Richardson 2018), as in Llama 2 and Gemma.
#include <algorithm>
#include <array>
#include <queue>

#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/unicode.hpp"
#include "text/tokenizer/word_cache.hpp"

namespace tenon::text::tok {
namespace {

class SentencePieceBpe final : public Model {
  public:
    explicit SentencePieceBpe(const TokenizerSpec& spec)
        : scores_(spec.scores), unknown_(spec.unk), cache_(spec.tokens.size()) {
        bytes_.fill(no_token);
        std::vector<TokenId> ids;
        ids.reserve(spec.tokens.size());
        for (std::size_t i = 0; i < spec.tokens.size(); ++i) {
            const std::string& token = spec.tokens[i];
            const TokenType type = i < spec.types.size() ? spec.types[i] : TokenType::normal;
            texts_.add(token);
            const int byte = byte_of_token(token);
            if (byte >= 0 && (type == TokenType::byte || spec.types.empty())) {
                if (bytes_[static_cast<std::size_t>(byte)] == no_token)
                    bytes_[static_cast<std::size_t>(byte)] = static_cast<TokenId>(i);
            } else if (!token.empty() && type != TokenType::control && type != TokenType::unknown) {
                ids.push_back(static_cast<TokenId>(i));
            }
        }
        table_.build(texts_, ids);
        splitter_.build(texts_, std::ranges::find(bytes_, no_token) == bytes_.end());
    }

    TokenId find(std::string_view token) const override { return table_.find(token); }

    void encode(std::string_view piece, std::vector<TokenId>& out) const override {
        if (piece.empty()) return;
        bool last_unknown = false;
        splitter_.for_each_word(piece, [&](std::string_view word) { encode_word(word, last_unknown, out); });
    }

  private:
    struct Symbol {
        std::uint32_t begin, length;  // length 0: merged away
        std::int32_t previous, next;
    };
    struct Candidate {
        float score;
        std::int32_t left;
        std::uint32_t length;  // of both parts: stale when they have changed
        bool operator<(const Candidate& o) const { return score != o.score ? score < o.score : left > o.left; }
    };

    void encode_word(std::string_view word, bool& last_unknown, std::vector<TokenId>& out) const {
        const TokenId whole = table_.find(word);
        if (whole != no_token && cache_.is_whole(whole)) {
            out.push_back(whole);
            last_unknown = false;
            return;
        }
        std::vector<Symbol> symbols;
        symbols.reserve(word.size());
        for (std::size_t i = 0; i < word.size();) {
            const std::size_t length = char_length(word[i]);
            const auto index = static_cast<std::int32_t>(symbols.size());
            symbols.push_back(
                {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(length), index - 1, index + 1});
            i += length;
        }
        symbols.back().next = -1;
        merge(word, symbols);
        const std::size_t before = out.size();
        for (std::int32_t i = 0; i >= 0; i = symbols[static_cast<std::size_t>(i)].next) {
            const Symbol& s = symbols[static_cast<std::size_t>(i)];
            emit(word.substr(s.begin, s.length), last_unknown, out);
        }
        if (whole != no_token) cache_.learn(whole, out.size() - before == 1 && out.back() == whole);
    }

    void merge(std::string_view word, std::vector<Symbol>& symbols) const {
        const auto at = [&](std::int32_t i) -> Symbol& { return symbols[static_cast<std::size_t>(i)]; };
        std::priority_queue<Candidate> queue;
        const auto propose = [&](std::int32_t left) {
            if (left < 0 || at(left).next < 0) return;
            const std::uint32_t length = at(left).length + at(at(left).next).length;
            const TokenId id = table_.find(word.substr(at(left).begin, length));
            if (id == no_token) return;
            queue.push({static_cast<std::size_t>(id) < scores_.size() ? scores_[static_cast<std::size_t>(id)] : 0.0F,
                        left, length});
        };
        for (std::int32_t i = 0; i + 1 < static_cast<std::int32_t>(symbols.size()); ++i) propose(i);
        while (!queue.empty()) {
            const Candidate c = queue.top();
            queue.pop();
            Symbol& left = at(c.left);
            if (left.length == 0 || left.next < 0 || left.length + at(left.next).length != c.length) continue;
            Symbol& right = at(left.next);
            left.length = c.length;
            right.length = 0;
            left.next = right.next;
            if (left.next >= 0) at(left.next).previous = c.left;
            propose(left.previous);
            propose(c.left);
        }
    }

    void emit(std::string_view symbol, bool& last_unknown, std::vector<TokenId>& out) const {
        if (const TokenId id = table_.find(symbol); id != no_token) {
            out.push_back(id);
            last_unknown = false;
            return;
        }
        if (std::ranges::all_of(symbol, [&](char c) { return bytes_[static_cast<unsigned char>(c)] != no_token; })) {
            for (const char c : symbol) out.push_back(bytes_[static_cast<unsigned char>(c)]);
            last_unknown = false;
            return;
        }
        if (unknown_ != no_token && !last_unknown) out.push_back(unknown_);
        last_unknown = true;
    }

    TokenTexts texts_;
    TextTable table_;
    std::vector<float> scores_;
    TokenId unknown_;
    std::array<TokenId, 256> bytes_{};
    WordSplitter splitter_;
    WholeWordCache cache_;
};

}  // namespace

Result<ModelPtr> make_sentencepiece_bpe(const TokenizerSpec& spec) {
    return ModelPtr(std::make_unique<SentencePieceBpe>(spec));
}

}  // namespace tenon::text::tok
