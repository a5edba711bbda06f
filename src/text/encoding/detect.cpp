// Which encoding a file is in. Validity says most; among the encodings that remain, the one whose characters are common
// wins.
#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

#include <algorithm>
#include <array>
#include <memory>
#include <unordered_set>

#include "tenon/base/utf8.hpp"
#include "tenon/text/encoding.hpp"

namespace tenon::text {
namespace {

constexpr std::size_t sample_size = std::size_t{1} << 16;

// The most frequent characters of running text, simplified and traditional; kana and Hangul are judged by range.
constexpr std::u32string_view common_simplified =
    U"的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里用道行所然家"
    U"种事成方多经么去法学如都同现当没动面起看定"
    U"天分还进好小部其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又关点正业外将两"
    U"高间由问很最重并物手应战向头文体政美相见被利"
    U"什二等产或新己制身果加西斯月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入几"
    U"口认条平系气题活尔更别打女变四神总何电数安少"
    U"报才结反受目太量再感建务做接必场件计管期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达"
    U"光放强即像难且权思王象完设式色路记南品住告类求"
    U"据程北边死张该交规万取拉格望觉术领共确传师观清今切院让识候带导争运测试编码文本件简汉字输入您好请参数据库版本号章"
    U"节错误";
constexpr std::u32string_view common_traditional =
    U"的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年過發後作里用道行所然家"
    U"種事成方多經麼去法學如都同現當沒動面起看定"
    U"天分還進好小部其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又關點正業外將兩"
    U"高間由問很最重並物手應戰向頭文體政美相見被利"
    U"什二等產或新己制身果加西斯月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入幾"
    U"口認條平系氣題活爾更別打女變四神總何電數安少"
    U"報才結反受目太量再感建務做接必場件計管期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達"
    U"光放強即像難且權思王象完設式色路記南品住告類求"
    U"據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今切院讓識候帶導爭運測試編碼文本件簡漢字輸入您請參數據庫版本號章節"
    U"錯誤";
constexpr std::u32string_view common_hangul =
    U"이다는을를에의가은고하로지한사기도리서자인그어나시있으대라해정수안아과들전부보일것제주만했게없면상성장스여야우";
constexpr std::u32string_view common_japanese_kanji =
    U"日本人大年会国月分時行見事者社中気生間上自前方出場手合今金子代立地業動学話入東同体部定長新的用検索設定文字化表示"
    U"変換";

bool is_hangul(char32_t c) { return c >= 0xAC00 && c <= 0xD7A3; }
bool is_kana(char32_t c) { return (c >= 0x3041 && c <= 0x3093) || (c >= 0x30A1 && c <= 0x30FC); }
bool is_wide_punctuation(char32_t c) {
    return (c >= 0x3000 && c <= 0x3011) || c == 0xFF0C || c == 0xFF01 || c == 0xFF1F || c == 0xFF1A || c == 0xFF1B ||
           c == 0xFF08 || c == 0xFF09 || c == 0x2014 || c == 0x2026 || c == 0x201C || c == 0x201D;
}

enum class Script : std::uint8_t { simplified, traditional, japanese, korean };

struct Candidate {
    const char* name;
    Script script;
};
constexpr auto candidates = std::to_array<Candidate>({{"GB18030", Script::simplified},
                                                      {"Big5", Script::traditional},
                                                      {"Shift_JIS", Script::japanese},
                                                      {"EUC-JP", Script::japanese},
                                                      {"EUC-KR", Script::korean}});

const std::unordered_set<char32_t>& common_set(Script script) {
    static const auto make = [](std::u32string_view s) { return std::unordered_set<char32_t>(s.begin(), s.end()); };
    static const std::array<std::unordered_set<char32_t>, 4> sets{make(common_simplified), make(common_traditional),
                                                                  make(common_japanese_kanji), make(common_hangul)};
    return sets[static_cast<std::size_t>(script)];
}

/// How ordinary a character is in the language a candidate encoding is used for; around 1 for plain text of it, below 0
/// for noise.
double weigh(char32_t c, Script script) {
    if (c == utf8::replacement || (c >= 0xE000 && c <= 0xF8FF)) return -4;
    if (is_wide_punctuation(c)) return 1;
    if (common_set(script).contains(c)) return 1.6;
    switch (script) {
        case Script::simplified:
        case Script::traditional:
            if (c >= 0x4E00 && c <= 0x9FFF) return 0.3;
            if (is_hangul(c) || is_kana(c)) return -0.5;
            return -0.6;
        case Script::japanese:
            if (is_kana(c)) return 1.3;
            if (c >= 0xFF61 && c <= 0xFF9F) return -0.4;  // half-width kana: what Shift_JIS makes of other bytes
            if (c >= 0x4E00 && c <= 0x9FFF) return 0.15;
            return -0.6;
        case Script::korean:
            if (is_hangul(c)) return 0.5;
            if (c >= 0x4E00 && c <= 0x9FFF) return -0.1;
            return -0.6;
    }
    return 0;
}

/// Rare ideographs give themselves away in GB18030 by their lead byte: GB 2312's common plane is B0–D7.
double plane_penalty(std::string_view bytes) {
    std::size_t pairs = 0, odd = 0;
    for (std::size_t i = 0; i + 1 < bytes.size(); ++i) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        if (lead < 0x81) continue;
        const auto trail = static_cast<unsigned char>(bytes[i + 1]);
        ++pairs;
        if (lead > 0xD7 || lead < 0xA1 || (lead >= 0xA4 && lead < 0xB0) || trail < 0xA1) ++odd;
        ++i;
    }
    return pairs == 0 ? 0 : static_cast<double>(odd) / static_cast<double>(pairs);
}

double score_multibyte(std::string_view bytes, const Candidate& candidate) {
    const auto decoded = to_utf8(bytes, candidate.name);
    if (!decoded) return -10;
    double sum = 0;
    std::size_t wide = 0, kana = 0;
    for (std::size_t i = 0; i < decoded->text.size();) {
        const auto d = utf8::decode(decoded->text, i);
        i += d.length;
        if (d.code_point < 0x80) continue;
        ++wide;
        kana += is_kana(d.code_point) ? 1U : 0U;
        sum += weigh(d.code_point, candidate.script);
    }
    if (wide == 0) return -10;
    double score = sum / static_cast<double>(wide);
    if (candidate.script == Script::simplified) score -= plane_penalty(bytes) * 0.5;
    // Japanese prose is about half kana; ideographs alone are more likely Chinese.
    if (candidate.script == Script::japanese && kana * 6 < wide) score -= 0.5;
    return score;
}

/// Western single-byte text: accented letters stand among plain ones.
double score_western(std::string_view bytes) {
    double sum = 0;
    std::size_t high = 0;
    const auto letter = [](unsigned char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const auto c = static_cast<unsigned char>(bytes[i]);
        if (c < 0x80) continue;
        ++high;
        const unsigned char before = i > 0 ? static_cast<unsigned char>(bytes[i - 1]) : ' ';
        const unsigned char after = i + 1 < bytes.size() ? static_cast<unsigned char>(bytes[i + 1]) : ' ';
        if (c == 0x81 || c == 0x8D || c == 0x8F || c == 0x90 || c == 0x9D)
            sum -= 4;
        else if (before >= 0x80 || after >= 0x80)
            sum -= 0.4;  // two in a row are rare in words
        else if (c >= 0xC0 && (letter(before) || letter(after)))
            sum += 1.3;
        else if (c >= 0x91 && c <= 0x97)
            sum += 1;  // curly quotes and dashes
        else if (c == 0xA0 || c == 0xA9 || c == 0xAB || c == 0xBB || c == 0xB0 || c == 0xA7 || c == 0xA3)
            sum += 0.8;
        else
            sum += 0.2;
    }
    return high == 0 ? 0 : sum / static_cast<double>(high);
}

/// ICU's opinion, for single-byte alphabets (Cyrillic, Greek, Central European) that our scores know nothing of.
std::string icu_opinion(std::string_view bytes, int least_confidence) {
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<UCharsetDetector, decltype(&ucsdet_close)> detector(ucsdet_open(&status), &ucsdet_close);
    if (U_FAILURE(status)) return {};
    ucsdet_setText(detector.get(), bytes.data(), static_cast<std::int32_t>(bytes.size()), &status);
    int count = 0;
    const UCharsetMatch** matches = ucsdet_detectAll(detector.get(), &count, &status);
    if (U_FAILURE(status)) return {};
    for (int i = 0; i < count; ++i) {
        const std::string_view name = ucsdet_getName(matches[i], &status);
        if (U_FAILURE(status) || ucsdet_getConfidence(matches[i], &status) < least_confidence) break;
        if (name.starts_with("windows-125") || name.starts_with("ISO-8859-") || name.starts_with("KOI8"))
            return std::string(name);
    }
    return {};
}

/// UTF-16 without a mark: ASCII shows as zero bytes on one side, Chinese as ideograph high bytes on one side.
std::string_view utf16_without_mark(std::string_view bytes) {
    const std::size_t units = std::min<std::size_t>(bytes.size(), 4096) / 2;
    if (units < 2 || bytes.size() % 2 != 0) return {};
    std::array<std::size_t, 2> zeros{}, ideographs{}, controls{};
    for (std::size_t i = 0; i < units; ++i) {
        const std::array<unsigned char, 2> pair{static_cast<unsigned char>(bytes[2 * i]),
                                                static_cast<unsigned char>(bytes[2 * i + 1])};
        for (std::size_t side = 0; side < 2; ++side) {  // `side` holds the high byte: 0 is big endian
            const unsigned char high = pair[side], low = pair[1 - side];
            if (high == 0 && low >= 0x20)
                ++zeros[side];
            else if (high == 0 && (low == '\n' || low == '\r' || low == '\t' || low == '\f'))
                ++zeros[side];
            else if (high == 0)
                ++controls[side];
            else if ((high >= 0x4E && high <= 0x9F) || high == 0x30 || high == 0xFF || high == 0x20 ||
                     (high >= 0xAC && high <= 0xD7))
                ++ideographs[side];
        }
    }
    for (const std::size_t side : {std::size_t{1}, std::size_t{0}}) {
        const std::size_t good = zeros[side] + ideographs[side];
        const std::size_t other = zeros[1 - side];
        if (controls[side] == 0 && good * 20 >= units * 19 && zeros[side] * 50 >= units && zeros[side] > other * 4)
            return side == 1 ? "UTF-16LE" : "UTF-16BE";
    }
    return {};
}

/// Ideographs only: no zero byte gives it away, so it must look better than any legacy encoding could.
std::string_view utf16_ideographs(std::string_view bytes) {
    if (bytes.size() % 2 != 0 || bytes.size() < 4) return {};
    for (const char* name : {"UTF-16LE", "UTF-16BE"}) {
        const auto decoded = to_utf8(bytes.substr(0, 4096), name);
        if (!decoded || decoded->replaced > 0) continue;
        std::size_t common = 0, all = 0;
        for (std::size_t i = 0; i < decoded->text.size(); ++all) {
            const auto d = utf8::decode(decoded->text, i);
            i += d.length;
            if (is_wide_punctuation(d.code_point) || is_kana(d.code_point) ||
                common_set(Script::simplified).contains(d.code_point) ||
                common_set(Script::traditional).contains(d.code_point) ||
                common_set(Script::korean).contains(d.code_point))
                ++common;
        }
        if (common * 3 >= all) return name;
    }
    return {};
}

struct Utf8Look {
    std::size_t multibyte = 0, bad = 0, high = 0;
};

Utf8Look look_at_utf8(std::string_view bytes) {
    Utf8Look look;
    for (std::size_t i = 0; i < bytes.size();) {
        if (static_cast<unsigned char>(bytes[i]) < 0x80) {
            ++i;
            continue;
        }
        const auto d = utf8::decode(bytes, i);
        look.high += d.length;
        d.valid ? ++look.multibyte : ++look.bad;
        i += d.length;
    }
    return look;
}

bool has_converter(const std::string& name) {
    UErrorCode status = U_ZERO_ERROR;
    const std::unique_ptr<UConverter, decltype(&ucnv_close)> converter(ucnv_open(name.c_str(), &status), &ucnv_close);
    return U_SUCCESS(status);
}

/// The name a document gave, as we call that encoding; what browsers do with labels that promise less than they hold.
std::string canonical(std::string_view hint) {
    std::string name;
    for (const char c : hint.substr(0, 40))
        if (c > ' ' && c < 0x7F) name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    if (name == "GB2312" || name == "GBK" || name == "GB18030" || name == "X-GBK" || name == "CP936") return "GB18030";
    if (name == "ISO-8859-1" || name == "LATIN1" || name == "US-ASCII" || name == "ASCII" || name == "WINDOWS-1252")
        return "windows-1252";
    if (name == "SHIFT-JIS" || name == "SJIS" || name == "SHIFT_JIS" || name == "WINDOWS-31J") return "Shift_JIS";
    if (name == "UTF8") return "UTF-8";
    return name;
}

bool starts_with_bytes(std::string_view bytes, std::initializer_list<unsigned char> mark) {
    return bytes.size() >= mark.size() &&
           std::equal(mark.begin(), mark.end(), bytes.begin(),
                      [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); });
}

}  // namespace

std::string detect_encoding(std::string_view whole, std::string_view hint) {
    if (starts_with_bytes(whole, {0xEF, 0xBB, 0xBF})) return "UTF-8";
    if (starts_with_bytes(whole, {0xFF, 0xFE, 0, 0}) && whole.size() % 4 == 0) return "UTF-32LE";
    if (starts_with_bytes(whole, {0, 0, 0xFE, 0xFF})) return "UTF-32BE";
    if (starts_with_bytes(whole, {0xFF, 0xFE})) return "UTF-16LE";
    if (starts_with_bytes(whole, {0xFE, 0xFF})) return "UTF-16BE";
    const bool zero = whole.substr(0, 4096).find('\0') != std::string_view::npos;
    if (zero)
        if (const auto found = utf16_without_mark(whole); !found.empty()) return std::string(found);
    Utf8Look look = look_at_utf8(whole);
    if (look.bad == 0) return "UTF-8";
    // A few damaged characters in a long text that is otherwise UTF-8.
    if (look.multibyte >= 8 && look.bad * 50 <= look.multibyte) return "UTF-8";

    // The sample begins where the text stops being ASCII, and ends between lines.
    std::size_t first = 0;
    while (static_cast<unsigned char>(whole[first]) < 0x80) ++first;
    std::size_t line = whole.substr(0, first).rfind('\n');
    line = line == std::string_view::npos || first - line > 1024 ? first : line + 1;
    std::string_view sample = whole.substr(line, sample_size);
    if (line + sample.size() < whole.size())
        if (const auto newline = sample.rfind('\n'); newline != std::string_view::npos && newline > sample.size() / 2)
            sample = sample.substr(0, newline);

    if (!hint.empty()) {
        const std::string name = canonical(hint);
        if (!name.empty() && !name.starts_with("UTF-") && has_converter(name))
            if (const auto decoded = to_utf8(sample, name); decoded && decoded->replaced * 100 <= decoded->text.size())
                return name;
    }
    if (!zero)
        if (const auto found = utf16_ideographs(whole); !found.empty()) return std::string(found);
    double best = 0.35;  // below this no multi-byte encoding explains the bytes
    std::string name;
    const double western = score_western(sample);
    for (const Candidate& candidate : candidates) {
        const double score = score_multibyte(sample, candidate);
        if (score > best) {
            best = score;
            name = candidate.name;
        }
    }
    if (!name.empty() && best > western) return name;
    if (western < 1 && sample.size() >= 64)
        if (auto opinion = icu_opinion(sample, 25); !opinion.empty() && opinion != "ISO-8859-1") return opinion;
    return "windows-1252";
}

bool looks_binary(std::string_view bytes) {
    if (starts_with_bytes(bytes, {0xFF, 0xFE}) || starts_with_bytes(bytes, {0xFE, 0xFF}) ||
        starts_with_bytes(bytes, {0, 0, 0xFE, 0xFF}))
        return false;
    const std::string_view head = bytes.substr(0, 8192);
    std::size_t controls = 0;
    bool zero = false;
    for (const char c : head) {
        const auto u = static_cast<unsigned char>(c);
        zero = zero || u == 0;
        if (u < 0x20 && u != '\t' && u != '\n' && u != '\r' && u != '\f' && u != '\b' && u != 0x1B) ++controls;
    }
    if (zero) return utf16_without_mark(bytes).empty();
    return controls * 50 > head.size();
}

}  // namespace tenon::text
