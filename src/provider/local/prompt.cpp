#include "provider/local/prompt.hpp"
#include "provider/local/answer_parser.hpp"
#include "tenon/provider/local.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <span>
#include <utility>

#include "provider/local/guard.hpp"
#include "tenon/json/json.hpp"

namespace tenon::provider::local {
namespace {

using llm::Role;

/// A message as templates see it: text only, one tool result each.
struct Turn {
    std::string role;
    std::string text;
    std::string reasoning;
    std::string name, call_id;
    std::vector<llm::ToolCallPart> calls;
};

std::string role_name(Role role) { return std::string(to_string(role == Role::developer ? Role::system : role)); }

Result<std::vector<Turn>> turns_of(const std::vector<llm::Message>& messages) {
    std::vector<Turn> turns;
    for (const auto& message : messages) {
        Turn turn{role_name(message.role), {}, {}, message.name, {}, {}};
        bool results_only = !message.content.empty();
        for (const auto& part : message.content) {
            if (const auto* result = std::get_if<llm::ToolResultPart>(&part)) {
                turns.push_back({"tool", result->content, {}, result->name, result->call_id, {}});
                continue;
            }
            results_only = false;
            if (const auto* text = std::get_if<llm::TextPart>(&part))
                turn.text += text->text;
            else if (const auto* reasoning = std::get_if<llm::ReasoningPart>(&part))
                turn.reasoning += reasoning->text;
            else if (const auto* call = std::get_if<llm::ToolCallPart>(&part))
                turn.calls.push_back(*call);
            else if (std::holds_alternative<llm::CitationPart>(part) || std::holds_alternative<llm::ProviderPart>(part))
                continue;
            else
                return fail(ErrorCode::unsupported,
                            "this model reads text only; remove images, audio and documents from the messages");
        }
        if (!results_only) turns.push_back(std::move(turn));
    }
    return turns;
}

// What strict templates accept: no system turn, and user and assistant in alternation.
std::vector<Turn> simplified(const std::vector<Turn>& turns) {
    std::string system;
    std::vector<Turn> out;
    for (const auto& turn : turns) {
        if (turn.role == "system") {
            if (!system.empty()) system += "\n\n";
            system += turn.text;
        } else if (!out.empty() && out.back().role == turn.role && turn.role != "tool" && turn.calls.empty() &&
                   out.back().calls.empty()) {
            out.back().text += "\n\n" + turn.text;
        } else {
            out.push_back(turn);
        }
    }
    if (system.empty()) return out;
    const auto user = std::find_if(out.begin(), out.end(), [](const auto& t) { return t.role == "user"; });
    if (user == out.end())
        out.insert(out.begin(), Turn{"user", system, {}, {}, {}, {}});
    else
        user->text = system + "\n\n" + user->text;
    return out;
}

json::Value to_json(const std::vector<Turn>& turns) {
    json::Array messages;
    for (const auto& turn : turns) {
        json::Object message;
        message["role"] = turn.role;
        message["content"] = turn.text;
        if (!turn.reasoning.empty()) message["reasoning_content"] = turn.reasoning;
        if (!turn.name.empty()) message["name"] = turn.name;
        if (!turn.call_id.empty()) message["tool_call_id"] = turn.call_id;
        if (!turn.calls.empty()) {
            json::Array calls;
            for (const auto& call : turn.calls) {
                auto arguments = json::parse(call.arguments_json);
                json::Object function{{"name", call.name}};
                function["arguments"] = arguments ? std::move(*arguments) : json::Value(call.arguments_json);
                calls.push_back(json::Object{{"id", call.id}, {"type", "function"}, {"function", std::move(function)}});
            }
            message["tool_calls"] = std::move(calls);
        }
        messages.push_back(std::move(message));
    }
    return messages;
}

Result<json::Value> to_json(const std::vector<llm::ToolDefinition>& tools) {
    json::Array out;
    for (const auto& tool : tools) {
        json::Value schema = json::Object{{"type", "object"}, {"properties", json::Object{}}};
        if (!tool.parameters_schema.empty()) {
            auto parsed = json::parse(tool.parameters_schema);
            if (!parsed)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("the parameters of tool \"{}\" are not JSON", tool.name),
                            std::move(parsed).error());
            schema = std::move(*parsed);
        }
        json::Object function{{"name", tool.name}, {"description", tool.description}};
        function["parameters"] = std::move(schema);
        out.push_back(json::Object{{"type", "function"}, {"function", std::move(function)}});
    }
    return json::Value(std::move(out));
}

std::string text_of(const text::TokenizerSpec& spec, text::TokenId id) {
    return id >= 0 && static_cast<std::size_t>(id) < spec.tokens.size() ? spec.tokens[static_cast<std::size_t>(id)]
                                                                        : std::string();
}

}  // namespace

PromptBuilder::PromptBuilder(text::TokenizerPtr tokenizer) : tokenizer_(std::move(tokenizer)) {
    const auto& spec = tokenizer_->spec();
    bos_text_ = text_of(spec, spec.bos);
    eos_text_ = text_of(spec, spec.eos);
    for (std::size_t id = 0; id < spec.tokens.size(); ++id)
        if (tokenizer_->is_control(static_cast<text::TokenId>(id)) && !spec.tokens[id].empty())
            control_.push_back(spec.tokens[id]);
    const auto empty = tokenizer_->encode("", {.add_special = true, .parse_special = false});
    wants_bos_ = spec.bos != text::no_token && !empty.empty() && empty.front() == spec.bos;
}

Result<PromptBuilder> PromptBuilder::create(const std::string& chat_template, text::TokenizerPtr tokenizer) {
    PromptBuilder builder(std::move(tokenizer));
    if (chat_template.empty()) return builder;
    auto parsed = text::Template::parse(chat_template);
    if (!parsed) return fail(ErrorCode::corrupt, "cannot read the model's chat template", std::move(parsed).error());
    builder.template_.emplace(std::move(*parsed));
    builder.reasons_ = chat_template.find("enable_thinking") != std::string::npos ||
                       chat_template.find(begin_think) != std::string::npos;
    builder.takes_tools_ = chat_template.find("tools") != std::string::npos;
    return builder;
}

void PromptBuilder::add_bos(std::vector<text::TokenId>& tokens) const {
    const auto bos = tokenizer_->spec().bos;
    if (wants_bos_ && (tokens.empty() || tokens.front() != bos)) tokens.insert(tokens.begin(), bos);
}

std::vector<text::TokenId> PromptBuilder::encode(std::string_view rendered, bool guarded) const {
    std::vector<text::TokenId> tokens;
    if (!guarded) {
        tokens = tokenizer_->encode(rendered, {.add_special = false, .parse_special = true});
    } else {
        for (const auto& piece : split_guarded(rendered)) {
            const auto ids = tokenizer_->encode(piece.text, {.add_special = false, .parse_special = !piece.plain});
            tokens.insert(tokens.end(), ids.begin(), ids.end());
        }
    }
    add_bos(tokens);
    return tokens;
}

Result<Prompt> PromptBuilder::chat(const llm::ChatRequest& request) const {
    if (!template_)
        return fail(ErrorCode::unsupported,
                    "this model has no chat template; use `complete` with a prompt of your own, or a chat model");
    if (!request.tools.empty() && !takes_tools_)
        return fail(ErrorCode::unsupported,
                    "the chat template of this model knows no tools; use a model that does, or send no tools");
    if (request.messages.empty()) return fail(ErrorCode::invalid_argument, "there are no messages; give at least one");
    TENON_TRY(const auto turns, turns_of(request.messages));
    TENON_TRY(auto tools, to_json(request.tools));

    json::Value arguments = json::Object();
    if (const auto* extras = request.extensions.get<RequestExtras>();
        extras != nullptr && !extras->template_arguments.empty()) {
        auto parsed = json::parse(extras->template_arguments);
        if (!parsed || !parsed->is_object())
            return fail(ErrorCode::invalid_argument, "the arguments of the chat template are not a JSON object");
        arguments = std::move(*parsed);
    }
    const auto& reasoning = request.reasoning;
    const bool silent =
        reasoning && (reasoning->effort == llm::ReasoningSettings::Effort::none || reasoning->budget_tokens == 0U);
    if (silent || (reasoning && (reasoning->effort || reasoning->budget_tokens)))
        arguments.get_object()["enable_thinking"] = !silent;

    bool guarded = false;
    const auto render = [&](json::Value messages) -> Result<std::string> {
        const bool threatened = mentions_control(messages, control_) || mentions_control(tools, control_) ||
                                mentions_control(arguments, control_);
        guarded = threatened;
        json::Object context = (threatened ? guard_controls(arguments, control_) : arguments).get_object();
        context["messages"] = threatened ? guard_controls(messages, control_) : std::move(messages);
        if (!request.tools.empty())
            context["tools"] = threatened ? guard_controls(tools, control_) : tools;
        else
            context.erase("tools");
        context["add_generation_prompt"] = true;
        context["bos_token"] = bos_text_;
        context["eos_token"] = eos_text_;
        return template_->render(context);
    };
    auto rendered = render(to_json(turns));
    if (!rendered) {
        auto again = render(to_json(simplified(turns)));
        if (!again)
            return fail(ErrorCode::invalid_argument, "the model's chat template refuses these messages",
                        std::move(rendered).error());
        rendered = std::move(again);
    }
    const auto end = rendered->find_last_not_of(" \n");
    bool thinking = end != std::string::npos && std::string_view(*rendered).substr(0, end + 1).ends_with(begin_think);
    if (thinking && silent) {
        *rendered += end_think;
        *rendered += "\n\n";
        thinking = false;
    }
    return Prompt{encode(*rendered, guarded), thinking};
}

Result<std::vector<text::TokenId>> PromptBuilder::raw(std::string_view prompt) const {
    auto tokens = tokenizer_->encode(prompt, {.add_special = false, .parse_special = true});
    add_bos(tokens);
    if (tokens.empty() && tokenizer_->spec().bos != text::no_token) tokens.push_back(tokenizer_->spec().bos);
    if (tokens.empty()) return fail(ErrorCode::invalid_argument, "the prompt is empty; give some text");
    return tokens;
}

}  // namespace tenon::provider::local
