// ReAct (Yao et al. 2022, arXiv:2210.03629): reasoning and acting in plain text.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "tenon/agent/protocol.hpp"
#include "tenon/json/json.hpp"
#include "tenon/json/scan.hpp"

namespace tenon::agent {
namespace {

constexpr std::string_view english = R"(Answer the question as well as you can. You have these tools:

{tools}

Write in exactly this form:

Thought: what you should do next
Action: the tool to use, one of {names}
Action Input: its arguments as one JSON object
Observation: the tool's result, which will be given to you

Thought, Action, Action Input and Observation may repeat. When you know the answer, end with:

Thought: I know the answer
Final Answer: the answer to the question

Never write an Observation yourself.)";

constexpr std::string_view chinese = R"(请尽力回答问题。你可以使用这些工具：

{tools}

请严格按照以下格式书写：

思考：下一步应该做什么
行动：要使用的工具，必须是 {names} 之一
行动输入：该工具的参数，一个 JSON 对象
观察：工具的结果，会提供给你

思考、行动、行动输入、观察可以重复多次。知道答案以后，这样结束：

思考：我知道答案了
最终答案：对问题的回答

不要自己编写“观察”。)";

using Words = std::array<std::string_view, 4>;
constexpr Words action_words{"Action:", "行动：", "行动:", "Action："};
constexpr Words input_words{"Action Input:", "行动输入：", "行动输入:", "Action Input："};
constexpr Words final_words{"Final Answer:", "最终答案：", "最终答案:", "Final Answer："};
constexpr Words observation_words{"Observation:", "观察：", "观察:", "Observation："};
constexpr Words thought_words{"Thought:", "思考：", "思考:", "Thought："};

struct Found {
    std::size_t at = std::string_view::npos, end = 0;
    explicit operator bool() const { return at != std::string_view::npos; }
};

/// The first of these words at the beginning of a line.
Found find_mark(std::string_view text, const Words& words, std::size_t from = 0) {
    Found best;
    for (const auto word : words) {
        for (std::size_t at = text.find(word, from); at != std::string_view::npos; at = text.find(word, at + 1)) {
            const auto line = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
            const auto before = text.substr(line == std::string_view::npos ? 0 : line + 1,
                                            at - (line == std::string_view::npos ? 0 : line + 1));
            if (before.find_first_not_of(" \t*#>-") != std::string_view::npos) continue;
            if (!best || at < best.at) best = {at, at + word.size()};
            break;
        }
    }
    return best;
}

std::string_view trim(std::string_view text, std::string_view what = " \t\r\n*`") {
    const auto begin = text.find_first_not_of(what);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(what) + 1 - begin);
}

/// The first whole JSON object of a text, fences and afterthoughts around it taken off.
std::string_view object_in(std::string_view text) {
    const auto begin = text.find('{');
    return begin == std::string_view::npos ? std::string_view{}
                                           : text.substr(begin, json::object_length(text.substr(begin)));
}

/// Plain text given to a tool that takes one thing is that thing.
std::string arguments_of(std::string_view input, const Tool* tool) {
    if (const auto object = object_in(input); !object.empty() && json::parse(object)) return std::string(object);
    const auto plain = trim(input, " \t\r\n*`\"");
    if (tool == nullptr) return plain.empty() ? "{}" : std::string(plain);
    const auto schema = json::parse(tool->definition().parameters_schema);
    const auto* properties = schema ? json::find(*schema, "properties") : nullptr;
    if (properties == nullptr || !properties->is_object() || properties->get_object().size() != 1)
        return plain.empty() ? "{}" : std::string(plain);
    const auto& only = *properties->get_object().begin();
    json::Object object;
    if (const auto parsed = json::parse(trim(input)); parsed && json::string_or(only.value(), "type", "") != "string")
        object[only.key()] = *parsed;
    else
        object[only.key()] = std::string(plain);
    return json::dump(json::Value(std::move(object)));
}

/// Thoughts until the final answer begins, then the answer.
class ReActFilter final : public SpeechFilter {
  public:
    Piece add(const llm::ChatEvent& event) override {
        Piece out;
        out.thought = event.reasoning;
        held_ += event.text;
        if (final_) {
            out.text = std::exchange(held_, {});
            if (!begun_) out.text = std::string(trim_left(out.text));
            begun_ = begun_ || !out.text.empty();
            return out;
        }
        if (const auto mark = find_mark(held_, final_words)) {
            final_ = true;
            out.thought += held_.substr(0, mark.at);
            out.text = std::string(trim_left(std::string_view(held_).substr(mark.end)));
            begun_ = !out.text.empty();
            held_.clear();
            return out;
        }
        // The line that may yet become the mark is held back.
        const auto line = held_.rfind('\n');
        if (line != std::string::npos) {
            out.thought += held_.substr(0, line + 1);
            held_.erase(0, line + 1);
        }
        return out;
    }
    Piece finish() override {
        Piece out;
        (final_ ? out.text : out.thought) = std::exchange(held_, {});
        return out;
    }

  private:
    static std::string_view trim_left(std::string_view text) {
        const auto at = text.find_first_not_of(" \t\r\n");
        return at == std::string_view::npos ? std::string_view{} : text.substr(at);
    }
    std::string held_;
    bool final_ = false, begun_ = false;
};

class ReAct final : public Protocol {
  public:
    explicit ReAct(ReActOptions options) : options_(std::move(options)) {
        if (options_.instructions.empty()) options_.instructions = options_.chinese ? chinese : english;
    }

    void prepare(llm::ChatRequest& request, std::string_view system, const std::vector<Tool>& tools) const override {
        std::string described, names;
        for (const auto& tool : tools) {
            const auto& d = tool.definition();
            described += fmt::format("{}- {}: {}\n  {}", described.empty() ? "" : "\n", d.name, d.description,
                                     d.parameters_schema);
            names += (names.empty() ? "" : ", ") + d.name;
        }
        std::string text = options_.instructions;
        const auto fill = [&](std::string_view mark, const std::string& value) {
            if (const auto at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), value);
        };
        fill("{tools}", described);
        fill("{names}", names);
        if (tools.empty()) text.clear();
        std::string whole(system);
        if (!whole.empty() && !text.empty()) whole += "\n\n";
        whole += text;
        if (!whole.empty()) request.messages.insert(request.messages.begin(), llm::Message::system(whole));
        for (const auto* stop : {"\nObservation:", "\n观察：", "\n观察:"}) request.settings.stop.emplace_back(stop);
    }
    std::unique_ptr<SpeechFilter> filter() const override { return std::make_unique<ReActFilter>(); }

    Turn read(llm::ChatResponse response, std::size_t step, const std::vector<Tool>& tools) const override {
        std::string text = response.message.text();
        // What comes after an observation of its own making is made up.
        if (const auto made_up = find_mark(text, observation_words)) text.resize(made_up.at);
        const auto final = find_mark(text, final_words);
        const auto action = find_mark(text, action_words);
        Turn turn;
        if (final && (!action || final.at < action.at)) {
            turn.answer = std::string(trim(std::string_view(text).substr(final.end), " \t\r\n"));
            turn.message = llm::Message::assistant(std::string(trim(text, " \t\r\n")));
            if (turn.answer.empty()) turn.complaint = "The final answer was empty.";
            return turn;
        }
        if (!action) {
            turn.message = llm::Message::assistant(std::string(trim(text, " \t\r\n")));
            // A model that ignores the form has simply answered; one that thinks and stops has not.
            if (find_mark(text, thought_words) || trim(text).empty() ||
                (!tools.empty() && text.find("Action") != std::string::npos))
                turn.complaint = options_.chinese
                                     ? "格式不对：请给出“行动”和“行动输入”，或者给出“最终答案”。"
                                     : "That is not the form: give an Action and an Action Input, or a Final Answer.";
            else
                turn.answer = turn.message.text();
            return turn;
        }
        const auto input = find_mark(text, input_words, action.end);
        auto name = std::string_view(text).substr(action.end, input ? input.at - action.end : std::string::npos);
        name = trim(name.substr(0, name.find('\n', name.find_first_not_of(" \t\r\n") == std::string_view::npos
                                                       ? 0
                                                       : name.find_first_not_of(" \t\r\n"))));
        std::string_view given;
        if (input) {
            given = std::string_view(text).substr(input.end);
            // One action at a time: a second one was written without knowing the first one's result.
            if (const auto next = find_mark(given, action_words)) given = given.substr(0, next.at);
            if (const auto next = find_mark(given, thought_words)) given = given.substr(0, next.at);
            if (const auto next = find_mark(given, final_words)) given = given.substr(0, next.at);
            text.resize(static_cast<std::size_t>(given.data() + given.size() - text.data()));
            given = std::string_view(text).substr(input.end);
        } else if (const auto bracket = name.find_first_of("[({"); bracket != std::string_view::npos) {
            // search[python] and search({"query": …}), as papers and models write it.
            given = trim(name.substr(name[bracket] == '{' ? bracket : bracket + 1), " \t\r\n*`)]");
        }
        name = trim(name.substr(0, name.find_first_of("[({")));
        const auto tool = std::ranges::find(tools, name, [](const Tool& t) -> std::string_view { return t.name(); });
        llm::ToolCallPart call{fmt::format("react_{}", step), std::string(name),
                               arguments_of(given, tool == tools.end() ? nullptr : &*tool)};
        turn.calls.push_back(std::move(call));
        turn.message = llm::Message::assistant(std::string(trim(text, " \t\r\n")));
        return turn;
    }

    std::vector<llm::Message> results(const std::vector<llm::ToolResultPart>& results) const override {
        std::string text;
        for (const auto& r : results)
            text += fmt::format("{}{}{}", text.empty() ? "" : "\n",
                                options_.chinese ? "观察：" : "Observation: ", r.content);
        return {llm::Message::user(std::move(text))};
    }

  private:
    ReActOptions options_;
};

}  // namespace

std::shared_ptr<const Protocol> react(ReActOptions options) { return std::make_shared<ReAct>(std::move(options)); }

}  // namespace tenon::agent
