#include <fmt/format.h>
#include <unicode/ucnv.h>

#include <array>
#include <memory>

#include "tenon/base/utf8.hpp"
#include "tenon/text/encoding.hpp"

namespace tenon::text {
namespace {

using Converter = std::unique_ptr<UConverter, decltype(&ucnv_close)>;

std::string_view without_mark(std::string_view bytes, std::string_view encoding) {
    const auto drop = [&](std::string_view mark) {
        if (bytes.starts_with(mark)) bytes.remove_prefix(mark.size());
    };
    if (encoding == "UTF-8") drop("\xEF\xBB\xBF");
    if (encoding == "UTF-16LE") drop("\xFF\xFE");
    if (encoding == "UTF-16BE") drop("\xFE\xFF");
    if (encoding == "UTF-32LE") drop(std::string_view("\xFF\xFE\0\0", 4));
    if (encoding == "UTF-32BE") drop(std::string_view("\0\0\xFE\xFF", 4));
    return bytes;
}

std::size_t count_replacements(std::string_view text) {
    std::size_t n = 0;
    for (std::size_t at = text.find("\xEF\xBF\xBD"); at != std::string_view::npos;
         at = text.find("\xEF\xBF\xBD", at + 3))
        ++n;
    return n;
}

}  // namespace

Result<DecodedText> to_utf8(std::string_view bytes, std::string_view encoding, std::string_view hint) {
    DecodedText out;
    out.encoding = encoding.empty() ? detect_encoding(bytes, hint) : std::string(encoding);
    bytes = without_mark(bytes, out.encoding);
    if (out.encoding == "UTF-8") {
        if (utf8::is_valid(bytes)) {
            out.text = bytes;
        } else {
            const std::size_t before = count_replacements(bytes);
            out.text = utf8::sanitize(bytes);
            out.replaced = count_replacements(out.text) - before;
        }
        return out;
    }
    UErrorCode status = U_ZERO_ERROR;
    const Converter converter(ucnv_open(out.encoding.c_str(), &status), &ucnv_close);
    if (U_FAILURE(status) || converter == nullptr)
        return fail(ErrorCode::unsupported, fmt::format("unknown character encoding '{}'; convert the file to UTF-8",
                                                        utf8::sanitize(out.encoding)));
    std::array<UChar, 4096> buffer{};
    const char* source = bytes.data();
    const char* const end = source + bytes.size();
    out.text.reserve(bytes.size() + bytes.size() / 2);
    char32_t lead = 0;
    const auto put = [&](char32_t c) {
        if (c == utf8::replacement) ++out.replaced;
        utf8::append(out.text, c);
    };
    for (bool more = true; more;) {
        UChar* target = buffer.data();
        status = U_ZERO_ERROR;
        ucnv_toUnicode(converter.get(), &target, buffer.data() + buffer.size(), &source, end, nullptr, true, &status);
        more = status == U_BUFFER_OVERFLOW_ERROR;
        if (U_FAILURE(status) && !more)
            return fail(ErrorCode::internal,
                        fmt::format("ICU cannot convert from {}: {}", out.encoding, u_errorName(status)));
        for (const UChar* unit = buffer.data(); unit != target; ++unit) {
            const char32_t c = *unit;
            if (c >= 0xD800 && c <= 0xDBFF) {
                if (lead != 0) put(utf8::replacement);
                lead = c;
            } else if (c >= 0xDC00 && c <= 0xDFFF) {
                put(lead != 0 ? 0x10000 + ((lead - 0xD800) << 10) + (c - 0xDC00) : utf8::replacement);
                lead = 0;
            } else {
                if (lead != 0) put(utf8::replacement);
                lead = 0;
                put(c);
            }
        }
    }
    if (lead != 0) put(utf8::replacement);
    return out;
}

}  // namespace tenon::text
