#include "terminal.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tenon/base/utf8.hpp"

namespace tenon::app {
namespace {

std::size_t columns_of(char32_t c) noexcept {
    return utf8::is_cjk(c) || (c >= 0x3000 && c <= 0x303F) || (c >= 0xFF00 && c <= 0xFF60) ||
                   (c >= 0x1F300 && c <= 0x1FAFF)
               ? 2
               : 1;
}

}  // namespace

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}
void print_line(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
}
void print_json(const json::Value& value) { print_line(json::dump(value)); }
void note(std::string_view text) { fmt::print(stderr, "{}\n", text); }

int report(const Error& error) {
    note(fmt::format("tenon: {}", error.describe()));
    return error.code() == ErrorCode::invalid_argument ? 2 : 1;
}

bool stdout_is_terminal() noexcept { return ::isatty(STDOUT_FILENO) != 0; }
bool stderr_is_terminal() noexcept { return ::isatty(STDERR_FILENO) != 0; }

std::size_t terminal_width() noexcept {
    winsize size{};
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    return 80;
}

std::string human_bytes(std::uint64_t bytes) {
    const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 1024 && unit + 1 < std::size(units)) {
        value /= 1024;
        ++unit;
    }
    return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, units[unit]);
}

std::string human_seconds(double seconds) {
    if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
    if (seconds < 60) return fmt::format("{:.1f} s", seconds);
    return fmt::format("{} min {:02} s", static_cast<int>(seconds) / 60, static_cast<int>(seconds) % 60);
}

std::string fit(std::string_view text, std::size_t columns) {
    std::string out;
    std::size_t used = 0;
    for (std::size_t i = 0; i < text.size();) {
        const auto d = utf8::decode(text, i);
        const std::size_t width = columns_of(d.code_point);
        if (used + width > columns) break;
        out.append(text, i, d.length);
        used += width;
        i += d.length;
    }
    out.append(columns - used, ' ');
    return out;
}

Result<std::string> read_stdin() {
    std::string out;
    std::string buffer(std::size_t{1} << 16, '\0');
    for (;;) {
        const ssize_t n = ::read(STDIN_FILENO, buffer.data(), buffer.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(ErrorCode::io, "cannot read standard input");
        if (n == 0) return out;
        out.append(buffer.data(), static_cast<std::size_t>(n));
        if (out.size() > (std::size_t{1} << 31))
            return fail(ErrorCode::resource_exhausted, "standard input is longer than 2 GiB");
    }
}

Result<std::string> text_or_stdin(const std::string& argument, bool given, std::string_view what) {
    if (given && argument != "-") return argument;
    if (!given && ::isatty(STDIN_FILENO) != 0)
        return fail(ErrorCode::invalid_argument, fmt::format("{} is missing: give it, or pipe it in", what));
    return read_stdin();
}

ProgressBar::ProgressBar(std::string label) : label_(std::move(label)), terminal_(stderr_is_terminal()) {}
ProgressBar::~ProgressBar() { finish(); }

void ProgressBar::update(std::uint64_t done, std::uint64_t total, std::string_view detail) {
    const auto now = std::chrono::steady_clock::now();
    const double share = total == 0 ? 0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
    if (!terminal_) {
        const int tenth = static_cast<int>(share * 10);
        if (tenth <= last_tenth_ || now - began_ < std::chrono::seconds(1)) return;
        last_tenth_ = tenth;
        fmt::print(stderr, "{}: {}%\n", label_, tenth * 10);
        return;
    }
    if (drawn_ && done < total && now - last_ < std::chrono::milliseconds(80)) return;
    last_ = now;
    drawn_ = true;
    constexpr std::size_t bar = 24;
    const auto full = static_cast<std::size_t>(share * bar);
    std::string blocks;
    for (std::size_t i = 0; i < bar; ++i) blocks += i < full ? "█" : "░";
    const std::size_t used = label_.size() + bar + 9;
    const std::size_t room = terminal_width() > used + 2 ? terminal_width() - used - 2 : 0;
    fmt::print(stderr, "\r{} {} {:3}% {}", label_, blocks, static_cast<int>(share * 100), fit(detail, room));
    std::fflush(stderr);
}

void ProgressBar::finish() {
    if (terminal_ && drawn_) fmt::print(stderr, "\n");
    drawn_ = false;
}

}  // namespace tenon::app
