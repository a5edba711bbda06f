// What a person sees: results on stdout, progress and errors on stderr.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"
#include "tenon/json/json.hpp"

namespace tenon::app {

void print(std::string_view text);  ///< stdout, as it is, flushed
void print_line(std::string_view text);
void print_json(const json::Value& value);  ///< one line
void note(std::string_view text);           ///< stderr, one line
/// One sentence on stderr; returns the exit code: 1, or 2 for bad usage.
int report(const Error& error);

[[nodiscard]] bool stdout_is_terminal() noexcept;
[[nodiscard]] bool stderr_is_terminal() noexcept;
[[nodiscard]] std::size_t terminal_width() noexcept;
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);
[[nodiscard]] std::string human_seconds(double seconds);
/// Pads or cuts to `columns` terminal columns; Chinese characters take two.
[[nodiscard]] std::string fit(std::string_view text, std::size_t columns);
/// All of stdin. Errors: io, resource_exhausted.
[[nodiscard]] Result<std::string> read_stdin();
/// The text of an argument; when it is "-", or there is none and something is piped in, all of stdin.
/// Errors: those of read_stdin; invalid_argument (`what` is missing and stdin is a terminal).
[[nodiscard]] Result<std::string> text_or_stdin(const std::string& argument, bool given, std::string_view what);

/// A bar redrawn in place on a terminal; elsewhere a plain line at each tenth, once the work has taken a second. Never
/// goes back. Not thread-safe.
class ProgressBar {
  public:
    explicit ProgressBar(std::string label);
    ~ProgressBar();
    ProgressBar(const ProgressBar&) = delete;
    ProgressBar& operator=(const ProgressBar&) = delete;
    /// `detail` follows the bar: a file name, a rate.
    void update(std::uint64_t done, std::uint64_t total, std::string_view detail = {});
    /// Ends the bar, leaving the line as it is.
    void finish();

  private:
    std::string label_;
    bool terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point last_{};
    std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
    int last_tenth_ = 0;
};

}  // namespace tenon::app
