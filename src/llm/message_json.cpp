#include "tenon/llm/message_json.hpp"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

#include "tenon/base/base64.hpp"

namespace tenon::llm {
namespace {

/// Adds fields that have something in them.
struct Writer {
    json::Object out;

    Writer& text(const char* key, const std::string& value) {
        if (!value.empty()) out[key] = value;
        return *this;
    }
    Writer& bytes(const char* key, const std::string& value) {
        if (!value.empty()) out[key] = base64_encode(value);
        return *this;
    }
    Writer& flag(const char* key, bool value) {
        if (value) out[key] = true;
        return *this;
    }
    Writer& number(const char* key, std::uint64_t value) {
        if (value != 0) out[key] = value;
        return *this;
    }
};

Writer begin(const char* type) {
    Writer w;
    w.out["type"] = type;
    return w;
}

json::Object image(const ImagePart& p) {
    return begin("image")
        .text("url", p.url)
        .text("media_type", p.media_type)
        .bytes("data", p.bytes)
        .text("detail", p.detail)
        .text("file_id", p.file_id)
        .out;
}

struct PartWriter {
    json::Object operator()(const TextPart& p) const {
        auto w = begin("text");
        w.out["text"] = p.text;
        return w.out;
    }
    json::Object operator()(const ImagePart& p) const { return image(p); }
    json::Object operator()(const AudioPart& p) const {
        return begin("audio")
            .text("media_type", p.media_type)
            .bytes("data", p.bytes)
            .text("id", p.id)
            .text("transcript", p.transcript)
            .out;
    }
    json::Object operator()(const DocumentPart& p) const {
        return begin("document")
            .text("name", p.name)
            .text("media_type", p.media_type)
            .bytes("data", p.bytes)
            .text("url", p.url)
            .text("file_id", p.file_id)
            .text("context", p.context)
            .flag("citations", p.citations)
            .out;
    }
    json::Object operator()(const ReasoningPart& p) const {
        return begin("reasoning")
            .text("text", p.text)
            .text("signature", p.signature)
            .text("redacted", p.redacted)
            .text("id", p.id)
            .flag("summary", p.summary)
            .out;
    }
    json::Object operator()(const ToolCallPart& p) const {
        return begin("tool_call")
            .text("id", p.id)
            .text("name", p.name)
            .text("arguments", p.arguments_json)
            .text("signature", p.signature)
            .out;
    }
    json::Object operator()(const ToolResultPart& p) const {
        auto w = begin("tool_result")
                     .text("call_id", p.call_id)
                     .text("name", p.name)
                     .text("content", p.content)
                     .flag("is_error", p.is_error);
        if (!p.images.empty()) {
            json::Array images;
            for (const auto& i : p.images) images.emplace_back(image(i));
            w.out["images"] = std::move(images);
        }
        return w.out;
    }
    json::Object operator()(const CitationPart& p) const {
        auto w = begin("citation")
                     .text("source", p.source)
                     .text("title", p.title)
                     .text("cited_text", p.cited_text)
                     .number("start", p.start)
                     .number("end", p.end)
                     .number("unit", static_cast<std::uint64_t>(p.unit));
        if (p.document) w.out["document"] = *p.document;
        return w.out;
    }
    json::Object operator()(const ProviderPart& p) const {
        return begin("provider").text("provider", p.provider).text("kind", p.type).text("json", p.json).out;
    }
};

struct Reader {
    const json::Value& from;
    Result<void>& fault;

    [[nodiscard]] std::string text(const char* key) const { return std::string(json::string_or(from, key, "")); }
    [[nodiscard]] std::string bytes(const char* key) const {
        auto decoded = base64_decode(text(key));
        if (decoded) return std::move(*decoded);
        fault = fail(ErrorCode::corrupt, fmt::format("the field '{}' is not base64", key));
        return {};
    }
    [[nodiscard]] std::size_t number(const char* key) const {
        return static_cast<std::size_t>(std::max<std::int64_t>(0, json::integer_or(from, key, 0)));
    }
};

ImagePart read_image(const Reader& r) {
    return {r.text("url"), r.text("media_type"), r.bytes("data"), r.text("detail"), r.text("file_id")};
}

Result<ContentPart> read_part(const json::Value& from) {
    Result<void> fault;
    const Reader r{from, fault};
    const auto type = json::string_or(from, "type", "");
    ContentPart part;
    if (type == "text") {
        part = TextPart{r.text("text")};
    } else if (type == "image") {
        part = read_image(r);
    } else if (type == "audio") {
        part = AudioPart{r.text("media_type"), r.bytes("data"), r.text("id"), r.text("transcript")};
    } else if (type == "document") {
        part = DocumentPart{r.text("name"),
                            r.text("media_type"),
                            r.bytes("data"),
                            r.text("url"),
                            r.text("file_id"),
                            r.text("context"),
                            json::bool_or(from, "citations", false)};
    } else if (type == "reasoning") {
        part = ReasoningPart{r.text("text"), r.text("signature"), r.text("redacted"), r.text("id"),
                             json::bool_or(from, "summary", false)};
    } else if (type == "tool_call") {
        part = ToolCallPart{r.text("id"), r.text("name"), r.text("arguments"), r.text("signature")};
    } else if (type == "tool_result") {
        ToolResultPart result{
            r.text("call_id"), r.text("name"), r.text("content"), json::bool_or(from, "is_error", false), {}};
        if (const auto* images = json::find(from, "images"); images != nullptr && images->is_array())
            for (const auto& i : images->get_array()) result.images.push_back(read_image({i, fault}));
        part = std::move(result);
    } else if (type == "citation") {
        CitationPart c{.source = r.text("source"), .title = r.text("title"), .cited_text = r.text("cited_text")};
        if (json::find(from, "document") != nullptr) c.document = r.number("document");
        c.start = r.number("start");
        c.end = r.number("end");
        c.unit = static_cast<CitationPart::Unit>(std::min<std::size_t>(r.number("unit"), 3));
        part = std::move(c);
    } else if (type == "provider") {
        part = ProviderPart{r.text("provider"), r.text("kind"), r.text("json")};
    } else {
        return fail(ErrorCode::corrupt, fmt::format("there is no content part of type '{}'", type));
    }
    if (!fault) return std::unexpected(fault.error());
    return part;
}

Result<Message> read_message(const json::Value& from) {
    Message message;
    const auto role = role_from(json::string_or(from, "role", ""));
    const auto* content = json::find(from, "content");
    if (!role) return fail(ErrorCode::corrupt, "its role is missing or unknown");
    message.role = *role;
    if (content != nullptr && content->is_string()) {
        message.content.emplace_back(TextPart{std::string(json::string_or(from, "content", ""))});
    } else if (content != nullptr && content->is_array()) {
        for (const auto& part : content->get_array()) {
            TENON_TRY(auto read, read_part(part));
            message.content.push_back(std::move(read));
        }
    } else {
        return fail(ErrorCode::corrupt, "its content is neither text nor a list");
    }
    message.name = json::string_or(from, "name", "");
    message.id = json::string_or(from, "id", "");
    if (const auto ttl = json::integer_or(from, "cache_ttl", 0); ttl > 0)
        message.cache = CacheHint{std::chrono::seconds(ttl)};
    return message;
}

}  // namespace

void write_messages(std::span<const Message> messages, json::Value& to) {
    json::Array all;
    for (const auto& message : messages) {
        json::Array content;
        for (const auto& part : message.content) content.emplace_back(std::visit(PartWriter{}, part));
        Writer w;
        w.out["role"] = std::string(to_string(message.role));
        w.out["content"] = std::move(content);
        w.text("name", message.name).text("id", message.id);
        if (message.cache) w.number("cache_ttl", static_cast<std::uint64_t>(message.cache->ttl.count()));
        all.emplace_back(std::move(w.out));
    }
    to = std::move(all);
}

std::string to_json(std::span<const Message> messages) {
    json::Value value;
    write_messages(messages, value);
    return json::dump(value);
}

Result<std::vector<Message>> read_messages(const json::Value& from) {
    if (!from.is_array()) return fail(ErrorCode::corrupt, "the messages are not a list");
    std::vector<Message> out;
    for (const auto& item : from.get_array()) {
        auto message = read_message(item);
        if (!message)
            return fail(ErrorCode::corrupt, fmt::format("message {} cannot be read", out.size()), message.error());
        out.push_back(std::move(*message));
    }
    return out;
}

Result<std::vector<Message>> messages_from_json(std::string_view text) {
    TENON_TRY(const auto value, json::parse(text));
    return read_messages(value);
}

}  // namespace tenon::llm
