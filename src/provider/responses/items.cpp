#include "provider/responses/items.hpp"

#include <fmt/format.h>

#include "provider/wire/fields.hpp"

namespace tenon::provider::responses {
namespace {

using namespace llm;

json::Object image_of(const ImagePart& part) {
    json::Object out{{"type", "input_image"}, {"detail", part.detail.empty() ? std::string("auto") : part.detail}};
    if (!part.file_id.empty())
        out["file_id"] = part.file_id;
    else
        out["image_url"] = part.url.empty() ? wire::data_url(part.media_type, part.bytes) : part.url;
    return out;
}

/// Turns the parts of one message into items, in their order.
struct Items {
    Role role;
    json::Array& out;
    json::Array content{};
    std::string text{}, summary{};
    Result<void> fault{};

    void operator()(const TextPart& part) {
        if (role == Role::assistant)
            text += part.text;
        else
            content.push_back(json::Object{{"type", "input_text"}, {"text", part.text}});
    }
    void operator()(const ImagePart& part) {
        if (of_the_user("pictures")) content.push_back(image_of(part));
    }
    void operator()(const AudioPart&) {
        fault = fail(ErrorCode::unsupported, "this API takes no sound; use chat completions");
    }
    void operator()(const DocumentPart& part) {
        if (!of_the_user("documents")) return;
        json::Object file{{"type", "input_file"}};
        if (!part.file_id.empty()) {
            file["file_id"] = part.file_id;
        } else if (!part.url.empty()) {
            file["file_url"] = part.url;
        } else {
            file["filename"] = part.name.empty() ? std::string("document") : part.name;
            file["file_data"] = wire::data_url(part.media_type, part.bytes);
        }
        content.push_back(std::move(file));
    }
    /// The text of a thought comes before the part with its id and cipher.
    void operator()(const ReasoningPart& part) {
        if (role != Role::assistant) return;
        summary += part.text;
        if (part.id.empty()) return;
        flush();
        json::Object item{{"type", "reasoning"}, {"id", part.id}};
        json::Array pieces;
        if (!summary.empty()) pieces.push_back(json::Object{{"type", "summary_text"}, {"text", summary}});
        summary.clear();
        item["summary"] = std::move(pieces);
        if (!part.redacted.empty()) item["encrypted_content"] = part.redacted;
        out.push_back(std::move(item));
    }
    void operator()(const ToolCallPart& part) {
        if (role != Role::assistant) {
            fault = fail(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
            return;
        }
        flush();
        out.push_back(
            json::Object{{"type", "function_call"},
                         {"call_id", part.id},
                         {"name", part.name},
                         {"arguments", part.arguments_json.empty() ? std::string("{}") : part.arguments_json}});
    }
    void operator()(const ToolResultPart& part) {
        flush();
        json::Object item{{"type", "function_call_output"}, {"call_id", part.call_id}};
        if (part.images.empty()) {
            item["output"] = part.content;
        } else {
            json::Array output;
            if (!part.content.empty()) output.push_back(json::Object{{"type", "input_text"}, {"text", part.content}});
            for (const auto& image : part.images) output.push_back(image_of(image));
            item["output"] = std::move(output);
        }
        out.push_back(std::move(item));
    }
    void operator()(const CitationPart&) {}
    void operator()(const ProviderPart& part) {
        if (part.provider != "openai") return;
        flush();
        auto item = wire::parse_given_object(part.json, fmt::format("a part of type \"{}\"", part.type));
        if (item)
            out.push_back(std::move(*item));
        else
            fault = std::unexpected(std::move(item).error());
    }

    /// What has been said so far, as a message.
    void flush() {
        if (role == Role::assistant) {
            if (!text.empty()) out.push_back(json::Object{{"role", "assistant"}, {"content", text}});
            text.clear();
        } else if (!content.empty()) {
            const auto name = role == Role::tool ? std::string("user") : std::string(to_string(role));
            out.push_back(json::Object{{"role", name}, {"content", std::exchange(content, {})}});
        }
    }

  private:
    bool of_the_user(std::string_view what) {
        if (role == Role::user || role == Role::tool) return true;
        fault = fail(ErrorCode::invalid_argument, fmt::format("only messages of the user carry {}", what));
        return false;
    }
};

}  // namespace

Result<Input> input_of(const std::vector<Message>& messages) {
    Input out;
    bool leading = true;
    for (const auto& message : messages) {
        leading = leading && message.role == Role::system;
        if (leading) {
            const auto text = message.text();
            if (!out.instructions.empty() && !text.empty()) out.instructions += "\n\n";
            out.instructions += text;
            continue;
        }
        Items items{message.role, out.items};
        for (const auto& part : message.content) {
            std::visit(items, part);
            TENON_CHECK(std::move(items.fault));
        }
        items.flush();
    }
    return out;
}

}  // namespace tenon::provider::responses
