#include "tenon/base/base64.hpp"

#include <gtest/gtest.h>

namespace tenon {
namespace {

std::string decoded(std::string_view text) { return base64_decode(text).value_or("refused"); }

TEST(Base64, KnowsTheVectorsOfRfc4648) {
    const std::pair<std::string_view, std::string_view> vectors[] = {{"", ""},
                                                                     {"f", "Zg=="},
                                                                     {"fo", "Zm8="},
                                                                     {"foo", "Zm9v"},
                                                                     {"foob", "Zm9vYg=="},
                                                                     {"fooba", "Zm9vYmE="},
                                                                     {"foobar", "Zm9vYmFy"}};
    for (const auto& [plain, coded] : vectors) {
        EXPECT_EQ(base64_encode(plain), coded);
        EXPECT_EQ(decoded(coded), std::string(plain));
        EXPECT_EQ(decoded(coded.substr(0, coded.find('='))), std::string(plain));
    }
}

TEST(Base64, RoundTripsEveryByte) {
    std::string all;
    for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
    EXPECT_EQ(decoded(base64_encode(all)), all);
    EXPECT_EQ(decoded("-_-_"), "\xFB\xFF\xBF");
    EXPECT_EQ(decoded("+/+/"), "\xFB\xFF\xBF");
    EXPECT_EQ(decoded("Zm9v\r\nYmFy\n"), "foobar");
}

TEST(Base64, RefusesOtherText) {
    for (const auto* text : {"Z", "Zm9vY", "Zm9v!", "Zg=a", "Zg=", "====", "Zm8=="})
        EXPECT_FALSE(base64_decode(text)) << text;
}

}  // namespace
}  // namespace tenon
