#include <gtest/gtest.h>
#include <unicode/ucnv.h>

#include "tenon/base/utf8.hpp"
#include "tenon/text/encoding.hpp"

namespace tenon::text {
namespace {

std::string encode(std::string_view utf8, const char* encoding) {
    std::u16string wide;
    for (const char32_t c : utf8::to_utf32(utf8)) {
        if (c < 0x10000) {
            wide += static_cast<char16_t>(c);
        } else {
            wide += static_cast<char16_t>(0xD800 + ((c - 0x10000) >> 10));
            wide += static_cast<char16_t>(0xDC00 + ((c - 0x10000) & 0x3FF));
        }
    }
    UErrorCode status = U_ZERO_ERROR;
    UConverter* converter = ucnv_open(encoding, &status);
    std::string out(wide.size() * 4 + 16, '\0');
    const auto n = ucnv_fromUChars(converter, out.data(), static_cast<int>(out.size()), wide.data(),
                                   static_cast<int>(wide.size()), &status);
    ucnv_close(converter);
    EXPECT_TRUE(U_SUCCESS(status));
    out.resize(static_cast<std::size_t>(n));
    return out;
}

struct Case {
    const char* encoding;
    const char* text;
};

class Encoding : public testing::TestWithParam<Case> {};

TEST_P(Encoding, IsFoundAndConverted) {
    const auto& [encoding, text] = GetParam();
    const std::string bytes = encode(text, encoding);
    EXPECT_EQ(detect_encoding(bytes), encoding);
    const auto decoded = to_utf8(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->text, text);
    EXPECT_EQ(decoded->replaced, 0U);
    EXPECT_FALSE(looks_binary(bytes));
}

INSTANTIATE_TEST_SUITE_P(
    All, Encoding,
    testing::Values(
        Case{"UTF-8", "plain ASCII"}, Case{"UTF-8", "naïve café 中文 😀"},
        Case{"UTF-16LE", "Hello, UTF-16 without a mark\n"}, Case{"UTF-16BE", "Hello, UTF-16 without a mark\n"},
        Case{"UTF-16LE", "第一行：这是一个文本文件。\n第二行 has English.\n"},
        Case{"UTF-16BE", "第一行：这是一个文本文件。\n第二行 has English.\n"}, Case{"UTF-16LE", "这是中文，没有换行"},
        Case{"GB18030", "你好"}, Case{"GB18030", "中文编码测试。"},
        Case{"GB18030", "榫卯结构是中国古代建筑、家具的主要连接方式，它不用钉子。"},
        Case{"GB18030", "# Configuration\nport = 8080  # 服务器的端口号\n"}, Case{"GB18030", "朱镕基总理"},
        Case{"GB18030", "生僻字：㐀䶮𠮷，以及常用的字在一起。"}, Case{"Big5", "中文編碼測試，這是一個繁體中文的檔案。"},
        Case{"Big5", "臺灣的資料庫設定與伺服器"}, Case{"Shift_JIS", "これは日本語のテストです。"},
        Case{"Shift_JIS", "設定ファイルの書き方について説明します。"}, Case{"EUC-JP", "これは日本語のテストです。"},
        Case{"EUC-JP", "サーバーの設定を変更する場合は、ファイルを編集してください。"},
        Case{"EUC-KR", "이것은 한국어 시험입니다. 서버를 설정하십시오."},
        Case{"windows-1252", "Das Café ist schön und groß."},
        Case{"windows-1252", "L’été dernier, où êtes-vous allés ?"}, Case{"windows-1252", "résumé"},
        Case{"windows-1252", "It cost £5 – “cheap”, she said."},
        Case{"windows-1252", "El niño comió una piña mañana. ¿Qué?"}));

TEST(EncodingOf, MarksAreObeyedAndDropped) {
    EXPECT_EQ(to_utf8("\xEF\xBB\xBFhi")->text, "hi");
    EXPECT_EQ(to_utf8(std::string("\xFF\xFEh\0i\0", 6))->text, "hi");
    EXPECT_EQ(to_utf8(std::string("\xFE\xFF\0h\0i", 6))->text, "hi");
    EXPECT_EQ(to_utf8(std::string("\xFF\xFE\0\0h\0\0\0", 8))->text, "h");
}

TEST(EncodingOf, CyrillicByIcu) {
    const std::string text =
        "Это обычный русский текст, в котором достаточно слов, чтобы распознать кодировку файла. Он состоит из "
        "нескольких предложений.";
    EXPECT_EQ(to_utf8(encode(text, "windows-1251"))->text, text);
    EXPECT_EQ(to_utf8(encode(text, "KOI8-R"))->text, text);
}

TEST(EncodingOf, HintsDecideUnlessTheBytesSayNo) {
    const std::string bytes = encode("名", "Shift_JIS");
    EXPECT_EQ(to_utf8(bytes, {}, "shift_jis")->text, "名");
    EXPECT_EQ(detect_encoding("plain 中文 in UTF-8", "gb2312"), "UTF-8");
    EXPECT_EQ(detect_encoding(encode("中文编码测试。", "GB18030"), "no-such-charset"), "GB18030");
    EXPECT_EQ(to_utf8("x", "no-such-charset").error().code(), ErrorCode::unsupported);
}

TEST(EncodingOf, DamageIsReplacedNotFatal) {
    const auto decoded = to_utf8(
        "中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文中文\xFF");
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->encoding, "UTF-8");
    EXPECT_EQ(decoded->replaced, 1U);
    for (int seed = 0; seed < 256; ++seed) {
        std::string noise;
        for (int i = 0; i < 300; ++i) noise += static_cast<char>((i * i * 31 + seed * 17 + i * seed) & 0xFF);
        const auto any = to_utf8(noise);
        ASSERT_TRUE(any);
        EXPECT_TRUE(utf8::is_valid(any->text));
    }
}

TEST(EncodingOf, BinaryIsKnown) {
    EXPECT_TRUE(
        looks_binary(std::string("\x7F"
                                 "ELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x03\0>\0",
                                 20)));
    EXPECT_TRUE(looks_binary(std::string("\x89PNG\r\n\x1A\n\0\0\0\rIHDR", 16)));
    EXPECT_FALSE(looks_binary("text\twith tabs\r\n\fand a page"));
    EXPECT_FALSE(looks_binary(""));
}

}  // namespace
}  // namespace tenon::text
