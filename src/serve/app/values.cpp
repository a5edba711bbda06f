// Values from the texts of paths, queries, headers, cookies and forms.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <cmath>

#include "serve/app/state.hpp"
#include "tenon/base/utf8.hpp"

namespace tenon::serve {
namespace {

std::string quoted(std::string_view text) { return json::dump(json::Value(utf8::sanitize(text.substr(0, 60)))); }

template <class T>
bool parse_all(std::string_view text, T& to) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to);
    return error == std::errc() && end == text.data() + text.size();
}

bool boolean_from(std::string_view text, json::Value& to) {
    for (const std::string_view yes : {"true", "1", "on", "yes"})
        if (net::equals_ignoring_case(text, yes)) {
            to = true;
            return true;
        }
    for (const std::string_view no : {"false", "0", "off", "no"})
        if (net::equals_ignoring_case(text, no)) {
            to = false;
            return true;
        }
    return false;
}

bool one_from_text(const json::Type& type, std::string_view text, json::Value& to, std::string& fault) {
    if (!utf8::is_valid(text)) {
        fault = "is not valid UTF-8";
        return false;
    }
    switch (type.kind) {
        case json::Kind::boolean:
            if (boolean_from(text, to)) return true;
            fault = fmt::format("expected true or false, got {}", quoted(text));
            return false;
        case json::Kind::integer: {
            std::int64_t whole = 0;
            std::uint64_t large = 0;
            if (parse_all(text, whole))
                to = whole;
            else if (parse_all(text, large))
                to = large;
            else {
                fault = fmt::format("expected an integer, got {}", quoted(text));
                return false;
            }
            return true;
        }
        case json::Kind::number: {
            double number = 0;
            if (!parse_all(text, number) || !std::isfinite(number)) {
                fault = fmt::format("expected a number, got {}", quoted(text));
                return false;
            }
            to = number;
            return true;
        }
        case json::Kind::optional:
            return one_from_text(type.item(), text, to, fault);
        case json::Kind::string:
        case json::Kind::enumeration:
        case json::Kind::any:
            to = text;
            return true;
        case json::Kind::null:
            to = nullptr;
            return true;
        case json::Kind::variant: {  // the first alternative that the text can be
            for (const auto item : type.items) {
                std::string ignored;
                if (one_from_text(item(), text, to, ignored)) return true;
            }
            fault = fmt::format("{} fits no alternative", quoted(text));
            return false;
        }
        case json::Kind::list:
        case json::Kind::tuple:
        case json::Kind::map:
        case json::Kind::object: {  // JSON in a text
            auto parsed = json::parse(text);
            if (!parsed) {
                fault = parsed.error().message();
                return false;
            }
            to = std::move(*parsed);
            return true;
        }
    }
    return false;
}

}  // namespace

bool value_from_texts(const json::Type& type, const std::vector<std::string_view>& texts, json::Value& to,
                      std::string& fault) {
    const json::Type* list = &type;
    if (type.kind == json::Kind::optional) list = &type.item();
    if (list->kind != json::Kind::list) return one_from_text(type, texts.back(), to, fault);
    auto& items = to.emplace_array();
    for (std::size_t i = 0; i < texts.size(); ++i) {
        if (one_from_text(list->item(), texts[i], items.emplace_back(nullptr), fault)) continue;
        fault = fmt::format("item {}: {}", i + 1, fault);
        return false;
    }
    return true;
}

void read_texts(const json::Type& type, const json::Rules& rules, const std::vector<std::string_view>& texts, void* to,
                std::string_view in, std::string_view name, std::vector<FieldFault>& faults) {
    const auto wrong = [&](std::string what) {
        faults.push_back({std::string(in), std::string(name), std::move(what)});
    };
    if (texts.empty() && type.kind != json::Kind::list) {
        if (type.kind != json::Kind::optional && rules.required) wrong("missing");
        return;
    }
    if (texts.empty() && !rules.required) return;
    json::Value value;
    std::string fault;
    if (!value_from_texts(type, texts, value, fault)) return wrong(std::move(fault));
    for (auto& found : json::detail::find_faults(type, value, to, {}, rules)) {
        std::string where(name);
        if (!found.path.empty()) where += (found.path.starts_with('[') ? "" : ".") + found.path;
        faults.push_back({std::string(in), std::move(where), std::move(found.message)});
    }
}

}  // namespace tenon::serve
