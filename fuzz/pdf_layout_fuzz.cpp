// Any bytes as the output of `pdftotext -bbox-layout`: paragraphs or an error.
#include <cstdint>

#include "document_check.hpp"
#include "rag/load/pdf_layout.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon::rag::load_detail;
    DocumentBuilder builder(std::size_t{1} << 20);
    auto pages = read_bbox_layout({reinterpret_cast<const char*>(data), size});
    write_pages(std::move(pages), builder);
    const auto document = std::move(builder).finish("title");
    if (document) tenon::fuzz::check_document(*document);
    return 0;
}
