// PDF: the text layer through the program pdftotext (poppler), which runs confined and is never linked.
#include <fmt/format.h>

#include "rag/load/pdf_layout.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/process.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::rag::load_detail {
namespace {

/// pdftotext confined: a bare environment, no right to write files, limits on its time and memory.
Result<ProcessResult> run_confined(const std::vector<std::string>& command, std::size_t output, const Input& input) {
    const LoadLimits& limits = input.options.limits;
    ProcessOptions options;
    options.environment = {{"LC_ALL", "C.UTF-8"}};
    options.limits.wall_time = limits.program_time;
    options.limits.cpu_time = limits.program_time + std::chrono::seconds(1);
    options.limits.address_space = limits.program_memory;
    options.limits.file_bytes = 0;
    options.limits.output_bytes = output;
    options.limits.error_bytes = 8192;
    options.stop = input.options.stop;
    return run_process(command, options);
}

}  // namespace

Result<StructuredText> load_pdf(const Input& input) {
    if (input.bytes.substr(0, 1024).find("%PDF-") == std::string_view::npos)
        return fail(ErrorCode::corrupt, "not a PDF file: it does not begin with %PDF-");
    TENON_TRY(const auto folder, TemporaryDirectory::create("tenon-pdf-"));
    const auto path = folder.path() / "in.pdf";
    TENON_CHECK(write_file_atomic(path, input.bytes));
    const LoadLimits& limits = input.options.limits;
    const auto output =
        run_confined({input.options.pdftotext, "-q", "-bbox-layout", "-enc", "UTF-8", path.string(), "-"},
                     limits.max_text_bytes * 4, input);
    if (!output) {
        if (output.error().code() == ErrorCode::not_found)
            return fail(ErrorCode::unsupported,
                        "reading PDF files needs the program pdftotext: install the package poppler-utils");
        return std::unexpected(output.error());
    }
    if (output->exit_code >= 128)
        return fail(ErrorCode::resource_exhausted,
                    "pdftotext was stopped by its limits on memory or time; the PDF file is too complex");
    if (output->exit_code != 0) {
        // -q silences the reasons, so ask once more for them.
        const auto again =
            run_confined({input.options.pdftotext, "-l", "1", path.string(), "-"}, std::size_t{1} << 24, input);
        const std::string reason =
            again ? utf8::sanitize(trimmed(again->err.substr(0, again->err.find('\n')))) : std::string{};
        if (again && again->err.find("ncorrect password") != std::string::npos)
            return fail(ErrorCode::unsupported, "the PDF file is encrypted; save it without a password");
        return fail(ErrorCode::corrupt,
                    fmt::format("the PDF file cannot be read{}{}", reason.empty() ? "" : ": ", reason));
    }
    PdfPages pages = read_bbox_layout(output->out);
    std::string title = pages.title;
    const std::size_t count = pages.pages.size();
    DocumentBuilder builder(limits.max_text_bytes);
    write_pages(std::move(pages), builder);
    if (builder.empty() && count > 0)
        return fail(
            ErrorCode::unsupported,
            fmt::format("the PDF file has no text layer ({} pages of images?); run it through OCR first", count));
    if (title.empty())
        for (const Block& b : builder.document().blocks)
            if (b.kind == BlockKind::heading) {
                title = builder.document().text.substr(b.begin, b.end - b.begin);
                break;
            }
    return std::move(builder).finish(std::move(title));
}

}  // namespace tenon::rag::load_detail
