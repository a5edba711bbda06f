// Server-sent events (WHATWG HTML §9.2 "event stream"): bytes in, events out, and back. No sockets.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::net {

struct SseEvent {
    std::string event;  ///< type; empty means "message"
    std::string data;   ///< lines joined by LF
    std::string id;     ///< the last id the stream has set
};

/// Takes the stream in pieces cut anywhere. Lines end with CR, LF or CRLF; a leading BOM and comments are skipped.
/// Not synchronised; memory is bounded by the limit.
class SseParser {
  public:
    /// `max_event_bytes` bounds one line and the data of one event.
    explicit SseParser(std::size_t max_event_bytes = std::size_t{16} << 20) : limit_(max_event_bytes) {}

    /// Appends the events that `bytes` completes. Errors: resource_exhausted (the parser is spent then).
    [[nodiscard]] Result<void> feed(std::string_view bytes, std::vector<SseEvent>& events);
    /// The event a stream was cut in before its blank line, if it has data. The specification drops it; callers that
    /// serve peers which end without a blank line take it. The parser is as new afterwards.
    [[nodiscard]] std::optional<SseEvent> finish();
    /// The reconnection time the stream asked for.
    [[nodiscard]] std::optional<std::chrono::milliseconds> retry() const noexcept { return retry_; }

  private:
    void line(std::string_view text, std::vector<SseEvent>& events);
    void dispatch(std::vector<SseEvent>& events);

    std::size_t limit_;
    std::string line_, data_, event_, id_;
    std::optional<std::chrono::milliseconds> retry_;
    bool first_line_ = true, after_cr_ = false;
};

/// One event as text, blank line included. CR and LF in `data` begin a new data line; in `event` and `id` they are
/// dropped.
[[nodiscard]] std::string sse_encode(const SseEvent& event);
/// A comment line, which keeps a quiet connection open.
[[nodiscard]] std::string sse_comment(std::string_view text);

}  // namespace tenon::net
