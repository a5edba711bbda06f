// Files built into the program.
#pragma once

#include <span>
#include <string_view>

namespace tenon::serve {

struct EmbeddedFile {
    std::string_view path;  ///< "/index.html"
    std::string_view bytes;
};

/// The console's files; empty when the program was built without it.
[[nodiscard]] std::span<const EmbeddedFile> console_files();

}  // namespace tenon::serve
