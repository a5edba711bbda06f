#include "text/tokenizer/json_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "text/tokenizer/normalizers.hpp"
#include "text/tokenizer/pre_tokenizers.hpp"
#include "text/tokenizer/regex.hpp"

namespace tenon::text::tok {
namespace {

constexpr int max_nesting = 8;
constexpr std::size_t max_parts = 64;

std::string_view type_of(const json::Value& value) { return json::string_or(value, "type", ""); }

std::unexpected<Error> unknown(std::string_view section, const json::Value& value) {
    return fail(ErrorCode::unsupported,
                fmt::format("tokenizer.json: the {} \"{}\" is not known", section, type_of(value).substr(0, 60)));
}

Result<const json::Array*> parts_of(const json::Value& value, std::string_view key, int depth) {
    const json::Value* list = json::find(value, key);
    if (list == nullptr || !list->is_array())
        return fail(ErrorCode::corrupt, fmt::format("tokenizer.json: a Sequence has no \"{}\"", key));
    if (depth >= max_nesting || list->get_array().size() > max_parts)
        return fail(ErrorCode::corrupt, "tokenizer.json: Sequences are nested too deeply or too long");
    return &list->get_array();
}

struct Pattern {
    std::string_view text;
    bool regex = false;
};
Result<Pattern> pattern_of(const json::Value& value) {
    if (const json::Value* pattern = json::find(value, "pattern")) {
        for (const std::string_view key : {"Regex", "String"}) {
            if (const json::Value* text = json::find(*pattern, key); text != nullptr && text->is_string())
                return Pattern{text->get_string(), key == "Regex"};
        }
    }
    return fail(ErrorCode::corrupt, "tokenizer.json: a pattern is neither a Regex nor a String");
}

Result<SplitBehavior> behavior_of(const json::Value& value, std::string_view otherwise) {
    static constexpr std::array<std::pair<std::string_view, SplitBehavior>, 5> names{
        {{"Removed", SplitBehavior::removed},
         {"Isolated", SplitBehavior::isolated},
         {"MergedWithPrevious", SplitBehavior::merged_with_previous},
         {"MergedWithNext", SplitBehavior::merged_with_next},
         {"Contiguous", SplitBehavior::contiguous}}};
    const std::string_view name = json::string_or(value, "behavior", otherwise);
    for (const auto& [known, behavior] : names) {
        if (name == known) return behavior;
    }
    return fail(ErrorCode::corrupt,
                fmt::format("tokenizer.json: the split behavior \"{}\" is not known", name.substr(0, 60)));
}

std::string base64_decode(std::string_view text) {
    std::string out;
    std::uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
        const int v = c >= 'A' && c <= 'Z'   ? c - 'A'
                      : c >= 'a' && c <= 'z' ? c - 'a' + 26
                      : c >= '0' && c <= '9' ? c - '0' + 52
                      : c == '+'             ? 62
                      : c == '/'             ? 63
                                             : -1;
        if (v < 0) continue;
        bits = bits << 6 | static_cast<std::uint32_t>(v);
        if ((count += 6) >= 8) out += static_cast<char>(bits >> (count -= 8) & 0xFFU);
    }
    return out;
}

}  // namespace

bool json_contains_type(const json::Value& value, std::string_view type, int depth) {
    if (type_of(value) == type) return true;
    if (depth >= max_nesting) return false;
    for (const std::string_view key : {"normalizers", "pretokenizers"}) {
        const json::Value* list = json::find(value, key);
        if (list == nullptr || !list->is_array()) continue;
        for (const json::Value& part : list->get_array()) {
            if (json_contains_type(part, type, depth + 1)) return true;
        }
    }
    return false;
}

Result<NormalizerPtr> json_normalizer(const json::Value& value, int depth) {
    if (value.is_null()) return NormalizerPtr{};
    const std::string_view type = type_of(value);
    if (type == "Sequence") {
        TENON_TRY(const json::Array* list, parts_of(value, "normalizers", depth));
        std::vector<NormalizerPtr> parts;
        for (const json::Value& item : *list) {
            TENON_TRY(NormalizerPtr part, json_normalizer(item, depth + 1));
            if (part != nullptr) parts.push_back(std::move(part));
        }
        return parts.empty() ? NormalizerPtr{} : normalizer_sequence(std::move(parts));
    }
    if (type == "NFC") return unicode_normalizer(NormalForm::nfc);
    if (type == "NFD") return unicode_normalizer(NormalForm::nfd);
    if (type == "NFKC") return unicode_normalizer(NormalForm::nfkc);
    if (type == "NFKD") return unicode_normalizer(NormalForm::nfkd);
    if (type == "Lowercase") return lowercase_normalizer();
    if (type == "StripAccents") return strip_accents_normalizer();
    if (type == "Nmt") return remove_control_normalizer();
    if (type == "Strip")
        return strip_normalizer(json::bool_or(value, "strip_left", true), json::bool_or(value, "strip_right", true));
    if (type == "Prepend") return prepend_normalizer(std::string(json::string_or(value, "prepend", "\u2581")));
    if (type == "ByteLevel") return byte_level_normalizer();
    if (type == "Replace") {
        TENON_TRY(const Pattern pattern, pattern_of(value));
        std::string content(json::string_or(value, "content", ""));
        if (!pattern.regex) return replace_normalizer(std::string(pattern.text), std::move(content));
        return replace_regex_normalizer(pattern.text, std::move(content));
    }
    if (type == "BertNormalizer") {
        BertOptions options;
        options.clean_text = json::bool_or(value, "clean_text", true);
        options.chinese_characters = json::bool_or(value, "handle_chinese_chars", true);
        options.lowercase = json::bool_or(value, "lowercase", true);
        options.strip_accents = json::bool_or(value, "strip_accents", options.lowercase);  // null: as lowercase
        return bert_normalizer(options);
    }
    if (type == "Precompiled")
        return charsmap_normalizer(base64_decode(json::string_or(value, "precompiled_charsmap", "")),
                                   CharsmapMode::graphemes);
    return unknown("normalizer", value);
}

Result<PreTokenizerPtr> json_pre_tokenizer(const json::Value& value, bool model_is_byte_level, int depth) {
    if (value.is_null()) return PreTokenizerPtr{};
    const std::string_view type = type_of(value);
    if (type == "Sequence") {
        TENON_TRY(const json::Array* list, parts_of(value, "pretokenizers", depth));
        std::vector<PreTokenizerPtr> parts;
        bool bytes = false;
        for (const json::Value& item : *list) {
            if (bytes)
                return fail(ErrorCode::unsupported,
                            "tokenizer.json: a pre-tokenizer follows ByteLevel, which must come last");
            bytes = model_is_byte_level && type_of(item) == "ByteLevel";
            TENON_TRY(PreTokenizerPtr part, json_pre_tokenizer(item, model_is_byte_level, depth + 1));
            if (part != nullptr) parts.push_back(std::move(part));
        }
        return parts.empty() ? PreTokenizerPtr{} : pre_tokenizer_sequence(std::move(parts));
    }
    if (type == "ByteLevel")
        return byte_level_pre_tokenizer(json::bool_or(value, "add_prefix_space", true),
                                        json::bool_or(value, "use_regex", true), !model_is_byte_level);
    if (type == "Split") {
        TENON_TRY(const Pattern pattern, pattern_of(value));
        TENON_TRY(const SplitBehavior behavior, behavior_of(value, "Isolated"));
        return split_pre_tokenizer(pattern.regex ? std::string(pattern.text) : escape_regex(pattern.text), behavior,
                                   json::bool_or(value, "invert", false));
    }
    if (type == "Whitespace") return delimiter_pre_tokenizer(Delimiter::words_and_symbols);
    if (type == "WhitespaceSplit") return delimiter_pre_tokenizer(Delimiter::white_space, SplitBehavior::removed);
    if (type == "BertPreTokenizer") return delimiter_pre_tokenizer(Delimiter::bert);
    if (type == "Digits")
        return delimiter_pre_tokenizer(json::bool_or(value, "individual_digits", false) ? Delimiter::digit
                                                                                        : Delimiter::digit_run);
    if (type == "Punctuation") {
        TENON_TRY(const SplitBehavior behavior, behavior_of(value, "Isolated"));
        return delimiter_pre_tokenizer(Delimiter::punctuation, behavior);
    }
    if (type == "CharDelimiterSplit")
        return split_pre_tokenizer(escape_regex(json::string_or(value, "delimiter", " ")), SplitBehavior::removed,
                                   false);
    if (type == "Metaspace") {
        const std::string_view name = json::string_or(
            value, "prepend_scheme", json::bool_or(value, "add_prefix_space", true) ? "always" : "never");
        const PrependScheme scheme = name == "always"  ? PrependScheme::always
                                     : name == "first" ? PrependScheme::first
                                                       : PrependScheme::never;
        std::string replacement(json::string_or(value, "replacement", "\u2581"));
        if (replacement.empty()) return fail(ErrorCode::corrupt, "tokenizer.json: the Metaspace replacement is empty");
        return metaspace_pre_tokenizer(std::move(replacement), scheme, json::bool_or(value, "split", true));
    }
    return unknown("pre-tokenizer", value);
}

Result<void> json_decoder(const json::Value& value, DecodeSteps& steps) {
    if (value.is_null()) {
        steps.push_back(decode_space_between());
        return {};
    }
    const json::Value one[] = {value};
    std::span<const json::Value> list(one);
    if (type_of(value) == "Sequence") {
        TENON_TRY(const json::Array* array, parts_of(value, "decoders", 0));
        list = {array->data(), array->size()};
    }
    bool fused = false;
    for (const json::Value& item : list) {
        const std::string_view type = type_of(item);
        if (type == "ByteLevel") {
            steps.push_back(decode_byte_level());
        } else if (type == "ByteFallback") {
            steps.push_back(decode_byte_fallback());
        } else if (type == "Fuse") {
            fused = true;
        } else if (type == "WordPiece") {
            steps.push_back(decode_wordpiece(std::string(json::string_or(item, "prefix", "##")),
                                             json::bool_or(item, "cleanup", true)));
        } else if (type == "Metaspace") {
            const std::string_view scheme = json::string_or(
                item, "prepend_scheme", json::bool_or(item, "add_prefix_space", true) ? "always" : "never");
            steps.push_back(
                decode_metaspace(std::string(json::string_or(item, "replacement", "\u2581")), scheme != "never"));
        } else if (type == "Replace") {
            TENON_TRY(const Pattern pattern, pattern_of(item));
            if (pattern.regex)
                return fail(ErrorCode::unsupported,
                            "tokenizer.json: a decoder that replaces a regular expression is not supported");
            steps.push_back(
                decode_replace(std::string(pattern.text), std::string(json::string_or(item, "content", ""))));
        } else if (type == "Strip") {
            const std::int64_t start = json::integer_or(item, "start", 0);
            const std::int64_t stop = json::integer_or(item, "stop", 0);
            if (start < 0 || stop < 0 || (fused && stop > 0))
                return fail(ErrorCode::unsupported,
                            "tokenizer.json: a decoder that strips the end of the text is not supported");
            steps.push_back(decode_strip(std::string(json::string_or(item, "content", " ")),
                                         static_cast<std::size_t>(start), static_cast<std::size_t>(stop), fused));
        } else {
            return unknown("decoder", item);
        }
    }
    return {};
}

Result<void> json_post_processor(const json::Value& value, std::size_t vocabulary, PostProcessor& post, int depth) {
    if (value.is_null()) return {};
    const std::string_view type = type_of(value);
    const auto bounded = [&](std::int64_t id) -> Result<TokenId> {
        if (id < 0 || static_cast<std::uint64_t>(id) >= vocabulary)
            return fail(
                ErrorCode::corrupt,
                fmt::format("tokenizer.json: the post-processor names token {} of a vocabulary of {}", id, vocabulary));
        return static_cast<TokenId>(id);
    };
    if (type == "ByteLevel") return {};
    if (type == "Sequence") {
        TENON_TRY(const json::Array* list, parts_of(value, "processors", depth));
        for (const json::Value& item : *list) TENON_CHECK(json_post_processor(item, vocabulary, post, depth + 1));
        return {};
    }
    std::vector<TokenId> prefix, suffix;
    if (type == "BertProcessing" || type == "RobertaProcessing") {
        for (const std::string_view key : {"cls", "sep"}) {
            const json::Value* pair = json::find(value, key);
            if (pair == nullptr || !pair->is_array() || pair->get_array().size() != 2 ||
                !pair->get_array()[1].is_int64())
                return fail(ErrorCode::corrupt,
                            fmt::format("tokenizer.json: the post-processor has no \"{}\" token", key));
            TENON_TRY(const TokenId id, bounded(pair->get_array()[1].get_int64()));
            (key == "cls" ? prefix : suffix).push_back(id);
        }
    } else if (type == "TemplateProcessing") {
        const json::Value* single = json::find(value, "single");
        const json::Value* specials = json::find(value, "special_tokens");
        if (single == nullptr || !single->is_array() || single->get_array().size() > max_parts)
            return fail(ErrorCode::corrupt, "tokenizer.json: the template has no \"single\" list");
        int sequences = 0;
        for (const json::Value& item : single->get_array()) {
            if (json::find(item, "Sequence") != nullptr) {
                ++sequences;
                continue;
            }
            const json::Value* special = json::find(item, "SpecialToken");
            const json::Value* entry = special == nullptr || specials == nullptr
                                           ? nullptr
                                           : json::find(*specials, json::string_or(*special, "id", ""));
            const json::Value* ids = entry == nullptr ? nullptr : json::find(*entry, "ids");
            if (ids == nullptr || !ids->is_array() || ids->get_array().size() > max_parts)
                return fail(ErrorCode::corrupt,
                            "tokenizer.json: the template names a special token that is not defined");
            for (const json::Value& id : ids->get_array()) {
                TENON_TRY(const TokenId checked, bounded(id.is_int64() ? id.get_int64() : -1));
                (sequences == 0 ? prefix : suffix).push_back(checked);
            }
        }
        if (sequences != 1)
            return fail(ErrorCode::unsupported, "tokenizer.json: the template must hold the text exactly once");
    } else {
        return unknown("post-processor", value);
    }
    post.prefix.insert(post.prefix.begin(), prefix.begin(), prefix.end());
    post.suffix.insert(post.suffix.end(), suffix.begin(), suffix.end());
    return {};
}

}  // namespace tenon::text::tok
