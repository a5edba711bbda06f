// Loaders: bytes of a file to UTF-8 text with structure; and the walk that finds files.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/text/splitter.hpp"

namespace tenon::rag {

/// What a loader may spend on one file, so that a hostile one ends with resource_exhausted.
struct LoadLimits {
    std::size_t max_bytes = std::size_t{1} << 30;         ///< of the file, and of a gzip or zip member once unpacked
    std::size_t max_text_bytes = std::size_t{512} << 20;  ///< of the text that comes out
    std::size_t max_expansion = 1000;  ///< unpacked to packed size of an archive, above its first 16 MiB
    std::size_t max_archive_entries = 20'000;
    std::chrono::seconds program_time{180};             ///< of pdftotext
    std::size_t program_memory = std::size_t{4} << 30;  ///< its address space
};

struct LoadOptions {
    LoadLimits limits;
    std::string media_type;               ///< overrides what the name says
    std::string encoding;                 ///< of text formats; empty: detected
    std::string pdftotext = "pdftotext";  ///< the program, found on PATH, or its path
    std::stop_token stop;                 ///< ends a running program
};

/// Media type by the name's extension (a trailing .gz is looked through), then by the first bytes; empty when it is no
/// kind of document we read. `head` may be empty or the first kilobytes of the file.
[[nodiscard]] std::string media_type(std::string_view name, std::string_view head = {});

/// Extensions that have a loader, without the dot, sorted.
[[nodiscard]] std::vector<std::string> loadable_extensions();

/// The text and structure of a document. Text, Markdown and source code keep their lines (only line ends and encoding
/// change), so line numbers are those of the file; other formats give the text a reader would see.
/// Pure apart from running pdftotext; may be called from many threads at once.
/// Errors: unsupported (binary, unknown kind, encrypted, no pdftotext), corrupt, resource_exhausted, cancelled,
/// deadline_exceeded.
[[nodiscard]] Result<text::StructuredText> load(std::string_view bytes, std::string_view name,
                                                const LoadOptions& options = {});

struct FoundFile {
    std::string source;  ///< the path as it was given, or the folder as given followed by the way down
    std::string path;    ///< to open
    std::uint64_t bytes = 0;
};

struct SkippedFile {
    std::string source;
    std::string reason;
};

struct WalkOptions {
    bool hidden = false;  ///< also files and folders whose names begin with a dot
    std::uint64_t max_file_bytes = std::uint64_t{1} << 30;
    std::stop_token stop;
};

struct WalkResult {
    std::vector<FoundFile> files;      ///< by source, each file once
    std::vector<SkippedFile> skipped;  ///< what lay there and was not taken: unknown kinds, binaries, too large
    std::vector<SkippedFile> failed;   ///< paths that do not exist, folders that could not be read
    std::vector<std::string> roots;    ///< the arguments, trailing slashes removed
};

/// Finds documents under `paths`: files (taken whatever their name), folders (recursively, leaving out hidden names,
/// version control, dependencies and build products) and globs (`*`, `?`, `[a-z]`, `{a,b}`, and `**` for any number of
/// folders). Symbolic links are followed, each folder once. Errors: cancelled.
[[nodiscard]] Result<WalkResult> walk(std::span<const std::string> paths, const WalkOptions& options = {});

/// Whether `path` matches a glob, as `walk` understands it.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view path);

}  // namespace tenon::rag
