#include "provider/local/tool_call.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <random>

#include "tenon/json/json.hpp"
#include "tenon/json/scan.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::string_view space = " \t\r\n";

std::string_view trim(std::string_view text) {
    const auto from = text.find_first_not_of(space);
    if (from == std::string_view::npos) return {};
    return text.substr(from, text.find_last_not_of(space) - from + 1);
}

std::string new_id() {
    thread_local std::mt19937_64 random{std::random_device{}()};
    return fmt::format("call_{:016x}", random());
}

std::optional<llm::ToolCallPart> call_of(const json::Value& value) {
    const json::Value* inner = json::find(value, "function");
    if (inner != nullptr && inner->is_object()) return call_of(*inner);
    std::string name(json::string_or(value, "name", ""));
    if (name.empty() && inner != nullptr && inner->is_string()) name = inner->get_string().c_str();
    if (name.empty()) return std::nullopt;
    const json::Value* arguments = nullptr;
    for (const char* key : {"arguments", "parameters", "args"})
        if (arguments == nullptr) arguments = json::find(value, key);
    if (arguments == nullptr) return std::nullopt;
    std::string text = "{}";
    if (arguments->is_string()) {
        text = arguments->get_string().c_str();
        if (!json::parse(text)) return std::nullopt;
    } else if (arguments->is_object()) {
        text = json::dump(*arguments);
    } else if (!arguments->is_null()) {
        return std::nullopt;
    }
    return llm::ToolCallPart{new_id(), std::move(name), std::move(text)};
}

}  // namespace

std::optional<llm::ToolCallPart> parse_tool_call(std::string_view text) {
    const auto value = json::parse(trim(text));
    return value ? call_of(*value) : std::nullopt;
}

std::vector<llm::ToolCallPart> parse_tool_calls(std::string_view text) {
    text = trim(text);
    if (text.starts_with("```")) {
        const auto line = text.find('\n');
        if (line == std::string_view::npos) return {};
        text = trim(text.substr(line));
        if (text.ends_with("```")) text = trim(text.substr(0, text.size() - 3));
    }
    if (text.starts_with('[') && text.ends_with(']')) text = trim(text.substr(1, text.size() - 2));
    std::vector<llm::ToolCallPart> calls;
    while (!text.empty()) {
        const std::size_t length = json::object_length(text);
        auto call = length > 0 ? parse_tool_call(text.substr(0, length)) : std::nullopt;
        if (!call) return {};
        calls.push_back(std::move(*call));
        text.remove_prefix(length);
        const auto next = text.find_first_not_of(" \t\r\n,;");
        text.remove_prefix(next == std::string_view::npos ? text.size() : next);
    }
    return calls;
}

bool may_become_tool_calls(std::string_view text) {
    const auto skip = [&] {
        const auto at = text.find_first_not_of(space);
        text.remove_prefix(at == std::string_view::npos ? text.size() : at);
    };
    skip();
    constexpr std::string_view fence = "```";
    if (fence.starts_with(text.substr(0, fence.size()))) {
        if (text.size() <= fence.size()) return true;
        const auto line = text.find('\n');
        const auto label = trim(text.substr(fence.size(), line == std::string_view::npos ? line : line - fence.size()));
        constexpr std::array<std::string_view, 4> labels = {"", "json", "tool_call", "tool_code"};
        const bool possible = std::any_of(labels.begin(), labels.end(), [&](auto l) {
            return line == std::string_view::npos ? l.starts_with(label) : l == label;
        });
        if (!possible || line == std::string_view::npos) return possible;
        text.remove_prefix(line);
        skip();
    }
    if (text.starts_with('[')) {
        text.remove_prefix(1);
        skip();
    }
    if (text.empty()) return true;
    if (!text.starts_with('{')) return false;
    text.remove_prefix(1);
    skip();
    if (text.empty()) return true;
    constexpr std::array<std::string_view, 3> keys = {"\"name\"", "\"function\"", "\"type\""};
    return std::any_of(keys.begin(), keys.end(), [&](auto key) { return key.starts_with(text.substr(0, key.size())); });
}

}  // namespace tenon::provider::local
