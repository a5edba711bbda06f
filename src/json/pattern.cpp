#include "json/pattern.hpp"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <fmt/format.h>
#include <pcre2.h>

#include <array>
#include <string>

namespace tenon::json {
namespace {

constexpr std::uint32_t match_limit = 200'000;  // steps of backtracking: some milliseconds

struct LongName {
    std::string_view ecma, pcre;
};
// ECMA-262 takes the long names of general categories, PCRE2 the short ones.
constexpr std::array<LongName, 22> long_names{{
    {"Letter", "L"},
    {"Lowercase_Letter", "Ll"},
    {"Uppercase_Letter", "Lu"},
    {"Titlecase_Letter", "Lt"},
    {"Modifier_Letter", "Lm"},
    {"Other_Letter", "Lo"},
    {"Cased_Letter", "L&"},
    {"Mark", "M"},
    {"Number", "N"},
    {"Decimal_Number", "Nd"},
    {"digit", "Nd"},
    {"Letter_Number", "Nl"},
    {"Other_Number", "No"},
    {"Punctuation", "P"},
    {"punct", "P"},
    {"Dash_Punctuation", "Pd"},
    {"Symbol", "S"},
    {"Math_Symbol", "Sm"},
    {"Currency_Symbol", "Sc"},
    {"Separator", "Z"},
    {"Space_Separator", "Zs"},
    {"Control", "Cc"},
}};

constexpr std::string_view ecma_space =
    R"(\t\n\u000B\f\r \u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000\uFEFF)";

/// What PCRE2 spells otherwise: \s, \S, property names, \cX stay or change; everything else is copied.
std::string translate(std::string_view in) {
    std::string out;
    bool in_class = false;
    for (std::size_t i = 0; i < in.size(); ++i) {
        const char c = in[i];
        if (c == '[') in_class = true;
        if (c == ']') in_class = false;
        if (c != '\\' || i + 1 == in.size()) {
            out += c;
            continue;
        }
        const char next = in[++i];
        if (next == 's' && in_class) {
            out += ecma_space;
        } else if (next == 's' || (next == 'S' && !in_class)) {
            out += next == 's' ? "[" : "[^";
            out += ecma_space;
            out += ']';
        } else if ((next == 'p' || next == 'P') && i + 1 < in.size() && in[i + 1] == '{') {
            const auto end = in.find('}', i);
            std::string_view name = end == std::string_view::npos ? std::string_view{} : in.substr(i + 2, end - i - 2);
            for (const std::string_view prefix : {"Script=", "sc=", "General_Category=", "gc="})
                if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
            for (const auto& n : long_names)
                if (n.ecma == name) name = n.pcre;
            out += '\\';
            out += next;
            out += '{';
            out += name;
            if (end != std::string_view::npos) i = end - 1;
        } else {
            out += '\\';
            out += next;
        }
    }
    return out;
}

}  // namespace

struct Pattern::Code {
    pcre2_code* code = nullptr;
    pcre2_match_context* limits = nullptr;
    Code() = default;
    Code(const Code&) = delete;
    Code& operator=(const Code&) = delete;
    ~Code() {
        pcre2_code_free(code);
        pcre2_match_context_free(limits);
    }
};

Result<Pattern> Pattern::compile(std::string_view expression) {
    if (expression.size() > 65536)
        return fail(ErrorCode::invalid_argument, "a regular expression is longer than 65536 bytes; shorten it");
    const std::string text = translate(expression);
    auto made = std::make_shared<Code>();
    pcre2_compile_context* context = pcre2_compile_context_create(nullptr);
    pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
    pcre2_set_parens_nest_limit(context, 100);
    int code = 0;
    PCRE2_SIZE at = 0;
    made->code = pcre2_compile(
        reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
        PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_MATCH_UNSET_BACKREF, &code,
        &at, context);
    pcre2_compile_context_free(context);
    if (made->code == nullptr) {
        std::array<PCRE2_UCHAR, 256> message{};
        pcre2_get_error_message(code, message.data(), message.size());
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" is not a regular expression: {} at character {}", expression,
                                reinterpret_cast<const char*>(message.data()), at));
    }
    made->limits = pcre2_match_context_create(nullptr);
    pcre2_set_match_limit(made->limits, match_limit);
    pcre2_set_depth_limit(made->limits, match_limit);
    pcre2_set_heap_limit(made->limits, 16 * 1024);  // KiB
    return Pattern(std::move(made));
}

Pattern::Outcome Pattern::find(std::string_view text) const {
    pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
    const int found =
        pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), 0, 0, data, code_->limits);
    pcre2_match_data_free(data);
    if (found >= 0) return Outcome::yes;
    return found == PCRE2_ERROR_NOMATCH ? Outcome::no : Outcome::too_costly;
}

}  // namespace tenon::json
