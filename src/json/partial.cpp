#include "tenon/json/partial.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tenon/base/utf8.hpp"

namespace tenon::json {

struct PartialParser::Impl {
    enum class State {
        value,       // a value must begin
        first_item,  // after [: a value or ]
        first_key,   // after {: a key or }
        key,         // after , in an object
        colon,       // after a key
        after,       // after a value inside something: , or the end
        in_string,   // inside a string or key
        in_scalar,   // inside a number, true, false, null
        end,         // the value at the top has ended
    };

    ParseOptions options;
    State state = State::value;
    Value root;
    // Containers still open. An open container's parent does not grow, so the pointers stay valid.
    std::vector<Value*> open;
    boost::json::string* string = nullptr;  // the string being written; null: `key` is
    std::string key, scalar;
    std::string escape;      // an escape not ended: \ or \u12
    std::string character;   // bytes of a character not ended
    std::uint32_t high = 0;  // a high surrogate that waits for its low one
    std::size_t offset = 0;
    bool begun = false;
    std::optional<Error> error;

    Result<void> wrong(std::string_view what) {
        error.emplace(ErrorCode::corrupt, fmt::format("not JSON: {} at byte {}", what, offset));
        return std::unexpected(*error);
    }

    Value& place(Value value) {
        begun = true;
        if (open.empty()) {
            root = std::move(value);
            return root;
        }
        if (auto* array = open.back()->if_array()) return array->emplace_back(std::move(value));
        auto& slot = open.back()->get_object()[key];
        slot = std::move(value);
        return slot;
    }
    void ended() { state = open.empty() ? State::end : State::after; }

    void append(std::string_view text) {
        if (string != nullptr)
            string->append(boost::json::string_view(text.data(), text.size()));
        else
            key += text;
    }
    void append_code(std::uint32_t code) {
        std::string text;
        utf8::append(text, static_cast<char32_t>(code));
        append(text);
    }
    void flush_surrogate() {
        if (std::exchange(high, 0) != 0) append_code(0xFFFD);
    }

    Result<void> begin_value(char c) {
        switch (c) {
            case '{':
            case '[':
                if (open.size() >= options.max_depth) return wrong("nested too deeply");
                open.push_back(&place(c == '{' ? Value(Object{}) : Value(Array{})));
                state = c == '{' ? State::first_key : State::first_item;
                return {};
            case '"':
                string = &place(Value(boost::json::string{})).get_string();
                state = State::in_string;
                return {};
            default:
                if (c != '-' && !(c >= '0' && c <= '9') && c != 't' && c != 'f' && c != 'n')
                    return wrong("a value must begin");
                scalar.assign(1, c);
                state = State::in_scalar;
                return {};
        }
    }

    Result<void> close(char c) {
        const bool object = open.back()->is_object();
        if (c != (object ? '}' : ']')) return wrong(object ? "expected , or }" : "expected , or ]");
        open.pop_back();
        ended();
        return {};
    }

    /// Whether the scalar so far is the beginning of one.
    bool scalar_may_go_on(char c) const {
        const std::string_view s = scalar;
        if (s[0] == 't' || s[0] == 'f' || s[0] == 'n') return c >= 'a' && c <= 'z' && s.size() < 5;
        return (c >= '0' && c <= '9') || c == '.' || c == 'e' || c == 'E' || c == '+' || c == '-';
    }
    Result<void> end_scalar() {
        auto parsed = parse(scalar);
        if (!parsed) return wrong(fmt::format("\"{}\" is no value", scalar.substr(0, 40)));
        place(std::move(*parsed));
        ended();
        return {};
    }

    Result<void> unescape(char c) {
        escape += c;
        if (escape.size() == 2) {
            constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
            if (c == 'u') return {};
            const auto at = from.find(c);
            if (at == std::string_view::npos) return wrong("unknown escape");
            flush_surrogate();
            append(to.substr(at, 1));
            escape.clear();
            return {};
        }
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
            return wrong("\\u needs four hexadecimal digits");
        if (escape.size() < 6) return {};
        const auto code = static_cast<std::uint32_t>(std::stoul(escape.substr(2), nullptr, 16));
        escape.clear();
        if (code >= 0xDC00 && code < 0xE000 && high != 0) {
            append_code(0x10000 + ((std::exchange(high, 0) - 0xD800) << 10) + (code - 0xDC00));
        } else {
            flush_surrogate();
            if (code >= 0xD800 && code < 0xDC00)
                high = code;
            else
                append_code(code >= 0xDC00 && code < 0xE000 ? 0xFFFD : code);
        }
        return {};
    }

    Result<void> in_string(char c) {
        const auto byte = static_cast<unsigned char>(c);
        if (!escape.empty()) return unescape(c);
        if (!character.empty() || byte >= 0x80) {
            if (high != 0) flush_surrogate();
            character += c;
            const auto first = static_cast<unsigned char>(character[0]);
            const std::size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
            if (first < 0xC2 || (character.size() > 1 && (byte & 0xC0U) != 0x80U)) return wrong("invalid UTF-8");
            if (character.size() < length) return {};
            if (!utf8::is_valid(character)) return wrong("invalid UTF-8");
            append(character);
            character.clear();
            return {};
        }
        if (c == '\\') {
            escape = "\\";
            return {};
        }
        flush_surrogate();
        if (c == '"') {
            if (string != nullptr)
                ended();
            else
                state = State::colon;
            string = nullptr;
            return {};
        }
        if (byte < 0x20) return wrong("a control character in a string");
        append({&c, 1});
        return {};
    }

    Result<void> step(char c) {
        if (state == State::in_string) return in_string(c);
        if (state == State::in_scalar) {
            if (scalar_may_go_on(c)) {
                if (scalar.size() > 4096) return wrong("a number is too long");
                scalar += c;
                return {};
            }
            TENON_CHECK(end_scalar());
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') return {};
        switch (state) {
            case State::value:
                return begin_value(c);
            case State::first_item:
                return c == ']' ? close(c) : begin_value(c);
            case State::first_key:
            case State::key:
                if (c == '}' && state == State::first_key) return close(c);
                if (c != '"') return wrong("expected a member's name");
                key.clear();
                state = State::in_string;
                return {};
            case State::colon:
                if (c != ':') return wrong("expected :");
                state = State::value;
                return {};
            case State::after:
                if (c != ',') return close(c);
                state = open.back()->is_object() ? State::key : State::value;
                return {};
            default:
                return wrong("text after the end");
        }
    }
};

PartialParser::PartialParser(const ParseOptions& options) : impl_(std::make_unique<Impl>()) {
    impl_->options = options;
}
PartialParser::~PartialParser() = default;
PartialParser::PartialParser(PartialParser&&) noexcept = default;
PartialParser& PartialParser::operator=(PartialParser&&) noexcept = default;

Result<void> PartialParser::feed(std::string_view text) {
    auto& p = *impl_;
    if (p.error) return std::unexpected(*p.error);
    if (text.size() > p.options.max_bytes - std::min(p.options.max_bytes, p.offset)) {
        p.error.emplace(ErrorCode::resource_exhausted,
                        fmt::format("JSON is longer than the limit of {} bytes", p.options.max_bytes));
        return std::unexpected(*p.error);
    }
    for (const char c : text) {
        TENON_CHECK(p.step(c));
        ++p.offset;
    }
    return {};
}

Result<void> PartialParser::finish() {
    auto& p = *impl_;
    if (p.error) return std::unexpected(*p.error);
    if (p.state == Impl::State::in_scalar && p.open.empty()) TENON_CHECK(p.end_scalar());
    return p.state == Impl::State::end ? Result<void>{} : p.wrong("the text ends too early");
}

const Value& PartialParser::value() const noexcept { return impl_->root; }
bool PartialParser::begun() const noexcept { return impl_->begun; }
bool PartialParser::done() const noexcept { return impl_->state == Impl::State::end; }

}  // namespace tenon::json
