#include "tenon/net/sse.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace tenon::net {

Result<void> SseParser::feed(std::string_view bytes, std::vector<SseEvent>& events) {
    while (!bytes.empty()) {
        if (std::exchange(after_cr_, false) && bytes.front() == '\n') {
            bytes.remove_prefix(1);
            continue;
        }
        const auto end = bytes.find_first_of("\r\n");
        const auto piece = bytes.substr(0, end);
        if (piece.size() > limit_ - std::min(limit_, line_.size()) || data_.size() > limit_)
            return fail(ErrorCode::resource_exhausted, "an event of the stream is too long");
        if (end == std::string_view::npos) {
            line_ += piece;
            break;
        }
        if (line_.empty()) {
            line(piece, events);
        } else {
            line_ += piece;
            line(line_, events);
            line_.clear();
        }
        after_cr_ = bytes[end] == '\r';
        bytes.remove_prefix(end + 1);
    }
    return {};
}

void SseParser::line(std::string_view text, std::vector<SseEvent>& events) {
    if (std::exchange(first_line_, false) && text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
    if (text.empty()) return dispatch(events);
    if (text.front() == ':') return;
    const auto colon = text.find(':');
    const auto field = text.substr(0, colon);
    auto value = colon == std::string_view::npos ? std::string_view{} : text.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    if (field == "data") {
        data_ += value;
        data_ += '\n';
    } else if (field == "event") {
        event_ = value;
    } else if (field == "id") {
        if (!value.contains('\0')) id_ = value;
    } else if (field == "retry") {
        std::int64_t ms = 0;
        const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), ms);
        if (error == std::errc{} && end == value.data() + value.size() && ms >= 0 && value.front() != '-')
            retry_ = std::chrono::milliseconds(ms);
    }
}

void SseParser::dispatch(std::vector<SseEvent>& events) {
    if (!data_.empty()) {
        data_.pop_back();
        events.push_back({std::move(event_), std::move(data_), id_});
    }
    data_.clear();
    event_.clear();
}

std::optional<SseEvent> SseParser::finish() {
    std::vector<SseEvent> events;
    if (!line_.empty()) line(line_, events);
    dispatch(events);
    *this = SseParser(limit_);
    if (events.empty()) return std::nullopt;
    return std::move(events.back());
}

namespace {

void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    std::ranges::copy_if(value, std::back_inserter(out), [](char c) { return c != '\r' && c != '\n' && c != '\0'; });
    out += '\n';
}

}  // namespace

std::string sse_encode(const SseEvent& event) {
    std::string out;
    out.reserve(event.data.size() + 32);
    if (!event.event.empty()) append_field(out, "event", event.event);
    if (!event.id.empty()) append_field(out, "id", event.id);
    std::string_view rest = event.data;
    for (;;) {
        const auto end = rest.find_first_of("\r\n");
        out += "data: ";
        out += rest.substr(0, end);
        out += '\n';
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + (rest.substr(end).starts_with("\r\n") ? 2 : 1));
    }
    out += '\n';
    return out;
}

std::string sse_comment(std::string_view text) {
    std::string out = ": ";
    std::ranges::copy_if(text, std::back_inserter(out), [](char c) { return c != '\r' && c != '\n'; });
    return out + "\n\n";
}

}  // namespace tenon::net
