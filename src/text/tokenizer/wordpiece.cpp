#include "text/tokenizer/wordpiece.hpp"

#include <algorithm>
#include <limits>

#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/unicode.hpp"

namespace tenon::text::tok {
namespace {

constexpr std::string_view beginning_mark = "\u2581";

class WordPiece final : public Model {
  public:
    WordPiece(std::span<const std::string> tokens, const std::vector<bool>& in_model, WordPieceOptions options)
        : options_(std::move(options)) {
        std::vector<TokenId> beginnings, continuations;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            std::string_view text = tokens[i];
            const auto id = static_cast<TokenId>(i);
            const bool usable = i < in_model.size() && in_model[i];
            const std::string_view mark =
                options_.beginnings_marked ? beginning_mark : std::string_view(options_.continuing_prefix);
            const bool marked = !mark.empty() && text.size() > mark.size() && text.starts_with(mark);
            if (marked) text.remove_prefix(mark.size());
            texts_.add(text);
            if (!usable || text.empty()) continue;
            if (mark.empty()) {
                beginnings.push_back(id);
                continuations.push_back(id);
            } else {
                (marked == options_.beginnings_marked ? beginnings : continuations).push_back(id);
            }
        }
        beginnings_.build(texts_, beginnings);
        continuations_.build(texts_, continuations);
    }

    TokenId find(std::string_view token) const override {
        const std::string_view mark =
            options_.beginnings_marked ? beginning_mark : std::string_view(options_.continuing_prefix);
        const bool marked = !mark.empty() && token.size() > mark.size() && token.starts_with(mark);
        if (marked) token.remove_prefix(mark.size());
        return marked == options_.beginnings_marked || mark.empty() ? beginnings_.find(token)
                                                                    : continuations_.find(token);
    }

    void encode(std::string_view word, std::vector<TokenId>& out) const override {
        if (word.size() > options_.max_characters) {
            std::size_t characters = 0;
            for (std::size_t i = 0; i < word.size(); i += char_length(word[i])) ++characters;
            if (characters > options_.max_characters) return unknown(out);
        }
        const std::size_t before = out.size();
        for (std::size_t begin = 0; begin < word.size();) {
            const TextTable& table = begin == 0 ? beginnings_ : continuations_;
            std::size_t end = std::min(word.size(), begin + table.longest());
            while (end < word.size() && end > begin && (static_cast<unsigned char>(word[end]) & 0xC0U) == 0x80) --end;
            TokenId id = no_token;
            while (end > begin && (id = table.find(word.substr(begin, end - begin))) == no_token) {
                do --end;
                while (end > begin && (static_cast<unsigned char>(word[end]) & 0xC0U) == 0x80);
            }
            if (id == no_token) {
                out.resize(before);
                return unknown(out);
            }
            out.push_back(id);
            begin = end;
        }
    }

  private:
    void unknown(std::vector<TokenId>& out) const {
        if (options_.unknown != no_token) out.push_back(options_.unknown);
    }
    WordPieceOptions options_;
    TokenTexts texts_;
    TextTable beginnings_, continuations_;
};

class WordLevel final : public Model {
  public:
    WordLevel(std::span<const std::string> tokens, const std::vector<bool>& in_model, TokenId unknown)
        : unknown_(unknown) {
        std::vector<TokenId> ids;
        for (std::size_t i = 0; i < tokens.size(); ++i) {
            texts_.add(tokens[i]);
            if (i < in_model.size() && in_model[i]) ids.push_back(static_cast<TokenId>(i));
        }
        table_.build(texts_, ids);
    }
    TokenId find(std::string_view token) const override { return table_.find(token); }
    void encode(std::string_view word, std::vector<TokenId>& out) const override {
        const TokenId id = table_.find(word);
        if (id != no_token) {
            out.push_back(id);
        } else if (unknown_ != no_token) {
            out.push_back(unknown_);
        }
    }

  private:
    TokenTexts texts_;
    TextTable table_;
    TokenId unknown_;
};

}  // namespace

Result<ModelPtr> make_wordpiece(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                                WordPieceOptions options) {
    return ModelPtr(std::make_unique<WordPiece>(tokens, in_model, std::move(options)));
}
Result<ModelPtr> make_wordlevel(std::span<const std::string> tokens, const std::vector<bool>& in_model,
                                TokenId unknown) {
    return ModelPtr(std::make_unique<WordLevel>(tokens, in_model, unknown));
}

}  // namespace tenon::text::tok
