// The models Tenon knows by short names: the built-in list, and the user's models.toml over it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::hub {

enum class Role : std::uint8_t { chat, base, embedding, reranker };

[[nodiscard]] std::string_view to_string(Role role) noexcept;
[[nodiscard]] std::optional<Role> parse_role(std::string_view text) noexcept;

/// What a file must be, wherever it is fetched from.
struct ExpectedFile {
    std::string name;         ///< path in the model's folder
    std::string sha256;       ///< lower-case hexadecimal
    std::uint64_t bytes = 0;  ///< 0: unknown
};

struct CatalogEntry {
    std::string name;
    Role role = Role::chat;
    std::string description;
    std::string licence;
    std::string file;  ///< a single-file model is stored under this name; empty: a folder, or as the source names it
    std::vector<std::string> sources;  ///< tried in turn
    std::vector<ExpectedFile> files;   ///< these must come out right; other files may come with them
};

/// Immutable once made; safe to share.
class Catalog {
  public:
    /// The list compiled into the program.
    [[nodiscard]] static Result<Catalog> builtin();
    /// `[models.NAME]` tables (docs/formats/models-toml.md). Errors: corrupt, with file, line and key.
    [[nodiscard]] static Result<Catalog> parse(std::string_view toml, std::string_view origin);
    /// The built-in list, with every model of `user_file` (when it exists) added or put in its place.
    [[nodiscard]] static Result<Catalog> load(const std::filesystem::path& user_file);

    [[nodiscard]] const CatalogEntry* find(std::string_view name) const noexcept;
    [[nodiscard]] const std::vector<CatalogEntry>& entries() const noexcept { return entries_; }

  private:
    std::vector<CatalogEntry> entries_;
};

}  // namespace tenon::hub
