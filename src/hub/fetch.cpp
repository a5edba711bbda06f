#include "hub/fetch.hpp"

#include "hub/manifest.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace tenon::hub {
namespace fs = std::filesystem;
namespace {

std::unexpected<Error> system_failure(std::string_view what, const fs::path& path, int code) {
    if (code == ENOSPC || code == EDQUOT)
        return fail(
            ErrorCode::resource_exhausted,
            fmt::format("the disk is full while writing {}; free some space and pull again: what has come is kept",
                        path.string()));
    return fail(ErrorCode::io, fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(code)));
}

}  // namespace

Result<void> Job::check_stop() const {
    if (options.stop.stop_requested())
        return fail(ErrorCode::cancelled, "the pull was stopped; pull again to go on where it ended");
    return {};
}

void Job::report(PullStage stage, std::string detail, std::uint64_t done, std::optional<std::uint64_t> total) const {
    if (options.progress) options.progress({stage, std::move(detail), done, total});
}

const ExpectedFile* Job::expected(std::string_view name, bool only) const noexcept {
    if (only && entry.files.size() == 1 && entry.files[0].name == entry.file) return entry.files.data();
    for (const ExpectedFile& file : entry.files)
        if (file.name == name) return &file;
    return nullptr;
}

std::optional<std::uint64_t> Job::expected_total() const noexcept {
    std::uint64_t total = 0;
    for (const ExpectedFile& file : entry.files) total += file.bytes;
    return total > 0 ? std::optional(total) : std::nullopt;
}

Result<void> Job::check_space(std::uint64_t bytes) const {
    std::error_code ec;
    const fs::space_info space = fs::space(staging, ec);
    if (ec || space.available >= bytes) return {};
    return fail(
        ErrorCode::resource_exhausted,
        fmt::format("{} needs {} MB more, but only {} MB are free on the disk of {}; free some space or move the "
                    "home directory",
                    entry.name, (bytes >> 20) + 1, space.available >> 20, staging.string()));
}

Result<HashedFile> HashedFile::create(const fs::path& path) {
    HashedFile file(path);
    std::error_code ec;
    fs::create_directories(path.parent_path(), ec);
    file.descriptor_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file.descriptor_ < 0) return system_failure("create", path, errno);
    return file;
}

HashedFile::HashedFile(HashedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_),
      hash_(std::move(other.hash_)) {}

HashedFile::~HashedFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> HashedFile::write(std::string_view bytes) {
    hash_.update(bytes);
    size_ += bytes.size();
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return system_failure("write", path_, errno);
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<std::string> HashedFile::finish() {
    if (::fsync(descriptor_) != 0) return system_failure("write", path_, errno);
    ::close(std::exchange(descriptor_, -1));
    return hash_.hex_digest();
}

Result<std::string> hash_file(const Job& job, const fs::path& path, std::string_view shown) {
    std::error_code ec;
    const std::uint64_t total = fs::file_size(path, ec);
    std::ifstream in(path, std::ios::binary);
    if (ec || !in) return fail(ErrorCode::io, fmt::format("cannot read {}", path.string()));
    Sha256 hash;
    std::vector<char> buffer(std::size_t{1} << 20);
    std::uint64_t done = 0;
    while (in) {
        TENON_CHECK(job.check_stop());
        in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        hash.update(std::string_view(buffer.data(), static_cast<std::size_t>(in.gcount())));
        done += static_cast<std::uint64_t>(in.gcount());
        job.report(PullStage::verifying, std::string(shown), done, total);
    }
    if (!in.eof()) return fail(ErrorCode::io, fmt::format("cannot read {}", path.string()));
    return hash.hex_digest();
}

Result<InstalledFile> accept_file(const Job& job, const fs::path& part, const std::string& name, std::string sha256,
                                  const ExpectedFile* expected, std::string_view source) {
    std::error_code ec;
    InstalledFile file{name, fs::file_size(part, ec), std::move(sha256)};
    if (ec) return fail(ErrorCode::io, fmt::format("cannot read {}: {}", part.string(), ec.message()));
    std::string problem;
    if (expected && expected->bytes != 0 && expected->bytes != file.bytes)
        problem = fmt::format("has {} bytes instead of {}", file.bytes, expected->bytes);
    else if (expected && !expected->sha256.empty() && expected->sha256 != file.sha256)
        problem = fmt::format("has SHA-256 {} instead of {}", file.sha256, expected->sha256);
    if (!problem.empty()) {
        fs::remove(part, ec);
        return fail(ErrorCode::corrupt,
                    fmt::format("{} from {} {}; it was deleted: pull again, and if that repeats use another source",
                                name, source, problem));
    }
    const fs::path target = job.folder / name;
    fs::create_directories(target.parent_path(), ec);
    fs::rename(part, target, ec);
    if (ec) return fail(ErrorCode::io, fmt::format("cannot rename {}: {}", part.string(), ec.message()));
    return file;
}

Result<std::optional<InstalledFile>> kept_file(const Job& job, const std::string& name, const ExpectedFile* expected) {
    const fs::path path = job.folder / name;
    std::error_code ec;
    // Without a hash to hold it to, an old file may be of another revision.
    if (!expected || expected->sha256.empty() || !fs::is_regular_file(path, ec)) return std::nullopt;
    if (expected->bytes == 0 || fs::file_size(path, ec) == expected->bytes) {
        TENON_TRY(std::string sha256, hash_file(job, path, name));
        if (sha256 == expected->sha256) return InstalledFile{name, fs::file_size(path, ec), std::move(sha256)};
    }
    fs::remove(path, ec);
    return std::nullopt;
}

Result<InstalledFile> download_file(const Job& job, const RemoteFile& remote, std::string_view source) {
    TENON_CHECK(job.check_stop());
    TENON_TRY(std::optional<InstalledFile> kept, kept_file(job, remote.name, remote.expected));
    if (kept) return std::move(*kept);
    const fs::path part = job.folder / (remote.name + ".part");
    std::error_code ec;
    fs::create_directories(part.parent_path(), ec);
    const bool can_resume = remote.expected && !remote.expected->sha256.empty();
    const std::uint64_t wanted = remote.expected ? remote.expected->bytes : 0;
    const std::uint64_t have = fs::file_size(part, ec);
    if (!ec && wanted != 0 && have > wanted) fs::remove(part, ec);
    for (int attempt = 1;; ++attempt) {
        net::DownloadRequest request;
        request.url = remote.url;
        request.headers = remote.headers;
        request.file = part;
        request.resume = can_resume && attempt == 1;
        if (wanted != 0) request.max_bytes = wanted;
        request.progress = [&](std::uint64_t done, std::optional<std::uint64_t> total) {
            const auto all = remote.bytes_total ? remote.bytes_total : total;
            job.report(PullStage::downloading, remote.name, remote.bytes_before + done, all);
        };
        auto result = sync_wait(job.runtime, job.client.download(std::move(request), {{}, job.options.stop}));
        if (!result) {
            TENON_CHECK(job.check_stop());
            return std::unexpected(std::move(result).error());
        }
        TENON_TRY(std::string sha256, hash_file(job, part, remote.name));
        auto accepted = accept_file(job, part, remote.name, std::move(sha256), remote.expected, source);
        if (accepted || accepted.error().code() != ErrorCode::corrupt || result->resumed_from == 0 || attempt > 1)
            return accepted;
    }
}

Result<Fetched> fetch_https(const Job& job, const Source& source) {
    std::string name = job.entry.file;
    if (name.empty()) {
        const std::string_view url = std::string_view(source.location).substr(0, source.location.find_first_of("?#"));
        name = url.substr(url.rfind('/') + 1);
        if (name.empty() || name.starts_with('.') || name == "..")
            return fail(ErrorCode::invalid_argument, fmt::format("{} does not end in a file name", source.text));
    }
    const RemoteFile remote{source.location, {}, name, job.expected(name, true), 0, job.expected_total()};
    if (const auto total = job.expected_total()) TENON_CHECK(job.check_space(*total));
    TENON_TRY(InstalledFile file, download_file(job, remote, source.text));
    return Fetched{{std::move(file)}, source.text};
}

Result<Fetched> fetch_path(const Job& job, const Source& source) {
    const fs::path origin = source.location;
    std::error_code ec;
    std::vector<std::pair<fs::path, std::string>> files;  // where it is, its name in the model
    if (fs::is_directory(origin, ec)) {
        for (fs::recursive_directory_iterator it(origin, ec), end; !ec && it != end; it.increment(ec))
            // (The manifest of an installed model is made anew, not copied.)
            if (it->is_regular_file(ec) && it->path().filename() != manifest_name)
                files.emplace_back(it->path(), it->path().lexically_relative(origin).string());
        if (ec || files.empty())
            return fail(ErrorCode::not_found, fmt::format("{} holds no files that can be read", origin.string()));
    } else if (fs::is_regular_file(origin, ec)) {
        files.emplace_back(origin, job.entry.file.empty() ? origin.filename().string() : job.entry.file);
    } else {
        return fail(ErrorCode::not_found, fmt::format("there is no file or folder {}", origin.string()));
    }
    std::uint64_t total = 0, done = 0;
    for (const auto& [path, name] : files) total += fs::file_size(path, ec);
    TENON_CHECK(job.check_space(total));
    Fetched fetched{{}, source.text};
    std::vector<char> buffer(std::size_t{1} << 20);
    for (const auto& [path, name] : files) {
        std::ifstream in(path, std::ios::binary);
        if (!in) return fail(ErrorCode::io, fmt::format("cannot read {}", path.string()));
        const fs::path part = job.folder / (name + ".part");
        TENON_TRY(HashedFile out, HashedFile::create(part));
        while (in) {
            TENON_CHECK(job.check_stop());
            in.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
            TENON_CHECK(out.write(std::string_view(buffer.data(), static_cast<std::size_t>(in.gcount()))));
            done += static_cast<std::uint64_t>(in.gcount());
            job.report(PullStage::unpacking, name, done, total);
        }
        if (!in.eof()) return fail(ErrorCode::io, fmt::format("cannot read {}", path.string()));
        TENON_TRY(std::string sha256, out.finish());
        TENON_TRY(InstalledFile file,
                  accept_file(job, part, name, std::move(sha256), job.expected(name, files.size() == 1), source.text));
        fetched.files.push_back(std::move(file));
    }
    return fetched;
}

}  // namespace tenon::hub
