// GGUF's tokenizer.ggml.* metadata as a TokenizerSpec.
#include <fmt/format.h>

#include <algorithm>

#include "model/source.hpp"

namespace tenon::model {
namespace {

using text::TokenId;
using text::TokenizerKind;

std::optional<bool> flag(const GgufFile& file, std::string_view key) {
    const GgufValue* value = file.find(key);
    return value == nullptr ? std::nullopt : value->boolean();
}

Result<TokenId> special(const GgufFile& file, std::string_view key, std::size_t vocabulary) {
    const GgufValue* value = file.find(key);
    if (value == nullptr) return text::no_token;
    const auto id = value->integer();
    if (!id) return fail(ErrorCode::corrupt, fmt::format("{} is not a token id", key));
    if (*id == -1 || *id == 0xFFFFFFFF) return text::no_token;  // written so by some converters: none
    if (*id < 0 || static_cast<std::uint64_t>(*id) >= vocabulary)
        return fail(ErrorCode::corrupt, fmt::format("{} = {} is outside the vocabulary of {}", key, *id, vocabulary));
    return static_cast<TokenId>(*id);
}

/// GGUF writes WordPiece with word starts marked (▁word) and continuations bare; the tokenizer wants word and ##ing.
std::string word_piece(std::string_view stored) {
    constexpr std::string_view mark = "\xE2\x96\x81";
    if (stored.starts_with(mark)) return std::string(stored.substr(mark.size()));
    if (stored.starts_with('[') && stored.ends_with(']')) return std::string(stored);
    return fmt::format("##{}", stored);
}

}  // namespace

Result<text::TokenizerPtr> tokenizer_from_gguf(const GgufFile& file) {
    text::TokenizerSpec spec;
    const GgufValue* model = file.find("tokenizer.ggml.model");
    const std::string_view name = model == nullptr ? std::string_view() : model->string().value_or("");
    if (name == "gpt2") {
        spec.kind = TokenizerKind::byte_bpe;
    } else if (name == "llama") {
        spec.kind = TokenizerKind::sentencepiece_bpe;
    } else if (name == "t5") {
        spec.kind = TokenizerKind::unigram;
    } else if (name == "bert") {
        spec.kind = TokenizerKind::wordpiece;
    } else {
        return fail(ErrorCode::unsupported,
                    fmt::format("tokenizer model '{}'; supported: gpt2, llama, t5, bert", name));
    }
    if (const GgufValue* pre = file.find("tokenizer.ggml.pre")) spec.pre_tokenizer = pre->string().value_or("");

    const GgufValue* tokens = file.find("tokenizer.ggml.tokens");
    const auto texts = tokens == nullptr ? std::nullopt : tokens->strings();
    if (!texts || texts->empty()) return fail(ErrorCode::corrupt, "tokenizer.ggml.tokens is missing");
    if (texts->size() > static_cast<std::size_t>(INT32_MAX))
        return fail(ErrorCode::corrupt, "the vocabulary is too large");
    spec.tokens.reserve(texts->size());
    const bool marked = spec.kind == TokenizerKind::wordpiece &&
                        std::ranges::none_of(
                            *texts, [](std::string_view token) { return token.starts_with("##") && token.size() > 2; });
    for (const std::string_view token : *texts) spec.tokens.push_back(marked ? word_piece(token) : std::string(token));

    if (const GgufValue* scores = file.find("tokenizer.ggml.scores")) {
        const auto numbers = scores->numbers();
        if (!numbers || numbers->size() != spec.tokens.size())
            return fail(ErrorCode::corrupt, "tokenizer.ggml.scores does not match the vocabulary");
        spec.scores.assign(numbers->begin(), numbers->end());
    }
    if (const GgufValue* types = file.find("tokenizer.ggml.token_type")) {
        const auto numbers = types->numbers();
        if (!numbers || numbers->size() != spec.tokens.size())
            return fail(ErrorCode::corrupt, "tokenizer.ggml.token_type does not match the vocabulary");
        spec.types.reserve(numbers->size());
        for (const double number : *numbers)
            spec.types.push_back(number >= 1 && number <= 6 ? static_cast<text::TokenType>(number)
                                                            : text::TokenType::normal);
    }
    if (const GgufValue* merges = file.find("tokenizer.ggml.merges")) {
        const auto pairs = merges->strings();
        if (!pairs) return fail(ErrorCode::corrupt, "tokenizer.ggml.merges is not a list of strings");
        spec.merges.assign(pairs->begin(), pairs->end());
    }
    const std::pair<std::string_view, TokenId*> specials[] = {
        {"tokenizer.ggml.bos_token_id", &spec.bos},       {"tokenizer.ggml.eos_token_id", &spec.eos},
        {"tokenizer.ggml.eot_token_id", &spec.eot},       {"tokenizer.ggml.unknown_token_id", &spec.unk},
        {"tokenizer.ggml.padding_token_id", &spec.pad},   {"tokenizer.ggml.seperator_token_id", &spec.sep},
        {"tokenizer.ggml.separator_token_id", &spec.sep}, {"tokenizer.ggml.cls_token_id", &spec.cls},
        {"tokenizer.ggml.mask_token_id", &spec.mask},
    };
    for (const auto& [key, into] : specials) {
        TENON_TRY(const TokenId id, special(file, key, spec.tokens.size()));
        if (id != text::no_token) *into = id;
    }
    if (spec.kind == TokenizerKind::wordpiece) {
        // The ids every BERT file has under other names.
        if (spec.cls == text::no_token) spec.cls = spec.bos;
        if (spec.sep == text::no_token) spec.sep = spec.eos;
        spec.lowercase = spec.strip_accents = true;
    }
    spec.add_bos = flag(file, "tokenizer.ggml.add_bos_token");
    spec.add_eos = flag(file, "tokenizer.ggml.add_eos_token");
    spec.add_space_prefix = flag(file, "tokenizer.ggml.add_space_prefix");
    spec.remove_extra_whitespaces = flag(file, "tokenizer.ggml.remove_extra_whitespaces");
    if (const GgufValue* map = file.find("tokenizer.ggml.precompiled_charsmap");
        map != nullptr && map->type() == GgufType::array &&
        (map->element_type() == GgufType::u8 || map->element_type() == GgufType::i8))
        spec.precompiled_charsmap.assign(reinterpret_cast<const char*>(map->raw().data()), map->raw().size());
    return text::make_tokenizer(std::move(spec));
}

}  // namespace tenon::model
