// Files below one folder, and nowhere else.
#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <cerrno>
#include <cstring>

#include "tenon/agent/tools.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::agent::tools {
namespace {

struct ListPath {
    std::string path = ".";
};
BOOST_DESCRIBE_STRUCT(ListPath, (), (path))
constexpr auto describe_fields(const ListPath*) {
    return json::fields(
        json::about(&ListPath::path, {.description = "a folder, relative to the root", .required = false}));
}
struct ReadPath {
    std::string path;
    std::optional<int> first_line, last_line;
};
BOOST_DESCRIBE_STRUCT(ReadPath, (), (path, first_line, last_line))
struct SearchText {
    std::string text;
    std::string path = ".";
};
BOOST_DESCRIBE_STRUCT(SearchText, (), (text, path))
constexpr auto describe_fields(const SearchText*) {
    return json::fields(
        json::about(&SearchText::text, {.description = "what the lines must contain", .min_length = 1}),
        json::about(&SearchText::path, {.description = "a folder, relative to the root", .required = false}));
}
struct WriteText {
    std::string path, text;
};
BOOST_DESCRIBE_STRUCT(WriteText, (), (path, text))

class Fd {
  public:
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&&) = delete;
    ~Fd() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] int get() const { return fd_; }

  private:
    int fd_;
};

/// The folder, held open: what happens to its path later does not matter.
class Root {
  public:
    Root(int fd, FilesOptions options) : fd_(fd), options_(options) {}

    [[nodiscard]] Result<Fd> open(const std::string& path, int flags) const {
        open_how how{};
        how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if ((flags & O_CREAT) != 0) how.mode = 0644;
        how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
        const std::string relative = path.empty() ? "." : path;
        const auto fd = static_cast<int>(::syscall(SYS_openat2, fd_.get(), relative.c_str(), &how, sizeof how));
        if (fd >= 0) return Fd(fd);
        if (errno == EXDEV || path.starts_with('/'))
            return fail(ErrorCode::permission_denied,
                        fmt::format("{} is outside the folder; paths are relative to it", path));
        const auto code = errno == ENOENT || errno == ENOTDIR ? ErrorCode::not_found
                          : errno == EACCES || errno == EPERM ? ErrorCode::permission_denied
                                                              : ErrorCode::io;
        return fail(code, fmt::format("{}: {}", path, std::strerror(errno)));
    }

    [[nodiscard]] Result<std::string> read(const std::string& path) const {
        TENON_TRY(const Fd fd, open(path, O_RDONLY));
        struct stat about {};
        if (::fstat(fd.get(), &about) != 0 || !S_ISREG(about.st_mode))
            return fail(ErrorCode::invalid_argument, fmt::format("{} is no ordinary file", path));
        if (static_cast<std::size_t>(about.st_size) > options_.max_bytes)
            return fail(ErrorCode::resource_exhausted, fmt::format("{} has {} bytes; at most {} can be read", path,
                                                                   about.st_size, options_.max_bytes));
        std::string text(static_cast<std::size_t>(about.st_size), '\0');
        std::size_t got = 0;
        while (got < text.size()) {
            const ssize_t n = ::read(fd.get(), text.data() + got, text.size() - got);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) break;
            got += static_cast<std::size_t>(n);
        }
        text.resize(got);
        if (text.find('\0') != std::string::npos)
            return fail(ErrorCode::unsupported, fmt::format("{} is not text", path));
        return text;
    }

    /// Calls `each` with the relative path of every file below `path`, in order, until it says no.
    template <class Each>
    [[nodiscard]] Result<void> walk(const std::string& path, int depth, Each& each) const {
        TENON_TRY(Fd fd, open(path, O_RDONLY | O_DIRECTORY));
        DIR* folder = ::fdopendir(::dup(fd.get()));
        if (folder == nullptr) return fail(ErrorCode::io, fmt::format("{}: {}", path, std::strerror(errno)));
        std::vector<std::pair<std::string, bool>> entries;
        while (const dirent* item = ::readdir(folder)) {
            const std::string name = item->d_name;
            if (name == "." || name == "..") continue;
            // A link to a folder is shown and not followed, so that no circle is walked.
            entries.emplace_back(name, item->d_type == DT_DIR);
        }
        ::closedir(folder);
        std::ranges::sort(entries);
        for (const auto& [name, is_folder] : entries) {
            const std::string below = path == "." || path.empty() ? name : path + "/" + name;
            if (!each(below, is_folder)) return {};
            if (is_folder && depth > 0 && name != ".git") TENON_CHECK(walk(below, depth - 1, each));
        }
        return {};
    }
    [[nodiscard]] const FilesOptions& options() const { return options_; }

  private:
    Fd fd_;
    FilesOptions options_;
};

Result<std::string> list(const Root& root, const std::string& path) {
    std::string out;
    std::size_t count = 0;
    auto each = [&](const std::string& name, bool folder) {
        if (++count > root.options().max_entries) {
            out += "… and more\n";
            return false;
        }
        out += name + (folder ? "/\n" : "\n");
        return true;
    };
    TENON_CHECK(root.walk(path.empty() ? "." : path, 0, each));
    return out.empty() ? "(empty)" : out;
}

Result<std::string> read_lines(const Root& root, const ReadPath& given) {
    TENON_TRY(const auto text, root.read(given.path));
    if (!given.first_line && !given.last_line) return text;
    const int first = std::max(1, given.first_line.value_or(1)), last = given.last_line.value_or(1 << 30);
    std::string out;
    int line = 1;
    for (std::size_t at = 0; at < text.size() && line <= last; ++line) {
        const auto line_end = std::min(text.find('\n', at), text.size());
        if (line >= first) out += text.substr(at, line_end - at) + "\n";
        at = line_end + 1;
    }
    return out;
}

Result<std::string> search(const Root& root, const SearchText& given) {
    std::string out;
    std::size_t hits = 0;
    auto each = [&](const std::string& name, bool folder) {
        if (folder) return true;
        const auto text = root.read(name);
        if (!text) return true;
        int line = 1;
        for (std::size_t at = 0; at < text->size(); ++line) {
            const auto line_end = std::min(text->find('\n', at), text->size());
            const auto here = std::string_view(*text).substr(at, line_end - at);
            if (here.find(given.text) != std::string_view::npos) {
                out += fmt::format("{}:{}: {}\n", name, line, utf8::sanitize(std::string(here.substr(0, 300))));
                if (++hits >= 200) {
                    out += "… and more\n";
                    return false;
                }
            }
            at = line_end + 1;
        }
        return true;
    };
    TENON_CHECK(root.walk(given.path.empty() ? "." : given.path, 20, each));
    return out.empty() ? "no line contains it" : out;
}

Result<std::string> write(const Root& root, const WriteText& given) {
    if (given.text.size() > root.options().max_bytes)
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("at most {} bytes can be written", root.options().max_bytes));
    TENON_TRY(const Fd fd, root.open(given.path, O_WRONLY | O_CREAT | O_TRUNC));
    std::string_view left = given.text;
    while (!left.empty()) {
        const ssize_t n = ::write(fd.get(), left.data(), left.size());
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(ErrorCode::io, fmt::format("{}: {}", given.path, std::strerror(errno)));
        left.remove_prefix(static_cast<std::size_t>(n));
    }
    return fmt::format("wrote {} bytes to {}", given.text.size(), given.path);
}

}  // namespace

Result<std::vector<Tool>> files(const std::filesystem::path& root, FilesOptions options) {
    const int fd = ::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return fail(ErrorCode::not_found, fmt::format("there is no folder {}", root.string()));
    auto shared = std::make_shared<const Root>(fd, options);
    std::vector<Tool> out;
    out.push_back(
        tool<ListPath>("list_files", "Lists a folder", [shared](const ListPath& p) { return list(*shared, p.path); }));
    out.push_back(tool<ReadPath>("read_file", "Reads a text file, or some of its lines",
                                 [shared](const ReadPath& p) { return read_lines(*shared, p); }));
    out.push_back(tool<SearchText>("search_files", "Finds lines that contain a text, in all files below a folder",
                                   [shared](const SearchText& p) { return search(*shared, p); }));
    if (options.write)
        out.push_back(tool<WriteText>("write_file", "Writes a text file, replacing what was there",
                                      [shared](const WriteText& p) { return write(*shared, p); }));
    return out;
}

}  // namespace tenon::agent::tools
