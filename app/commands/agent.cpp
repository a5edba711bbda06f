// tenon agent: runs an agent that a TOML file describes.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <sstream>
#include <utility>

#include "agent_build.hpp"
#include "options.hpp"
#include "tenon/store/checkpoints.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string file, question, model, user, run;
    RemoteFlags remote;
    bool yes = false, no = false, json = false, check = false, resume = false, quiet = false;
    std::int64_t checkpoint = 0;
    std::size_t steps = 0;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("file", o.file, "the agent: a TOML file")->required();
    sub.add_option("question", o.question, "what to do; - or nothing reads standard input, a line at a time");
    o.remote.declare(sub);
    sub.add_flag("--yes,-y", o.yes, "agree to every call that asks for approval");
    sub.add_flag("--no", o.no, "refuse every call that asks for approval");
    sub.add_option("--run", o.run, "name of the run among the checkpoints; default: a fresh one");
    sub.add_flag("--resume", o.resume, "go on with --run where it was; with --yes or --no, decide what it waits for");
    sub.add_option("--checkpoint", o.checkpoint, "with --resume: go on from this one, as a new branch");
    sub.add_option("--user", o.user, "whose memory is used; default: this machine's");
    sub.add_option("--steps", o.steps, "answers of the model at most, over the file's");
    sub.add_flag("--check", o.check, "only open everything the file names, and list the tools");
    sub.add_flag("--quiet,-q", o.quiet, "only the answer");
    sub.add_flag("--json", o.json, "a JSON object for each step, one a line");
}

json::Value to_json(const agent::Step& step) {
    struct Visitor {
        json::Value operator()(const agent::TextStep& s) const {
            return json::Object{{"type", "text"}, {"text", s.text}};
        }
        json::Value operator()(const agent::ThoughtStep& s) const {
            return json::Object{{"type", "thought"}, {"text", s.text}};
        }
        json::Value operator()(const agent::CallStep& s) const { return call("call", s.call); }
        json::Value operator()(const agent::ResultStep& s) const {
            return json::Object{{"type", "result"},
                                {"id", s.result.call_id},
                                {"tool", s.result.name},
                                {"content", s.result.content},
                                {"is_error", s.result.is_error},
                                {"ms", s.time.count()}};
        }
        json::Value operator()(const agent::ApprovalStep& s) const {
            json::Array calls;
            for (const auto& c : s.calls) calls.push_back(call("call", c));
            return json::Object{{"type", "approval"}, {"calls", std::move(calls)}};
        }
        json::Value operator()(const agent::NoteStep& s) const {
            return json::Object{{"type", "note"}, {"text", s.text}};
        }
        json::Value operator()(const agent::PlanStep& s) const {
            json::Array tasks;
            for (const auto& t : s.plan.tasks)
                tasks.push_back(json::Object{
                    {"task", t.task}, {"status", std::string(agent::to_string(t.status))}, {"result", t.result}});
            return json::Object{{"type", "plan"}, {"tasks", std::move(tasks)}};
        }
        json::Value operator()(const agent::Answer& s) const {
            return json::Object{{"type", "answer"},
                                {"text", s.text},
                                {"outcome", std::string(agent::to_string(s.outcome))},
                                {"run", s.state.run},
                                {"checkpoint", s.state.checkpoint},
                                {"steps", s.state.steps},
                                {"tool_calls", s.state.tool_calls},
                                {"usage", json::Object{{"input_tokens", s.state.usage.input_tokens},
                                                       {"output_tokens", s.state.usage.output_tokens}}}};
        }
        static json::Value call(const char* type, const llm::ToolCallPart& c) {
            const auto arguments = json::parse(c.arguments_json);
            return json::Object{{"type", type},
                                {"id", c.id},
                                {"tool", c.name},
                                {"arguments", arguments ? *arguments : json::Value(c.arguments_json)}};
        }
    };
    return std::visit(Visitor{}, step);
}

/// A line of the terminal; empty at its end.
std::string read_terminal_line() {
    std::string line;
    char c = 0;
    while (::read(STDIN_FILENO, &c, 1) == 1 && c != '\n') line += c;
    return line;
}

/// Asks a person. "a" agrees to this tool for good.
class Prompter {
  public:
    agent::Decision ask(const llm::ToolCallPart& call) {
        agent::Decision decision{call.id};
        if (std::ranges::find(always_, call.name) != always_.end()) {
            decision.approved = true;
            return decision;
        }
        note(fmt::format("\n{} {}\nAllow this call? [y]es, [n]o, [a]lways this tool, or say why not:", call.name,
                         call.arguments_json));
        const std::string said = read_terminal_line();
        if (said == "a" || said == "always") always_.push_back(call.name);
        decision.approved = said == "y" || said == "yes" || said == "a" || said == "always" || said == "是";
        if (!decision.approved && said != "n" && said != "no") decision.reason = said;
        return decision;
    }

  private:
    std::vector<std::string> always_;
};

task<agent::Decision> ask_on(Executor blocking, std::shared_ptr<Prompter> prompter, llm::ToolCallPart call) {
    auto asking = [](std::shared_ptr<Prompter> who, llm::ToolCallPart what) -> task<agent::Decision> {
        co_return who->ask(what);
    }(std::move(prompter), std::move(call));
    co_return co_await boost::asio::co_spawn(blocking, std::move(asking), boost::asio::use_awaitable);
}

class Session {
  public:
    Session(Context& context, const Options& o) : context_(context), options_(o) {}

    Result<void> run() {
        options_.remote.apply(context_.settings());
        TENON_TRY(auto file, read_agent_file(options_.file));
        if (!options_.remote.model.empty()) file.model.clear();  // --model is the settings' by now
        if (options_.steps > 0) file.limits.steps = options_.steps;
        settings_.temperature = file.temperature.value_or(0);  // calls of tools are no place for chance
        settings_.max_tokens = file.limits.answer_tokens;
        TENON_TRY(auto built, build_agent(context_, file, options_.yes));
        if (options_.check) return show(file, built);
        std::error_code ignored;
        std::filesystem::create_directories(context_.settings().home / "agents", ignored);
        TENON_TRY(const auto checkpoints,
                  store::Checkpoints::open(context_.settings().home / "agents" / "checkpoints.db"));
        built.agent.checkpoints(checkpoints);
        const bool terminal = ::isatty(STDIN_FILENO) != 0;
        if (options_.no) {
            built.agent.approved_by([](llm::ToolCallPart call) -> task<agent::Decision> {
                co_return agent::Decision{call.id, false, "the user does not agree"};
            });
        } else if (terminal && !options_.json) {
            const auto prompter = std::make_shared<Prompter>();
            built.agent.approved_by(
                [prompter, blocking = context_.runtime().blocking_executor()](llm::ToolCallPart call) {
                    return ask_on(blocking, prompter, std::move(call));
                });
        }
        if (options_.resume) return resume(built.agent, *checkpoints);
        if (!options_.question.empty() && options_.question != "-") return once(built.agent, options_.question);
        return talk(built.agent, file, terminal);
    }

  private:
    Result<void> show(const AgentFile& file, const BuiltAgent& built) {
        if (options_.json) {
            json::Array tools(built.tools.begin(), built.tools.end());
            print_json(json::Object{{"name", file.name}, {"model", built.model->name()}, {"tools", std::move(tools)}});
            return {};
        }
        print_line(fmt::format("{}: {} with {}", file.name, built.model->name(),
                               built.tools.empty() ? "no tools" : fmt::format("{}", fmt::join(built.tools, ", "))));
        return {};
    }

    agent::RunOptions terms(std::stop_token stop) const {
        agent::RunOptions out;
        out.call.stop = std::move(stop);
        out.settings = settings_;
        out.user = options_.user.empty() ? "local" : options_.user;
        out.name = options_.run;
        return out;
    }

    /// A call of which nothing is known but that it waits.
    std::vector<agent::Decision> decide_all(const agent::State& state) const {
        std::vector<agent::Decision> out;
        for (const auto& pending : state.pending)
            if (pending.status == agent::PendingCall::Status::waiting) {
                agent::Decision decision{pending.call.id};
                decision.approved = options_.yes;
                if (!options_.yes) decision.reason = "the user does not agree";
                out.push_back(std::move(decision));
            }
        return out;
    }

    Result<void> resume(const agent::Agent& agent, store::Checkpoints& checkpoints) {
        if (options_.run.empty())
            return fail(ErrorCode::invalid_argument, "--resume needs the name of the run: --run NAME");
        const InterruptGuard interrupt;
        std::vector<agent::Decision> decisions;
        if (options_.yes || options_.no) {
            TENON_TRY(const auto saved, options_.checkpoint > 0 ? checkpoints.load(options_.run, options_.checkpoint)
                                                                : checkpoints.latest(options_.run));
            TENON_TRY(const auto state, agent::State::from_json(saved.state));
            decisions = decide_all(state);
        }
        return follow(agent.resume(terms(interrupt.token()), std::move(decisions), options_.checkpoint));
    }

    Result<void> once(const agent::Agent& agent, const std::string& question) {
        const InterruptGuard interrupt;
        return follow(agent.run(question, terms(interrupt.token())));
    }

    Result<void> talk(const agent::Agent& agent, const AgentFile& file, bool terminal) {
        if (terminal) note(fmt::format("{}. Ctrl-D leaves; Ctrl-C stops what it does.", file.name));
        for (std::string line;;) {
            if (terminal) print("\n> ");
            if (!std::getline(std::cin, line)) break;
            if (line.find_first_not_of(" \t\r") == std::string::npos) continue;
            const InterruptGuard interrupt;
            auto options = terms(interrupt.token());
            options.history = history_;
            auto done = follow(agent.run(line, std::move(options)));
            if (!done && !terminal) return done;
            if (!done && done.error().code() != ErrorCode::cancelled) note(done.error().describe());
        }
        if (terminal) print_line("");
        return {};
    }

    Result<void> follow(agent::Run run) {
        std::optional<agent::Answer> answer;
        bool in_text = false;
        for (const auto& step : run.steps(context_.runtime())) {
            if (const auto* done = std::get_if<agent::Answer>(&step)) answer = *done;
            if (options_.json) {
                print_json(to_json(step));
            } else if (const auto* text = std::get_if<agent::TextStep>(&step)) {
                if (!options_.quiet) print(text->text);
                in_text = !text->text.empty() && text->text.back() != '\n';
            } else if (!std::holds_alternative<agent::Answer>(step) && !options_.quiet) {
                if (std::exchange(in_text, false)) print_line("");
                std::ostringstream out;
                out << step;
                std::string shown = out.str();
                while (shown.ends_with('\n')) shown.pop_back();
                if (!shown.empty()) note(shown);
            }
        }
        if (in_text && !options_.json) print_line("");
        if (run.error()) return std::unexpected(*run.error());
        if (!answer) return fail(ErrorCode::internal, "the run ended without an answer");
        if (options_.quiet && !options_.json) print_line(answer->text);
        history_ = answer->state.messages;
        if (answer->outcome == agent::Outcome::answered) return {};
        if (answer->outcome == agent::Outcome::interrupted)
            return fail(ErrorCode::permission_denied,
                        fmt::format("it waits for a person's approval; go on with --resume --run {} and --yes or --no",
                                    answer->state.run));
        return fail(ErrorCode::resource_exhausted,
                    fmt::format("it ended before it had an answer: {}; go on with --resume --run {}",
                                agent::to_string(answer->outcome), answer->state.run));
    }

    Context& context_;
    const Options& options_;
    llm::GenerationSettings settings_;
    std::vector<llm::Message> history_;
};

Result<void> run(Context& context, const Options& o) { return Session(context, o).run(); }

}  // namespace

void add_agent(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "agent", "run an agent that a TOML file describes", declare, run);
}

}  // namespace tenon::app
