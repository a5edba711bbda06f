#include "hub/child_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace tenon::hub {
namespace {

/// This process's environment with some variables replaced.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::vector<std::string> out;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text = *entry;
        bool changed = false;
        for (const auto& [name, value] : changes)
            changed = changed || (text.starts_with(name) && text.substr(name.size()).starts_with('='));
        if (!changed) out.emplace_back(text);
    }
    for (const auto& [name, value] : changes) out.push_back(name + "=" + value);
    return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> out;
    for (std::string& text : texts) out.push_back(text.data());
    out.push_back(nullptr);
    return out;
}

/// Asks the child's process group to end, and after two seconds makes it.
void end_group(pid_t child, int& status) {
    ::kill(-child, SIGTERM);
    for (int i = 0; i < 40; ++i) {
        if (::waitpid(child, &status, WNOHANG) == child) {
            ::kill(-child, SIGKILL);
            return;
        }
        ::usleep(50'000);
    }
    ::kill(-child, SIGKILL);
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace

Result<ChildResult> run_child(const std::vector<std::string>& command, const ChildOptions& options) {
    if (command.empty()) return fail(ErrorCode::invalid_argument, "no program to run");
    std::vector<std::string> arguments = command;
    std::vector<std::string> environment = environment_with(options.environment);
    const std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
    int pipes[2];
    if (::pipe2(pipes, O_CLOEXEC) != 0)
        return fail(ErrorCode::io, fmt::format("cannot make a pipe: {}", std::strerror(errno)));
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 1);
    posix_spawn_file_actions_adddup2(&actions, pipes[1], 2);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setpgroup(&attributes, 0);
    pid_t child = 0;
    const int error = ::posix_spawnp(&child, argv[0], &actions, &attributes, argv.data(), envp.data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    ::close(pipes[1]);
    if (error != 0) {
        ::close(pipes[0]);
        return fail(error == ENOENT ? ErrorCode::not_found : ErrorCode::io,
                    fmt::format("cannot run {}: {}", command[0], std::strerror(error)));
    }
    ChildResult result;
    int status = 0;
    bool stopped = false, open = true;
    while (open) {
        pollfd ready{pipes[0], POLLIN, 0};
        const int n = ::poll(&ready, 1, 250);
        if (options.stop.stop_requested()) {
            stopped = true;
            break;
        }
        if (options.on_tick) options.on_tick();
        if (n < 0 && errno != EINTR) break;
        if (n <= 0) continue;
        char buffer[4096];
        const ssize_t count = ::read(pipes[0], buffer, sizeof buffer);
        open = count > 0 || (count < 0 && errno == EINTR);
        if (count > 0) result.output.append(buffer, static_cast<std::size_t>(count));
        if (result.output.size() > 2 * options.max_output_bytes)
            result.output.erase(0, result.output.size() - options.max_output_bytes);
    }
    ::close(pipes[0]);
    if (stopped) {
        end_group(child, status);
        return fail(ErrorCode::cancelled, fmt::format("{} was stopped", command[0]));
    }
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (result.output.size() > options.max_output_bytes)
        result.output.erase(0, result.output.size() - options.max_output_bytes);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return result;
}

}  // namespace tenon::hub
