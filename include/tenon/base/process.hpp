// Running another program: no shell, bounded output, limits on what it may use.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon {

/// What a program may use; unset is unlimited. The kernel holds each process to them (setrlimit(2)), except `wall_time`
/// and `tree_memory`, which the caller's side watches.
struct ProcessLimits {
    std::optional<std::chrono::milliseconds> wall_time{};
    std::optional<std::chrono::seconds> cpu_time{};
    std::optional<std::size_t> address_space{};  ///< bytes, of each process
    std::optional<std::size_t> tree_memory{};    ///< resident bytes of the program and its descendants together
    std::optional<std::size_t> processes{};      ///< of the user it runs as; the kernel exempts root
    std::optional<std::size_t> open_files{};
    std::optional<std::size_t> file_bytes{};          ///< of a file it writes; 0: it may write none
    std::size_t output_bytes = std::size_t{1} << 20;  ///< of standard output
    std::size_t error_bytes = std::size_t{64} << 10;  ///< of standard error
};

/// What happens to output past its limit.
enum class Overflow : std::uint8_t {
    fail,       ///< the program is killed: resource_exhausted
    keep_head,  ///< the rest is read and thrown away
    keep_tail,  ///< the beginning is thrown away
};

struct ProcessOptions {
    std::vector<std::pair<std::string, std::string>> environment{};
    bool inherit_environment = false;  ///< `environment` on top of this process's own, rather than alone
    std::string input{};               ///< for its standard input
    std::string folder{};              ///< to run in; empty: this process's own
    bool merge_error = false;          ///< standard error into the output
    Overflow overflow = Overflow::fail;
    ProcessLimits limits{};
    std::optional<std::uint32_t> user{};  ///< run as this user and group id; only root can ask for it
    std::stop_token stop{};               ///< ends the program and its process group
    std::chrono::milliseconds grace{0};   ///< between asking it to end and making it
    std::function<void()> on_tick{};      ///< about four times a second
};

struct ProcessResult {
    std::string out, err;
    bool cut = false;   ///< output went past its limit
    int exit_code = 0;  ///< 128 + signal when it was killed
    std::chrono::milliseconds wall_time{}, cpu_time{};
};

/// Runs `command[0]`, looked up on PATH, with the other words as its arguments; blocks until it has ended. Its process
/// group is killed when this returns for any reason. Thread-safe.
/// Errors: invalid_argument (no command), not_found (no such program), permission_denied, resource_exhausted (output
/// with Overflow::fail, tree_memory), deadline_exceeded (wall_time), cancelled, io.
[[nodiscard]] Result<ProcessResult> run_process(const std::vector<std::string>& command,
                                                const ProcessOptions& options = {});

}  // namespace tenon
