// What the stream decoders of all providers share: framing, errors, the end, and tool calls in pieces. Private to
// provider.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/net/sse.hpp"

namespace tenon::provider::wire {

/// One streamed answer, cut anywhere: bytes in, events out. Not synchronised.
/// Errors: protocol (not the format), resource_exhausted (too long), what an error object in the stream says,
/// unavailable (it ended before the answer did). After an error the decoder is spent.
class StreamDecoder {
  public:
    enum class Framing : std::uint8_t { events, lines };  ///< server-sent events, or one JSON value a line
    explicit StreamDecoder(Framing framing = Framing::events) : framing_(framing) {}
    virtual ~StreamDecoder() = default;
    StreamDecoder(const StreamDecoder&) = delete;
    StreamDecoder& operator=(const StreamDecoder&) = delete;

    [[nodiscard]] Result<void> feed(std::string_view bytes, std::vector<llm::ChatEvent>& events);
    /// The body is over. The last event (with `finish` and usage) is given here or by the `feed` that saw the end.
    [[nodiscard]] Result<void> finish(std::vector<llm::ChatEvent>& events);
    /// A whole answer (application/json) of a server that does not stream, as events.
    [[nodiscard]] Result<void> whole(std::string_view body, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] bool done() const noexcept { return done_; }

  protected:
    /// One object of the stream that is not an error object.
    [[nodiscard]] virtual Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) = 0;
    /// A whole answer. Errors: protocol, when it is none.
    [[nodiscard]] virtual Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) = 0;
    /// The answer is over: the last event, with `finish`. May append events before it. Called once.
    virtual void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) = 0;
    /// Whether the body may end now.
    [[nodiscard]] virtual bool may_end() const noexcept = 0;
    /// Whether this object holds an error; by default any error object.
    [[nodiscard]] virtual bool may_be_error(const json::Value&) const { return true; }

    /// Gives the last event, once.
    void end(std::vector<llm::ChatEvent>& events);

  private:
    [[nodiscard]] Result<void> message(std::string_view data, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> object(const json::Value& value, std::vector<llm::ChatEvent>& events, bool whole);
    [[nodiscard]] Result<void> feed_lines(std::string_view bytes, std::vector<llm::ChatEvent>& events);

    Framing framing_;
    net::SseParser sse_;
    std::string line_;
    bool begun_ = false, done_ = false;
};

/// Tool calls that come in pieces, each known by a number of the provider's.
class CallsInMaking {
  public:
    /// The call of that number, begun when it is new.
    [[nodiscard]] Result<llm::ToolCallPart*> at(std::int64_t number);
    /// A new call of that number, whatever had it before.
    [[nodiscard]] Result<llm::ToolCallPart*> begin(std::int64_t number);
    [[nodiscard]] llm::ToolCallPart* find(std::int64_t number) noexcept;
    /// Counts what a call has grown by. Errors: resource_exhausted.
    [[nodiscard]] Result<void> grow(std::size_t bytes);
    [[nodiscard]] std::size_t place(std::int64_t number) const { return given_ + places_.at(number); }
    [[nodiscard]] std::size_t size() const noexcept { return calls_.size(); }
    [[nodiscard]] bool empty() const noexcept { return calls_.empty(); }
    [[nodiscard]] bool any() const noexcept { return any_; }
    /// All of them, whole: arguments that never came are {}.
    [[nodiscard]] std::vector<llm::ToolCallPart> take();
    /// One of them, whole; it keeps its place among the calls of the answer.
    [[nodiscard]] llm::ToolCallPart take(std::int64_t number);

  private:
    std::vector<llm::ToolCallPart> calls_;
    std::map<std::int64_t, std::size_t> places_;
    std::size_t bytes_ = 0, given_ = 0;
    bool any_ = false;
};

}  // namespace tenon::provider::wire
