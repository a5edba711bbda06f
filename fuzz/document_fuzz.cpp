// Any bytes as a document of each kind but HTML (html_fuzz) and PDF (another program parses those; pdf_layout_fuzz
// reads what it prints). The first byte chooses the kind.
#include <array>
#include <cstdint>

#include "document_check.hpp"
#include "tenon/rag/loader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::array names{"a.txt",  "a.md", "a.csv", "a.json",  "a.jsonl",
                               "a.docx", "a.py", "a.rst", "a.md.gz", "a.xml"};
    if (size == 0) return 0;
    tenon::rag::LoadOptions options;
    options.limits.max_text_bytes = std::size_t{4} << 20;
    const auto document =
        tenon::rag::load({reinterpret_cast<const char*>(data) + 1, size - 1}, names[data[0] % names.size()], options);
    if (document) tenon::fuzz::check_document(*document);
    return 0;
}
