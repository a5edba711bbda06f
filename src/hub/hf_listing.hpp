// Which files of a Hugging Face repository make the model that was asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"

namespace tenon::hub {

struct ListedFile {
    std::string path;
    std::uint64_t bytes = 0;
    std::string sha256;  ///< of large files (LFS); empty for those kept in git
};

/// The answer of /api/models/REPO/tree/REVISION?recursive=true. Errors: protocol.
[[nodiscard]] Result<std::vector<ListedFile>> parse_listing(const json::Value& tree);

struct Selection {
    std::vector<ListedFile> files;
    bool folder = false;  ///< paths are kept; otherwise the files go by their last component
};

/// `member`: a path; a part of a GGUF's name; or empty: the safetensors folder, or the repository's GGUF (Q4_K_M when
/// there are several). A split GGUF comes whole. Errors: not_found, invalid_argument (ambiguous), naming the choices.
[[nodiscard]] Result<Selection> select_files(const std::vector<ListedFile>& listing, std::string_view member,
                                             std::string_view repository);

}  // namespace tenon::hub
