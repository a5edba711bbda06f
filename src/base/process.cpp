#include "tenon/base/process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "base/process_tree.hpp"

extern char** environ;

namespace tenon {
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

/// Everything the child does between vfork and exec, prepared beforehand: it may not allocate.
struct Launch {
    std::vector<char*> argv, envp;
    const char* program = nullptr;  ///< its path
    const char* folder = nullptr;
    std::array<int, 3> streams{};
    int failure = -1;  ///< takes errno when the program does not start
    std::array<std::pair<int, rlimit>, 6> limits{};
    std::size_t limit_count = 0;
    std::optional<std::uint32_t> user;

    void limit(int what, std::size_t soft, std::size_t hard) { limits[limit_count++] = {what, rlimit{soft, hard}}; }
};

[[noreturn]] void fail_child(const Launch& launch) {
    const int code = errno;
    if (::write(launch.failure, &code, sizeof code) < 0) ::_exit(126);
    ::_exit(127);
}

[[noreturn]] void become(const Launch& launch) {
    ::setpgid(0, 0);
    struct sigaction plain {};
    plain.sa_handler = SIG_DFL;
    for (const int signal : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD, SIGUSR1, SIGUSR2})
        ::sigaction(signal, &plain, nullptr);
    for (int i = 0; i < 3; ++i)
        if (::dup2(launch.streams[static_cast<std::size_t>(i)], i) < 0) fail_child(launch);
    if (launch.folder != nullptr && ::chdir(launch.folder) != 0) fail_child(launch);
    for (std::size_t i = 0; i < launch.limit_count; ++i)
        ::setrlimit(static_cast<__rlimit_resource>(launch.limits[i].first), &launch.limits[i].second);
    if (launch.user && (::setgroups(0, nullptr) != 0 || ::setgid(*launch.user) != 0 || ::setuid(*launch.user) != 0))
        fail_child(launch);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::execve(launch.program, launch.argv.data(), launch.envp.data());
    fail_child(launch);
}

/// The child shares this process's memory until it runs the program, so a process of many gigabytes starts one at once.
[[gnu::noinline]] pid_t start(const Launch& launch) {
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    const pid_t pid = ::vfork();
    if (pid == 0) become(launch);
    const int code = errno;
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    errno = code;
    return pid;
}

/// Kills and reaps the child and its group unless it was reaped.
class Child {
  public:
    explicit Child(pid_t pid) : pid_(pid) {}
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child() { end(std::chrono::milliseconds(0)); }

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Waits for the end of the program itself, then ends what it left behind.
    int wait() {
        int status = 0;
        while (::wait4(pid_, &status, 0, &used_) < 0 && errno == EINTR) {
        }
        reaped(status);
        return status;
    }
    bool ended() {
        int status = 0;
        if (pid_ > 0 && ::wait4(pid_, &status, WNOHANG, &used_) == pid_) reaped(status);
        return pid_ <= 0;
    }
    void end(std::chrono::milliseconds grace) {
        if (pid_ <= 0) return;
        if (grace.count() > 0) {
            ::kill(-pid_, SIGTERM);
            for (auto left = grace; left.count() > 0 && !ended(); left -= std::chrono::milliseconds(20))
                ::usleep(20'000);
        }
        if (pid_ <= 0) return;
        ::kill(-pid_, SIGKILL);
        wait();
    }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::chrono::milliseconds cpu_time() const {
        const auto of = [](const timeval& t) { return t.tv_sec * 1000 + t.tv_usec / 1000; };
        return std::chrono::milliseconds(of(used_.ru_utime) + of(used_.ru_stime));
    }

  private:
    void reaped(int status) {
        status_ = status;
        ::kill(-pid_, SIGKILL);
        pid_ = 0;
    }
    pid_t pid_;
    int status_ = 0;
    rusage used_{};
};

/// Where a program of this name stands on PATH; a name with a slash is a path already.
std::string find_program(const std::string& name) {
    if (name.find('/') != std::string::npos) return name;
    const char* path = ::getenv("PATH");
    std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin";
    while (!rest.empty()) {
        const auto folder = rest.substr(0, rest.find(':'));
        rest.remove_prefix(std::min(rest.size(), folder.size() + 1));
        const std::string candidate = std::string(folder.empty() ? "." : folder) + "/" + name;
        if (::access(candidate.c_str(), X_OK) == 0) return candidate;
    }
    return {};
}

std::vector<std::string> environment_of(const ProcessOptions& options) {
    std::vector<std::string> out;
    for (char** entry = environ; options.inherit_environment && *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        const bool replaced = std::ranges::any_of(options.environment, [&](const auto& change) {
            return text.starts_with(change.first) && text.substr(change.first.size()).starts_with('=');
        });
        if (!replaced) out.emplace_back(text);
    }
    for (const auto& [name, value] : options.environment) out.push_back(name + "=" + value);
    return out;
}

void add_limits(Launch& launch, const ProcessLimits& limits) {
    launch.limit(RLIMIT_CORE, 0, 0);
    if (limits.cpu_time) {
        const auto seconds = static_cast<std::size_t>(std::max<std::int64_t>(1, limits.cpu_time->count()));
        launch.limit(RLIMIT_CPU, seconds, seconds + 1);
    }
    if (limits.address_space) launch.limit(RLIMIT_AS, *limits.address_space, *limits.address_space);
    if (limits.processes) launch.limit(RLIMIT_NPROC, *limits.processes, *limits.processes);
    if (limits.open_files) launch.limit(RLIMIT_NOFILE, *limits.open_files, *limits.open_files);
    if (limits.file_bytes) launch.limit(RLIMIT_FSIZE, *limits.file_bytes, *limits.file_bytes);
}

/// Adds to `text` within its limit. False: there was more than may be kept and that is a failure.
bool take(std::string& text, std::string_view more, std::size_t limit, Overflow overflow, bool& cut) {
    if (text.size() + more.size() <= limit) {
        text += more;
        return true;
    }
    cut = true;
    if (overflow == Overflow::fail) return false;
    if (overflow == Overflow::keep_head) {
        text += more.substr(0, limit - std::min(limit, text.size()));
        return true;
    }
    text += more;
    if (text.size() > 2 * limit) text.erase(0, text.size() - limit);
    return true;
}

void write_input(int& fd, std::string_view& input) {
    while (!input.empty()) {
        const ssize_t n = ::write(fd, input.data(), input.size());
        if (n > 0)
            input.remove_prefix(static_cast<std::size_t>(n));
        else if (n < 0 && errno == EAGAIN)
            return;
        else if (n >= 0 || errno != EINTR)
            break;  // it reads no further
    }
    fd = -1;
}

/// Writing to a program that has gone must not end this one.
class IgnorePipeSignal {
  public:
    IgnorePipeSignal() {
        ::sigemptyset(&pipe_);
        ::sigaddset(&pipe_, SIGPIPE);
        ::pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    ~IgnorePipeSignal() {
        const timespec now{};
        while (::sigtimedwait(&pipe_, nullptr, &now) > 0) {
        }
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    IgnorePipeSignal(const IgnorePipeSignal&) = delete;
    IgnorePipeSignal& operator=(const IgnorePipeSignal&) = delete;

  private:
    sigset_t pipe_{}, before_{};
};

}  // namespace

Result<ProcessResult> run_process(const std::vector<std::string>& command, const ProcessOptions& options) {
    if (command.empty() || command[0].empty()) return fail(ErrorCode::invalid_argument, "no program to run");
    const auto began = std::chrono::steady_clock::now();
    const std::string& name = command[0];
    const std::string program = find_program(name);
    if (program.empty())
        return fail(ErrorCode::not_found, fmt::format("cannot run {}: there is no such program", name));
    Pipe in, out, err, failure;
    if (!in.open() || !out.open() || !err.open() || !failure.open())
        return fail(ErrorCode::io, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    Launch launch;
    auto environment = environment_of(options);
    // exec does not write to its arguments, whatever its signature says.
    for (const auto& word : command) launch.argv.push_back(const_cast<char*>(word.c_str()));
    launch.argv.push_back(nullptr);
    for (auto& variable : environment) launch.envp.push_back(variable.data());
    launch.envp.push_back(nullptr);
    launch.program = program.c_str();
    if (!options.folder.empty()) launch.folder = options.folder.c_str();
    launch.streams = {in.read_end(), out.write_end(), options.merge_error ? out.write_end() : err.write_end()};
    launch.failure = failure.write_end();
    launch.user = options.user;
    add_limits(launch, options.limits);

    const pid_t pid = start(launch);
    if (pid < 0) return fail(ErrorCode::io, fmt::format("cannot run {}: {}", name, std::strerror(errno)));
    Child child(pid);
    in.close_read();
    out.close_write();
    err.close_write();
    failure.close_write();
    int code = 0;
    ssize_t told = 0;
    while ((told = ::read(failure.read_end(), &code, sizeof code)) < 0 && errno == EINTR) {
    }
    if (told == sizeof code) {
        const auto kind = code == ENOENT                    ? ErrorCode::not_found
                          : code == EACCES || code == EPERM ? ErrorCode::permission_denied
                                                            : ErrorCode::io;
        return fail(kind, fmt::format("cannot run {}: {}", name, std::strerror(code)));
    }

    const IgnorePipeSignal quiet;
    ProcessResult result;
    std::string_view input = options.input;
    int input_fd = in.write_end();
    ::fcntl(input_fd, F_SETFL, O_NONBLOCK);
    std::string buffer(std::size_t{1} << 16, '\0');
    int out_fd = out.read_end(), err_fd = err.read_end();
    auto next_tick = began, next_look = began;
    const auto& limits = options.limits;
    while (out_fd >= 0 || err_fd >= 0 || !child.ended()) {
        if (input_fd >= 0) {
            if (!input.empty()) write_input(input_fd, input);
            if (input.empty()) input_fd = -1;
            if (input_fd < 0) in.close_write();
        }
        const auto now = std::chrono::steady_clock::now();
        if (options.stop.stop_requested()) {
            child.end(options.grace);
            return fail(ErrorCode::cancelled, fmt::format("{} was stopped", name));
        }
        if (limits.wall_time && now - began >= *limits.wall_time)
            return fail(ErrorCode::deadline_exceeded,
                        fmt::format("{} took longer than {} seconds", name,
                                    static_cast<double>(limits.wall_time->count()) / 1000.0));
        if (options.on_tick && now >= next_tick) {
            options.on_tick();
            next_tick = now + std::chrono::milliseconds(250);
        }
        if (limits.tree_memory && now >= next_look && child.pid() > 0) {
            next_look = now + std::chrono::milliseconds(25);
            if (base::resident_bytes_of_tree(child.pid()) > *limits.tree_memory)
                return fail(
                    ErrorCode::resource_exhausted,
                    fmt::format("{} used more than the limit of {} bytes of memory", name, *limits.tree_memory));
        }
        std::array<pollfd, 3> watched{pollfd{out_fd, POLLIN, 0}, pollfd{err_fd, POLLIN, 0},
                                      pollfd{input_fd, POLLOUT, 0}};
        // A program may close its output and go on, or leave it to a descendant and end.
        const bool waiting_for_end = out_fd < 0 && err_fd < 0;
        if (!waiting_for_end && child.ended()) {
            if (::poll(watched.data(), 2, 0) <= 0) break;
        } else if (::poll(watched.data(), watched.size(), waiting_for_end || limits.tree_memory ? 10 : 50) < 0 &&
                   errno != EINTR) {
            return fail(ErrorCode::io, fmt::format("poll: {}", std::strerror(errno)));
        }
        for (std::size_t i = 0; i < 2; ++i) {
            int& fd = i == 0 ? out_fd : err_fd;
            if (fd < 0 || watched[i].revents == 0) continue;
            const ssize_t n = ::read(fd, buffer.data(), buffer.size());
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) {
                fd = -1;
                continue;
            }
            const auto more = std::string_view(buffer).substr(0, static_cast<std::size_t>(n));
            if (i == 0) {
                if (!take(result.out, more, limits.output_bytes, options.overflow, result.cut))
                    return fail(ErrorCode::resource_exhausted,
                                fmt::format("{} wrote more than the limit of {} bytes", name, limits.output_bytes));
            } else {
                bool cut = false;
                (void)take(result.err, more, limits.error_bytes,
                           options.overflow == Overflow::keep_tail ? Overflow::keep_tail : Overflow::keep_head, cut);
            }
        }
    }
    if (options.overflow == Overflow::keep_tail && result.out.size() > limits.output_bytes)
        result.out.erase(0, result.out.size() - limits.output_bytes);
    if (child.pid() > 0) child.wait();
    const int status = child.status();
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    result.cpu_time = child.cpu_time();
    result.wall_time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    return result;
}

}  // namespace tenon
