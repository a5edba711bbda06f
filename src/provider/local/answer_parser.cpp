#include "provider/local/answer_parser.hpp"

#include <algorithm>
#include <utility>

#include "provider/local/tool_call.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::string_view space = " \t\r\n";

/// Bytes at the end of `text` that may begin `tag`.
std::size_t partial(std::string_view text, std::string_view tag) {
    for (std::size_t n = std::min(text.size(), tag.size() - 1); n > 0; --n)
        if (tag.starts_with(text.substr(text.size() - n))) return n;
    return 0;
}

}  // namespace

AnswerParser::AnswerParser(std::vector<std::string> tools, bool thinking)
    : tools_(std::move(tools)), state_(thinking ? State::reasoning : State::beginning) {}

AnswerPieces AnswerParser::push(std::string_view text) {
    buffer_ += text;
    AnswerPieces out;
    run(out, false);
    return out;
}

AnswerPieces AnswerParser::finish() {
    AnswerPieces out;
    run(out, true);
    return out;
}

bool AnswerParser::known(std::string_view tool) const {
    return std::find(tools_.begin(), tools_.end(), tool) != tools_.end();
}

// Each state says whether it handed over to another, which then looks at what is left.
void AnswerParser::run(AnswerPieces& out, bool end) {
    bool more = true;
    while (more) {
        switch (state_) {
            case State::beginning:
            case State::after_reasoning:
                more = begin(out, end);
                break;
            case State::reasoning:
                more = reason(out, end);
                break;
            case State::text:
                more = speak(out, end);
                break;
            case State::call:
                more = call(out, end);
                break;
            case State::json:
                more = bare_json(out, end);
                break;
        }
    }
}

bool AnswerParser::begin(AnswerPieces& out, bool end) {
    const auto first = buffer_.find_first_not_of(space);
    const bool reasoned = state_ == State::after_reasoning;
    if (first == std::string::npos) {
        if (end && !reasoned) out.text += std::exchange(buffer_, {});
        return false;
    }
    const std::string_view rest = std::string_view(buffer_).substr(first);
    if (!reasoned && rest.starts_with(begin_think)) {
        buffer_.erase(0, first + begin_think.size());
        state_ = State::reasoning;
        return true;
    }
    if (!reasoned && !end && begin_think.starts_with(rest)) return false;
    if (reasoned) buffer_.erase(0, first);
    state_ = !tools_.empty() && may_become_tool_calls(buffer_) ? State::json : State::text;
    return true;
}

bool AnswerParser::reason(AnswerPieces& out, bool end) {
    const auto at = buffer_.find(end_think);
    const std::size_t certain = at != std::string::npos ? at
                                : end                   ? buffer_.size()
                                                        : buffer_.size() - partial(buffer_, end_think);
    out.reasoning += buffer_.substr(0, certain);
    buffer_.erase(0, certain);
    if (at == std::string::npos) return false;
    buffer_.erase(0, end_think.size());
    state_ = State::after_reasoning;
    return true;
}

bool AnswerParser::speak(AnswerPieces& out, bool end) {
    if (tools_.empty()) {
        out.text += std::exchange(buffer_, {});
        return false;
    }
    if (called_ && !end) {  // between calls only space is expected; it belongs to neither
        const auto first = buffer_.find_first_not_of(space);
        if (first == std::string::npos) return false;
    }
    const auto at = buffer_.find(open_call);
    std::size_t certain = at != std::string::npos ? at
                          : end                   ? buffer_.size()
                                                  : buffer_.size() - partial(buffer_, open_call);
    const auto last = certain == 0 ? std::string::npos : buffer_.find_last_not_of(space, certain - 1);
    const std::size_t trimmed = last == std::string::npos ? 0 : last + 1;
    if (at != std::string::npos) {
        out.text += buffer_.substr(0, trimmed);
        buffer_.erase(0, at + open_call.size());
        state_ = State::call;
        return true;
    }
    if (!end) certain = trimmed;  // spaces before a call are not text: wait for what follows
    if (end && called_) certain = trimmed;
    out.text += buffer_.substr(0, certain);
    buffer_.erase(0, certain);
    return false;
}

bool AnswerParser::call(AnswerPieces& out, bool end) {
    const auto at = buffer_.find(close_call);
    if (at == std::string::npos && !end) return false;
    const std::string body = buffer_.substr(0, at);
    if (auto parsed = parse_tool_call(body)) {
        out.calls.push_back(std::move(*parsed));
        called_ = true;
    } else {
        out.text += open_call;
        out.text += body;
        if (at != std::string::npos) out.text += close_call;
    }
    buffer_.erase(0, at == std::string::npos ? buffer_.size() : at + close_call.size());
    state_ = State::text;
    return true;
}

bool AnswerParser::bare_json(AnswerPieces& out, bool end) {
    if (!end) {
        if (may_become_tool_calls(buffer_)) return false;
        state_ = State::text;
        return true;
    }
    auto calls = parse_tool_calls(buffer_);
    if (calls.empty() || !std::all_of(calls.begin(), calls.end(), [this](const auto& c) { return known(c.name); })) {
        state_ = State::text;
        return true;
    }
    std::move(calls.begin(), calls.end(), std::back_inserter(out.calls));
    called_ = true;
    buffer_.clear();
    return false;
}

}  // namespace tenon::provider::local
