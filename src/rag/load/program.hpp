// Running a helper program confined: no shell, a bare environment, limits on its memory, time and files.
#pragma once

#include <chrono>
#include <cstddef>
#include <stop_token>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::rag::load_detail {

struct ProgramLimits {
    std::chrono::seconds time{60};
    std::size_t memory = 0;      ///< address space, bytes; 0: unlimited
    std::size_t max_output = 0;  ///< bytes of standard output
};

struct ProgramOutput {
    std::string out;
    std::string err;    ///< its first kilobytes
    int exit_code = 0;  ///< 128 + signal when it was killed
};

/// Runs `arguments[0]` (looked up on PATH) with nothing on standard input and no right to write files.
/// Errors: not_found (no such program), resource_exhausted (output too long), deadline_exceeded, cancelled, io.
Result<ProgramOutput> run_program(const std::vector<std::string>& arguments, const ProgramLimits& limits,
                                  const std::stop_token& stop);

}  // namespace tenon::rag::load_detail
