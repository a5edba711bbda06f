// Logging without a global: a Logger is passed to whoever logs; the library never prints by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

namespace tenon {

enum class LogLevel : std::uint8_t { trace, debug, info, warning, error };

/// Receives each record; called from any thread, so it must be thread-safe. Empty: records are dropped.
using LogSink = std::function<void(LogLevel, std::string_view room, std::string_view message)>;

}  // namespace tenon
