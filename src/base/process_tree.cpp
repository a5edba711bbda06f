#include "base/process_tree.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tenon::base {
namespace {

struct Entry {
    pid_t parent = 0;
    std::size_t pages = 0;
};

/// Fields 4 (parent) and 24 (resident pages) of /proc/PID/stat; the second field, in brackets, may hold anything.
bool read_stat(pid_t pid, Entry& out) {
    const std::string path = "/proc/" + std::to_string(pid) + "/stat";
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    std::array<char, 1024> buffer{};
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    ::close(fd);
    if (n <= 0) return false;
    std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    const auto bracket = text.rfind(')');
    if (bracket == std::string_view::npos) return false;
    text.remove_prefix(bracket + 1);
    int field = 2;
    while (!text.empty()) {
        const auto word_begin = text.find_first_not_of(' ');
        if (word_begin == std::string_view::npos) return false;
        text.remove_prefix(word_begin);
        const auto word = text.substr(0, text.find(' '));
        text.remove_prefix(word.size());
        ++field;
        if (field == 4) std::from_chars(word.data(), word.data() + word.size(), out.parent);
        if (field == 24) return std::from_chars(word.data(), word.data() + word.size(), out.pages).ec == std::errc{};
    }
    return false;
}

}  // namespace

std::size_t resident_bytes_of_tree(pid_t root) {
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc"), ::closedir);
    if (!folder) return 0;
    std::unordered_map<pid_t, Entry> all;
    while (const dirent* item = ::readdir(folder.get())) {
        pid_t pid = 0;
        const std::string_view name = item->d_name;
        if (std::from_chars(name.data(), name.data() + name.size(), pid).ptr != name.data() + name.size()) continue;
        if (Entry entry; pid > 0 && read_stat(pid, entry)) all.emplace(pid, entry);
    }
    std::size_t pages = 0;
    for (const auto& [pid, entry] : all) {
        // Up the line of parents, which a reused id could bend into a circle.
        pid_t at = pid;
        for (int depth = 0; depth < 64 && at > 1; ++depth) {
            if (at == root) {
                pages += entry.pages;
                break;
            }
            const auto up = all.find(at);
            if (up == all.end()) break;
            at = up->second.parent;
        }
    }
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace tenon::base
