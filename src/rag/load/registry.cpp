// Which loader reads which file. A new format is a file with its function and a line here.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "rag/load/formats.hpp"
#include "tenon/text/encoding.hpp"

namespace tenon::rag {
namespace {

using namespace load_detail;

struct Format {
    std::string_view media_type;
    std::string_view extensions;  ///< separated by blanks
    Loader loader;
};

constexpr std::string_view code_extensions =
    "c h cc cpp cxx hh hpp hxx ipp inl cu cuh m mm java kt kts scala groovy gradle cs fs go rs swift dart zig js mjs "
    "cjs jsx ts mts cts tsx vue "
    "svelte py pyi pyx rb php pl pm lua r jl hs ml mli ex exs erl clj cljs lisp el scm sh bash zsh fish ps1 bat cmd "
    "sql proto thrift graphql cmake mk "
    "tf hcl nix dockerfile makefile vim asm s f90 f pas vb css scss less";

constexpr auto formats = std::to_array<Format>({
    {"text/markdown", "md markdown mdown mkd mdx qmd", load_markdown},
    {"text/html", "html htm xhtml shtml", load_html},
    {"application/pdf", "pdf", load_pdf},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx docm dotx", load_docx},
    {"text/csv", "csv", load_csv},
    {"text/tab-separated-values", "tsv tab", load_csv},
    {"application/json", "json geojson webmanifest", load_json},
    {"application/jsonl", "jsonl ndjson jsonlines", load_json_lines},
    {"text/x-rst", "rst rest", load_plain},
    {"text/asciidoc", "adoc asciidoc", load_plain},
    {"text/x-org", "org", load_plain},
    {"text/plain",
     "txt text log conf cfg ini toml yaml yml properties env tex srt vtt diff patch readme license changelog changes "
     "copying news todo "
     "authors contributing notice install faq copyright debian",
     load_plain},
    {"text/x-source", code_extensions, load_code},
});

std::string lower(std::string_view s) {
    std::string out(s);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

std::string_view file_name(std::string_view path) {
    const std::size_t slash = path.find_last_of("/\\");
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view without_gz(std::string_view name) {
    return name.size() > 3 && lower(name.substr(name.size() - 3)) == ".gz" ? name.substr(0, name.size() - 3) : name;
}

/// The extension in lower case; for names without one (README, Makefile) the whole name.
std::string extension(std::string_view name) {
    name = file_name(name);
    const std::size_t dot = name.rfind('.');
    return lower(dot == std::string_view::npos || dot == 0 ? name : name.substr(dot + 1));
}

bool lists(std::string_view extensions, std::string_view wanted) {
    for (std::size_t at = 0; at < extensions.size();) {
        const std::size_t end = std::min(extensions.find(' ', at), extensions.size());
        if (extensions.substr(at, end - at) == wanted) return true;
        at = end + 1;
    }
    return false;
}

const Format* by_name(std::string_view name) {
    const std::string wanted = extension(without_gz(name));
    const auto found = std::ranges::find_if(formats, [&](const Format& f) { return lists(f.extensions, wanted); });
    return found == formats.end() ? nullptr : &*found;
}

const Format* by_media_type(std::string_view type) {
    const std::string wanted = lower(type.substr(0, std::min(type.find(';'), type.size())));
    const auto found = std::ranges::find_if(formats, [&](const Format& f) { return f.media_type == wanted; });
    return found == formats.end() ? nullptr : &*found;
}

std::string_view by_content(std::string_view head) {
    if (head.starts_with("%PDF-")) return "application/pdf";
    if (head.starts_with("PK\x03\x04"))
        return head.find("word/") != std::string_view::npos
                   ? "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
                   : std::string_view{};
    if (head.empty() || text::looks_binary(head)) return {};
    const std::string start = lower(head.substr(0, 512));
    const std::size_t first = start.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
    if (first != std::string::npos) {
        const auto s = std::string_view(start).substr(first);
        if (s.starts_with("<!doctype html") || s.starts_with("<html")) return "text/html";
        if (s.starts_with("#!")) return "text/x-source";
    }
    return "text/plain";
}

}  // namespace

std::string media_type(std::string_view name, std::string_view head) {
    if (head.starts_with("%PDF-")) return "application/pdf";
    if (const Format* format = by_name(name)) return std::string(format->media_type);
    const std::string_view base = file_name(without_gz(name));
    // "README.Debian", "notes.2024", "file (copy)": no extension we know, so the bytes decide.
    if (!head.starts_with("\x1F\x8B")) return std::string(by_content(head));
    return base.size() != file_name(name).size() && base.find('.') == std::string_view::npos ? "text/plain" : "";
}

std::vector<std::string> loadable_extensions() {
    std::vector<std::string> out;
    for (const Format& format : formats)
        for (std::size_t at = 0; at < format.extensions.size();) {
            const std::size_t end = std::min(format.extensions.find(' ', at), format.extensions.size());
            out.emplace_back(format.extensions.substr(at, end - at));
            at = end + 1;
        }
    std::ranges::sort(out);
    return out;
}

Result<text::StructuredText> load(std::string_view bytes, std::string_view name, const LoadOptions& options) {
    if (bytes.size() > options.limits.max_bytes)
        return fail(ErrorCode::resource_exhausted, fmt::format("the file has {} bytes, more than the limit of {}",
                                                               bytes.size(), options.limits.max_bytes));
    std::string unpacked;
    if (bytes.starts_with("\x1F\x8B")) {
        TENON_TRY(unpacked, gunzip(bytes, options.limits));
        bytes = unpacked;
        name = without_gz(name);
    }
    const std::string type = options.media_type.empty() ? media_type(name, bytes.substr(0, 4096)) : options.media_type;
    const Format* format = by_media_type(type);
    if (format == nullptr && type.starts_with("text/")) format = by_media_type("text/plain");
    if (format == nullptr)
        return fail(
            ErrorCode::unsupported,
            type.empty()
                ? std::string(
                      "not a kind of document Tenon reads (text, Markdown, HTML, PDF, DOCX, CSV, JSON, source code)")
                : fmt::format("no loader for media type '{}'", type));
    return format->loader({bytes, name, format->media_type, options});
}

}  // namespace tenon::rag
