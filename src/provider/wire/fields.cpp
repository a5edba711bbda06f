#include "provider/wire/fields.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tenon/base/base64.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/net/url.hpp"

namespace tenon::provider::wire {

std::string_view text_of(const json::Value* value) noexcept {
    return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view{};
}

std::uint64_t count_of(const json::Value& value, std::string_view key) noexcept {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::integer_or(value, key, 0)));
}

const json::Array& array_of(const json::Value& value, std::string_view key) noexcept {
    static const json::Array none;
    const auto* found = json::find(value, key);
    return found != nullptr && found->is_array() ? found->get_array() : none;
}

std::string data_url(std::string_view media_type, std::string_view bytes) {
    return fmt::format("data:{};base64,{}", media_type.empty() ? "application/octet-stream" : media_type,
                       base64_encode(bytes));
}

std::optional<DataUrl> parse_data_url(std::string_view url) {
    constexpr std::string_view scheme = "data:", coding = ";base64,";
    if (!url.starts_with(scheme)) return std::nullopt;
    url.remove_prefix(scheme.size());
    const auto at = url.find(coding);
    if (at == std::string_view::npos) return std::nullopt;
    auto bytes = base64_decode(url.substr(at + coding.size()));
    if (!bytes) return std::nullopt;
    return DataUrl{std::string(url.substr(0, at)), std::move(*bytes)};
}

Result<json::Value> parse_given(std::string_view text, std::string_view what) {
    auto value = json::parse(text);
    if (!value)
        return fail(ErrorCode::invalid_argument, fmt::format("{} must be JSON", what), std::move(value).error());
    return std::move(*value);
}

Result<json::Object> parse_given_object(std::string_view text, std::string_view what) {
    if (text.empty()) return json::Object{};
    TENON_TRY(auto value, parse_given(text, what));
    if (!value.is_object()) return fail(ErrorCode::invalid_argument, fmt::format("{} must be a JSON object", what));
    return std::move(value.get_object());
}

Result<void> add_fields(json::Object& body, const std::map<std::string, std::string>& more) {
    for (const auto& [name, text] : more) {
        TENON_TRY(body[name], parse_given(text, fmt::format("the request's field \"{}\"", name)));
    }
    return {};
}

std::string endpoint(const std::string& base_url, std::string_view path, std::string_view model) {
    const auto question = base_url.find('?');
    std::string out = base_url.substr(0, question);
    while (out.ends_with('/')) out.pop_back();
    out += path;
    if (question != std::string::npos) out += base_url.substr(question);
    constexpr std::string_view place = "{model}";
    if (const auto at = out.find(place); at != std::string::npos)
        out.replace(at, place.size(), net::percent_encode(model));
    return out;
}

std::size_t estimate_tokens(std::string_view text) noexcept {
    std::size_t cjk = 0, other = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto decoded = utf8::decode(text, at);
        at += decoded.length;
        if (utf8::is_cjk(decoded.code_point))
            ++cjk;
        else
            other += decoded.length;
    }
    return cjk + (other + 3) / 4;
}

std::unexpected<Error> unsupported_format(const llm::ResponseFormat& format) {
    const auto* name = std::holds_alternative<llm::JsonFormat>(format)         ? "JSON"
                       : std::holds_alternative<llm::JsonSchemaFormat>(format) ? "a JSON Schema"
                       : std::holds_alternative<llm::GrammarFormat>(format)    ? "a grammar"
                                                                               : "a regular expression";
    return fail(ErrorCode::unsupported,
                fmt::format("this provider cannot hold an answer to {}; ask its capabilities first", name));
}

}  // namespace tenon::provider::wire
