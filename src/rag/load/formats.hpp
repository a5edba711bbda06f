// The formats: each loader is one function in one file, and one line in registry.cpp.
#pragma once

#include <string_view>

#include "tenon/base/error.hpp"
#include "tenon/rag/loader.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::rag::load_detail {

using text::Block;
using text::BlockKind;
using text::StructuredText;

struct Input {
    std::string_view bytes;
    std::string_view name;  ///< without a trailing .gz
    std::string_view media_type;
    const LoadOptions& options;
};

using Loader = Result<StructuredText> (*)(const Input&);

Result<StructuredText> load_plain(const Input& input);  ///< also reStructuredText, AsciiDoc and Org by extension
Result<StructuredText> load_markdown(const Input& input);
Result<StructuredText> load_html(const Input& input);
Result<StructuredText> load_pdf(const Input& input);
Result<StructuredText> load_docx(const Input& input);
Result<StructuredText> load_csv(const Input& input);
Result<StructuredText> load_json(const Input& input);
Result<StructuredText> load_json_lines(const Input& input);
Result<StructuredText> load_code(const Input& input);

/// Unpacks gzip (RFC 1952), several members included, within the limits.
Result<std::string> gunzip(std::string_view bytes, const LoadLimits& limits);

}  // namespace tenon::rag::load_detail
