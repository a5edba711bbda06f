// Messages and their content blocks.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "serve/anthropic/request.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::serve::anthropic {
namespace {

ApiResult<std::string> bytes_of(const Fields& source) {
    SERVE_TRY(const auto data, source.needed_text("data"));
    auto bytes = base64_decode(data);
    if (!bytes) return bad_param(source.at("data"), fmt::format("'{}' is not base64", source.at("data")));
    return std::move(*bytes);
}

ApiResult<Fields> source_of(const Fields& block) {
    SERVE_TRY(const auto source, block.inner("source"));
    if (!source) return missing_param(block.at("source"));
    return *source;
}

std::unexpected<ApiError> unknown_source(const Fields& source, std::string_view type) {
    return bad_param(source.at("type"), fmt::format("sources of type '{}' are not known here", type));
}

ApiResult<llm::ImagePart> image(const Fields& block) {
    SERVE_TRY(const auto source, source_of(block));
    SERVE_TRY(const auto type, source.needed_text("type"));
    llm::ImagePart out;
    if (type == "base64") {
        SERVE_TRY(out.bytes, bytes_of(source));
        SERVE_TRY(out.media_type, source.needed_text("media_type"));
    } else if (type == "url") {
        SERVE_TRY(out.url, source.needed_text("url"));
    } else if (type == "file") {
        SERVE_TRY(out.file_id, source.needed_text("file_id"));
    } else {
        return unknown_source(source, type);
    }
    return out;
}

ApiResult<std::string> joined_texts(const Fields& parent, std::string_view key) {
    SERVE_TRY(const auto* list, parent.list(key));
    std::string out;
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        SERVE_TRY(const auto block, parent.element(key, *list, i));
        SERVE_TRY(const auto type, block.needed_text("type"));
        if (type != "text") return bad_param(block.path(), fmt::format("'{}' must be a text block", block.path()));
        SERVE_TRY(const auto text, block.needed_text("text"));
        out += text;
    }
    return out;
}

ApiResult<llm::DocumentPart> document(const Fields& block) {
    llm::DocumentPart out;
    SERVE_TRY(out.name, block.text("title"));
    SERVE_TRY(out.context, block.text("context"));
    SERVE_TRY(const auto citations, block.inner("citations"));
    if (citations) {
        SERVE_TRY(out.citations, citations->boolean("enabled"));
    }
    SERVE_TRY(const auto source, source_of(block));
    SERVE_TRY(const auto type, source.needed_text("type"));
    if (type == "base64") {
        SERVE_TRY(out.bytes, bytes_of(source));
        SERVE_TRY(out.media_type, source.needed_text("media_type"));
    } else if (type == "text") {
        SERVE_TRY(out.bytes, source.needed_text("data"));
        out.media_type = "text/plain";
    } else if (type == "content") {
        const auto* content = source.find("content");
        out.media_type = "text/plain";
        if (content != nullptr && content->is_string()) {
            out.bytes = std::string_view(content->get_string());
        } else {
            SERVE_TRY(out.bytes, joined_texts(source, "content"));
        }
    } else if (type == "url") {
        SERVE_TRY(out.url, source.needed_text("url"));
    } else if (type == "file") {
        SERVE_TRY(out.file_id, source.needed_text("file_id"));
    } else {
        return unknown_source(source, type);
    }
    return out;
}

ApiResult<llm::ToolResultPart> tool_result(const Fields& block) {
    llm::ToolResultPart out;
    SERVE_TRY(out.call_id, block.needed_text("tool_use_id"));
    SERVE_TRY(out.is_error, block.boolean("is_error"));
    const auto* content = block.find("content");
    if (content == nullptr) return out;
    if (content->is_string()) {
        out.content = std::string_view(content->get_string());
        return out;
    }
    SERVE_TRY(const auto* list, block.list("content"));
    for (std::size_t i = 0; i < list->size(); ++i) {
        SERVE_TRY(const auto item, block.element("content", *list, i));
        SERVE_TRY(const auto type, item.needed_text("type"));
        if (type == "text") {
            SERVE_TRY(const auto text, item.needed_text("text"));
            if (!out.content.empty()) out.content += '\n';
            out.content += text;
        } else if (type == "image") {
            SERVE_TRY(auto picture, image(item));
            out.images.push_back(std::move(picture));
        } else {
            return bad_param(item.at("type"),
                             fmt::format("tool results take blocks of type text and image, not '{}'", type));
        }
    }
    return out;
}

ApiResult<llm::ToolCallPart> tool_use(const Fields& block) {
    llm::ToolCallPart out;
    SERVE_TRY(out.id, block.needed_text("id"));
    SERVE_TRY(out.name, block.needed_text("name"));
    SERVE_TRY(const auto input, block.inner("input"));
    out.arguments_json = input ? json::dump(input->value()) : "{}";
    return out;
}

/// Breakpoints of the prompt cache change no answer; the last of a message stands for all of it.
void read_cache(const Fields& block, std::optional<llm::CacheHint>& out) {
    const auto* cache = block.find("cache_control");
    if (cache == nullptr) return;
    out.emplace();
    if (json::string_or(*cache, "ttl", "5m") == "1h") out->ttl = std::chrono::hours(1);
}

ApiResult<llm::ContentPart> part(const Fields& block, const std::string& type, bool assistant) {
    if (type == "text") {
        SERVE_TRY(auto text, block.needed_text("text"));
        return llm::TextPart{std::move(text)};
    }
    if (assistant && type == "tool_use") return tool_use(block);
    if (assistant && type == "thinking") {
        llm::ReasoningPart out;
        SERVE_TRY(out.text, block.text("thinking"));
        SERVE_TRY(out.signature, block.text("signature"));
        return out;
    }
    if (assistant && type == "redacted_thinking") {
        llm::ReasoningPart out;
        SERVE_TRY(out.redacted, block.needed_text("data"));
        return out;
    }
    if (!assistant && type == "image") return image(block);
    if (!assistant && type == "document") return document(block);
    return bad_param(block.at("type"), fmt::format("blocks of type '{}' are not supported in messages of the {}", type,
                                                   assistant ? "assistant" : "user"));
}

}  // namespace

ApiResult<void> read_message(const Fields& message, std::vector<llm::Message>& out) {
    SERVE_CHECK(message.only({"role", "content"}));
    SERVE_TRY(const auto name, message.needed_text("role"));
    const auto role = llm::role_from(name);
    if (role != llm::Role::user && role != llm::Role::assistant && role != llm::Role::system)
        return bad_param(message.at("role"), fmt::format("'{}' is not a role; use user or assistant", name));
    llm::Message said{*role, {}, {}}, results{llm::Role::tool, {}, {}};
    const auto* content = message.find("content");
    if (content == nullptr) return missing_param(message.at("content"));
    if (content->is_string()) {
        said.content.emplace_back(llm::TextPart{std::string(std::string_view(content->get_string()))});
    } else {
        SERVE_TRY(const auto* list, message.list("content"));
        for (std::size_t i = 0; i < list->size(); ++i) {
            SERVE_TRY(const auto block, message.element("content", *list, i));
            SERVE_TRY(const auto type, block.needed_text("type"));
            read_cache(block, said.cache);
            if (type == "tool_result" && role == llm::Role::user) {
                SERVE_TRY(auto result, tool_result(block));
                results.content.emplace_back(std::move(result));
                continue;
            }
            SERVE_TRY(auto read, part(block, type, role == llm::Role::assistant));
            said.content.push_back(std::move(read));
        }
    }
    if (!results.content.empty()) {
        if (said.content.empty()) results.cache = said.cache;
        out.push_back(std::move(results));
    }
    if (!said.content.empty()) out.push_back(std::move(said));
    return {};
}

}  // namespace tenon::serve::anthropic
