// Character encodings of files: detection and conversion to UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::text {

struct DecodedText {
    std::string text;      ///< valid UTF-8, without a byte-order mark
    std::string encoding;  ///< what it was: "UTF-8", "UTF-16LE", "GB18030", "Big5", "Shift_JIS", "EUC-JP", "EUC-KR",
                           ///< "windows-1252", …
    std::size_t replaced = 0;  ///< characters that could not be decoded and became U+FFFD
};

/// Name of the encoding: byte-order marks first, then UTF-16 by its zero bytes, valid UTF-8, the `hint` (what the
/// document says of itself) when the bytes allow it, then the legacy encodings by validity and by how common the
/// characters they give are. Looks at the first 64 KiB; decides on short texts too, where it can only be right for
/// ordinary words. Never fails: what nothing else explains is windows-1252.
[[nodiscard]] std::string detect_encoding(std::string_view bytes, std::string_view hint = {});

/// Converts from `encoding`, or from the detected one when it is empty. `hint` is used by detection only.
/// Errors: unsupported (an encoding that nobody knows), internal.
[[nodiscard]] Result<DecodedText> to_utf8(std::string_view bytes, std::string_view encoding = {},
                                          std::string_view hint = {});

/// Whether the bytes are no text in any encoding above: zero bytes or many control characters near the beginning.
[[nodiscard]] bool looks_binary(std::string_view bytes);

}  // namespace tenon::text
