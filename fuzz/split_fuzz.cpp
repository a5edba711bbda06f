// Any text in any division into blocks: the splitter's chunks stay inside the text and between characters.
#include <cstdint>

#include "document_check.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const std::size_t cuts = data[0] % 8U;
    if (size < 1 + cuts * 2) return 0;
    tenon::text::StructuredText document;
    document.text = tenon::utf8::sanitize({reinterpret_cast<const char*>(data) + 1 + cuts * 2, size - 1 - cuts * 2});
    std::size_t at = 0;
    for (std::size_t i = 0; i < cuts; ++i) {
        const auto* cut = data + 1 + i * 2;
        const auto end = tenon::utf8::truncate(document.text, at + cut[1]).size();
        if (end < at) break;
        document.blocks.push_back(
            {static_cast<tenon::text::BlockKind>(cut[0] % 7U), at, end, cut[0] % 6 + 1, cut[0] / 64, {}});
        at = end;
    }
    tenon::fuzz::check_document(document);
    (void)tenon::text::detect_language(document.text);
    return 0;
}
