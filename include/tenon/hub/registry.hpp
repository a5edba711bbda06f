// The models installed under a home directory: <home>/models/<name>/ with a manifest each.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/hub/catalog.hpp"
#include "tenon/model/model.hpp"

namespace tenon::hub {

struct InstalledFile {
    std::string name;  ///< path in the model's folder
    std::uint64_t bytes = 0;
    std::string sha256;
};

/// The manifest `tenon-model.json` (docs/formats/model-manifest.md) and where it was read.
struct InstalledModel {
    std::string name;
    Role role = Role::chat;
    std::string source;  ///< the one that delivered it
    std::string licence;
    std::string description;
    std::string installed_at;  ///< RFC 3339, UTC
    std::vector<InstalledFile> files;
    std::filesystem::path folder;
    std::filesystem::path path;  ///< what `model::load_…` opens: the GGUF file (the first of a split), or the folder
    std::uint64_t bytes = 0;
};

struct ResolvedModel {
    std::string name;
    std::filesystem::path path;
    std::optional<Role> role;  ///< unknown for a plain path
};

struct FileCheck {
    std::string name;
    bool ok = false;
    std::string problem;  ///< "missing", "has 10 bytes instead of 20", "has another SHA-256"
};

/// Reads the disk at every call and keeps no state but the catalogue, so it is safe to share between threads and sees
/// what other processes install.
class Registry {
  public:
    /// Reads `<home>/models.toml` when there is one. Errors: corrupt (that file), io.
    [[nodiscard]] static Result<Registry> open(std::filesystem::path home);

    [[nodiscard]] const std::filesystem::path& home() const noexcept { return home_; }
    [[nodiscard]] const Catalog& catalog() const noexcept { return catalog_; }
    [[nodiscard]] std::filesystem::path models_folder() const { return home_ / "models"; }

    /// By name. Folders without a sound manifest are not models and are passed over.
    [[nodiscard]] Result<std::vector<InstalledModel>> list() const;
    /// An alias, a source as it was pulled, or the folder's name. Errors: not_found.
    [[nodiscard]] Result<InstalledModel> find(std::string_view name) const;
    /// An installed model, or else a file or folder by its path.
    /// Errors: not_found, saying `tenon pull NAME` or naming what is close.
    [[nodiscard]] Result<ResolvedModel> resolve(std::string_view name_or_path) const;
    /// Errors: those of `resolve` and of `model::inspect`.
    [[nodiscard]] Result<model::ModelInfo> show(std::string_view name_or_path) const;
    /// Reads every file again. `progress` gets bytes done and in all; it returns false to stop (cancelled).
    [[nodiscard]] Result<std::vector<FileCheck>> verify(
        std::string_view name, const std::function<bool(std::uint64_t, std::uint64_t)>& progress = {}) const;
    /// Errors: not_found, io.
    [[nodiscard]] Result<void> remove(std::string_view name) const;

    /// The folder name of a model that is pulled by its source rather than an alias.
    [[nodiscard]] static std::string folder_name(std::string_view source);

  private:
    Registry(std::filesystem::path home, Catalog catalog) : home_(std::move(home)), catalog_(std::move(catalog)) {}
    std::filesystem::path home_;
    Catalog catalog_;
};

/// Reads the manifest of an installed model's folder. Errors: not_found, corrupt.
[[nodiscard]] Result<InstalledModel> read_manifest(const std::filesystem::path& folder);

}  // namespace tenon::hub
