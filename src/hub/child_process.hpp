// A program run as a child, without a shell; its output is kept within bounds.
#pragma once

#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::hub {

struct ChildResult {
    int exit_code = 0;   ///< 128 + signal when it was killed
    std::string output;  ///< the end of stdout and stderr together
};

struct ChildOptions {
    std::vector<std::pair<std::string, std::string>> environment;  ///< set on top of this process's
    std::size_t max_output_bytes = std::size_t{64} << 10;
    std::stop_token stop;           ///< kills the child and its descendants
    std::function<void()> on_tick;  ///< about four times a second
};

/// Blocks until it ends. Errors: not_found (no such program), cancelled, io.
[[nodiscard]] Result<ChildResult> run_child(const std::vector<std::string>& command, const ChildOptions& options);

}  // namespace tenon::hub
