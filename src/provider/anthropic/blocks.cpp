#include "provider/anthropic/blocks.hpp"

#include <fmt/format.h>

#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::anthropic {
namespace {

using namespace llm;

json::Object base64_source(std::string_view media_type, std::string_view bytes) {
    return {{"type", "base64"}, {"media_type", std::string(media_type)}, {"data", base64_encode(bytes)}};
}

/// The source of a picture or document: a stored file, a url (data: urls are unpacked), or the bytes.
json::Object source_of(const std::string& file_id, const std::string& url, const std::string& media_type,
                       const std::string& bytes) {
    if (!file_id.empty()) return {{"type", "file"}, {"file_id", file_id}};
    if (const auto data = wire::parse_data_url(url)) return base64_source(data->media_type, data->bytes);
    if (!url.empty()) return {{"type", "url"}, {"url", url}};
    return base64_source(media_type, bytes);
}

/// What the parts of one message become.
struct Blocks {
    Role role;
    json::Array results{}, blocks{};
    Result<void> fault{};

    void operator()(const TextPart& part) {
        if (!part.text.empty()) blocks.push_back(json::Object{{"type", "text"}, {"text", part.text}});
    }
    void operator()(const ImagePart& part) {
        if (!of_the_user("pictures")) return;
        blocks.push_back(image(part));
    }
    void operator()(const AudioPart&) { refuse(ErrorCode::unsupported, "this provider takes no sound"); }
    void operator()(const DocumentPart& part) {
        if (!of_the_user("documents")) return;
        json::Object block{{"type", "document"}};
        const bool text = part.file_id.empty() && part.url.empty() && part.media_type.starts_with("text/");
        block["source"] =
            text ? json::Object{{"type", "text"}, {"media_type", "text/plain"}, {"data", part.bytes}}
                 : source_of(part.file_id, part.url,
                             part.media_type.empty() ? std::string("application/pdf") : part.media_type, part.bytes);
        if (!part.name.empty()) block["title"] = part.name;
        if (!part.context.empty()) block["context"] = part.context;
        if (part.citations) block["citations"] = json::Object{{"enabled", true}};
        blocks.push_back(std::move(block));
    }
    void operator()(const ReasoningPart& part) {
        if (role != Role::assistant) return;
        if (!part.redacted.empty())
            blocks.push_back(json::Object{{"type", "redacted_thinking"}, {"data", part.redacted}});
        else if (!part.signature.empty())  // thoughts of other models have none, and would be refused
            blocks.push_back(
                json::Object{{"type", "thinking"}, {"thinking", part.text}, {"signature", part.signature}});
    }
    void operator()(const ToolCallPart& part) {
        if (role != Role::assistant)
            return refuse(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
        auto input =
            wire::parse_given_object(part.arguments_json, fmt::format("the arguments of a call of \"{}\"", part.name));
        if (!input) {
            fault = std::unexpected(std::move(input).error());
            return;
        }
        blocks.push_back(
            json::Object{{"type", "tool_use"}, {"id", part.id}, {"name", part.name}, {"input", std::move(*input)}});
    }
    void operator()(const ToolResultPart& part) {
        if (!of_the_user("tool results")) return;
        json::Object result{{"type", "tool_result"}, {"tool_use_id", part.call_id}};
        if (part.images.empty()) {
            result["content"] = part.content;
        } else {
            json::Array content;
            if (!part.content.empty()) content.push_back(json::Object{{"type", "text"}, {"text", part.content}});
            for (const auto& one : part.images) content.push_back(image(one));
            result["content"] = std::move(content);
        }
        if (part.is_error) result["is_error"] = true;
        results.push_back(std::move(result));
    }
    void operator()(const CitationPart&) {}
    void operator()(const ProviderPart& part) {
        if (part.provider != "anthropic") return;
        auto block = wire::parse_given_object(part.json, fmt::format("a part of type \"{}\"", part.type));
        if (block)
            blocks.push_back(std::move(*block));
        else
            fault = std::unexpected(std::move(block).error());
    }

  private:
    static json::Object image(const ImagePart& part) {
        return {{"type", "image"}, {"source", source_of(part.file_id, part.url, part.media_type, part.bytes)}};
    }
    bool of_the_user(std::string_view what) {
        if (role == Role::user || role == Role::tool) return true;
        refuse(ErrorCode::invalid_argument, fmt::format("only messages of the user carry {}", what));
        return false;
    }
    void refuse(ErrorCode code, std::string message) { fault = fail(code, std::move(message)); }
};

void mark_cached(json::Array& blocks, const CacheHint& hint) {
    for (auto block = blocks.rbegin(); block != blocks.rend(); ++block) {
        auto& object = block->get_object();
        const auto type = wire::text_of(object.if_contains("type"));
        if (type == "thinking" || type == "redacted_thinking") continue;
        object["cache_control"] =
            json::Object{{"type", "ephemeral"}, {"ttl", hint.ttl > std::chrono::minutes(5) ? "1h" : "5m"}};
        return;
    }
}

}  // namespace

Result<Conversation> conversation_of(const std::vector<Message>& messages) {
    Conversation out;
    const json::Value* last_role = nullptr;
    for (const auto& message : messages) {
        const bool system = message.role == Role::system || message.role == Role::developer;
        Blocks parts{message.role};
        for (const auto& part : message.content) {
            if (system && !std::holds_alternative<TextPart>(part))
                return fail(ErrorCode::invalid_argument, "system messages carry text alone");
            std::visit(parts, part);
            TENON_CHECK(std::move(parts.fault));
        }
        auto blocks = std::move(parts.results);
        for (auto& block : parts.blocks) blocks.push_back(std::move(block));
        if (message.cache) mark_cached(blocks, *message.cache);
        if (system) {
            for (auto& block : blocks) out.system.push_back(std::move(block));
            continue;
        }
        if (blocks.empty()) continue;
        const std::string role = message.role == Role::assistant ? "assistant" : "user";
        if (last_role != nullptr && last_role->get_string() == role) {
            // Turns alternate, and results of tools stand first in theirs.
            auto& content = out.messages.back().get_object()["content"].get_array();
            std::size_t results = 0;
            while (results < content.size() &&
                   wire::text_of(content[results].get_object().if_contains("type")) == "tool_result")
                ++results;
            for (auto& block : blocks) {
                const bool first = wire::text_of(block.get_object().if_contains("type")) == "tool_result";
                if (first)
                    content.insert(content.begin() + static_cast<std::ptrdiff_t>(results++), std::move(block));
                else
                    content.push_back(std::move(block));
            }
        } else {
            out.messages.push_back(json::Object{{"role", role}, {"content", std::move(blocks)}});
        }
        last_role = &out.messages.back().get_object()["role"];
    }
    return out;
}

}  // namespace tenon::provider::anthropic
