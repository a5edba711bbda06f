#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "tenon/rag/loader.hpp"

namespace tenon::rag {
namespace {

namespace fs = std::filesystem;

constexpr auto skipped_folders =
    std::to_array<std::string_view>({"node_modules", "__pycache__", "CMakeFiles", "bower_components", "site-packages",
                                     "venv", "_build", "cmake-build-debug", "cmake-build-release"});
constexpr auto skipped_files = std::to_array<std::string_view>(
    {"package-lock.json", "yarn.lock", "pnpm-lock.yaml", "Cargo.lock", "poetry.lock", "compile_commands.json"});
constexpr std::size_t max_depth = 64;

bool has_wildcard(std::string_view path) { return path.find_first_of("*?[{") != std::string_view::npos; }

std::string reason_of(const std::error_code& error) { return error.message(); }

std::string head_of(const std::string& path) {
    std::string head(4096, '\0');
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) return {};
    const ssize_t n = ::read(fd, head.data(), head.size());
    ::close(fd);
    head.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return head;
}

class Walker {
  public:
    explicit Walker(const WalkOptions& options) : options_(options) {}

    Result<WalkResult> run(std::span<const std::string> paths) {
        for (std::string path : paths) {
            while (path.size() > 1 && path.ends_with('/')) path.pop_back();
            std::error_code error;
            const auto status = fs::status(path, error);
            if (path.empty()) {
                result_.failed.push_back({path, "an empty path"});
                continue;
            }
            result_.roots.push_back(path);
            if (fs::is_directory(status))
                TENON_CHECK(folder(path, 0, nullptr));
            else if (fs::is_regular_file(status))
                file(path, true);
            else if (fs::exists(status))
                result_.failed.push_back({path, "not a file or folder"});
            else if (has_wildcard(path))
                TENON_CHECK(glob(path));
            else
                result_.failed.push_back({path, error && error != std::errc::no_such_file_or_directory
                                                    ? reason_of(error)
                                                    : "no such file or folder"});
        }
        std::ranges::sort(result_.files, {}, &FoundFile::source);
        std::ranges::sort(result_.skipped, {}, &SkippedFile::source);
        return std::move(result_);
    }

  private:
    Result<void> glob(const std::string& pattern) {
        // Everything up to the last folder without a wildcard is walked and matched.
        const std::size_t wild = pattern.find_first_of("*?[{");
        const std::size_t slash = pattern.rfind('/', wild);
        const std::string base = slash == std::string::npos ? "." : slash == 0 ? "/" : pattern.substr(0, slash);
        const std::size_t before = met_;
        std::error_code error;
        if (fs::is_directory(base, error)) {
            bare_base_ = slash == std::string::npos;
            TENON_CHECK(folder(base, 0, &pattern));
            bare_base_ = false;
        }
        if (met_ == before) result_.failed.push_back({pattern, "nothing matches"});
        return {};
    }

    Result<void> folder(const std::string& path, std::size_t depth, const std::string* pattern) {
        if (options_.stop.stop_requested()) return fail(ErrorCode::cancelled, "cancelled");
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0 || depth > max_depth) {
            result_.failed.push_back({path, depth > max_depth ? "nested too deeply" : std::strerror(errno)});
            return {};
        }
        const auto identity = std::pair(info.st_dev, info.st_ino);
        // A link back to a folder we are in would never end; the same folder by two ways is read once per argument.
        if (std::ranges::find(open_, identity) != open_.end()) return {};
        if (depth > 0 && pattern == nullptr && !seen_folders_.insert(identity).second) return {};
        std::error_code error;
        fs::directory_iterator entries(path, error);
        if (error) {
            result_.failed.push_back({path, reason_of(error)});
            return {};
        }
        open_.push_back(identity);
        std::vector<std::string> names;
        for (; entries != fs::directory_iterator(); entries.increment(error)) {
            names.push_back(entries->path().filename().string());
            if (error) break;
        }
        if (error) result_.failed.push_back({path, reason_of(error)});
        std::ranges::sort(names);
        for (const std::string& name : names) {
            const std::string below = path == "/" ? "/" + name : bare_base_ && depth == 0 ? name : path + "/" + name;
            const auto status = fs::status(below, error);
            if (error) {
                if (pattern == nullptr) result_.skipped.push_back({below, "a link that leads nowhere"});
                continue;
            }
            const bool hidden = name.starts_with('.') && !options_.hidden;
            if (fs::is_directory(status)) {
                if (hidden || std::ranges::find(skipped_folders, name) != skipped_folders.end() ||
                    is_build_folder(below)) {
                    if (pattern == nullptr)
                        result_.skipped.push_back(
                            {below + "/", hidden ? "hidden folder" : "folder of dependencies or build products"});
                    continue;
                }
                TENON_CHECK(folder(below, depth + 1, pattern));
            } else if (fs::is_regular_file(status)) {
                if (pattern != nullptr) {
                    if (glob_match(*pattern, below) && !hidden) file(below, false);
                } else if (hidden) {
                    result_.skipped.push_back({below, "hidden file"});
                } else {
                    file(below, false);
                }
            }
        }
        open_.pop_back();
        return {};
    }

    static bool is_build_folder(const std::string& path) {
        std::error_code ignored;
        return fs::exists(path + "/CMakeCache.txt", ignored) || fs::exists(path + "/pyvenv.cfg", ignored) ||
               fs::exists(path + "/CACHEDIR.TAG", ignored);
    }

    void file(const std::string& path, bool named) {
        ++met_;
        struct stat info {};
        if (::stat(path.c_str(), &info) != 0) {
            result_.failed.push_back({path, std::strerror(errno)});
            return;
        }
        if (!seen_files_.insert({info.st_dev, info.st_ino, info.st_nlink > 1 ? path : std::string()}).second) return;
        const auto bytes = static_cast<std::uint64_t>(info.st_size);
        const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
        if (bytes > options_.max_file_bytes) {
            result_.skipped.push_back(
                {path, fmt::format("{} bytes, more than the limit of {}", bytes, options_.max_file_bytes)});
            return;
        }
        if (!named) {
            if (bytes == 0) return result_.skipped.push_back({path, "empty"});
            if (std::ranges::find(skipped_files, name) != skipped_files.end())
                return result_.skipped.push_back({path, "lock file"});
            if (name.find(".min.") != std::string_view::npos) return result_.skipped.push_back({path, "minified"});
            if (media_type(name).empty()) {
                const std::string head = head_of(path);
                const bool unknown_extension =
                    name.find('.', 1) != std::string_view::npos && !head.starts_with("%PDF-");
                if (unknown_extension || media_type(name, head).empty())
                    return result_.skipped.push_back({path, "not a kind of document Tenon reads"});
            }
        }
        result_.files.push_back({path, path, bytes});
    }

    const WalkOptions& options_;
    WalkResult result_;
    std::vector<std::pair<dev_t, ino_t>> open_;
    std::set<std::pair<dev_t, ino_t>> seen_folders_;
    std::set<std::tuple<dev_t, ino_t, std::string>> seen_files_;
    bool bare_base_ = false;
    std::size_t met_ = 0;  ///< files that arguments named, also those that another had named before
};

}  // namespace

Result<WalkResult> walk(std::span<const std::string> paths, const WalkOptions& options) {
    return Walker(options).run(paths);
}

}  // namespace tenon::rag
