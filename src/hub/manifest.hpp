// Writing manifests, and the layout of the models folder.
#pragma once

#include "tenon/hub/registry.hpp"

namespace tenon::hub {

inline constexpr std::string_view manifest_name = "tenon-model.json";
inline constexpr std::string_view partial_name = ".partial";

/// Writes `<folder>/tenon-model.json`.
[[nodiscard]] Result<void> write_manifest(const InstalledModel& model, const std::filesystem::path& folder);

/// The GGUF file to open among `names` (the first of a split), or empty: a folder model.
[[nodiscard]] std::string main_file(const std::vector<InstalledFile>& files);

/// "2026-03-14T15:09:26Z".
[[nodiscard]] std::string timestamp_now();

}  // namespace tenon::hub
