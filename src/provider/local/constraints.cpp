#include "provider/local/constraints.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <utility>

#include "provider/local/answer_parser.hpp"
#include "tenon/json/json.hpp"

namespace tenon::provider::local {
namespace {

constexpr std::size_t most_kept = 32;
constexpr std::uint32_t most_calls = 16;  // in one answer

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

// The schema of one call of any of the tools. What a tool's parameters cannot be held to is any object, unless it is
// `strict`.
Result<json::Value> Constraints::call_schema(const Tools& tools, CallOpening::Shape shape, bool both_keys) const {
    using Shape = CallOpening::Shape;
    json::Array alternatives;
    for (const auto& tool : tools) {
        json::Value schema = json::Object{{"type", "object"}};
        bool held = false;
        if (!tool.parameters_schema.empty()) {
            auto parsed = json::parse(tool.parameters_schema);
            if (!parsed)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("the parameters of tool \"{}\" are not JSON", tool.name),
                            std::move(parsed).error());
            auto alone = text::Grammar::from_json_schema(tool.parameters_schema);
            if (alone) {
                schema = std::move(*parsed);
                held = true;
            } else if (tool.strict) {
                return fail(alone.error().code(),
                            fmt::format("the model cannot be held to the parameters of tool \"{}\"", tool.name),
                            std::move(alone).error());
            }
        }
        for (const char* key : {"arguments", "parameters"}) {
            if (!both_keys && std::string_view(key) == "parameters") continue;
            const bool wrapped = shape == Shape::function || shape == Shape::typed_function;
            json::Value arguments = schema;
            if (held)
                move_references(arguments, fmt::format("{}/anyOf/{}/properties/{}{}", "#", alternatives.size(),
                                                       wrapped ? "function/properties/" : "", key));
            const auto object = [](json::Object properties) {
                json::Array required;
                for (const auto& member : properties) required.emplace_back(member.key());
                return json::Object{{"type", "object"},
                                    {"properties", std::move(properties)},
                                    {"required", std::move(required)},
                                    {"additionalProperties", false}};
            };
            const json::Object name{{"const", tool.name}};
            json::Object call;
            if (shape == Shape::typed_function) call["type"] = json::Object{{"const", "function"}};
            if (wrapped) {
                json::Object inside{{"name", name}};
                inside[key] = std::move(arguments);
                call["function"] = object(std::move(inside));
            } else {
                call[shape == Shape::function_name ? "function" : "name"] = name;
                call[key] = std::move(arguments);
            }
            alternatives.push_back(object(std::move(call)));
        }
    }
    return json::Object{{"anyOf", std::move(alternatives)}};
}

namespace {

/// Tools and all they are made of, as a key.
std::string text_of(const std::vector<llm::ToolDefinition>& tools) {
    std::string out;
    for (const auto& tool : tools)
        out += fmt::format("{}{}:{}{}:{}", tool.strict ? "!" : "", tool.name.size(), tool.name,
                           tool.parameters_schema.size(), tool.parameters_schema);
    return out;
}

}  // namespace

Result<Constraints::GrammarPtr> Constraints::call_grammar(const Tools& tools, text::JsonGrammarOptions options) {
    const auto key = fmt::format("calls:{}\n{}\n{}\n{}", options.repeat, options.before, options.after, text_of(tools));
    return kept(key, [&]() -> Result<text::Grammar> {
        TENON_TRY(const auto schema, call_schema(tools, CallOpening::Shape::plain, false));
        return text::Grammar::from_json_schema(json::dump(schema), options);
    });
}

Result<Constraints::GrammarPtr> Constraints::bare_grammar(const Tools& tools, const CallOpening& opening,
                                                          bool several) {
    const auto key = fmt::format("bare:{}{}{}{}\n{}", several, opening.list, static_cast<int>(opening.shape),
                                 opening.fence, text_of(tools));
    return kept(key, [&]() -> Result<text::Grammar> {
        TENON_TRY(auto schema, call_schema(tools, opening.shape, true));
        text::JsonGrammarOptions options;
        const std::uint32_t most = several ? most_calls : 1;
        if (opening.list) {
            move_references(schema, "#/items");
            schema = json::Object{{"type", "array"}, {"items", std::move(schema)}, {"minItems", 1}, {"maxItems", most}};
        } else {
            options.repeat = most;
        }
        if (!opening.fence.empty()) {
            options.prefix = opening.fence;
            options.suffix = "\n```";
        }
        return text::Grammar::from_json_schema(json::dump(schema), options);
    });
}

Result<std::shared_ptr<engine::Constraint>> Constraints::of(const llm::ChatRequest& request, bool thinking) {
    using Mode = llm::ToolChoice::Mode;
    const auto mode = request.tool_choice.mode;
    Tools tools;
    if (mode != Mode::none)
        for (const auto& tool : request.tools)
            if (mode != Mode::named || tool.name == request.tool_choice.name) tools.push_back(tool);
    const bool forced = mode == Mode::required || mode == Mode::named;
    if (forced && tools.empty())
        return fail(ErrorCode::invalid_argument,
                    mode == Mode::named
                        ? fmt::format("the tool \"{}\" must be called, but is not offered", request.tool_choice.name)
                        : "a tool must be called, but none is offered");
    const bool several = request.tool_choice.parallel.value_or(!forced);
    const auto marked = [&](std::string before, bool more) {
        text::JsonGrammarOptions options;
        options.before = std::move(before);
        options.after = "\n" + std::string(close_call);
        if (more) options.repeat = most_calls;
        return options;
    };
    const auto whole = [&] {
        if (tagged_calls_) return marked(std::string(open_call) + "\n", several);
        text::JsonGrammarOptions options;
        if (several) options.repeat = most_calls;
        return options;
    };
    const auto around = [&](std::vector<GrammarPtr> grammars) {
        return thinking ? engine::hold_after("</think>", std::move(grammars)) : engine::hold_to(std::move(grammars));
    };
    if (forced) {
        TENON_TRY(auto calls, call_grammar(tools, whole()));
        return around({std::move(calls)});
    }
    if (!std::holds_alternative<llm::TextFormat>(request.format)) {
        TENON_TRY(auto format, format_grammar(request.format));
        std::vector<GrammarPtr> either{std::move(format)};
        if (!tools.empty()) {
            TENON_TRY(auto calls, call_grammar(tools, whole()));
            either.push_back(std::move(calls));
        }
        return around(std::move(either));
    }
    if (tools.empty()) return std::shared_ptr<engine::Constraint>();
    CallGrammars held;
    for (const auto& tool : tools) held.tools.push_back(tool.name);
    TENON_TRY(auto broken, call_grammar(tools, marked("\n", false)));
    TENON_TRY(auto joined, call_grammar(tools, marked("", false)));
    held.broken = {std::move(broken)};
    held.joined = {std::move(joined)};
    held.bare = [self = shared_from_this(), tools, several](const CallOpening& opening) -> Result<engine::Grammars> {
        TENON_TRY(auto grammar, self->bare_grammar(tools, opening, several));
        return engine::Grammars{std::move(grammar)};
    };
    held.several = several;
    held.thinking = thinking;
    return hold_calls(std::move(held), tokenizer_);
}

Result<std::shared_ptr<engine::Constraint>> Constraints::of(const llm::CompletionRequest& request) {
    if (std::holds_alternative<llm::TextFormat>(request.format)) return std::shared_ptr<engine::Constraint>();
    TENON_TRY(auto format, format_grammar(request.format));
    return engine::hold_to({std::move(format)});
}

}  // namespace tenon::provider::local
