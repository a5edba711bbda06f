#include "mcp/transport/challenge.hpp"

namespace tenon::mcp {
namespace {

bool is_space(char c) { return c == ' ' || c == '\t' || c == ','; }

/// name=value or name="value", one after another; takes what it read off `text`.
std::optional<std::pair<std::string, std::string>> parameter(std::string_view& text) {
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    const auto end = text.find_first_of("= ,\t");
    if (text.empty() || end == std::string_view::npos || text[end] != '=') return std::nullopt;
    std::pair<std::string, std::string> out{std::string(text.substr(0, end)), {}};
    text.remove_prefix(end + 1);
    if (!text.starts_with('"')) {
        const auto stop = std::min(text.find_first_of(", \t"), text.size());
        out.second = text.substr(0, stop);
        text.remove_prefix(stop);
        return out;
    }
    text.remove_prefix(1);
    while (!text.empty() && text.front() != '"') {
        if (text.front() == '\\' && text.size() > 1) text.remove_prefix(1);
        out.second += text.front();
        text.remove_prefix(1);
    }
    if (!text.empty()) text.remove_prefix(1);
    return out;
}

}  // namespace

Challenge read_challenge(int status, const net::Headers& headers) {
    Challenge out;
    out.status = status;
    for (const auto& field : headers) {
        if (!net::equals_ignoring_case(field.name, "www-authenticate")) continue;
        std::string_view text = field.value;
        while (!text.empty()) {
            while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
            const auto word = text.substr(0, text.find_first_of(" \t,"));
            text.remove_prefix(word.size());
            const bool bearer = net::equals_ignoring_case(word, "bearer");
            while (const auto read = parameter(text)) {
                if (!bearer) continue;
                const auto& [name, value] = *read;
                if (net::equals_ignoring_case(name, "error")) out.error = value;
                if (net::equals_ignoring_case(name, "scope")) out.scope = value;
                if (net::equals_ignoring_case(name, "resource_metadata")) out.resource_metadata = value;
            }
        }
    }
    return out;
}

bool is_scope_challenge(const net::Headers& headers) {
    return read_challenge(403, headers).error == "insufficient_scope";
}

}  // namespace tenon::mcp
