#include "tenon/hub/pull.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "hub/fetch.hpp"
#include "hub/manifest.hpp"

namespace tenon::hub {
namespace fs = std::filesystem;
namespace {

/// An exclusive lock on a file, held until destruction (or the end of the process).
class FileLock {
  public:
    static Result<FileLock> acquire(const fs::path& path, const Job& job) {
        FileLock lock;
        lock.descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
        if (lock.descriptor_ < 0)
            return fail(ErrorCode::io, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
        while (::flock(lock.descriptor_, LOCK_EX | LOCK_NB) != 0) {
            if (errno != EWOULDBLOCK && errno != EINTR)
                return fail(ErrorCode::io, fmt::format("cannot lock {}: {}", path.string(), std::strerror(errno)));
            TENON_CHECK(job.check_stop());
            job.report(PullStage::waiting, "another pull of the same model", 0, std::nullopt);
            std::this_thread::sleep_for(std::chrono::milliseconds(200));
        }
        return lock;
    }
    FileLock(FileLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
    FileLock& operator=(FileLock&&) = delete;
    ~FileLock() {
        if (descriptor_ >= 0) ::close(descriptor_);
    }

  private:
    FileLock() = default;
    int descriptor_ = -1;
};

Result<CatalogEntry> entry_for(const Registry& registry, std::string_view name) {
    if (const CatalogEntry* entry = registry.catalog().find(name)) return *entry;
    if (looks_like_source(name)) {
        TENON_TRY(const Source source, parse_source(name));
        CatalogEntry entry;
        entry.name = Registry::folder_name(name);
        entry.sources = {source.text};
        return entry;
    }
    auto missing = registry.find(name);
    if (missing)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' is installed, but not by a source that is known", name));
    return std::unexpected(std::move(missing).error());
}

bool is_whole(const InstalledModel& model) {
    return std::ranges::all_of(model.files, [&model](const InstalledFile& file) {
        std::error_code ec;
        return fs::file_size(model.folder / file.name, ec) == file.bytes && !ec;
    });
}

Result<Fetched> fetch(const Job& job, std::string_view text) {
    TENON_TRY(const Source source, parse_source(text));
    Result<Fetched> fetched = [&]() -> Result<Fetched> {
        switch (source.kind) {
            case SourceKind::hf:
                return fetch_hf(job, source);
            case SourceKind::pip:
                return fetch_pip(job, source);
            case SourceKind::file:
                return fetch_path(job, source);
            case SourceKind::https:
                return fetch_https(job, source);
        }
        return fail(ErrorCode::internal, "an unknown kind of source");
    }();
    if (!fetched) return fetched;
    for (const ExpectedFile& wanted : job.entry.files) {
        if (std::ranges::find(fetched->files, wanted.name, &InstalledFile::name) == fetched->files.end())
            return fail(ErrorCode::corrupt, fmt::format("{} delivered no {}", source.text, wanted.name));
    }
    return fetched;
}

/// Errors after which another source cannot help.
bool is_final(ErrorCode code) noexcept {
    return code == ErrorCode::cancelled || code == ErrorCode::resource_exhausted || code == ErrorCode::io;
}

Result<Fetched> fetch_first(const Job& job) {
    std::string all;
    for (std::size_t i = 0;; ++i) {
        const std::string& source = job.entry.sources[i];
        auto fetched = fetch(job, source);
        if (fetched || is_final(fetched.error().code()) || job.entry.sources.size() == 1) return fetched;
        const Error& error = fetched.error();
        if (job.options.source_failed) job.options.source_failed(error, source);
        all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", source, error.describe());
        if (i + 1 == job.entry.sources.size())
            return fail(error.code(), fmt::format("no source of '{}' worked: {}", job.entry.name, all), error);
    }
}

/// Removes from the folder what the model does not consist of: leftovers of a source that failed half-way.
void remove_strangers(const fs::path& folder, const std::vector<InstalledFile>& files) {
    std::vector<fs::path> strangers;
    std::error_code ec;
    for (fs::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
        const std::string name = it->path().lexically_relative(folder).string();
        std::error_code ignored;
        if (it->is_regular_file(ignored) && std::ranges::find(files, name, &InstalledFile::name) == files.end())
            strangers.push_back(it->path());
    }
    for (const fs::path& path : strangers) fs::remove(path, ec);
}

void sync_folder(const fs::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) return;
    ::fsync(descriptor);
    ::close(descriptor);
}

Result<InstalledModel> install(const Job& job, Fetched fetched, const fs::path& target) {
    job.report(PullStage::installing, job.entry.name, 0, std::nullopt);
    remove_strangers(job.folder, fetched.files);
    InstalledModel model;
    model.name = job.entry.name;
    model.role = job.entry.role;
    model.source = std::move(fetched.source);
    model.licence = job.entry.licence;
    model.description = job.entry.description;
    model.installed_at = timestamp_now();
    model.files = std::move(fetched.files);
    if (job.entry.sources.size() == 1 && job.entry.description.empty()) {  // pulled by source: the file knows its role
        const std::string main = main_file(model.files);
        const auto info = model::inspect(main.empty() ? job.folder : job.folder / main);
        if (info) {
            model.role = info->role == model::ModelRole::encoder ? Role::embedding
                         : info->chat_template.empty()           ? Role::base
                                                                 : Role::chat;
            model.licence = info->licence;
        }
    }
    TENON_CHECK(write_manifest(model, job.folder));
    sync_folder(job.folder);
    std::error_code ec;
    const fs::path old = job.staging / "replaced";
    fs::remove_all(old, ec);
    if (fs::exists(target, ec)) fs::rename(target, old, ec);
    if (!ec) fs::rename(job.folder, target, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot install {}: {}", target.string(), ec.message()));
    sync_folder(target.parent_path());
    fs::remove_all(job.staging, ec);
    return read_manifest(target);
}

}  // namespace

std::string_view to_string(PullStage stage) noexcept {
    switch (stage) {
        case PullStage::waiting:
            return "waiting for";
        case PullStage::listing:
            return "listing";
        case PullStage::downloading:
            return "downloading";
        case PullStage::unpacking:
            return "unpacking";
        case PullStage::verifying:
            return "verifying";
        case PullStage::installing:
            return "installing";
    }
    return "working";
}

Result<InstalledModel> pull(const Registry& registry, Runtime& runtime, net::HttpClient& client, std::string_view name,
                            const PullOptions& options) {
    TENON_TRY(CatalogEntry entry, entry_for(registry, name));
    const fs::path target = registry.models_folder() / entry.name;
    const fs::path partial = registry.models_folder() / partial_name;
    const Job job{
        runtime, client, options, std::move(entry), partial / target.filename(), partial / target.filename() / "model"};
    std::error_code ec;
    fs::create_directories(partial, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot create {}: {}", partial.string(), ec.message()));
    TENON_TRY(const FileLock lock, FileLock::acquire(partial / (job.entry.name + ".lock"), job));
    if (!options.force)
        if (auto installed = read_manifest(target); installed && is_whole(*installed)) return installed;
    fs::create_directories(job.folder, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot create {}: {}", job.folder.string(), ec.message()));
    TENON_TRY(Fetched fetched, fetch_first(job));
    return install(job, std::move(fetched), target);
}

}  // namespace tenon::hub
