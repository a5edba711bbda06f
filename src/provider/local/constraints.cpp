#include "provider/local/constraints.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "tenon/json/json.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::size_t most_kept = 32;
constexpr std::string_view open_call = "<tool_call>", close_call = "</tool_call>";

/// References of a schema that now stands at `place` of another document.
void move_references(json::Value& schema, const std::string& place) {
    if (auto* object = schema.if_object()) {
        for (auto& [key, value] : *object) {
            if (key == "$ref" && value.is_string() && value.get_string().starts_with('#'))
                value = place + std::string(std::string_view(value.get_string()).substr(1));
            else
                move_references(value, place);
        }
    } else if (auto* array = schema.if_array()) {
        for (auto& item : *array) move_references(item, place);
    }
}

struct FormatText {
    std::string operator()(const llm::TextFormat&) const { return {}; }
    std::string operator()(const llm::JsonFormat&) const { return "json"; }
    std::string operator()(const llm::JsonSchemaFormat& f) const {
        return (f.strict ? "schema:" : "loose:") + f.schema;
    }
    std::string operator()(const llm::GrammarFormat& f) const {
        return (f.syntax == llm::GrammarFormat::Syntax::lark ? "lark:" : "gbnf:") + f.grammar;
    }
    std::string operator()(const llm::RegexFormat& f) const { return "regex:" + f.pattern; }
};

struct FormatGrammar {
    Result<text::Grammar> operator()(const llm::TextFormat&) const {
        return fail(ErrorCode::internal, "text needs no grammar");
    }
    Result<text::Grammar> operator()(const llm::JsonFormat&) const { return text::Grammar::json(true); }
    Result<text::Grammar> operator()(const llm::JsonSchemaFormat& f) const {
        auto made = text::Grammar::from_json_schema(f.schema);
        if (!made && !f.strict && made.error().code() == ErrorCode::unsupported) return text::Grammar::json(true);
        return made;
    }
    Result<text::Grammar> operator()(const llm::GrammarFormat& f) const {
        return f.syntax == llm::GrammarFormat::Syntax::lark ? text::Grammar::from_lark(f.grammar)
                                                            : text::Grammar::from_gbnf(f.grammar);
    }
    Result<text::Grammar> operator()(const llm::RegexFormat& f) const { return text::Grammar::from_regex(f.pattern); }
};

}  // namespace

template <class Make>
Result<Constraints::GrammarPtr> Constraints::kept(const std::string& key, Make make) {
    {
        const std::scoped_lock lock(mutex_);
        for (auto at = kept_.begin(); at != kept_.end(); ++at) {
            if (at->key != key) continue;
            kept_.splice(kept_.begin(), kept_, at);
            return kept_.front().grammar;
        }
        if (!vocabulary_) vocabulary_ = text::GrammarVocabulary::create(*tokenizer_, rows_);
    }
    TENON_TRY(auto grammar, make());
    auto made = std::make_shared<text::TokenGrammar>(std::move(grammar), vocabulary_);
    const std::scoped_lock lock(mutex_);
    kept_.push_front({key, made});
    if (kept_.size() > most_kept) kept_.pop_back();
    return made;
}

Result<Constraints::GrammarPtr> Constraints::format_grammar(const llm::ResponseFormat& format) {
    return kept(std::visit(FormatText{}, format), [&] { return std::visit(FormatGrammar{}, format); });
}

Result<Constraints::GrammarPtr> Constraints::call_grammar(const std::vector<const llm::ToolDefinition*>& tools,
                                                          bool forced, bool opened, bool several) {
    json::Array alternatives;
    for (const auto* tool : tools) {
        const auto place = fmt::format("#/anyOf/{}/properties/arguments", alternatives.size());
        json::Value arguments = json::Object{{"type", "object"}};
        if ((tool->strict || forced) && !tool->parameters_schema.empty()) {
            auto parsed = json::parse(tool->parameters_schema);
            if (!parsed)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("the parameters of tool \"{}\" are not JSON", tool->name),
                            std::move(parsed).error());
            if (auto alone = text::Grammar::from_json_schema(tool->parameters_schema)) {
                arguments = std::move(*parsed);
                move_references(arguments, place);
            } else if (tool->strict || alone.error().code() != ErrorCode::unsupported) {
                return fail(alone.error().code(),
                            fmt::format("the model cannot be held to the parameters of tool \"{}\"", tool->name),
                            std::move(alone).error());
            }
        }
        json::Object properties{{"name", json::Object{{"const", tool->name}}}, {"arguments", std::move(arguments)}};
        alternatives.push_back(json::Object{{"type", "object"},
                                            {"properties", std::move(properties)},
                                            {"required", json::Array{"name", "arguments"}},
                                            {"additionalProperties", false}});
    }
    const std::string schema = json::dump(json::Object{{"anyOf", std::move(alternatives)}});
    text::JsonGrammarOptions options;
    if (tagged_calls_) {
        options.before = (opened ? "" : std::string(open_call)) + "\n";
        options.after = "\n" + std::string(close_call);
    }
    if (several) options.repeat = 16;
    return kept(fmt::format("call:{}{}:{}", opened, several, schema),
                [&] { return text::Grammar::from_json_schema(schema, options); });
}

Result<std::shared_ptr<engine::Constraint>> Constraints::of(const llm::ChatRequest& request, bool thinking) {
    using Mode = llm::ToolChoice::Mode;
    const auto mode = request.tool_choice.mode;
    std::vector<const llm::ToolDefinition*> tools;
    bool strict = false;
    if (mode != Mode::none) {
        for (const auto& tool : request.tools) {
            if (mode == Mode::named && tool.name != request.tool_choice.name) continue;
            tools.push_back(&tool);
            strict = strict || tool.strict;
        }
    }
    const bool forced = mode == Mode::required || mode == Mode::named;
    if (forced && tools.empty())
        return fail(ErrorCode::invalid_argument,
                    mode == Mode::named
                        ? fmt::format("the tool \"{}\" must be called, but is not offered", request.tool_choice.name)
                        : "a tool must be called, but none is offered");
    const auto around = [&](std::vector<GrammarPtr> grammars) {
        return thinking ? engine::hold_after("</think>", std::move(grammars), true)
                        : engine::hold_to(std::move(grammars));
    };
    if (forced) {
        TENON_TRY(auto calls, call_grammar(tools, true, false, request.tool_choice.parallel.value_or(false)));
        return around({std::move(calls)});
    }
    if (!std::holds_alternative<llm::TextFormat>(request.format)) {
        TENON_TRY(auto format, format_grammar(request.format));
        std::vector<GrammarPtr> either{std::move(format)};
        if (!tools.empty()) {
            TENON_TRY(auto calls, call_grammar(tools, false, false, request.tool_choice.parallel.value_or(true)));
            either.push_back(std::move(calls));
        }
        return around(std::move(either));
    }
    if (strict && tagged_calls_) {
        TENON_TRY(auto calls, call_grammar(tools, false, true, false));
        return engine::hold_after(std::string(open_call), {std::move(calls)}, false);
    }
    return std::shared_ptr<engine::Constraint>();
}

}  // namespace tenon::provider::local
