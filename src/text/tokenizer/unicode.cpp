#include "text/tokenizer/unicode.hpp"

#include <unicode/brkiter.h>
#include <unicode/normalizer2.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/utext.h>

#include <memory>

#include "tenon/base/utf8.hpp"

namespace tenon::text::tok {
namespace {

std::uint32_t category_mask(char32_t c) noexcept { return U_MASK(u_charType(static_cast<UChar32>(c))); }

unsigned age(char32_t c) noexcept {
    UVersionInfo version;
    u_charAge(static_cast<UChar32>(c), version);
    return version[0];
}
bool age_at_most_8(char32_t c) noexcept { return age(c) <= 8; }

bool is_ascii(std::string_view text) noexcept {
    for (const char c : text) {
        if (static_cast<unsigned char>(c) >= 0x80) return false;
    }
    return true;
}

}  // namespace

bool is_letter(char32_t c) noexcept { return (category_mask(c) & U_GC_L_MASK) != 0; }
bool is_number(char32_t c) noexcept { return (category_mask(c) & U_GC_N_MASK) != 0; }
bool is_mark(char32_t c) noexcept { return (category_mask(c) & U_GC_M_MASK) != 0; }

// The reference WordPiece code carries tables of Unicode 8, unassigned characters counting as nothing in particular:
// what is younger, or has changed its category since, is told by age.
bool bert_nonspacing_mark(char32_t c) noexcept {
    if (c == 0x1734) return true;
    return (category_mask(c) & U_GC_MN_MASK) != 0 && age_at_most_8(c) && c != 0x1885 && c != 0x1886 && c != 0xA9BD;
}
bool bert_control(char32_t c) noexcept {
    if (c == '\t' || c == '\n' || c == '\r') return false;
    const std::uint32_t mask = category_mask(c);
    return (mask & (U_GC_CC_MASK | U_GC_CO_MASK)) != 0 || ((mask & U_GC_CF_MASK) != 0 && age_at_most_8(c));
}

bool is_white_space(char32_t c) noexcept {
    if (c < 0x80) return c == ' ' || (c >= 9 && c <= 13);
    return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_word(char32_t c) noexcept {
    return (category_mask(c) & (U_GC_L_MASK | U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK)) != 0 ||
           u_hasBinaryProperty(static_cast<UChar32>(c), UCHAR_ALPHABETIC) != 0 || c == 0x200C || c == 0x200D;
}

bool is_punctuation(char32_t c) noexcept {
    if (c < 0x80) return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
    if (c == 0x166D || c == 0x111C9) return true;
    return (category_mask(c) & U_GC_P_MASK) != 0 && age_at_most_8(c);
}

CharClass classify_wide(char32_t c) noexcept {
    const std::uint32_t mask = category_mask(c);
    if ((mask & U_GC_L_MASK) != 0) return CharClass::letter;
    if ((mask & U_GC_N_MASK) != 0) return CharClass::number;
    if (c == '\r' || c == '\n') return CharClass::newline;
    return is_white_space(c) ? CharClass::space : CharClass::other;
}

std::string normalize(std::string_view text, NormalForm form) {
    if (is_ascii(text)) return std::string(text);
    UErrorCode status = U_ZERO_ERROR;
    const icu::Normalizer2* normalizer = nullptr;
    switch (form) {
        case NormalForm::nfc:
            normalizer = icu::Normalizer2::getNFCInstance(status);
            break;
        case NormalForm::nfd:
            normalizer = icu::Normalizer2::getNFDInstance(status);
            break;
        case NormalForm::nfkc:
            normalizer = icu::Normalizer2::getNFKCInstance(status);
            break;
        case NormalForm::nfkd:
            normalizer = icu::Normalizer2::getNFKDInstance(status);
            break;
    }
    if (U_FAILURE(status) || normalizer == nullptr) return std::string(text);
    // The reference implementations know the decompositions of Unicode 11: younger characters stay as they are.
    std::string out;
    const auto append = [&](std::string_view part) {
        const icu::UnicodeString wide = icu::UnicodeString::fromUTF8({part.data(), static_cast<int32_t>(part.size())});
        UErrorCode failure = U_ZERO_ERROR;
        const icu::UnicodeString normal = normalizer->normalize(wide, failure);
        if (U_FAILURE(failure)) {
            out += part;
        } else {
            normal.toUTF8String(out);
        }
    };
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size();) {
        const Char c = next_char(text, i);
        if (c.code >= 0x32FF && !(c.code >= 0x4E00 && c.code <= 0x9FFF) && age(c.code) > 11) {
            append(text.substr(begin, i - begin));
            out.append(text.substr(i, c.length));
            begin = i + c.length;
        }
        i += c.length;
    }
    append(text.substr(begin));
    return out;
}

std::string lowercase(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const Char c = next_char(text, i);
        if (c.code < 0x80) {
            out += static_cast<char>(c.code >= 'A' && c.code <= 'Z' ? c.code + 32 : c.code);
        } else if (c.code == 0x130) {
            out += "i\u0307";
        } else {
            utf8::append(out, static_cast<char32_t>(u_tolower(static_cast<UChar32>(c.code))));
        }
        i += c.length;
    }
    return out;
}

void for_each_grapheme(std::string_view text, void (*visit)(void*, std::string_view), void* context) {
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<icu::BreakIterator> breaks(
        icu::BreakIterator::createCharacterInstance(icu::Locale::getRoot(), status));
    UText* utext = utext_openUTF8(nullptr, text.data(), static_cast<std::int64_t>(text.size()), &status);
    if (U_FAILURE(status) || breaks == nullptr) {
        if (utext != nullptr) utext_close(utext);
        for (std::size_t i = 0; i < text.size(); i += char_length(text[i]))
            visit(context, text.substr(i, char_length(text[i])));
        return;
    }
    breaks->setText(utext, status);
    std::int32_t begin = breaks->first();
    for (std::int32_t end = breaks->next(); end != icu::BreakIterator::DONE; begin = end, end = breaks->next()) {
        visit(context, text.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
    }
    utext_close(utext);
}

}  // namespace tenon::text::tok
