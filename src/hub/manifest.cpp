#include "hub/manifest.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "tenon/base/file.hpp"
#include "tenon/json/json.hpp"

namespace tenon::hub {
namespace fs = std::filesystem;

std::string timestamp_now() {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())));
}

std::string main_file(const std::vector<InstalledFile>& files) {
    std::string first;
    for (const InstalledFile& file : files)
        if (file.name.ends_with(".gguf") && (first.empty() || file.name < first)) first = file.name;
    return first;
}

Result<void> write_manifest(const InstalledModel& model, const fs::path& folder) {
    json::Array files;
    for (const InstalledFile& file : model.files)
        files.push_back(json::Object{{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
    const json::Object manifest{{"format", 1},
                                {"name", model.name},
                                {"role", to_string(model.role)},
                                {"source", model.source},
                                {"licence", model.licence},
                                {"description", model.description},
                                {"installed_at", model.installed_at},
                                {"files", std::move(files)}};
    return write_file_atomic(folder / manifest_name, json::dump_pretty(manifest) + "\n");
}

Result<InstalledModel> read_manifest(const fs::path& folder) {
    const fs::path path = folder / manifest_name;
    TENON_TRY(const std::string text, read_file(path, std::size_t{16} << 20));
    const auto corrupt = [&path](std::string_view why) {
        return fail(ErrorCode::corrupt, fmt::format("{} {}; remove the model and pull it again", path.string(), why));
    };
    const auto parsed = json::parse(text);
    if (!parsed || !parsed->is_object()) return corrupt("is not JSON");
    if (json::integer_or(*parsed, "format", 0) != 1) return corrupt("has a format this version does not know");
    InstalledModel model;
    model.name = json::string_or(*parsed, "name", "");
    model.role = parse_role(json::string_or(*parsed, "role", "")).value_or(Role::chat);
    model.source = json::string_or(*parsed, "source", "");
    model.licence = json::string_or(*parsed, "licence", "");
    model.description = json::string_or(*parsed, "description", "");
    model.installed_at = json::string_or(*parsed, "installed_at", "");
    const json::Value* files = json::find(*parsed, "files");
    if (model.name.empty() || !files || !files->is_array()) return corrupt("names no model or no files");
    for (const json::Value& value : files->get_array()) {
        InstalledFile file;
        file.name = json::string_or(value, "name", "");
        file.sha256 = json::string_or(value, "sha256", "");
        file.bytes = static_cast<std::uint64_t>(std::max<std::int64_t>(json::integer_or(value, "bytes", 0), 0));
        const fs::path relative = fs::path(file.name).lexically_normal();
        if (file.name.empty() || relative.is_absolute() || *relative.begin() == "..")
            return corrupt("names a file outside of the model");
        model.bytes += file.bytes;
        model.files.push_back(std::move(file));
    }
    model.folder = folder;
    const std::string main = main_file(model.files);
    model.path = main.empty() ? folder : folder / main;
    return model;
}

}  // namespace tenon::hub
