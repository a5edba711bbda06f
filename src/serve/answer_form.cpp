#include "serve/answer_form.hpp"

#include <fmt/format.h>

#include <array>
#include <boost/json.hpp>
#include <optional>

namespace tenon::serve {
namespace {

using Form = ApiResult<llm::ResponseFormat>;

const json::Value* given(const json::Value& body, std::string_view key) {
    const auto* value = json::find(body, key);
    return value == nullptr || value->is_null() ? nullptr : value;
}
std::string text_of(const json::Value& value) {
    return value.is_string() ? std::string(std::string_view(value.get_string())) : json::dump(value);
}

Form schema_form(const json::Value& schema, const std::string& param, std::string name = "answer") {
    if (!schema.is_object() && !schema.is_string() && !schema.is_bool())
        return bad_param(param, fmt::format("'{}' must be a JSON Schema", param), "invalid_type");
    return llm::JsonSchemaFormat{std::move(name), text_of(schema)};
}

Form response_format(const json::Value& format) {
    const auto type = json::string_or(format, "type", "");
    if (type == "text") return llm::TextFormat{};
    if (type == "json_object") {
        if (const auto* schema = given(format, "schema")) return schema_form(*schema, "response_format.schema");
        return llm::JsonFormat{};
    }
    if (type == "json_schema") {
        const auto* inside = given(format, "json_schema");
        const auto* schema = inside == nullptr ? nullptr : given(*inside, "schema");
        if (schema == nullptr)
            return bad_param("response_format.json_schema", "'response_format.json_schema' needs a 'schema'",
                             "missing_required_parameter");
        auto form = schema_form(*schema, "response_format.json_schema.schema",
                                std::string(json::string_or(*inside, "name", "answer")));
        if (form) {
            auto& named = std::get<llm::JsonSchemaFormat>(*form);
            named.description = json::string_or(*inside, "description", "");
            named.strict = json::bool_or(*inside, "strict", true);
        }
        return form;
    }
    return bad_param("response_format",
                     fmt::format("response_format of type '{}' is unknown; use text, json_object or json_schema", type),
                     "unsupported_value");
}

Form choice_form(const json::Value& choices, const std::string& param) {
    const auto* list = choices.if_array();
    if (list == nullptr || list->empty())
        return bad_param(param, fmt::format("'{}' must be a list of strings", param), "invalid_type");
    std::string pattern;
    for (const auto& choice : *list) {
        if (!choice.is_string())
            return bad_param(param, fmt::format("'{}' must be a list of strings", param), "invalid_type");
        if (!pattern.empty() || &choice != &list->front()) pattern += '|';
        for (const char c : std::string_view(choice.get_string())) {
            if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) pattern += '\\';
            pattern += c;
        }
    }
    return llm::RegexFormat{std::move(pattern)};
}

Form grammar_form(const json::Value& grammar, const std::string& param) {
    if (!grammar.is_string()) return bad_param(param, fmt::format("'{}' must be a string", param), "invalid_type");
    return llm::GrammarFormat::of(text_of(grammar));
}

Form regex_form(const json::Value& pattern, const std::string& param) {
    if (!pattern.is_string()) return bad_param(param, fmt::format("'{}' must be a string", param), "invalid_type");
    return llm::RegexFormat{text_of(pattern)};
}

}  // namespace

Form answer_form(const json::Value& body) {
    struct Spelling {
        const char* key;
        Form (*read)(const json::Value&, const std::string&);
    };
    const auto schema = [](const json::Value& v, const std::string& p) -> Form { return schema_form(v, p); };
    const std::array<Spelling, 6> spellings{{{"guided_json", schema},
                                             {"guided_regex", regex_form},
                                             {"guided_choice", choice_form},
                                             {"guided_grammar", grammar_form},
                                             {"grammar", grammar_form},
                                             {"json_schema", schema}}};
    std::optional<Form> found;
    const auto take = [&](Form form, const std::string& param) -> std::optional<Form> {
        if (!form) return form;
        if (found)
            return Form(
                bad_param(param, fmt::format("'{}' and another form of the answer are both given; give one", param)));
        found = std::move(form);
        return std::nullopt;
    };
    if (const auto* format = given(body, "response_format");
        format != nullptr && json::string_or(*format, "type", "") != "text") {
        if (auto fault = take(response_format(*format), "response_format")) return *fault;
    }
    for (const auto& [key, read] : spellings)
        if (const auto* value = given(body, key))
            if (auto fault = take(read(*value, key), key)) return *fault;
    if (const auto* outputs = given(body, "structured_outputs")) {
        const std::array<Spelling, 4> inside{
            {{"json", schema}, {"regex", regex_form}, {"choice", choice_form}, {"grammar", grammar_form}}};
        for (const auto& [key, read] : inside)
            if (const auto* value = given(*outputs, key)) {
                const auto param = std::string("structured_outputs.") + key;
                if (auto fault = take(read(*value, param), param)) return *fault;
            }
    }
    if (found) return std::move(*found);
    return llm::TextFormat{};
}

ApiResult<llm::ToolChoice> tool_choice(const json::Value& body) {
    using Mode = llm::ToolChoice::Mode;
    llm::ToolChoice out;
    if (const auto* parallel = given(body, "parallel_tool_calls"); parallel != nullptr && parallel->is_bool())
        out.parallel = parallel->get_bool();
    const auto* choice = given(body, "tool_choice");
    if (choice == nullptr) return out;
    if (choice->is_string()) {
        const auto mode = text_of(*choice);
        if (mode == "auto") return out;
        if (mode == "none" || mode == "required") {
            out.mode = mode == "none" ? Mode::none : Mode::required;
            return out;
        }
        return bad_param("tool_choice",
                         fmt::format("'tool_choice' is '{}'; use none, auto, required or a function", mode));
    }
    const auto* function = json::find(*choice, "function");
    out.name = function == nullptr ? "" : json::string_or(*function, "name", "");
    if (out.name.empty())
        return bad_param("tool_choice", "'tool_choice' names no function", "missing_required_parameter");
    out.mode = Mode::named;
    return out;
}

}  // namespace tenon::serve
