#include "mcp/server/uri_template.hpp"

#include <fmt/format.h>

#include "tenon/net/url.hpp"

namespace tenon::mcp {

Result<UriTemplate> UriTemplate::parse(std::string_view text) {
    UriTemplate out;
    const std::string whole(text);
    for (;;) {
        const auto open = text.find('{');
        if (open == std::string_view::npos) break;
        const auto close = text.find('}', open);
        if (close == std::string_view::npos)
            return fail(ErrorCode::invalid_argument, fmt::format("'{}' has a bracket that is not closed", whole));
        Part part{std::string(text.substr(0, open)), std::string(text.substr(open + 1, close - open - 1)), false};
        if (part.variable.starts_with('+')) {
            part.reserved = true;
            part.variable.erase(0, 1);
        } else if (part.variable.ends_with('*')) {
            part.reserved = true;
            part.variable.pop_back();
        }
        if (part.variable.empty() || part.variable.find_first_of("{#./;?&,:=!@|*+") != std::string::npos)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}': only {{name}} and {{+name}} are understood", whole));
        if (!out.parts_.empty() && part.literal.empty())
            return fail(ErrorCode::invalid_argument, fmt::format("'{}' needs text between its expressions", whole));
        out.parts_.push_back(std::move(part));
        text.remove_prefix(close + 1);
    }
    out.tail_ = text;
    return out;
}

std::optional<std::map<std::string, std::string>> UriTemplate::match(std::string_view uri) const {
    std::map<std::string, std::string> out;
    if (parts_.empty()) return uri == tail_ ? std::optional(out) : std::nullopt;
    if (!uri.starts_with(parts_.front().literal)) return std::nullopt;
    uri.remove_prefix(parts_.front().literal.size());
    for (std::size_t i = 0; i < parts_.size(); ++i) {
        // A value ends where the text after it begins; the last one reaches up to the tail.
        std::size_t end = 0;
        if (i + 1 < parts_.size()) {
            end = uri.find(parts_[i + 1].literal, 1);
            if (end == std::string_view::npos) return std::nullopt;
        } else {
            if (uri.size() <= tail_.size() || !uri.ends_with(tail_)) return std::nullopt;
            end = uri.size() - tail_.size();
        }
        const auto raw = uri.substr(0, end);
        if (!parts_[i].reserved && raw.find_first_of("/?#") != std::string_view::npos) return std::nullopt;
        auto value = net::percent_decode(raw);
        if (!value) return std::nullopt;
        out[parts_[i].variable] = std::move(*value);
        uri.remove_prefix(end + (i + 1 < parts_.size() ? parts_[i + 1].literal.size() : 0));
    }
    return out;
}

}  // namespace tenon::mcp
