// A folder's tokenizer as tokenizer.ggml.* metadata. GGUF names pre-tokenizers instead of describing them: the name is
// found by trying which one cuts a text as the folder's own tokenizer does.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "model/export/export.hpp"

namespace tenon::model {
namespace {

using text::TokenId;
using text::TokenizerKind;
using text::TokenizerSpec;

constexpr std::string_view word_start = "\xE2\x96\x81";

/// Letters, digits, spaces, punctuation, cases, scripts and emoji, in the combinations that pre-tokenizers differ in.
constexpr std::string_view probe =
    "Hello, world! It's HE'LL and we'Ve 3 33 333 3333 33333 1,234.56\n\n \n  \t\t \ttabs  and   spaces   \r\n"
    "naïve café Größe ÉCOLE ελληνικά Кириллица 中文和日本語のテキスト한국어 ไทย हिन्दी اللغة 数字１２３ ½²\n"
    "camelCaseWord HTTPServer2Go x_y_z foo.bar(baz[0])->qux; // !!!??? ... ==>>> <<< #include <a/b.h> $100% @user\n"
    "🙂🚀👩‍👩‍👧 'quoted' \"double\" `tick` ~tilde^caret|pipe\\back /slash/ don’t “smart” – — "
    "… "
    "«x» "
    " "
    "end ";

/// The names worth trying, the commonest first: one for each way of cutting.
constexpr const char* pre_tokenizers[] = {"llama-bpe",    "qwen2",          "smollm", "gpt-2",
                                          "gpt-4o",       "tekken",         "dbrx",   "deepseek-v3",
                                          "deepseek-llm", "deepseek-coder", "falcon", "default"};

std::vector<TokenId> probed(const text::Tokenizer& tokenizer) {
    return tokenizer.encode(probe, {.add_special = false, .parse_special = false});
}

bool cuts_alike(const TokenizerSpec& spec, const std::vector<TokenId>& expected) {
    const auto made = text::make_tokenizer(spec);
    return made && probed(**made) == expected;
}

/// SentencePiece joins by score, tokenizer.json by rank: a token scores the higher, the earlier a merge makes it.
void score_by_merges(TokenizerSpec& spec) {
    std::unordered_map<std::string, float> ranks;
    for (std::size_t i = 0; i < spec.merges.size(); ++i) {
        std::string joined = spec.merges[i];
        if (const std::size_t space = joined.find(' ', 1); space != std::string::npos) joined.erase(space, 1);
        ranks.emplace(std::move(joined), -static_cast<float>(i));
    }
    spec.scores.assign(spec.tokens.size(), -1e6F);
    for (std::size_t i = 0; i < spec.tokens.size(); ++i)
        if (const auto at = ranks.find(spec.tokens[i]); at != ranks.end()) spec.scores[i] = at->second;
    spec.merges.clear();
}

/// Word starts are marked in GGUF, continuations bare: the other way round than ##.
void mark_word_starts(std::vector<std::string>& tokens) {
    for (std::string& token : tokens) {
        if (token.starts_with('[') && token.ends_with(']')) continue;
        token = token.starts_with("##") ? token.substr(2) : std::string(word_start) + token;
    }
}

Result<std::string_view> name_model(TokenizerSpec& spec, const text::Tokenizer& tokenizer) {
    const std::vector<TokenId> expected = probed(tokenizer);
    switch (spec.kind) {
        case TokenizerKind::byte_bpe:
            for (const char* name : pre_tokenizers) {
                spec.pre_tokenizer = name;
                if (cuts_alike(spec, expected)) return "gpt2";
            }
            return fail(ErrorCode::unsupported,
                        "the tokenizer cuts text as none of the pre-tokenizers does that GGUF has a name for");
        case TokenizerKind::sentencepiece_bpe:
            spec.pre_tokenizer = "default";
            if (spec.scores.empty()) score_by_merges(spec);
            for (const bool prefix : {true, false}) {
                spec.add_space_prefix = prefix;
                if (cuts_alike(spec, expected)) return "llama";
            }
            return fail(ErrorCode::unsupported, "the tokenizer joins pieces otherwise than SentencePiece does");
        case TokenizerKind::wordpiece:
            if (!spec.lowercase || !spec.strip_accents)
                return fail(ErrorCode::unsupported,
                            "GGUF's WordPiece always lower-cases; this model's tokenizer keeps the case");
            mark_word_starts(spec.tokens);
            spec.merges.clear();
            return "bert";
        case TokenizerKind::unigram:
            break;
    }
    return fail(ErrorCode::unsupported, "converting a unigram tokenizer is not supported");
}

}  // namespace

Result<void> export_tokenizer(const ModelSource& source, GgufMetadata& metadata) {
    TENON_TRY(const text::TokenizerPtr tokenizer, source.tokenizer());
    TokenizerSpec spec = tokenizer->spec();
    // The output has a row for each id, also for those the tokenizer leaves out.
    const std::size_t vocabulary = std::max(source.basic_info().vocabulary, spec.tokens.size());
    TENON_TRY(const std::string_view model, name_model(spec, *tokenizer));
    spec.types.resize(spec.tokens.size(), text::TokenType::normal);
    for (std::size_t i = spec.tokens.size(); i < vocabulary; ++i) {
        spec.tokens.push_back(fmt::format("[PAD{}]", i));
        spec.types.push_back(text::TokenType::unused);
        if (!spec.scores.empty()) spec.scores.push_back(-1e6F);
    }
    for (std::size_t i = 0; i < spec.tokens.size(); ++i)
        if (spec.tokens[i].empty()) spec.tokens[i] = fmt::format("[PAD{}]", i);

    metadata.set("tokenizer.ggml.model", model);
    if (spec.kind != TokenizerKind::wordpiece) metadata.set("tokenizer.ggml.pre", spec.pre_tokenizer);
    metadata.set_array("tokenizer.ggml.tokens", spec.tokens);
    if (!spec.scores.empty()) metadata.set_array<float>("tokenizer.ggml.scores", spec.scores);
    std::vector<std::int32_t> types;
    for (const text::TokenType type : spec.types) types.push_back(static_cast<std::int32_t>(type));
    metadata.set_array<std::int32_t>("tokenizer.ggml.token_type", types);
    if (!spec.merges.empty()) metadata.set_array("tokenizer.ggml.merges", spec.merges);
    const auto id = [&](std::string_view key, TokenId value) {
        if (value != text::no_token)
            metadata.set(fmt::format("tokenizer.ggml.{}", key), static_cast<std::uint32_t>(value));
    };
    const bool wordpiece = spec.kind == TokenizerKind::wordpiece;
    id("bos_token_id", wordpiece ? spec.cls : spec.bos);
    id("eos_token_id", wordpiece ? spec.sep : spec.eos);
    id("eot_token_id", spec.eot);
    id("unknown_token_id", spec.unk);
    id("padding_token_id", spec.pad);
    if (wordpiece) {
        id("cls_token_id", spec.cls);
        id("seperator_token_id", spec.sep);  // sic: the key is spelled so
        id("mask_token_id", spec.mask);
    } else {
        if (spec.add_bos) metadata.set("tokenizer.ggml.add_bos_token", *spec.add_bos);
        if (spec.add_eos) metadata.set("tokenizer.ggml.add_eos_token", *spec.add_eos);
    }
    if (spec.kind == TokenizerKind::sentencepiece_bpe && spec.add_space_prefix)
        metadata.set("tokenizer.ggml.add_space_prefix", *spec.add_space_prefix);
    if (const std::string chat = source.basic_info().chat_template; !chat.empty())
        metadata.set("tokenizer.chat_template", chat);
    return {};
}

}  // namespace tenon::model
