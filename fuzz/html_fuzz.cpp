// Any bytes as a web page: a document or an error.
#include <cstdint>

#include "document_check.hpp"
#include "tenon/rag/loader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto document = tenon::rag::load({reinterpret_cast<const char*>(data), size}, "page.html");
    if (document) tenon::fuzz::check_document(*document);
    return 0;
}
