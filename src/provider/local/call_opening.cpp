#include "provider/local/call_opening.hpp"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "tenon/json/json.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::string_view fence_mark = "```", space = " \t\r\n";
constexpr std::array<std::string_view, 4> fence_labels = {"", "json", "tool_call", "tool_code"};
using Shape = CallOpening::Shape;

/// Reads from the front.
class Reader {
  public:
    explicit Reader(std::string_view text) : text_(text) {}
    void skip_space() { at_ = std::min(text_.find_first_not_of(space, at_), text_.size()); }
    /// False: something else stands there, or too little (`starved`).
    bool take(std::string_view literal) {
        const auto rest = text_.substr(at_);
        if (rest.starts_with(literal)) {
            at_ += literal.size();
            return true;
        }
        starved_ = starved_ || literal.starts_with(rest);
        return false;
    }
    /// A literal, then a colon, with spaces anywhere.
    bool take_key(std::string_view key) {
        if (!take(key)) return false;
        skip_space();
        if (!take(":")) return false;
        skip_space();
        return true;
    }
    /// The rest of the line after the mark.
    Opening finish_fence(std::string& line) {
        const auto end = text_.find('\n', at_);
        auto label = text_.substr(at_, end == std::string_view::npos ? end : end - at_);
        while (!label.empty() && space.find(label.back()) != std::string_view::npos) label.remove_suffix(1);
        if (end == std::string_view::npos) {
            const bool known = std::ranges::any_of(fence_labels, [&](auto whole) { return whole.starts_with(label); });
            return known ? Opening::perhaps : Opening::no;
        }
        if (std::ranges::find(fence_labels, label) == fence_labels.end()) return Opening::no;
        at_ = end + 1;
        line = text_.substr(0, at_);
        return Opening::yes;
    }
    bool take_one_of(const std::vector<std::string>& names, std::string& out) {
        if (!take("\"")) return false;
        const std::size_t from = at_;
        for (const auto& name : names) {
            at_ = from;
            // As JSON would write it, without the opening quote.
            if (take(json::dump(json::Value(name)).substr(1))) {
                out = name;
                return true;
            }
        }
        at_ = from;
        return false;
    }
    [[nodiscard]] Opening refused() const { return starved_ ? Opening::perhaps : Opening::no; }
    [[nodiscard]] std::size_t at() const { return at_; }
    /// The text ended where more was wanted.
    [[nodiscard]] bool starved() const { return starved_; }

  private:
    std::string_view text_;
    std::size_t at_ = 0;
    bool starved_ = false;
};

}  // namespace

std::string CallOpening::canonical() const {
    const std::string quoted = json::dump(json::Value(tool));
    std::string out = fence + (list ? "[" : "") + "{";
    switch (shape) {
        case Shape::plain:
            return out + "\"name\":" + quoted;
        case Shape::function:
            return out + "\"function\":{\"name\":" + quoted;
        case Shape::typed_function:
            return out + "\"type\":\"function\",\"function\":{\"name\":" + quoted;
        case Shape::function_name:
            return out + "\"function\":" + quoted;
    }
    return out;
}

Opening find_opening(std::string_view text, const std::vector<std::string>& tools, CallOpening& out, std::size_t& end) {
    out = {};
    Reader reader(text);
    reader.skip_space();
    if (reader.take(fence_mark)) {
        if (const auto fence = reader.finish_fence(out.fence); fence != Opening::yes) return fence;
        reader.skip_space();
    } else if (reader.starved()) {
        return Opening::perhaps;
    }
    if (reader.take("[")) {
        out.list = true;
        reader.skip_space();
    }
    if (!reader.take("{")) return reader.refused();
    reader.skip_space();
    bool typed = false;
    if (reader.take_key("\"type\"")) {
        typed = true;
        if (!reader.take("\"function\"")) return reader.refused();
        reader.skip_space();
        if (!reader.take(",")) return reader.refused();
        reader.skip_space();
    }
    if (!typed && reader.take_key("\"name\"")) {
        out.shape = Shape::plain;
    } else if (reader.take_key("\"function\"")) {
        out.shape = Shape::function_name;
        if (reader.take("{")) {
            out.shape = typed ? Shape::typed_function : Shape::function;
            reader.skip_space();
            if (!reader.take_key("\"name\"")) return reader.refused();
        } else if (typed) {
            return reader.refused();
        }
    } else {
        return reader.refused();
    }
    if (!reader.take_one_of(tools, out.tool)) return reader.refused();
    end = reader.at();
    return Opening::yes;
}

}  // namespace tenon::provider::local
