// A place where code that a model wrote can do no harm: bubblewrap namespaces and kernel limits.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::agent {

struct SandboxLimits {
    std::chrono::milliseconds wall_time{10'000};
    std::chrono::seconds cpu_time{10};
    std::size_t memory = std::size_t{512} << 20;     ///< bytes, of all its processes together
    std::size_t processes = 32;                      ///< and threads
    std::size_t file_bytes = std::size_t{64} << 20;  ///< of all files it writes; they are in memory and gone afterwards
    std::size_t output_bytes = std::size_t{64} << 10;  ///< of standard output; the rest is cut off
};

/// A file or folder of this machine that the program may read.
struct SandboxMount {
    std::filesystem::path from;
    std::string to;  ///< absolute path inside
};

struct SandboxOptions {
    SandboxLimits limits{};
    std::vector<SandboxMount> readable{};
    std::string bwrap = "bwrap";              ///< the program, found on PATH, or its path
    std::string python = "/usr/bin/python3";  ///< as seen inside
};

struct SandboxResult {
    std::string out, err;
    bool cut = false;  ///< output went past its limit
    int exit_code = 0;
    enum class Outcome : std::uint8_t { finished, out_of_time, out_of_memory } outcome = Outcome::finished;
    std::chrono::milliseconds wall_time{};
};

/// What a Python program came to.
struct PythonResult {
    std::string out;  ///< what it printed
    std::string
        value;  ///< str() of its last expression, else of `solution()`, `answer` or `result`, where there is one
    std::string error;  ///< "ZeroDivisionError: division by zero (line 3)", or which limit ended it; empty: none
    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};

/// Runs programs without network, without this machine's files (but /usr, read-only), environment, processes or
/// devices, as nobody, and within limits. A program sees a small writable /scratch and /tmp, which vanish with it. What
/// it cannot keep from happening: use of the processor until its time is up. Follows bwrap(1), namespaces(7),
/// setrlimit(2). Thread-safe: any number of programs may run at once, each alone.
class Sandbox {
  public:
    /// Tries it out, once. Errors: unsupported (no bubblewrap, or this machine does not let it make namespaces: the
    /// message says what to do). There is no unconfined fallback.
    [[nodiscard]] static Result<Sandbox> open(SandboxOptions options = {});

    /// Blocks until the program has ended. A program that fails, or is ended by a limit, is a result and not an error.
    /// Errors: not_found (no such program inside), cancelled, io.
    [[nodiscard]] Result<SandboxResult> run(const std::vector<std::string>& command, std::string input,
                                            std::stop_token stop = {}) const;
    /// Runs a Python program and finds its value. Errors: as `run`.
    [[nodiscard]] Result<PythonResult> run_python(std::string_view program, std::stop_token stop = {}) const;

    [[nodiscard]] const SandboxOptions& options() const noexcept { return options_; }

  private:
    explicit Sandbox(SandboxOptions options) : options_(std::move(options)) {}
    SandboxOptions options_;
};

}  // namespace tenon::agent
