#include "rag/load/program.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

namespace tenon::rag::load_detail {
namespace {

class Pipe {
  public:
    Pipe() { open_ = ::pipe2(ends_.data(), O_CLOEXEC) == 0; }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_read();
        close_write();
    }
    [[nodiscard]] bool open() const { return open_; }
    [[nodiscard]] int read_end() const { return ends_[0]; }
    [[nodiscard]] int write_end() const { return ends_[1]; }
    void close_read() { shut(ends_[0]); }
    void close_write() { shut(ends_[1]); }

  private:
    static void shut(int& fd) {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
    std::array<int, 2> ends_{-1, -1};
    bool open_ = false;
};

void limit(pid_t child, decltype(RLIMIT_CPU) what, std::size_t value) {
    const rlimit bound{value, value};
    ::prlimit(child, what, &bound, nullptr);
}

/// Kills and reaps the child unless it was reaped.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() {
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        wait();
    }
    int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
        pid_ = 0;
        return status;
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_;
};

}  // namespace

Result<ProgramOutput> run_program(const std::vector<std::string>& arguments, const ProgramLimits& limits,
                                  const std::stop_token& stop) {
    Pipe out, err;
    if (!out.open() || !err.open())
        return fail(ErrorCode::io, fmt::format("cannot create a pipe: {}", std::strerror(errno)));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out.write_end(), 1);
    posix_spawn_file_actions_adddup2(&actions, err.write_end(), 2);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&attributes, &signals);
    sigaddset(&signals, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &signals);
    std::vector<char*> argv;
    for (const std::string& argument : arguments)
        argv.push_back(const_cast<char*>(argument.c_str()));  // execve does not write to them
    argv.push_back(nullptr);
    std::string locale = "LC_ALL=C.UTF-8";
    std::array<char*, 2> environment{locale.data(), nullptr};
    pid_t pid = 0;
    const int code = ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code != 0)
        return fail(code == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                    fmt::format("cannot run {}: {}", arguments[0], std::strerror(code)));
    Child child(pid);
    limit(pid, RLIMIT_CORE, 0);
    limit(pid, RLIMIT_FSIZE, 0);
    limit(pid, RLIMIT_CPU, static_cast<std::size_t>(limits.time.count()) + 1);
    if (limits.memory > 0) limit(pid, RLIMIT_AS, limits.memory);
    out.close_write();
    err.close_write();

    ProgramOutput result;
    const auto deadline = std::chrono::steady_clock::now() + limits.time;
    std::string buffer(std::size_t{1} << 16, '\0');
    std::array<pollfd, 2> watched{pollfd{out.read_end(), POLLIN, 0}, pollfd{err.read_end(), POLLIN, 0}};
    while (watched[0].fd >= 0 || watched[1].fd >= 0) {
        if (stop.stop_requested()) return fail(ErrorCode::cancelled, "cancelled");
        if (std::chrono::steady_clock::now() >= deadline)
            return fail(ErrorCode::deadline_exceeded,
                        fmt::format("{} took longer than {} seconds", arguments[0], limits.time.count()));
        if (::poll(watched.data(), watched.size(), 100) < 0 && errno != EINTR)
            return fail(ErrorCode::io, fmt::format("poll: {}", std::strerror(errno)));
        for (std::size_t i = 0; i < 2; ++i) {
            if (watched[i].fd < 0 || watched[i].revents == 0) continue;
            const ssize_t n = ::read(watched[i].fd, buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                watched[i].fd = -1;
                continue;
            }
            if (i == 1) {
                if (result.err.size() < 8192) result.err.append(buffer, 0, static_cast<std::size_t>(n));
                continue;
            }
            result.out.append(buffer, 0, static_cast<std::size_t>(n));
            if (result.out.size() > limits.max_output)
                return fail(ErrorCode::resource_exhausted,
                            fmt::format("{} wrote more than the limit of {} bytes", arguments[0], limits.max_output));
        }
    }
    const int status = child.wait();
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace tenon::rag::load_detail
