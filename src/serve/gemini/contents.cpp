// Contents and their parts, and the two ways to write schemas and names.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "serve/gemini/request.hpp"
#include "serve/pending_calls.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::serve::gemini {
namespace {

std::string camel(std::string_view name) {
    std::string out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] == '_' && i > 0 && i + 1 < name.size() && name[i + 1] >= 'a' && name[i + 1] <= 'z')
            out += static_cast<char>(name[++i] - 'a' + 'A');
        else
            out += name[i];
    }
    return out;
}

ApiResult<llm::ContentPart> media(std::string type, std::string bytes, std::string uri) {
    if (type.starts_with("image/")) {
        llm::ImagePart out;
        out.media_type = std::move(type);
        out.bytes = std::move(bytes);
        out.url = std::move(uri);
        return out;
    }
    if (type.starts_with("audio/") && uri.empty()) return llm::AudioPart{std::move(type), std::move(bytes)};
    llm::DocumentPart out;
    out.media_type = std::move(type);
    out.bytes = std::move(bytes);
    out.url = std::move(uri);
    return out;
}

ApiResult<llm::ToolCallPart> call(const Fields& part, const Fields& said, std::size_t number) {
    llm::ToolCallPart out;
    SERVE_TRY(out.id, said.text("id"));
    if (out.id.empty()) out.id = fmt::format("call_{}", number);
    SERVE_TRY(out.name, said.needed_text("name"));
    SERVE_TRY(const auto args, said.inner("args"));
    out.arguments_json = args ? json::dump(args->value()) : "{}";
    SERVE_TRY(out.signature, part.text("thoughtSignature"));
    return out;
}

ApiResult<llm::ToolResultPart> result(const Fields& said) {
    llm::ToolResultPart out;
    SERVE_TRY(out.call_id, said.text("id"));
    SERVE_TRY(out.name, said.needed_text("name"));
    const auto* response = said.find("response");
    if (response == nullptr) return out;
    // One text alone is said as it is; anything else as JSON.
    out.is_error = json::find(*response, "error") != nullptr && json::find(*response, "output") == nullptr;
    const auto* only = json::find(*response, out.is_error ? "error" : "output");
    const bool plain = only != nullptr && response->get_object().size() == 1;
    if (plain && only->is_string())
        out.content = std::string_view(only->get_string());
    else
        out.content = json::dump(plain ? *only : *response);
    return out;
}

struct Turn {
    std::vector<llm::ContentPart> said, results;
};

ApiResult<void> read_part(const Fields& part, bool model, std::size_t& calls, PendingCalls& pending, Turn& out) {
    if (part.has("text")) {
        SERVE_TRY(auto text, part.text("text"));
        SERVE_TRY(const bool thought, part.boolean("thought"));
        SERVE_TRY(auto signature, part.text("thoughtSignature"));
        if (thought) {
            if (model) out.said.emplace_back(llm::ReasoningPart{std::move(text), std::move(signature)});
        } else if (!text.empty()) {
            out.said.emplace_back(llm::TextPart{std::move(text)});
        }
        return {};
    }
    SERVE_TRY(const auto data, part.inner("inlineData"));
    if (data) {
        SERVE_TRY(auto type, data->needed_text("mimeType"));
        SERVE_TRY(const auto text, data->needed_text("data"));
        auto bytes = base64_decode(text);
        if (!bytes) return bad_param(data->at("data"), fmt::format("'{}' is not base64", data->at("data")));
        SERVE_TRY(auto read, media(std::move(type), std::move(*bytes), {}));
        out.said.push_back(std::move(read));
        return {};
    }
    SERVE_TRY(const auto file, part.inner("fileData"));
    if (file) {
        SERVE_TRY(auto type, file->text("mimeType"));
        SERVE_TRY(auto uri, file->needed_text("fileUri"));
        SERVE_TRY(auto read, media(std::move(type), {}, std::move(uri)));
        out.said.push_back(std::move(read));
        return {};
    }
    SERVE_TRY(const auto said, part.inner("functionCall"));
    if (said) {
        if (!model) return bad_param(part.path(), "only contents of the model carry function calls");
        SERVE_TRY(auto read, call(part, *said, calls++));
        pending.add(read);
        out.said.emplace_back(std::move(read));
        return {};
    }
    SERVE_TRY(const auto response, part.inner("functionResponse"));
    if (response) {
        if (const auto* shape = response->find("response"); shape != nullptr && !shape->is_object())
            return wrong_type(response->at("response"), "an object");
        SERVE_TRY(auto read, result(*response));
        pending.settle(read);
        if (read.call_id.empty()) read.call_id = fmt::format("call_{}", calls++);
        out.results.emplace_back(std::move(read));
        return {};
    }
    return bad_param(
        part.path(),
        fmt::format("'{}' must hold text, inlineData, fileData, functionCall or functionResponse", part.path()));
}

}  // namespace

ApiResult<std::string> joined_text(const Fields& content) {
    std::string out;
    SERVE_TRY(const auto* parts, content.list("parts"));
    for (std::size_t i = 0; parts != nullptr && i < parts->size(); ++i) {
        SERVE_TRY(const auto part, content.element("parts", *parts, i));
        SERVE_TRY(const auto text, part.needed_text("text"));
        out += text;
    }
    return out;
}

ApiResult<void> read_contents(const Fields& body, std::vector<llm::Message>& out) {
    SERVE_TRY(const auto* contents, body.list("contents"));
    if (contents == nullptr) return missing_param(body.at("contents"));
    PendingCalls pending;
    std::size_t calls = 0;
    for (std::size_t i = 0; i < contents->size(); ++i) {
        SERVE_TRY(const auto content, body.element("contents", *contents, i));
        SERVE_TRY(const auto role, content.text("role"));
        const bool model = role == "model";
        if (!model && role != "user" && role != "function" && !role.empty())
            return bad_param(content.at("role"), fmt::format("'{}' is not a role; use user or model", role));
        Turn turn;
        SERVE_TRY(const auto* parts, content.list("parts"));
        for (std::size_t p = 0; parts != nullptr && p < parts->size(); ++p) {
            SERVE_TRY(const auto part, content.element("parts", *parts, p));
            SERVE_CHECK(read_part(part, model, calls, pending, turn));
        }
        if (!turn.results.empty()) out.push_back({llm::Role::tool, std::move(turn.results), {}});
        if (!turn.said.empty())
            out.push_back({model ? llm::Role::assistant : llm::Role::user, std::move(turn.said), {}});
    }
    if (out.empty()) return bad_param(body.at("contents"), "'contents' must hold at least one part");
    return {};
}

json::Value json_schema(const json::Value& schema) {
    if (!schema.is_object()) return schema;
    static constexpr std::array<std::string_view, 6> counts{"minItems",  "maxItems",      "minLength",
                                                            "maxLength", "minProperties", "maxProperties"};
    json::Object out;
    bool nullable = false;
    for (const auto& [key, value] : schema.get_object()) {
        if (key == "nullable") {
            nullable = value.is_bool() && value.get_bool();
        } else if (key == "propertyOrdering" || key == "example") {
            continue;
        } else if (key == "type" && value.is_string()) {
            std::string type(std::string_view(value.get_string()));
            if (type == "TYPE_UNSPECIFIED") continue;
            for (auto& c : type)
                if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
            out["type"] = type;
        } else if (key == "properties" && value.is_object()) {
            json::Object properties;
            for (const auto& [name, inner] : value.get_object()) properties[name] = json_schema(inner);
            out["properties"] = std::move(properties);
        } else if (key == "anyOf" && value.is_array()) {
            json::Array any;
            for (const auto& inner : value.get_array()) any.push_back(json_schema(inner));
            out["anyOf"] = std::move(any);
        } else if (key == "items") {
            out["items"] = json_schema(value);
        } else if (value.is_string() && std::ranges::find(counts, std::string_view(key)) != counts.end()) {
            // int64 fields travel as text in this API.
            const std::string_view text = value.get_string();
            std::int64_t count = 0;
            const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), count);
            out[key] = fault == std::errc{} && end == text.data() + text.size() ? json::Value(count) : value;
        } else {
            out[key] = value;
        }
    }
    if (nullable && out.contains("type")) out["type"] = json::Array{out["type"], "null"};
    if (nullable && out.contains("enum") && out["enum"].is_array()) out["enum"].get_array().push_back(nullptr);
    return out;
}

json::Value camel_case(const json::Value& value) {
    static constexpr std::array<std::string_view, 8> others{
        "args",           "response", "parameters", "parametersJsonSchema", "responseJsonSchema",
        "responseSchema", "labels",   "metadata"};
    if (value.is_array()) {
        json::Array out;
        for (const auto& item : value.get_array()) out.push_back(camel_case(item));
        return out;
    }
    if (!value.is_object()) return value;
    json::Object out;
    for (const auto& [key, inner] : value.get_object()) {
        const auto name = camel(key);
        out[name] = std::ranges::find(others, name) != others.end() ? inner : camel_case(inner);
    }
    return out;
}

}  // namespace tenon::serve::gemini
