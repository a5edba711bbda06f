// Tokenizers from GGUF-like tables and from vocab.txt.
#include <fmt/format.h>

#include <algorithm>

#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/normalizers.hpp"
#include "text/tokenizer/pipeline.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/unigram.hpp"
#include "text/tokenizer/wordpiece.hpp"

namespace tenon::text {
namespace {

using namespace tok;

constexpr std::string_view mark = "\u2581";
constexpr std::size_t max_token_bytes = std::size_t{1} << 16;

Result<void> check(const TokenizerSpec& s) {
    if (s.tokens.empty()) return fail(ErrorCode::corrupt, "the tokenizer has no tokens");
    if (s.tokens.size() > std::size_t{1} << 26)
        return fail(ErrorCode::corrupt, "the tokenizer has more than 67 million tokens");
    if (!s.types.empty() && s.types.size() != s.tokens.size())
        return fail(ErrorCode::corrupt,
                    fmt::format("the tokenizer has {} tokens but {} token types", s.tokens.size(), s.types.size()));
    if (!s.scores.empty() && s.scores.size() != s.tokens.size())
        return fail(ErrorCode::corrupt,
                    fmt::format("the tokenizer has {} tokens but {} scores", s.tokens.size(), s.scores.size()));
    for (const TokenId id : {s.bos, s.eos, s.eot, s.unk, s.pad, s.sep, s.cls, s.mask}) {
        if (id != no_token && (id < 0 || static_cast<std::size_t>(id) >= s.tokens.size()))
            return fail(ErrorCode::corrupt,
                        fmt::format("the tokenizer names token {} of a vocabulary of {}", id, s.tokens.size()));
    }
    for (const std::string& token : s.tokens) {
        if (token.size() > max_token_bytes)
            return fail(ErrorCode::corrupt, "the tokenizer has a token longer than 64 KiB");
    }
    return {};
}

TokenType type_of(const TokenizerSpec& s, std::size_t i) { return i < s.types.size() ? s.types[i] : TokenType::normal; }

std::vector<AddedToken> added_tokens(const TokenizerSpec& s) {
    std::vector<AddedToken> out;
    for (std::size_t i = 0; i < s.tokens.size(); ++i) {
        const TokenType type = type_of(s, i);
        if (type != TokenType::control && type != TokenType::user_defined && type != TokenType::unknown) continue;
        AddedToken token;
        token.id = static_cast<TokenId>(i);
        token.content = s.tokens[i];
        token.special = type != TokenType::user_defined;
        out.push_back(std::move(token));
    }
    return out;
}

std::vector<bool> plain_tokens(const TokenizerSpec& s) {
    std::vector<bool> out(s.tokens.size());
    for (std::size_t i = 0; i < out.size(); ++i) {
        const TokenType type = type_of(s, i);
        out[i] = type != TokenType::control && type != TokenType::unknown && type != TokenType::unused;
    }
    return out;
}

PostProcessor wrap(bool bos, TokenId bos_id, bool eos, TokenId eos_id) {
    PostProcessor post;
    if (bos && bos_id != no_token) post.prefix.push_back(bos_id);
    if (eos && eos_id != no_token) post.suffix.push_back(eos_id);
    return post;
}

Result<void> byte_bpe(Parts& parts) {
    const TokenizerSpec& s = parts.spec;
    TENON_TRY(parts.pre_tokenizer, named_pre_tokenizer(s.pre_tokenizer));
    std::vector<MergePair> merges;
    merges.reserve(s.merges.size());
    for (const std::string& merge : s.merges) {
        const std::size_t space = merge.find(' ', 1);
        if (space == std::string::npos || space + 1 == merge.size())
            return fail(ErrorCode::corrupt,
                        fmt::format("the tokenizer's merge \"{}\" is not two tokens", merge.substr(0, 100)));
        merges.push_back({std::string_view(merge).substr(0, space), std::string_view(merge).substr(space + 1)});
    }
    BpeOptions options;
    options.ignore_merges = name_ignores_merges(s.pre_tokenizer);
    options.unknown = no_token;
    TENON_TRY(parts.model, make_bpe(s.tokens, plain_tokens(s), merges, std::move(options)));
    parts.decoder.push_back(decode_byte_level());
    parts.raw_decoder.push_back(decode_byte_level());
    parts.post =
        wrap(s.add_bos.value_or(name_ignores_merges(s.pre_tokenizer)), s.bos, s.add_eos.value_or(false), s.eos);
    return {};
}

void sentencepiece_decoder(Parts& parts, bool prefix) {
    for (DecodeSteps* steps : {&parts.decoder, &parts.raw_decoder}) {
        steps->push_back(decode_byte_fallback());
        steps->push_back(decode_replace(std::string(mark), " "));
    }
    if (prefix) parts.decoder.push_back(decode_strip(" ", 1, 0, true));
}

Result<void> sentencepiece(Parts& parts) {
    const TokenizerSpec& s = parts.spec;
    const bool unigram = s.kind == TokenizerKind::unigram;
    const bool prefix = s.add_space_prefix.value_or(true);
    std::vector<NormalizerPtr> normalizers;
    if (!s.precompiled_charsmap.empty()) {
        TENON_TRY(NormalizerPtr map, charsmap_normalizer(s.precompiled_charsmap, CharsmapMode::sentencepiece));
        normalizers.push_back(std::move(map));
    }
    SentencePieceOptions options;
    options.add_space_prefix = prefix;
    options.remove_extra_whitespaces = s.remove_extra_whitespaces.value_or(false);
    normalizers.push_back(sentencepiece_normalizer(options));
    parts.normalizer = normalizer_sequence(std::move(normalizers));
    if (unigram) {
        UnigramOptions o;
        o.unknown = s.unk;
        o.single_precision = true;
        for (std::size_t i = 0; i < s.tokens.size(); ++i) {
            const TokenType type = type_of(s, i);
            o.user_defined.push_back(type == TokenType::user_defined);
            o.excluded.push_back(type != TokenType::normal && type != TokenType::user_defined);
            o.byte_fallback = o.byte_fallback || type == TokenType::byte;
        }
        if (s.scores.empty()) return fail(ErrorCode::corrupt, "a unigram tokenizer needs scores");
        TENON_TRY(parts.model, make_unigram(s.tokens, {s.scores.begin(), s.scores.end()}, std::move(o)));
    } else {
        TENON_TRY(parts.model, make_sentencepiece_bpe(s));
    }
    parts.first_until_text = options.remove_extra_whitespaces;
    sentencepiece_decoder(parts, prefix || options.remove_extra_whitespaces);
    parts.post = wrap(s.add_bos.value_or(!unigram), s.bos, s.add_eos.value_or(unigram), s.eos);
    return {};
}

Result<void> wordpiece(Parts& parts) {
    TokenizerSpec& s = parts.spec;
    const auto first_of = [](TokenId a, TokenId b) { return a != no_token ? a : b; };
    const auto named = [&](std::string_view name) {
        const auto found = std::ranges::find(s.tokens, name);
        return found == s.tokens.end() ? no_token : static_cast<TokenId>(found - s.tokens.begin());
    };
    s.unk = first_of(s.unk, named("[UNK]"));
    s.cls = first_of(s.cls, first_of(named("[CLS]"), s.bos));
    s.sep = first_of(s.sep, first_of(named("[SEP]"), s.eos));
    s.pad = first_of(s.pad, named("[PAD]"));
    s.mask = first_of(s.mask, named("[MASK]"));
    if (s.types.empty()) s.types.assign(s.tokens.size(), TokenType::normal);
    for (const TokenId id : {s.unk, s.cls, s.sep, s.pad, s.mask}) {
        TokenType* const type = id == no_token ? nullptr : &s.types[static_cast<std::size_t>(id)];
        if (type != nullptr && *type == TokenType::normal) *type = TokenType::control;
    }
    const bool marked =
        std::ranges::count_if(s.tokens, [](const std::string& t) {
            return t.starts_with(mark) && t.size() > mark.size();
        }) > std::ranges::count_if(s.tokens, [](const std::string& t) { return t.starts_with("##") && t.size() > 2; });
    BertOptions bert;
    bert.lowercase = s.lowercase;
    bert.strip_accents = s.strip_accents;
    parts.normalizer = bert_normalizer(bert);
    parts.pre_tokenizer = delimiter_pre_tokenizer(Delimiter::bert);
    WordPieceOptions options;
    options.unknown = s.unk;
    options.beginnings_marked = marked;
    TENON_TRY(parts.model, make_wordpiece(s.tokens, plain_tokens(s), std::move(options)));
    parts.decoder.push_back(marked ? decode_marked_beginnings(true) : decode_wordpiece("##", true));
    parts.raw_decoder.push_back(marked ? decode_marked_beginnings(false) : decode_wordpiece("##", false));
    parts.post = wrap(s.add_bos.value_or(true), s.cls, s.add_eos.value_or(true), s.sep);
    return {};
}

}  // namespace

Result<TokenizerPtr> make_tokenizer(TokenizerSpec spec) {
    TENON_CHECK(check(spec));
    Parts parts;
    parts.spec = std::move(spec);
    switch (parts.spec.kind) {
        case TokenizerKind::byte_bpe:
            TENON_CHECK(byte_bpe(parts));
            break;
        case TokenizerKind::sentencepiece_bpe:
        case TokenizerKind::unigram:
            TENON_CHECK(sentencepiece(parts));
            break;
        case TokenizerKind::wordpiece:
            TENON_CHECK(wordpiece(parts));
            break;
    }
    parts.added = added_tokens(parts.spec);
    return assemble(std::move(parts));
}

Result<TokenizerPtr> load_vocab_txt(std::string_view vocab, bool lowercase) {
    TokenizerSpec spec;
    spec.kind = TokenizerKind::wordpiece;
    spec.lowercase = spec.strip_accents = lowercase;
    while (!vocab.empty()) {
        const std::size_t end = std::min(vocab.find('\n'), vocab.size());
        std::string_view line = vocab.substr(0, end);
        if (line.ends_with('\r')) line.remove_suffix(1);
        spec.tokens.emplace_back(line);
        vocab.remove_prefix(std::min(end + 1, vocab.size()));
    }
    const auto unknown = std::ranges::find(spec.tokens, "[UNK]");
    if (unknown == spec.tokens.end())
        return fail(ErrorCode::corrupt, "vocab.txt has no [UNK] token: it is not a BERT vocabulary");
    return make_tokenizer(std::move(spec));
}

}  // namespace tenon::text
