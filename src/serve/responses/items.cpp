#include "serve/responses/items.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "tenon/base/base64.hpp"

namespace tenon::serve::responses {
namespace {

constexpr std::string_view seal_mark = "tenon1.";

/// The type and the bytes of "data:TYPE;base64,DATA"; nothing for another url.
struct DataUrl {
    std::string type, bytes;
};
ApiResult<std::optional<DataUrl>> data_url(const std::string& url, const std::string& param) {
    if (!url.starts_with("data:")) return std::nullopt;
    constexpr std::string_view coding = ";base64,";
    const auto at = url.find(coding);
    if (at == std::string::npos) return bad_param(param, fmt::format("the data URL of '{}' must be base64", param));
    auto bytes = base64_decode(std::string_view(url).substr(at + coding.size()));
    if (!bytes) return bad_param(param, fmt::format("the data URL of '{}' is not base64", param));
    return DataUrl{url.substr(5, at - 5), std::move(*bytes)};
}

ApiResult<llm::ImagePart> image(const Fields& part) {
    llm::ImagePart out;
    SERVE_TRY(out.file_id, part.text("file_id"));
    SERVE_TRY(out.url, part.text("image_url"));
    SERVE_TRY(out.detail, part.text("detail"));
    if (out.url.empty() && out.file_id.empty()) return missing_param(part.at("image_url"));
    SERVE_TRY(auto data, data_url(out.url, part.at("image_url")));
    if (data) {
        out.media_type = std::move(data->type);
        out.bytes = std::move(data->bytes);
        out.url.clear();
    }
    return out;
}

ApiResult<llm::DocumentPart> file(const Fields& part) {
    llm::DocumentPart out;
    SERVE_TRY(out.name, part.text("filename"));
    SERVE_TRY(out.file_id, part.text("file_id"));
    SERVE_TRY(out.url, part.text("file_url"));
    SERVE_TRY(const auto inside, part.text("file_data"));
    SERVE_TRY(auto data, data_url(inside, part.at("file_data")));
    if (data) {
        out.media_type = std::move(data->type);
        out.bytes = std::move(data->bytes);
    } else if (!inside.empty()) {
        return bad_param(part.at("file_data"), fmt::format("'{}' must be a data URL", part.at("file_data")));
    } else if (out.file_id.empty() && out.url.empty()) {
        return missing_param(part.at("file_data"));
    }
    return out;
}

ApiResult<llm::ContentPart> content_part(const Fields& part, bool assistant) {
    SERVE_TRY(const auto type, part.needed_text("type"));
    if (type == "input_text" || type == "output_text" || type == "text") {
        SERVE_TRY(auto text, part.needed_text("text"));
        return llm::TextPart{std::move(text)};
    }
    if (type == "refusal" && assistant) {
        SERVE_TRY(auto text, part.needed_text("refusal"));
        return llm::TextPart{std::move(text)};
    }
    if (type == "input_image" && !assistant) return image(part);
    if (type == "input_file" && !assistant) return file(part);
    return bad_param(part.at("type"), fmt::format("content of type '{}' is not supported there", type));
}

ApiResult<std::vector<llm::ContentPart>> content(const Fields& item, bool assistant) {
    std::vector<llm::ContentPart> out;
    const auto* content = item.find("content");
    if (content == nullptr) return missing_param(item.at("content"));
    if (content->is_string()) {
        out.emplace_back(llm::TextPart{std::string(std::string_view(content->get_string()))});
        return out;
    }
    SERVE_TRY(const auto* list, item.list("content"));
    for (std::size_t i = 0; i < list->size(); ++i) {
        SERVE_TRY(const auto part, item.element("content", *list, i));
        SERVE_TRY(auto read, content_part(part, assistant));
        out.push_back(std::move(read));
    }
    return out;
}

ApiResult<llm::ToolResultPart> call_output(const Fields& item) {
    llm::ToolResultPart out;
    SERVE_TRY(out.call_id, item.needed_text("call_id"));
    const auto* output = item.find("output");
    if (output == nullptr) return missing_param(item.at("output"));
    if (output->is_string()) {
        out.content = std::string_view(output->get_string());
        return out;
    }
    SERVE_TRY(const auto* list, item.list("output"));
    for (std::size_t i = 0; i < list->size(); ++i) {
        SERVE_TRY(const auto part, item.element("output", *list, i));
        SERVE_TRY(auto read, content_part(part, false));
        if (const auto* text = std::get_if<llm::TextPart>(&read)) {
            out.content += text->text;
        } else if (auto* picture = std::get_if<llm::ImagePart>(&read)) {
            out.images.push_back(std::move(*picture));
        } else {
            return bad_param(part.path(), "results of tools take text and pictures");
        }
    }
    return out;
}

ApiResult<llm::ReasoningPart> reasoning(const Fields& item) {
    llm::ReasoningPart out;
    for (const char* key : {"summary", "content"}) {
        SERVE_TRY(const auto* list, item.list(key));
        for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
            SERVE_TRY(const auto part, item.element(key, *list, i));
            SERVE_TRY(const auto text, part.needed_text("text"));
            if (!out.text.empty()) out.text += "\n\n";
            out.text += text;
        }
        if (!out.text.empty()) break;
    }
    SERVE_TRY(const auto sealed, item.text("encrypted_content"));
    unseal(sealed, out);
    return out;
}

/// The last message, when it has this role, else a new one.
llm::Message& turn(std::vector<llm::Message>& out, std::size_t from, llm::Role role) {
    if (out.size() == from || out.back().role != role) out.push_back({role, {}, {}});
    return out.back();
}

}  // namespace

bool has_references(const json::Array& items) {
    for (const auto& item : items)
        if (json::string_or(item, "type", "") == "item_reference") return true;
    return false;
}

ApiResult<void> resolve_references(json::Array& items, const FindItem& find) {
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (json::string_or(items[i], "type", "") != "item_reference") continue;
        const std::string id(json::string_or(items[i], "id", ""));
        auto found = find(id);
        if (!found) {
            auto problem =
                bad_param(fmt::format("input[{}]", i), fmt::format("there is no stored item '{}'", id), "not_found");
            problem.error().status = 404;
            return problem;
        }
        items[i] = std::move(*found);
    }
    return {};
}

ApiResult<void> read_items(const json::Array& items, std::vector<llm::Message>& out) {
    const std::size_t from = out.size();
    for (std::size_t i = 0; i < items.size(); ++i) {
        const Fields item(items[i], fmt::format("input[{}]", i));
        SERVE_CHECK(item.object());
        SERVE_TRY(auto type, item.text("type"));
        if (type.empty() && item.has("role")) type = "message";
        if (type == "message") {
            SERVE_TRY(const auto name, item.needed_text("role"));
            const auto role = llm::role_from(name);
            if (!role || role == llm::Role::tool)
                return bad_param(item.at("role"),
                                 fmt::format("'{}' is not a role; use user, assistant, system or developer", name));
            const bool assistant = role == llm::Role::assistant;
            SERVE_TRY(auto parts, content(item, assistant));
            if (!assistant) out.push_back({*role, {}, {}});
            auto& message = assistant ? turn(out, from, *role) : out.back();
            for (auto& part : parts) message.content.push_back(std::move(part));
        } else if (type == "function_call") {
            llm::ToolCallPart call;
            SERVE_TRY(call.id, item.needed_text("call_id"));
            SERVE_TRY(call.name, item.needed_text("name"));
            SERVE_TRY(call.arguments_json, item.needed_text("arguments"));
            turn(out, from, llm::Role::assistant).content.emplace_back(std::move(call));
        } else if (type == "function_call_output") {
            SERVE_TRY(auto result, call_output(item));
            turn(out, from, llm::Role::tool).content.emplace_back(std::move(result));
        } else if (type == "reasoning") {
            SERVE_TRY(auto thought, reasoning(item));
            turn(out, from, llm::Role::assistant).content.emplace_back(std::move(thought));
        } else {
            return bad_param(item.at("type"),
                             fmt::format("items of type '{}' are not supported; use message, function_call, "
                                         "function_call_output, reasoning or item_reference",
                                         type),
                             "unsupported_value");
        }
    }
    return {};
}

std::string seal(const llm::ReasoningPart& part) {
    if (part.redacted.empty() && part.signature.empty()) return {};
    const json::Object inside{{"id", part.id}, {"redacted", part.redacted}, {"signature", part.signature}};
    return std::string(seal_mark) + base64_encode(json::dump(inside));
}

void unseal(std::string_view sealed, llm::ReasoningPart& part) {
    if (!sealed.starts_with(seal_mark)) {
        part.redacted = sealed;  // another server's
        return;
    }
    const auto bytes = base64_decode(sealed.substr(seal_mark.size()));
    if (!bytes) return;
    const auto inside = json::parse(*bytes);
    if (!inside) return;
    part.id = json::string_or(*inside, "id", "");
    part.redacted = json::string_or(*inside, "redacted", "");
    part.signature = json::string_or(*inside, "signature", "");
}

}  // namespace tenon::serve::responses
