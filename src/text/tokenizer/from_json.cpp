// Tokenizers from Hugging Face's tokenizer.json.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "text/tokenizer/bpe.hpp"
#include "text/tokenizer/json_parts.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/tables.hpp"
#include "text/tokenizer/unigram.hpp"
#include "text/tokenizer/wordpiece.hpp"

namespace tenon::text {
namespace {

using namespace tok;

constexpr std::int64_t max_id = std::int64_t{1} << 24;
constexpr std::size_t max_token_bytes = std::size_t{1} << 16;

const json::Value& section(const json::Value& root, std::string_view key) {
    static const json::Value nothing;
    const json::Value* found = json::find(root, key);
    return found == nullptr ? nothing : *found;
}

std::unexpected<Error> corrupt(std::string message) {
    return fail(ErrorCode::corrupt, "tokenizer.json: " + std::move(message));
}

/// The vocabulary while it is read: id → text, and which ids the model itself knows.
struct Vocabulary {
    std::vector<std::string> tokens;
    std::vector<bool> in_model, taken;
    std::vector<double> scores;

    Result<void> put(std::int64_t id, std::string_view text, std::size_t limit) {
        if (id < 0 || id >= max_id || static_cast<std::size_t>(id) >= limit)
            return corrupt(fmt::format("the id {} of token \"{}\" is out of all proportion", id, text.substr(0, 60)));
        if (text.size() > max_token_bytes) return corrupt("a token is longer than 64 KiB");
        const auto i = static_cast<std::size_t>(id);
        if (i >= tokens.size()) {
            tokens.resize(i + 1);
            taken.resize(i + 1);
        }
        if (taken[i] && tokens[i] != text)
            return corrupt(fmt::format("the id {} belongs to both \"{}\" and \"{}\"", id, tokens[i].substr(0, 60),
                                       text.substr(0, 60)));
        tokens[i] = text;
        taken[i] = true;
        return {};
    }
};

Result<void> read_vocabulary(const json::Value& model, std::string_view type, std::size_t limit, Vocabulary& v) {
    const json::Value& vocab = section(model, "vocab");
    if (type == "Unigram") {
        if (!vocab.is_array()) return corrupt("the Unigram vocabulary is not a list");
        for (const json::Value& item : vocab.get_array()) {
            if (!item.is_array() || item.get_array().size() != 2 || !item.get_array()[0].is_string() ||
                !item.get_array()[1].is_number())
                return corrupt("a Unigram vocabulary entry is not a text and its score");
            v.scores.push_back(item.get_array()[1].to_number<double>());
            TENON_CHECK(v.put(static_cast<std::int64_t>(v.tokens.size()), item.get_array()[0].get_string(), limit));
        }
    } else {
        if (!vocab.is_object()) return corrupt("the vocabulary is not an object");
        for (const auto& [text, id] : vocab.get_object()) {
            if (!id.is_int64())
                return corrupt(
                    fmt::format("the id of token \"{}\" is not a number", std::string_view(text).substr(0, 60)));
            TENON_CHECK(v.put(id.get_int64(), text, limit));
        }
    }
    v.in_model = v.taken;
    return {};
}

Result<std::vector<AddedToken>> read_added(const json::Value& list, std::size_t limit, Vocabulary& v) {
    std::vector<AddedToken> out;
    if (list.is_null()) return out;
    if (!list.is_array()) return corrupt("added_tokens is not a list");
    for (const json::Value& item : list.get_array()) {
        AddedToken token;
        token.content = json::string_or(item, "content", "");
        if (token.content.empty()) continue;
        const std::int64_t id = json::integer_or(item, "id", -1);
        TENON_CHECK(v.put(id, token.content, limit));
        token.id = static_cast<TokenId>(id);
        token.special = json::bool_or(item, "special", false);
        token.single_word = json::bool_or(item, "single_word", false);
        token.left_strip = json::bool_or(item, "lstrip", false);
        token.right_strip = json::bool_or(item, "rstrip", false);
        token.normalized = json::bool_or(item, "normalized", !token.special);
        out.push_back(std::move(token));
    }
    return out;
}

TokenId id_of(const Vocabulary& v, std::string_view text) {
    if (text.empty()) return no_token;
    for (std::size_t i = 0; i < v.tokens.size(); ++i) {
        if (v.taken[i] && v.tokens[i] == text) return static_cast<TokenId>(i);
    }
    return no_token;
}

Result<ModelPtr> read_bpe(const json::Value& model, const Vocabulary& v, bool byte_level, TokenizerSpec& spec) {
    const json::Value& list = section(model, "merges");
    if (!list.is_array()) return corrupt("the BPE model has no merges");
    std::vector<MergePair> merges;
    merges.reserve(list.get_array().size());
    spec.merges.reserve(list.get_array().size());
    for (const json::Value& item : list.get_array()) {
        MergePair pair;
        if (item.is_string()) {
            const std::string_view text = item.get_string();
            const std::size_t space = text.find(' ');
            if (space == std::string_view::npos)
                return corrupt(fmt::format("the merge \"{}\" is not two tokens", text.substr(0, 60)));
            pair = {text.substr(0, space), text.substr(space + 1)};
        } else if (item.is_array() && item.get_array().size() == 2 && item.get_array()[0].is_string() &&
                   item.get_array()[1].is_string()) {
            pair = {item.get_array()[0].get_string(), item.get_array()[1].get_string()};
        } else {
            return corrupt("a merge is not two tokens");
        }
        merges.push_back(pair);
        spec.merges.push_back(fmt::format("{} {}", pair.left, pair.right));
    }
    BpeOptions options;
    options.byte_level = byte_level;
    options.byte_fallback = json::bool_or(model, "byte_fallback", false);
    options.fuse_unknown = json::bool_or(model, "fuse_unk", false);
    options.ignore_merges = json::bool_or(model, "ignore_merges", false);
    options.continuing_prefix = json::string_or(model, "continuing_subword_prefix", "");
    options.end_of_word_suffix = json::string_or(model, "end_of_word_suffix", "");
    options.unknown = id_of(v, json::string_or(model, "unk_token", ""));
    spec.unk = options.unknown;
    return make_bpe(v.tokens, v.in_model, merges, std::move(options));
}

Result<ModelPtr> read_model(const json::Value& model, std::string_view type, Vocabulary& v, bool byte_level,
                            TokenizerSpec& spec) {
    if (type == "BPE") {
        spec.kind = byte_level ? TokenizerKind::byte_bpe : TokenizerKind::sentencepiece_bpe;
        return read_bpe(model, v, byte_level, spec);
    }
    if (type == "Unigram") {
        spec.kind = TokenizerKind::unigram;
        UnigramOptions options;
        const std::int64_t unknown = json::integer_or(model, "unk_id", no_token);
        if (unknown < no_token || unknown >= static_cast<std::int64_t>(v.scores.size()))
            return corrupt("unk_id is outside the vocabulary");
        options.unknown = spec.unk = static_cast<TokenId>(unknown);
        options.byte_fallback = json::bool_or(model, "byte_fallback", false);
        spec.scores.assign(v.scores.begin(), v.scores.end());
        spec.scores.resize(v.tokens.size());
        return make_unigram(std::span(v.tokens).first(v.scores.size()), v.scores, std::move(options));
    }
    spec.kind = TokenizerKind::wordpiece;
    spec.unk = id_of(v, json::string_or(model, "unk_token", "[UNK]"));
    if (type == "WordLevel") return make_wordlevel(v.tokens, v.in_model, spec.unk);
    WordPieceOptions options;
    options.unknown = spec.unk;
    options.continuing_prefix = json::string_or(model, "continuing_subword_prefix", "##");
    options.max_characters = static_cast<std::size_t>(
        std::clamp<std::int64_t>(json::integer_or(model, "max_input_chars_per_word", 100), 0, 1 << 20));
    return make_wordpiece(v.tokens, v.in_model, std::move(options));
}

/// Roles from tokenizer_config.json, whose values are texts or objects with "content"; else from the usual names.
void read_roles(const json::Value& config, const Vocabulary& v, TokenizerSpec& spec) {
    const auto role = [&](std::string_view key, std::initializer_list<std::string_view> usual) {
        if (const json::Value* value = json::find(config, key); value != nullptr) {
            const std::string_view text =
                value->is_string() ? std::string_view(value->get_string()) : json::string_or(*value, "content", "");
            return id_of(v, text);
        }
        if (config.is_object()) return no_token;
        for (const std::string_view name : usual) {
            if (const TokenId id = id_of(v, name); id != no_token) return id;
        }
        return no_token;
    };
    spec.bos = role("bos_token", {"<s>", "<bos>", "<|begin_of_text|>"});
    spec.eos = role("eos_token", {"</s>", "<eos>", "<|im_end|>", "<|end_of_text|>", "<|endoftext|>"});
    spec.pad = role("pad_token", {"[PAD]", "<pad>"});
    spec.cls = role("cls_token", {"[CLS]"});
    spec.sep = role("sep_token", {"[SEP]"});
    spec.mask = role("mask_token", {"[MASK]", "<mask>"});
    if (spec.unk == no_token) spec.unk = role("unk_token", {});
    for (const std::string_view name : {"<|eot_id|>", "<end_of_turn>"}) {
        if (spec.eot == no_token) spec.eot = id_of(v, name);
    }
}

}  // namespace

Result<TokenizerPtr> load_tokenizer_json(std::string_view tokenizer_json, std::string_view tokenizer_config_json) {
    json::ParseOptions limits;
    limits.max_depth = 24;
    TENON_TRY(const json::Value root, json::parse(tokenizer_json, limits));
    json::Value config;
    if (!tokenizer_config_json.empty()) {
        TENON_TRY(config, json::parse(tokenizer_config_json, limits));
    }
    const json::Value& model = section(root, "model");
    if (!model.is_object()) return corrupt("there is no model");
    std::string_view type = json::string_or(model, "type", "");
    if (type.empty()) {  // older files leave it out
        type = json::find(model, "merges") != nullptr                      ? "BPE"
               : section(model, "vocab").is_array()                        ? "Unigram"
               : json::find(model, "continuing_subword_prefix") != nullptr ? "WordPiece"
                                                                           : "WordLevel";
    }
    if (type != "BPE" && type != "Unigram" && type != "WordPiece" && type != "WordLevel")
        return fail(ErrorCode::unsupported,
                    fmt::format("tokenizer.json: the model \"{}\" is not known", type.substr(0, 60)));

    const json::Value& added = section(root, "added_tokens");
    const json::Value& vocab = section(model, "vocab");
    // Ids may have gaps, but a file of a few tokens has no business with an id in the millions.
    const std::size_t count = (vocab.is_object()  ? vocab.get_object().size()
                               : vocab.is_array() ? vocab.get_array().size()
                                                  : 0) +
                              (added.is_array() ? added.get_array().size() : 0);
    const std::size_t limit = count * 4 + 100'000;

    Parts parts;
    Vocabulary v;
    TENON_CHECK(read_vocabulary(model, type, limit, v));
    TENON_TRY(parts.added, read_added(added, limit, v));
    v.in_model.resize(v.tokens.size());
    v.taken.resize(v.tokens.size());
    if (v.tokens.empty()) return corrupt("the vocabulary is empty");

    const json::Value& pre = section(root, "pre_tokenizer");
    const json::Value& normalizer = section(root, "normalizer");
    const bool byte_level = type == "BPE" && json_contains_type(pre, "ByteLevel");
    TokenizerSpec& spec = parts.spec;
    TENON_TRY(parts.model, read_model(model, type, v, byte_level, spec));
    TENON_TRY(parts.normalizer, json_normalizer(normalizer));
    TENON_TRY(parts.pre_tokenizer, json_pre_tokenizer(pre, byte_level));
    TENON_CHECK(json_post_processor(section(root, "post_processor"), v.tokens.size(), parts.post));
    const json::Value& decoder = section(root, "decoder");
    TENON_CHECK(json_decoder(decoder, parts.decoder));
    if (json::string_or(decoder, "type", "") == "WordPiece") {
        parts.raw_decoder.push_back(decode_wordpiece(std::string(json::string_or(decoder, "prefix", "##")), false));
    } else {
        TENON_CHECK(json_decoder(decoder, parts.raw_decoder));
    }

    read_roles(config, v, spec);
    spec.types.assign(v.tokens.size(), TokenType::normal);
    for (const AddedToken& token : parts.added)
        spec.types[static_cast<std::size_t>(token.id)] = token.special ? TokenType::control : TokenType::user_defined;
    for (std::size_t i = 0; i < v.tokens.size(); ++i) {
        if (!v.taken[i]) spec.types[i] = TokenType::unused;
        if (spec.types[i] == TokenType::normal && !byte_level && byte_of_token(v.tokens[i]) >= 0)
            spec.types[i] = TokenType::byte;
    }
    const auto starts_with = [&](TokenId id) {
        return id != no_token && std::ranges::count(parts.post.prefix, id) != 0;
    };
    spec.add_bos = starts_with(spec.bos) || starts_with(spec.cls);
    spec.add_eos = !parts.post.suffix.empty();
    if (json_contains_type(normalizer, "BertNormalizer")) {
        spec.lowercase = json::bool_or(normalizer, "lowercase", true);
        spec.strip_accents = json::bool_or(normalizer, "strip_accents", spec.lowercase);
    }
    spec.tokens = std::move(v.tokens);
    return assemble(std::move(parts));
}

}  // namespace tenon::text
