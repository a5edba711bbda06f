#include "text/tokenizer/pipeline.hpp"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "tenon/base/utf8.hpp"

namespace tenon::text::tok {
namespace {

// Names that end a turn or a text, as llama.cpp counts them; they need not be marked as control tokens.
constexpr std::array<std::string_view, 16> turn_ends{"<|eot_id|>",
                                                     "<|im_end|>",
                                                     "<|end|>",
                                                     "<end_of_turn>",
                                                     "<|endoftext|>",
                                                     "<|end_of_text|>",
                                                     "<|eom_id|>",
                                                     "<EOT>",
                                                     "_<EOT>",
                                                     "< EOT >",
                                                     "<|EOT|>",
                                                     "<|END_OF_TURN_TOKEN|>",
                                                     "<\uFF5Cend\u2581of\u2581sentence\uFF5C>",
                                                     "[EOT]",
                                                     "<eos>",
                                                     "<|return|>"};

class Pipeline final : public Tokenizer {
  public:
    explicit Pipeline(Parts parts)
        : parts_(std::move(parts)), raw_added_(select(false)), normalized_added_(select(true)) {
        const TokenizerSpec& s = parts_.spec;
        for (std::size_t i = 0; i < s.tokens.size(); ++i) {
            if (type_of(i) != TokenType::normal) extra_.try_emplace(s.tokens[i], static_cast<TokenId>(i));
        }
        for (const AddedToken& t : parts_.added) extra_.try_emplace(t.content, t.id);
        const auto add_end = [&](TokenId id) {
            if (id >= 0 && static_cast<std::size_t>(id) < s.tokens.size() && !std::ranges::count(ends_, id))
                ends_.push_back(id);
        };
        add_end(s.eos);
        add_end(s.eot);
        for (const std::string_view name : turn_ends) {
            if (const auto found = extra_.find(std::string(name)); found != extra_.end()) add_end(found->second);
        }
    }

    std::vector<TokenId> encode(std::string_view text, const EncodeOptions& options) const override {
        std::string repaired;
        if (!utf8::is_valid(text)) {
            repaired = utf8::sanitize(text);
            text = repaired;
        }
        std::vector<TokenId> out;
        out.reserve(text.size() / 3 + 4);
        if (options.add_special) out.insert(out.end(), parts_.post.prefix.begin(), parts_.post.prefix.end());
        const auto push = [&](TokenId id) { out.push_back(id); };
        if (raw_added_.empty()) {
            if (!text.empty()) encode_segment(text, true, options, out);
        } else {
            raw_added_.split(
                text, options.parse_special,
                [&](std::size_t begin, std::size_t end) {
                    encode_segment(text.substr(begin, end - begin), begin == 0, options, out);
                },
                push);
        }
        if (options.add_special) out.insert(out.end(), parts_.post.suffix.begin(), parts_.post.suffix.end());
        return out;
    }

    std::string decode(std::span<const TokenId> ids, bool skip_special) const override {
        std::string out;
        bool first = true;
        for (const TokenId id : ids) append_text(out, id, first, skip_special);
        return utf8::is_valid(out) ? out : utf8::sanitize(out);
    }

    void append_text(std::string& out, TokenId id, bool& first, bool skip_special) const override {
        if (!known(id) || (skip_special && hidden(id))) return;
        std::string token = parts_.spec.tokens[static_cast<std::size_t>(id)];
        for (const DecodeStepPtr& step : parts_.decoder) step->apply(token, first);
        first = first && parts_.first_until_text && token.empty();
        out += token;
    }

    std::string token_bytes(TokenId id) const override {
        if (!known(id)) return {};
        std::string token = parts_.spec.tokens[static_cast<std::size_t>(id)];
        if (hidden(id)) return token;
        for (const DecodeStepPtr& step : parts_.raw_decoder) step->apply(token, false);
        return token;
    }

    const TokenizerSpec& spec() const noexcept override { return parts_.spec; }

    bool is_end_of_generation(TokenId id) const noexcept override {
        return std::ranges::find(ends_, id) != ends_.end();
    }

    std::optional<TokenId> find(std::string_view token) const override {
        if (const auto found = extra_.find(std::string(token)); found != extra_.end()) return found->second;
        const TokenId id = parts_.model->find(token);
        if (id != no_token && parts_.spec.tokens[static_cast<std::size_t>(id)] == token) return id;
        return std::nullopt;
    }

  private:
    TokenType type_of(std::size_t i) const noexcept {
        return i < parts_.spec.types.size() ? parts_.spec.types[i] : TokenType::normal;
    }
    bool known(TokenId id) const noexcept {
        return id >= 0 && static_cast<std::size_t>(id) < parts_.spec.tokens.size();
    }
    bool hidden(TokenId id) const noexcept {
        const TokenType type = type_of(static_cast<std::size_t>(id));
        return type == TokenType::control || type == TokenType::unknown;
    }

    std::vector<AddedToken> select(bool normalized) const {
        std::vector<AddedToken> out;
        for (const AddedToken& t : parts_.added) {
            if ((t.normalized && parts_.normalizer != nullptr) != normalized) continue;
            out.push_back(t);
            if (normalized) parts_.normalizer->apply(out.back().content);
        }
        return out;
    }

    void encode_segment(std::string_view text, bool at_start, const EncodeOptions& options,
                        std::vector<TokenId>& out) const {
        if (parts_.normalizer == nullptr) return encode_text(text, at_start, out);
        std::string normalized(text);
        parts_.normalizer->apply(normalized);
        const std::string_view view = normalized;
        if (normalized_added_.empty()) return encode_text(view, at_start, out);
        normalized_added_.split(
            view, options.parse_special,
            [&](std::size_t begin, std::size_t end) {
                encode_text(view.substr(begin, end - begin), at_start && begin == 0, out);
            },
            [&](TokenId id) { out.push_back(id); });
    }

    void encode_text(std::string_view text, bool at_start, std::vector<TokenId>& out) const {
        if (text.empty()) return;
        if (parts_.pre_tokenizer == nullptr) return parts_.model->encode(text, out);
        Pieces pieces(text, at_start);
        parts_.pre_tokenizer->apply(pieces);
        for (const Span& span : pieces.spans) parts_.model->encode(pieces[span], out);
    }

    Parts parts_;
    AddedTokens raw_added_, normalized_added_;
    std::unordered_map<std::string, TokenId> extra_;  // tokens that the model may not know
    std::vector<TokenId> ends_;
};

}  // namespace

TokenizerPtr assemble(Parts parts) { return std::make_shared<Pipeline>(std::move(parts)); }

}  // namespace tenon::text::tok
