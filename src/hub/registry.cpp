#include "tenon/hub/registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "hub/manifest.hpp"
#include "tenon/base/edit_distance.hpp"
#include "tenon/base/file.hpp"
#include "tenon/base/hash.hpp"
#include "tenon/hub/source.hpp"

namespace tenon::hub {
namespace fs = std::filesystem;
namespace {

/// A name that cannot leave the models folder.
bool is_plain(std::string_view name) noexcept {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string_view::npos &&
           name.find('\0') == std::string_view::npos;
}

}  // namespace

Result<Registry> Registry::open(fs::path home) {
    if (home.empty()) return fail(ErrorCode::invalid_argument, "the home directory for models is not set");
    TENON_TRY(Catalog catalog, Catalog::load(home / "models.toml"));
    return Registry(std::move(home), std::move(catalog));
}

std::string Registry::folder_name(std::string_view source) {
    std::string name;
    for (std::string_view prefix : {"https:https://", "https://", "http://", "hf:", "pip:", "file:"}) {
        if (!source.starts_with(prefix)) continue;
        source.remove_prefix(prefix.size());
        break;
    }
    for (const char c : source) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                           c == '_' || c == '-' || c == '@';
        if (plain)
            name += c;
        else if (!name.ends_with("--"))
            name += "--";
    }
    while (name.starts_with('.') || name.starts_with('-')) name.erase(0, 1);
    if (name.size() > 120) name = name.substr(0, 100) + "-" + sha256_hex(name).substr(0, 12);
    return name.empty() ? sha256_hex(source).substr(0, 16) : name;
}

Result<std::vector<InstalledModel>> Registry::list() const {
    std::vector<InstalledModel> models;
    std::error_code ec;
    for (fs::directory_iterator it(models_folder(), ec), end; !ec && it != end; it.increment(ec)) {
        if (it->path().filename().string().starts_with('.')) continue;
        if (auto model = read_manifest(it->path())) models.push_back(std::move(*model));
    }
    if (ec && ec != std::errc::no_such_file_or_directory)
        return fail(ErrorCode::io, fmt::format("cannot read {}: {}", models_folder().string(), ec.message()));
    std::ranges::sort(models, {}, &InstalledModel::name);
    return models;
}

Result<InstalledModel> Registry::find(std::string_view name) const {
    const std::string folder = looks_like_source(name) ? folder_name(name) : std::string(name);
    if (is_plain(folder)) {
        auto model = read_manifest(models_folder() / folder);
        if (model || model.error().code() != ErrorCode::not_found) return model;
    }
    if (catalog_.find(name) || looks_like_source(name))
        return fail(ErrorCode::not_found,
                    fmt::format("the model '{0}' is not installed; fetch it with: tenon pull {0}", name));
    // A part of names is a question for all of them; otherwise the nearest.
    const auto lower = [](std::string_view text) {
        std::string out(text);
        for (char& c : out)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
        return out;
    };
    std::vector<std::string> known;
    for (const CatalogEntry& entry : catalog_.entries()) known.push_back(entry.name);
    if (const auto installed = list())
        for (const InstalledModel& model : *installed)
            if (std::ranges::find(known, model.name) == known.end()) known.push_back(model.name);
    std::string containing;
    for (const std::string& candidate : known)
        if (name.size() >= 3 && lower(candidate).find(lower(name)) != std::string::npos)
            containing += fmt::format("{}'{}'", containing.empty() ? "" : ", ", candidate);
    if (!containing.empty())
        return fail(ErrorCode::not_found, fmt::format("there is no model '{}'; did you mean {}?", name, containing));
    if (const auto slash = name.find('/'); slash != std::string_view::npos && slash > 0 && name.front() != '.' &&
                                           name.front() != '/' && name.find('/', slash + 1) == std::string_view::npos &&
                                           !name.ends_with(".gguf") && parse_source(fmt::format("hf:{}", name)))
        return fail(
            ErrorCode::not_found,
            fmt::format("there is no model '{0}'; for the repository on the hub, write: tenon pull hf:{0}", name));
    std::string_view close;
    std::size_t best = std::max<std::size_t>(name.size() / 3, 2) + 1;
    for (const std::string& candidate : known) {
        const std::size_t distance = edit_distance(lower(name), lower(candidate));
        if (distance < best) best = distance, close = candidate;
    }
    if (!close.empty())
        return fail(ErrorCode::not_found, fmt::format("there is no model '{}'; did you mean '{}'?", name, close));
    return fail(
        ErrorCode::not_found,
        fmt::format("there is no model '{}'; `tenon models --available` lists what is installed and what can be pulled",
                    name));
}

Result<ResolvedModel> Registry::resolve(std::string_view name_or_path) const {
    auto installed = find(name_or_path);
    if (installed) {
        for (const InstalledFile& file : installed->files) {
            std::error_code ec;
            const auto bytes = fs::file_size(installed->folder / file.name, ec);
            if (ec || bytes != file.bytes)
                return fail(
                    ErrorCode::corrupt,
                    fmt::format(
                        "{} of the model '{}' is missing or cut short; fetch it again with: tenon pull --force {}",
                        file.name, installed->name, name_or_path));
        }
        return ResolvedModel{installed->name, installed->path, installed->role};
    }
    if (installed.error().code() != ErrorCode::not_found) return std::unexpected(std::move(installed).error());
    std::string_view path = name_or_path;
    if (path.starts_with("file:")) path.remove_prefix(5);
    std::error_code ec;
    if (fs::exists(fs::path(path), ec))
        return ResolvedModel{fs::path(path).stem().string(), fs::path(path), std::nullopt};
    return std::unexpected(std::move(installed).error());
}

Result<model::ModelInfo> Registry::show(std::string_view name_or_path) const {
    TENON_TRY(const ResolvedModel resolved, resolve(name_or_path));
    TENON_TRY(model::ModelInfo info, model::inspect(resolved.path));
    if (info.licence.empty())
        if (const auto installed = find(name_or_path)) info.licence = installed->licence;
    return info;
}

Result<std::vector<FileCheck>> Registry::verify(
    std::string_view name, const std::function<bool(std::uint64_t, std::uint64_t)>& progress) const {
    TENON_TRY(const InstalledModel model, find(name));
    std::vector<FileCheck> checks;
    std::uint64_t done = 0;
    std::vector<char> buffer(std::size_t{1} << 20);
    for (const InstalledFile& file : model.files) {
        FileCheck check{file.name, false, {}};
        const fs::path path = model.folder / file.name;
        std::error_code ec;
        const auto bytes = fs::file_size(path, ec);
        if (ec) {
            check.problem = "missing";
        } else if (bytes != file.bytes) {
            check.problem = fmt::format("has {} bytes instead of {}", bytes, file.bytes);
        } else {
            std::ifstream in(path, std::ios::binary);
            Sha256 hash;
            while (in) {
                in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
                hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(in.gcount())));
                done += static_cast<std::uint64_t>(in.gcount());
                if (progress && !progress(done, model.bytes))
                    return fail(ErrorCode::cancelled, "verifying was stopped");
            }
            check.ok = in.eof() && hash.hex_digest() == file.sha256;
            if (!check.ok) check.problem = in.eof() ? "has another SHA-256" : "cannot be read";
        }
        checks.push_back(std::move(check));
    }
    return checks;
}

Result<void> Registry::remove(std::string_view name) const {
    TENON_TRY(const InstalledModel model, find(name));
    // Renamed first, so that a removal cut short leaves no half model.
    const fs::path doomed = models_folder() / partial_name / (model.folder.filename().string() + ".removed");
    std::error_code ec;
    fs::create_directories(doomed.parent_path(), ec);
    fs::remove_all(doomed, ec);
    fs::rename(model.folder, doomed, ec);
    if (!ec) fs::remove_all(doomed, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot remove {}: {}", model.folder.string(), ec.message()));
    return {};
}

}  // namespace tenon::hub
