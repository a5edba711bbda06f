#include "tenon/mcp/types.hpp"

#include <algorithm>
#include <array>

namespace tenon::mcp {
namespace {

constexpr std::array<std::string_view, 5> revisions{"2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25",
                                                    "2026-07-28"};
constexpr std::array<std::string_view, 8> levels{"debug", "info",     "notice", "warning",
                                                 "error", "critical", "alert",  "emergency"};

template <class T, std::size_t N>
std::optional<T> find(const std::array<std::string_view, N>& names, std::string_view name) {
    const auto at = std::ranges::find(names, name);
    if (at == names.end()) return std::nullopt;
    return static_cast<T>(at - names.begin());
}

}  // namespace

std::string_view to_string(Revision revision) noexcept { return revisions[static_cast<std::size_t>(revision)]; }
std::optional<Revision> revision_from(std::string_view text) noexcept { return find<Revision>(revisions, text); }
std::string_view to_string(LogLevel level) noexcept { return levels[static_cast<std::size_t>(level)]; }
std::optional<LogLevel> log_level_from(std::string_view name) noexcept { return find<LogLevel>(levels, name); }

std::string text_of(const std::vector<Content>& content) {
    std::string out;
    const auto add = [&out](const std::string& text) {
        if (!out.empty() && !text.empty()) out += '\n';
        out += text;
    };
    for (const auto& part : content) {
        if (const auto* text = std::get_if<TextContent>(&part)) add(text->text);
        if (const auto* inside = std::get_if<EmbeddedResource>(&part); inside && !inside->contents.is_binary)
            add(inside->contents.data);
        if (const auto* link = std::get_if<ResourceLink>(&part)) add(link->resource.uri);
    }
    return out;
}

}  // namespace tenon::mcp
