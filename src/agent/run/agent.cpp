#include "tenon/agent/agent.hpp"

#include <fmt/format.h>
#include <boost/describe/class.hpp>

#include <ostream>
#include <random>

#include "agent/run/plan_stream.hpp"
#include "agent/run/run_stream.hpp"

namespace tenon::agent {
namespace {

std::string fresh_name() {
    std::random_device random;
    return fmt::format("run-{:08x}{:08x}", random(), random());
}

/// Fails at its first step.
class Refused final : public Stream<Step> {
  public:
    explicit Refused(Error error) : error_(std::move(error)) {}
    task<Result<std::optional<Step>>> next() override { co_return std::unexpected(error_); }

  private:
    Error error_;
};

Run start(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions) {
    if (parts->plan)
        return Run(
            std::make_unique<PlanStream>(std::move(parts), std::move(state), std::move(options), std::move(decisions)));
    return Run(
        std::make_unique<RunStream>(std::move(parts), std::move(state), std::move(options), std::move(decisions)));
}

Run refuse(Error error) { return Run(std::make_unique<Refused>(std::move(error))); }

struct Task {
    std::string task;
};
BOOST_DESCRIBE_STRUCT(Task, (), (task))
constexpr auto describe_fields(const Task*) {
    return json::fields(
        json::about(&Task::task, {.description = "What to do, with everything needed to do it", .min_length = 1}));
}

}  // namespace

Agent::Agent(llm::ChatModelPtr model) {
    auto parts = std::make_shared<Parts>();
    parts->model = std::move(model);
    parts_ = std::move(parts);
}

Agent::Parts& Agent::change() {
    auto copy = std::make_shared<Parts>(*parts_);
    auto& out = *copy;
    parts_ = std::move(copy);
    return out;
}

Agent& Agent::named(std::string name, std::string description) & {
    auto& parts = change();
    parts.name = std::move(name);
    parts.description = std::move(description);
    return *this;
}
Agent& Agent::instructions(std::string text) & {
    change().instructions = std::move(text);
    return *this;
}
Agent& Agent::speaks(std::shared_ptr<const Protocol> protocol) & {
    change().protocol = std::move(protocol);
    return *this;
}
Agent& Agent::approved_by(Approver approver) & {
    change().approver = std::move(approver);
    return *this;
}
Agent& Agent::checkpoints(std::shared_ptr<store::Checkpoints> store) & {
    change().checkpoints = std::move(store);
    return *this;
}
Agent& Agent::remembers(std::shared_ptr<Memory> memory) & {
    change().memory = std::move(memory);
    return *this;
}
Agent& Agent::concurrent_tools(std::size_t count) & {
    change().concurrency = std::max<std::size_t>(1, count);
    return *this;
}
Agent& Agent::plans(PlanOptions options) & {
    change().plan = std::move(options);
    return *this;
}
Agent& Agent::hands_off_to(Agent other) & {
    change().others.push_back(std::move(other.parts_));
    return *this;
}
void Agent::add(Tool tool) { change().tools.push_back(std::move(tool)); }
void Agent::add(std::vector<Tool> tools) {
    auto& parts = change();
    for (auto& tool : tools) parts.tools.push_back(std::move(tool));
}
void Agent::add(std::shared_ptr<Middleware> middleware) { change().middleware.push_back(std::move(middleware)); }
void Agent::set(StepLimit limit) { change().max_steps = limit.count; }
void Agent::set(TokenLimit limit) { change().max_tokens = limit.count; }
void Agent::set(ToolCallLimit limit) { change().max_tool_calls = limit.count; }
void Agent::set(std::chrono::milliseconds time) { change().max_time = time; }
const std::string& Agent::name() const noexcept { return parts_->name; }

Run Agent::run(std::string question, RunOptions options) const {
    auto messages = std::exchange(options.history, {});
    messages.push_back(llm::Message::user(std::move(question)));
    return run(std::move(messages), std::move(options));
}

Run Agent::run(std::vector<llm::Message> messages, RunOptions options) const {
    State state;
    state.run = options.name.empty() ? fresh_name() : options.name;
    state.messages = std::move(messages);
    return start(parts_, std::move(state), std::move(options), {});
}

Run Agent::resume(RunOptions options, std::vector<Decision> decisions, std::int64_t checkpoint) const {
    if (!parts_->checkpoints)
        return refuse({ErrorCode::invalid_argument, "an agent without checkpoints has nothing to resume from"});
    auto saved = checkpoint == 0 ? parts_->checkpoints->latest(options.name)
                                 : parts_->checkpoints->load(options.name, checkpoint);
    if (!saved) return refuse(std::move(saved).error());
    auto state = State::from_json(saved->state);
    if (!state)
        return refuse({ErrorCode::corrupt,
                       fmt::format("checkpoint {} of the run {} cannot be read", saved->id, options.name),
                       std::move(state).error()});
    state->checkpoint = saved->id;
    return resume(std::move(*state), std::move(options), std::move(decisions));
}

Run Agent::resume(State state, RunOptions options, std::vector<Decision> decisions) const {
    return start(parts_, std::move(state), std::move(options), std::move(decisions));
}

Tool Agent::as_tool(ToolPolicy policy) const {
    const Agent self = *this;
    return tool<Task>(
        parts_->name, parts_->description.empty() ? "Does a task and reports" : parts_->description,
        [self](Task given, ToolContext context) -> task<Result<ToolOutput>> {
            RunOptions options;
            options.call = context.options;
            options.tracer = context.tracer;
            options.span = context.span;
            if (!context.run.empty()) options.name = fmt::format("{}/{}", context.run, context.call_id);
            // A worker that was under way when the process died goes on where it was.
            Run run =
                self.parts_->checkpoints && !options.name.empty() && self.parts_->checkpoints->latest(options.name)
                    ? self.resume(options)
                    : self.run(std::move(given.task), options);
            TENON_CO_TRY(auto answer, co_await run.answer());
            if (answer.outcome != Outcome::answered)
                co_return ToolOutput{
                    fmt::format("{} gave no answer: {}", self.name(), to_string(answer.outcome)), {}, true};
            co_return ToolOutput{std::move(answer.text)};
        },
        policy);
}

task<std::optional<Step>> Run::next() {
    if (!stream_) co_return std::nullopt;
    auto step = co_await stream_->next();
    if (step && *step) co_return std::move(**step);
    if (!step) error_ = std::move(step).error();
    stream_.reset();
    co_return std::nullopt;
}

task<Result<Answer>> Run::answer() {
    while (auto step = co_await next())
        if (auto* answer = std::get_if<Answer>(&*step)) co_return std::move(*answer);
    if (error_) co_return std::unexpected(*error_);
    co_return fail(ErrorCode::internal, "the run ended without an answer");
}

std::ostream& operator<<(std::ostream& out, const Step& step) {
    const auto line = [](std::string text) {
        std::ranges::replace(text, '\n', ' ');
        if (text.size() > 200) {
            text.resize(200);
            while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xC0) == 0x80) text.pop_back();
            text += "…";
        }
        return text;
    };
    if (const auto* text = std::get_if<TextStep>(&step)) return out << text->text;
    if (const auto* thought = std::get_if<ThoughtStep>(&step)) return out << thought->text;
    if (const auto* call = std::get_if<CallStep>(&step))
        return out << "\n→ " << call->call.name << ' ' << line(call->call.arguments_json) << '\n';
    if (const auto* result = std::get_if<ResultStep>(&step))
        return out << "← " << (result->result.is_error ? "error: " : "") << line(result->result.content) << '\n';
    if (const auto* asked = std::get_if<ApprovalStep>(&step)) {
        for (const auto& call : asked->calls)
            out << "? " << call.name << ' ' << line(call.arguments_json) << " waits for approval\n";
        return out;
    }
    if (const auto* plan = std::get_if<PlanStep>(&step)) {
        for (const auto& t : plan->plan.tasks) {
            using enum PlannedTask::Status;
            out << (t.status == open ? "☐ " : t.status == done ? "☑ " : "☒ ") << line(t.task);
            if (!t.result.empty()) out << ": " << line(t.result);
            out << '\n';
        }
        return out;
    }
    if (const auto* note = std::get_if<NoteStep>(&step)) return out << "· " << note->text << '\n';
    return out << '\n';
}

}  // namespace tenon::agent
