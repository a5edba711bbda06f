#include "rag/load/lines.hpp"
namespace tenon::rag::load_detail {
Result<StructuredText> load_pdf(const Input&) { return fail(ErrorCode::unsupported, "soon"); }
}  // namespace tenon::rag::load_detail
