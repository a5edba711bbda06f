#include "provider/wire/decoder.hpp"

#include <boost/json.hpp>
#include <utility>

#include "provider/wire/error.hpp"

namespace tenon::provider::wire {
namespace {

constexpr std::size_t max_line_bytes = std::size_t{16} << 20;
constexpr std::size_t max_call_bytes = std::size_t{16} << 20;
constexpr std::size_t max_calls = 1024;

}  // namespace

Result<void> StreamDecoder::feed(std::string_view bytes, std::vector<llm::ChatEvent>& events) {
    if (framing_ == Framing::lines) return feed_lines(bytes, events);
    std::vector<net::SseEvent> messages;
    auto parsed = sse_.feed(bytes, messages);
    for (const auto& one : messages) TENON_CHECK(message(one.data, events));
    return parsed;
}

Result<void> StreamDecoder::feed_lines(std::string_view bytes, std::vector<llm::ChatEvent>& events) {
    while (!bytes.empty()) {
        const auto newline = bytes.find('\n');
        const auto piece = bytes.substr(0, newline);
        if (line_.size() + piece.size() > max_line_bytes)
            return fail(ErrorCode::resource_exhausted, "the model's server sent too long a line");
        line_ += piece;
        if (newline == std::string_view::npos) return {};
        bytes.remove_prefix(newline + 1);
        const auto line = std::exchange(line_, {});
        TENON_CHECK(message(line, events));
    }
    return {};
}

Result<void> StreamDecoder::message(std::string_view data, std::vector<llm::ChatEvent>& events) {
    if (done_) return {};
    while (data.ends_with(' ') || data.ends_with('\r')) data.remove_suffix(1);
    if (data.empty()) return {};
    if (data == "[DONE]") {
        end(events);
        return {};
    }
    auto value = json::parse(data);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an event that is not JSON", std::move(value).error());
    return object(*value, events, false);
}

Result<void> StreamDecoder::object(const json::Value& value, std::vector<llm::ChatEvent>& events, bool whole) {
    if (may_be_error(value))
        if (const auto error = find_error(value)) return std::unexpected(error_in_stream(*error));
    if (!value.is_object()) return fail(ErrorCode::protocol, "the model's server sent an event that is not an object");
    begun_ = true;
    return whole ? on_whole(value, events) : on_message(value, events);
}

void StreamDecoder::end(std::vector<llm::ChatEvent>& events) {
    if (std::exchange(done_, true)) return;
    llm::ChatEvent last;
    on_end(last, events);
    events.push_back(std::move(last));
}

Result<void> StreamDecoder::finish(std::vector<llm::ChatEvent>& events) {
    if (done_) return {};
    std::string rest;
    if (framing_ == Framing::lines)
        rest = std::exchange(line_, {});
    else if (auto cut = sse_.finish())
        rest = std::move(cut->data);
    // A whole message without its end of line counts; half a one does not.
    if (auto taken = message(rest, events); !taken && taken.error().code() != ErrorCode::protocol) return taken;
    if (done_) return {};
    if (!may_end())
        return fail(ErrorCode::unavailable,
                    begun_ ? "the model's server ended its answer early" : "the model's server gave no answer");
    end(events);
    return {};
}

Result<void> StreamDecoder::whole(std::string_view body, std::vector<llm::ChatEvent>& events) {
    auto value = json::parse(body);
    if (!value)
        return fail(ErrorCode::protocol, "the model's server sent an answer that is not JSON",
                    std::move(value).error());
    TENON_CHECK(object(*value, events, true));
    end(events);
    return {};
}

Result<llm::ToolCallPart*> CallsInMaking::begin(std::int64_t number) {
    if (calls_.size() + given_ >= max_calls)
        return fail(ErrorCode::resource_exhausted, "the model calls too many tools at once");
    any_ = true;
    places_[number] = calls_.size();
    return &calls_.emplace_back();
}

Result<llm::ToolCallPart*> CallsInMaking::at(std::int64_t number) {
    if (auto* known = find(number)) return known;
    return begin(number);
}

llm::ToolCallPart* CallsInMaking::find(std::int64_t number) noexcept {
    const auto known = places_.find(number);
    return known == places_.end() ? nullptr : &calls_[known->second];
}

Result<void> CallsInMaking::grow(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ > max_call_bytes)
        return fail(ErrorCode::resource_exhausted, "the arguments of a tool call are too long");
    return {};
}

std::vector<llm::ToolCallPart> CallsInMaking::take() {
    for (auto& call : calls_)
        if (call.arguments_json.empty()) call.arguments_json = "{}";
    given_ += calls_.size();
    places_.clear();
    return std::exchange(calls_, {});
}

llm::ToolCallPart CallsInMaking::take(std::int64_t number) {
    auto call = std::exchange(calls_[places_.at(number)], {});
    if (call.arguments_json.empty()) call.arguments_json = "{}";
    places_.erase(number);
    return call;
}

}  // namespace tenon::provider::wire
