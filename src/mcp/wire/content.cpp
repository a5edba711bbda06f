// Content, resources and what describes them.
#include <fmt/format.h>

#include "mcp/wire/parts.hpp"
#include "mcp/wire/wire.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::mcp::wire {

Result<std::string> string_in(const json::Value& from, std::string_view key) {
    const auto* value = json::find(from, key);
    if (value == nullptr) return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is missing", key));
    if (!value->is_string()) return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" must be a string", key));
    return std::string(value->get_string());
}
Result<std::string> text_in(const json::Value& from, std::string_view key) {
    const auto* value = json::find(from, key);
    if (value == nullptr || value->is_null()) return std::string();
    return string_in(from, key);
}
const json::Array& items_in(const json::Value& from, std::string_view key) {
    static const json::Array none;
    const auto* value = json::find(from, key);
    return value != nullptr && value->is_array() ? value->get_array() : none;
}
std::string json_in(const json::Value& from, std::string_view key) {
    const auto* value = json::find(from, key);
    return value == nullptr || value->is_null() ? std::string() : json::dump(*value);
}
json::Value parsed(std::string_view text) {
    auto value = json::parse(text);
    return value ? std::move(*value) : json::Value(json::Object());
}

namespace detail {

void put(json::Object& to, std::string_view key, const std::string& text) {
    if (!text.empty()) to[key] = text;
}
void put_meta(json::Object& to, const std::string& meta) {
    if (!meta.empty()) to["_meta"] = parsed(meta);
}
void put(json::Object& to, const std::vector<Icon>& icons) {
    if (icons.empty()) return;
    json::Array out;
    for (const auto& icon : icons) {
        json::Object one{{"src", icon.src}};
        put(one, "mimeType", icon.media_type);
        if (!icon.sizes.empty()) one["sizes"] = json::Array(icon.sizes.begin(), icon.sizes.end());
        put(one, "theme", icon.theme);
        out.push_back(std::move(one));
    }
    to["icons"] = std::move(out);
}
void put(json::Object& to, const Annotations& annotations) {
    if (!annotations.empty()) to["annotations"] = write(annotations);
}

std::vector<std::string> strings_in(const json::Value& from, std::string_view key) {
    std::vector<std::string> out;
    for (const auto& item : items_in(from, key))
        if (item.is_string()) out.emplace_back(item.get_string());
    return out;
}
std::vector<Icon> icons_in(const json::Value& from) {
    std::vector<Icon> out;
    for (const auto& icon : items_in(from, "icons"))
        out.push_back({std::string(json::string_or(icon, "src", "")),
                       std::string(json::string_or(icon, "mimeType", "")), strings_in(icon, "sizes"),
                       std::string(json::string_or(icon, "theme", ""))});
    return out;
}
Annotations annotations_in(const json::Value& from) {
    Annotations out;
    const auto* value = json::find(from, "annotations");
    if (value == nullptr) return out;
    out.audience = strings_in(*value, "audience");
    out.priority = number_in(*value, "priority");
    out.last_modified = json::string_or(*value, "lastModified", "");
    return out;
}
std::optional<double> number_in(const json::Value& from, std::string_view key) {
    const auto* value = json::find(from, key);
    if (value == nullptr || !value->is_number()) return std::nullopt;
    return value->to_number<double>();
}
std::optional<bool> bool_in(const json::Value& from, std::string_view key) {
    const auto* value = json::find(from, key);
    if (value == nullptr || !value->is_bool()) return std::nullopt;
    return value->get_bool();
}
Result<std::string> bytes_in(const json::Value& from, std::string_view key) {
    TENON_TRY(const auto text, string_in(from, key));
    auto bytes = base64_decode(text);
    if (!bytes) return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" is not base64", key), bytes.error());
    return std::move(*bytes);
}

}  // namespace detail
using namespace detail;

json::Object write(const Annotations& annotations) {
    json::Object out;
    if (!annotations.audience.empty())
        out["audience"] = json::Array(annotations.audience.begin(), annotations.audience.end());
    if (annotations.priority) out["priority"] = *annotations.priority;
    put(out, "lastModified", annotations.last_modified);
    return out;
}
json::Object write(const Implementation& about) {
    json::Object out{{"name", about.name}, {"version", about.version}};
    put(out, "title", about.title);
    put(out, "description", about.description);
    put(out, "websiteUrl", about.website_url);
    put(out, about.icons);
    return out;
}
Result<Implementation> Read<Implementation>::of(const json::Value& from) {
    Implementation out;
    TENON_TRY(out.name, string_in(from, "name"));
    TENON_TRY(out.version, text_in(from, "version"));
    TENON_TRY(out.title, text_in(from, "title"));
    out.description = json::string_or(from, "description", "");
    out.website_url = json::string_or(from, "websiteUrl", "");
    out.icons = icons_in(from);
    return out;
}

json::Object write(const Resource& resource) {
    json::Object out{{"uri", resource.uri}, {"name", resource.name}};
    put(out, "title", resource.title);
    put(out, "description", resource.description);
    put(out, "mimeType", resource.media_type);
    if (resource.bytes) out["size"] = *resource.bytes;
    put(out, resource.annotations);
    put(out, resource.icons);
    return out;
}
Result<Resource> Read<Resource>::of(const json::Value& from) {
    Resource out;
    TENON_TRY(out.uri, string_in(from, "uri"));
    TENON_TRY(out.name, text_in(from, "name"));
    TENON_TRY(out.title, text_in(from, "title"));
    TENON_TRY(out.description, text_in(from, "description"));
    TENON_TRY(out.media_type, text_in(from, "mimeType"));
    if (const auto size = number_in(from, "size"); size && *size >= 0 && *size < 9e15)
        out.bytes = static_cast<std::uint64_t>(*size);
    out.annotations = annotations_in(from);
    out.icons = icons_in(from);
    return out;
}

json::Object write(const ResourceTemplate& resource) {
    json::Object out{{"uriTemplate", resource.uri_template}, {"name", resource.name}};
    put(out, "title", resource.title);
    put(out, "description", resource.description);
    put(out, "mimeType", resource.media_type);
    put(out, resource.annotations);
    put(out, resource.icons);
    return out;
}
Result<ResourceTemplate> Read<ResourceTemplate>::of(const json::Value& from) {
    ResourceTemplate out;
    TENON_TRY(out.uri_template, string_in(from, "uriTemplate"));
    TENON_TRY(out.name, text_in(from, "name"));
    TENON_TRY(out.title, text_in(from, "title"));
    TENON_TRY(out.description, text_in(from, "description"));
    TENON_TRY(out.media_type, text_in(from, "mimeType"));
    out.annotations = annotations_in(from);
    out.icons = icons_in(from);
    return out;
}

json::Object write(const ResourceContents& contents) {
    json::Object out{{"uri", contents.uri}};
    put(out, "mimeType", contents.media_type);
    if (contents.is_binary)
        out["blob"] = base64_encode(contents.data);
    else
        out["text"] = contents.data;
    return out;
}
Result<ResourceContents> Read<ResourceContents>::of(const json::Value& from) {
    ResourceContents out;
    TENON_TRY(out.uri, string_in(from, "uri"));
    TENON_TRY(out.media_type, text_in(from, "mimeType"));
    out.is_binary = json::find(from, "blob") != nullptr;
    if (out.is_binary) {
        TENON_TRY(out.data, bytes_in(from, "blob"));
    } else {
        TENON_TRY(out.data, string_in(from, "text"));
    }
    return out;
}

json::Object write(const Content& content) {
    json::Object out;
    if (const auto* text = std::get_if<TextContent>(&content)) {
        out = {{"type", "text"}, {"text", text->text}};
        put(out, text->annotations);
    } else if (const auto* image = std::get_if<ImageContent>(&content)) {
        out = {{"type", "image"}, {"data", base64_encode(image->bytes)}, {"mimeType", image->media_type}};
        put(out, image->annotations);
    } else if (const auto* audio = std::get_if<AudioContent>(&content)) {
        out = {{"type", "audio"}, {"data", base64_encode(audio->bytes)}, {"mimeType", audio->media_type}};
        put(out, audio->annotations);
    } else if (const auto* link = std::get_if<ResourceLink>(&content)) {
        out = write(link->resource);
        out["type"] = "resource_link";
    } else {
        const auto& inside = std::get<EmbeddedResource>(content);
        out = {{"type", "resource"}, {"resource", write(inside.contents)}};
        put(out, inside.annotations);
    }
    return out;
}
json::Array write(const std::vector<Content>& content) {
    json::Array out;
    for (const auto& part : content) out.push_back(write(part));
    return out;
}
Result<Content> Read<Content>::of(const json::Value& from) {
    TENON_TRY(const auto type, string_in(from, "type"));
    if (type == "text") {
        TENON_TRY(auto text, string_in(from, "text"));
        return TextContent{std::move(text), annotations_in(from)};
    }
    if (type == "image" || type == "audio") {
        TENON_TRY(auto bytes, bytes_in(from, "data"));
        TENON_TRY(auto media_type, text_in(from, "mimeType"));
        if (type == "image") return ImageContent{std::move(bytes), std::move(media_type), annotations_in(from)};
        return AudioContent{std::move(bytes), std::move(media_type), annotations_in(from)};
    }
    if (type == "resource_link") {
        TENON_TRY(auto resource, read<Resource>(from));
        return ResourceLink{std::move(resource)};
    }
    if (type == "resource") {
        const auto* inside = json::find(from, "resource");
        if (inside == nullptr) return fail(ErrorCode::invalid_argument, "\"resource\" is missing");
        TENON_TRY(auto contents, read<ResourceContents>(*inside));
        return EmbeddedResource{std::move(contents), annotations_in(from)};
    }
    return fail(ErrorCode::invalid_argument, fmt::format("content of type \"{}\" is not known", type));
}

}  // namespace tenon::mcp::wire
