// Messages as contents and parts.
#include <fmt/format.h>

#include <map>

#include "provider/gemini/request.hpp"
#include "provider/wire/fields.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::gemini {
namespace {

using namespace llm;

json::Object media(const std::string& file_id, const std::string& url, const std::string& media_type,
                   const std::string& bytes) {
    if (const auto data = wire::parse_data_url(url))
        return {{"inlineData", json::Object{{"mimeType", data->media_type}, {"data", base64_encode(data->bytes)}}}};
    if (!file_id.empty() || !url.empty()) {
        json::Object file{{"fileUri", file_id.empty() ? url : file_id}};
        if (!media_type.empty()) file["mimeType"] = media_type;
        return {{"fileData", std::move(file)}};
    }
    return {{"inlineData", json::Object{{"mimeType", media_type}, {"data", base64_encode(bytes)}}}};
}

struct Parts {
    Role role;
    std::map<std::string, std::string>& names;  // id of a call → name of its tool
    json::Array parts{};
    Result<void> fault{};

    void operator()(const TextPart& part) {
        if (!part.text.empty()) parts.push_back(json::Object{{"text", part.text}});
    }
    void operator()(const ImagePart& part) {
        parts.push_back(media(part.file_id, part.url, part.media_type, part.bytes));
    }
    void operator()(const AudioPart& part) { parts.push_back(media({}, {}, part.media_type, part.bytes)); }
    void operator()(const DocumentPart& part) {
        parts.push_back(media(part.file_id, part.url, part.media_type, part.bytes));
        if (!part.context.empty()) parts.push_back(json::Object{{"text", part.context}});
    }
    void operator()(const ReasoningPart& part) {
        if (part.signature.empty() || role != Role::assistant) return;
        parts.push_back(json::Object{{"text", part.text}, {"thought", true}, {"thoughtSignature", part.signature}});
    }
    void operator()(const ToolCallPart& part) {
        if (role != Role::assistant) {
            fault = fail(ErrorCode::invalid_argument, "only messages of the assistant carry tool calls");
            return;
        }
        names[part.id] = part.name;
        auto args =
            wire::parse_given_object(part.arguments_json, fmt::format("the arguments of a call of \"{}\"", part.name));
        if (!args) {
            fault = std::unexpected(std::move(args).error());
            return;
        }
        json::Object call{{"name", part.name}, {"args", std::move(*args)}};
        if (!part.id.empty() && !part.id.starts_with(made_id)) call["id"] = part.id;
        json::Object out{{"functionCall", std::move(call)}};
        if (!part.signature.empty()) out["thoughtSignature"] = part.signature;
        parts.push_back(std::move(out));
    }
    void operator()(const ToolResultPart& part) {
        const auto known = names.find(part.call_id);
        const auto name = part.name.empty() && known != names.end() ? known->second : part.name;
        if (name.empty()) {
            fault =
                fail(ErrorCode::invalid_argument,
                     fmt::format("a tool result needs the name of its tool: no call has the id \"{}\"", part.call_id));
            return;
        }
        json::Object response{{"name", name},
                              {"response", json::Object{{part.is_error ? "error" : "output", part.content}}}};
        if (!part.call_id.empty() && !part.call_id.starts_with(made_id)) response["id"] = part.call_id;
        if (!part.images.empty()) {
            json::Array pictures;
            for (const auto& image : part.images)
                pictures.push_back(media(image.file_id, image.url, image.media_type, image.bytes));
            response["parts"] = std::move(pictures);
        }
        parts.push_back(json::Object{{"functionResponse", std::move(response)}});
    }
    void operator()(const CitationPart&) {}
    void operator()(const ProviderPart& part) {
        if (part.provider != "gemini") return;
        auto value = wire::parse_given_object(part.json, fmt::format("a part of type \"{}\"", part.type));
        if (value)
            parts.push_back(std::move(*value));
        else
            fault = std::unexpected(std::move(value).error());
    }
};

}  // namespace

Result<Conversation> conversation_of(const std::vector<Message>& messages) {
    Conversation out;
    std::map<std::string, std::string> names;
    std::string last_role;
    for (const auto& message : messages) {
        const bool system = message.role == Role::system || message.role == Role::developer;
        Parts parts{message.role, names};
        for (const auto& part : message.content) {
            if (system && !std::holds_alternative<TextPart>(part))
                return fail(ErrorCode::invalid_argument, "system messages carry text alone");
            std::visit(parts, part);
            TENON_CHECK(std::move(parts.fault));
        }
        if (system) {
            for (auto& part : parts.parts) out.system.push_back(std::move(part));
            continue;
        }
        if (parts.parts.empty()) continue;
        const std::string role = message.role == Role::assistant ? "model" : "user";
        if (role == last_role) {
            auto& before = out.contents.back().get_object()["parts"].get_array();
            for (auto& part : parts.parts) before.push_back(std::move(part));
        } else {
            out.contents.push_back(json::Object{{"role", role}, {"parts", std::move(parts.parts)}});
        }
        last_role = role;
    }
    return out;
}

}  // namespace tenon::provider::gemini
