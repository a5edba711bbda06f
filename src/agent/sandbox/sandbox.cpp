#include "tenon/agent/sandbox.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "tenon/base/process.hpp"

namespace tenon::agent {
namespace {

namespace fs = std::filesystem;

/// A user nobody has (the range systemd keeps for such), another for each run: the kernel counts processes by user, and
/// does not count those of root.
std::uint32_t free_user() {
    static std::atomic<std::uint32_t> next = static_cast<std::uint32_t>(::getpid());
    return 61184 + next.fetch_add(1) % 4096;
}

/// /bin, /lib and so on as this machine has them: links into /usr, or folders of their own.
void add_system_folders(std::vector<std::string>& words) {
    for (const char* name : {"bin", "sbin", "lib", "lib64", "lib32"}) {
        const fs::path path = fs::path("/") / name;
        std::error_code ec;
        if (fs::is_symlink(path, ec))
            words.insert(words.end(), {"--symlink", fs::read_symlink(path, ec).string(), path.string()});
        else if (fs::is_directory(path, ec))
            words.insert(words.end(), {"--ro-bind", path.string(), path.string()});
    }
}

std::vector<std::string> wrap(const SandboxOptions& options, const std::vector<std::string>& command) {
    const std::string size = std::to_string(options.limits.file_bytes);
    std::vector<std::string> words{options.bwrap,       "--unshare-all", "--unshare-user", "--disable-userns",
                                   "--die-with-parent", "--new-session", "--cap-drop",     "ALL",
                                   "--clearenv",        "--hostname",    "sandbox"};
    for (const auto& [name, value] : {std::pair{"PATH", "/usr/bin:/bin"},
                                      {"HOME", "/scratch"},
                                      {"LANG", "C.UTF-8"},
                                      {"PYTHONDONTWRITEBYTECODE", "1"},
                                      {"OMP_NUM_THREADS", "1"},
                                      {"OPENBLAS_NUM_THREADS", "1"}})
        words.insert(words.end(), {"--setenv", name, value});
    words.insert(words.end(), {"--ro-bind", "/usr", "/usr"});
    add_system_folders(words);
    for (const char* path : {"/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime"})
        words.insert(words.end(), {"--ro-bind-try", path, path});
    words.insert(words.end(),
                 {"--proc", "/proc", "--dev", "/dev", "--size", "1048576", "--tmpfs", "/dev/shm", "--remount-ro",
                  "/dev", "--size", size, "--tmpfs", "/tmp", "--size", size, "--tmpfs", "/scratch"});
    for (const auto& mount : options.readable) words.insert(words.end(), {"--ro-bind", mount.from.string(), mount.to});
    words.insert(words.end(), {"--remount-ro", "/", "--chdir", "/scratch", "--"});
    words.insert(words.end(), command.begin(), command.end());
    return words;
}

ProcessOptions confinement(const SandboxLimits& limits) {
    ProcessOptions options;
    options.overflow = Overflow::keep_head;
    options.limits.wall_time = limits.wall_time;
    options.limits.cpu_time = limits.cpu_time;
    options.limits.tree_memory = limits.memory;
    // Address space is more than memory: programs map what they never touch.
    options.limits.address_space = limits.memory * 2 + (std::size_t{256} << 20);
    options.limits.processes = limits.processes + 2;  // bwrap's own
    options.limits.open_files = 256;
    options.limits.file_bytes = limits.file_bytes;
    options.limits.output_bytes = limits.output_bytes;
    if (::geteuid() == 0) options.user = free_user();
    return options;
}

}  // namespace

Result<Sandbox> Sandbox::open(SandboxOptions options) {
    auto how = confinement(options.limits);
    how.limits.wall_time = std::chrono::seconds(20);
    const auto tried = run_process(wrap(options, {"/usr/bin/true"}), how);
    if (!tried && tried.error().code() == ErrorCode::not_found)
        return fail(ErrorCode::unsupported,
                    "running code needs the program bwrap for its sandbox: install the package bubblewrap");
    if (!tried) return fail(ErrorCode::unsupported, "the sandbox cannot be set up", tried.error());
    if (tried->exit_code != 0)
        return fail(
            ErrorCode::unsupported,
            fmt::format("this machine does not let bubblewrap make its namespaces, so no code is run ({}); allow "
                        "unprivileged user namespaces, or do without code execution",
                        tried->err.substr(0, tried->err.find('\n'))));
    return Sandbox(std::move(options));
}

Result<SandboxResult> Sandbox::run(const std::vector<std::string>& command, std::string input,
                                   std::stop_token stop) const {
    if (command.empty()) return fail(ErrorCode::invalid_argument, "no program to run");
    auto how = confinement(options_.limits);
    how.input = std::move(input);
    how.stop = std::move(stop);
    auto ran = run_process(wrap(options_, command), how);
    SandboxResult result;
    if (!ran) {
        using enum SandboxResult::Outcome;
        if (ran.error().code() == ErrorCode::deadline_exceeded)
            result.outcome = out_of_time;
        else if (ran.error().code() == ErrorCode::resource_exhausted)
            result.outcome = out_of_memory;
        else
            return std::unexpected(std::move(ran).error());
        result.exit_code = 137;
        result.wall_time = options_.limits.wall_time;
        return result;
    }
    if (ran->exit_code == 1 && ran->err.starts_with("bwrap: execvp"))
        return fail(ErrorCode::not_found, fmt::format("there is no program {} in the sandbox", command[0]));
    result.out = std::move(ran->out);
    result.err = std::move(ran->err);
    result.cut = ran->cut;
    result.exit_code = ran->exit_code;
    result.wall_time = ran->wall_time;
    // SIGXCPU (24), or the SIGKILL a second later, of the processor's time.
    if ((ran->exit_code == 128 + 24 || ran->exit_code == 128 + 9) && ran->cpu_time >= options_.limits.cpu_time)
        result.outcome = SandboxResult::Outcome::out_of_time;
    return result;
}

}  // namespace tenon::agent
