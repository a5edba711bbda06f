#include "agent/run/plan_stream.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/json/value.hpp>

#include "tenon/base/hash.hpp"
#include "tenon/chain/structured.hpp"

namespace tenon::agent {
namespace {

// What the planner is held to.
struct FirstPlan {
    std::vector<std::string> tasks;
};
BOOST_DESCRIBE_STRUCT(FirstPlan, (), (tasks))
constexpr auto describe_fields(const FirstPlan*) {
    return json::fields("The tasks that lead to the answer, in their order",
                        json::about(&FirstPlan::tasks, {.description = "each in one sentence that can be understood "
                                                                       "without the others",
                                                        .min_length = 1,
                                                        .min_items = 1,
                                                        .max_items = 12}));
}
struct NextMove {
    std::string answer;
    std::vector<std::string> tasks;
};
BOOST_DESCRIBE_STRUCT(NextMove, (), (answer, tasks))
constexpr auto describe_fields(const NextMove*) {
    return json::fields(
        "The answer, or what is still to be done",
        json::about(&NextMove::answer, {.description = "to the question, when the results suffice; else empty"}),
        json::about(
            &NextMove::tasks,
            {.description = "still to be done when they do not; else empty", .min_length = 1, .max_items = 12}));
}

constexpr std::string_view planning =
    "You plan. Break the question down into the tasks that lead to its answer, as few as will do, in the order they "
    "are "
    "to be done. Somebody else does them one by one with the tools below, and sees the results of the earlier ones.";
constexpr std::string_view looking =
    "You plan. Somebody works on a question by a plan; you see what came of it so far. When the results suffice, give "
    "the "
    "answer to the question, with nothing left out. When they do not, give the tasks that are still to be done: those "
    "that "
    "are open, changed where the results ask for it. Never repeat a task that is done.";

/// Adds what the planner uses to the run's usage.
class CountedModel final : public llm::ChatModel {
  public:
    CountedModel(llm::ChatModelPtr model, llm::Usage& usage) : model_(std::move(model)), usage_(usage) {}
    [[nodiscard]] const std::string& name() const noexcept override { return model_->name(); }
    [[nodiscard]] llm::Capabilities capabilities() const override { return model_->capabilities(); }
    [[nodiscard]] std::size_t count_tokens(std::string_view text) const override { return model_->count_tokens(text); }
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest request,
                                                                   CallOptions options) override {
        co_return co_await model_->complete(std::move(request), std::move(options));
    }
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest request,
                                                                 CallOptions options) override {
        TENON_CO_TRY(auto events, co_await model_->stream(std::move(request), std::move(options)));
        StreamPtr<llm::ChatEvent> counted = std::make_unique<Counted>(std::move(events), usage_);
        co_return counted;
    }

  private:
    class Counted final : public Stream<llm::ChatEvent> {
      public:
        Counted(StreamPtr<llm::ChatEvent> events, llm::Usage& usage) : events_(std::move(events)), usage_(usage) {}
        task<Result<std::optional<llm::ChatEvent>>> next() override {
            auto event = co_await events_->next();
            if (event && *event && (*event)->finish) usage_ += (*event)->usage;
            co_return event;
        }

      private:
        StreamPtr<llm::ChatEvent> events_;
        llm::Usage& usage_;
    };
    llm::ChatModelPtr model_;
    llm::Usage& usage_;
};

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

}  // namespace

PlanStream::PlanStream(PartsPtr parts, State state, RunOptions options, std::vector<Decision> decisions)
    : StepStream(std::move(options), parts->max_time),
      parts_(std::move(parts)),
      state_(std::move(state)),
      decisions_(std::move(decisions)) {}

task<Result<void>> PlanStream::run_out_of_time() {
    task_.reset();
    auto r = co_await finish(Outcome::out_of_time, std::string());
    co_return r;
}

task<Result<void>> PlanStream::advance() {
    // Named, for GCC 12 destroys what is returned straight out of co_await twice.
    if (!begun_) {
        begun_ = true;
        auto r = co_await begin();
        co_return r;
    }
    if (task_) {
        auto r = co_await follow_task();
        co_return r;
    }
    if (const auto limit = limit_reached()) {
        auto r = co_await finish(*limit, std::string());
        co_return r;
    }
    if (!state_.plan) {
        auto r = co_await make_plan();
        co_return r;
    }
    if (!looked_) {
        auto r = co_await look_again();
        co_return r;
    }
    if (open_task() != nullptr) co_return start_task();
    auto r = co_await conclude();
    co_return r;
}

task<Result<void>> PlanStream::begin() {
    span_ = Span(options_.tracer, "plan " + parts_->name, options_.span);
    if (!parts_->model) co_return fail(ErrorCode::invalid_argument, "the agent has no model");
    for (const auto& message : state_.messages)
        if (message.role == llm::Role::user) question_ = message.text();
    if (is_blank(question_)) co_return fail(ErrorCode::invalid_argument, "the question is empty");
    if (state_.outcome == Outcome::answered) {
        over_ = true;
        ready_.emplace_back(Answer{state_.answer, Outcome::answered, state_});
        co_return Result<void>{};
    }
    state_.outcome.reset();
    state_.pending.clear();  // those of the task's own run count
    if (parts_->memory) {
        TENON_CO_TRY(recalled_, co_await parts_->memory->recall(options_.user, question_, context()));
    }
    if (state_.checkpoint == 0) {
        TENON_CO_CHECK(save("start"));
    } else if (state_.plan) {
        // Saved after a task, or after the plan that followed it: the planner is asked again where it is not known.
        const auto& tasks = state_.plan->tasks;
        const auto over =
            std::ranges::count_if(tasks, [](const auto& t) { return t.status != PlannedTask::Status::open; });
        looked_ = over == 0 || state_.plan->rounds > static_cast<std::uint64_t>(over);
        tell();
    }
    co_return Result<void>{};
}

llm::ChatModelPtr PlanStream::planner() {
    auto model = parts_->plan->planner ? parts_->plan->planner : parts_->model;
    return std::make_shared<CountedModel>(std::move(model), state_.usage);
}

llm::ChatRequest PlanStream::request_of(std::string_view role, std::string question) const {
    std::string system(role);
    const auto add = [&](std::string_view more) {
        if (!more.empty()) system += fmt::format("\n\n{}", more);
    };
    add(parts_->plan->instructions);
    add(parts_->instructions);
    add(recalled_.notes);
    std::string tools;
    for (const auto& tool : parts_->tools)
        tools += fmt::format("\n- {}: {}", tool.name(), tool.definition().description);
    if (!tools.empty()) add("The tools:" + tools);
    llm::ChatRequest out;
    out.messages.push_back(llm::Message::system(std::move(system)));
    out.messages.insert(out.messages.end(), recalled_.turns.begin(), recalled_.turns.end());
    // Earlier turns of the conversation, without this question.
    for (std::size_t i = 0; i + 1 < state_.messages.size(); ++i) out.messages.push_back(state_.messages[i]);
    out.messages.push_back(llm::Message::user(std::move(question)));
    return out;
}

std::string PlanStream::report() const {
    std::string out = fmt::format("Question: {}\n", question_);
    std::size_t n = 0;
    for (const auto& t : state_.plan->tasks) {
        out += fmt::format("\n{}. [{}] {}\n", ++n, to_string(t.status), t.task);
        if (!t.result.empty()) out += fmt::format("   Result: {}\n", t.result);
    }
    return out;
}

task<Result<void>> PlanStream::make_plan() {
    chain::StructuredOptions how;
    how.name = "plan";
    how.settings = options_.settings;
    auto request = request_of(planning, question_);
    auto model = planner();
    auto made =
        co_await chain::generate<FirstPlan>(std::move(model), std::move(request), std::move(how), options_.call);
    if (!made) co_return std::unexpected(std::move(made).error());
    ++state_.steps;
    auto& plan = state_.plan.emplace();
    plan.rounds = 1;
    for (auto& task : made->tasks) plan.tasks.push_back({std::move(task)});
    TENON_CO_CHECK(save("plan"));
    tell();
    co_return Result<void>{};
}

task<Result<void>> PlanStream::look_again() {
    if (state_.plan->rounds >= parts_->plan->rounds) {
        auto r = co_await finish(Outcome::out_of_steps, std::string());
        co_return r;
    }
    chain::StructuredOptions how;
    how.name = "next";
    how.settings = options_.settings;
    auto request = request_of(looking, report());
    auto model = planner();
    auto move = co_await chain::generate<NextMove>(std::move(model), std::move(request), std::move(how), options_.call);
    if (!move) co_return std::unexpected(std::move(move).error());
    ++state_.steps;
    ++state_.plan->rounds;
    looked_ = true;
    if (!is_blank(move->answer)) {
        auto r = co_await finish(Outcome::answered, std::move(move->answer));
        co_return r;
    }
    // Neither an answer nor tasks: the plan stands as it was.
    if (!move->tasks.empty()) {
        std::vector<std::string> before;
        std::erase_if(state_.plan->tasks, [&](const PlannedTask& t) {
            if (t.status != PlannedTask::Status::open) return false;
            before.push_back(t.task);
            return true;
        });
        const bool changed = before != move->tasks;
        for (auto& task : move->tasks) state_.plan->tasks.push_back({std::move(task)});
        if (changed) tell();
    }
    auto saved = save("replan");
    co_return saved;
}

/// Every task is over, and the planner had nothing to add: it is asked for the answer alone.
task<Result<void>> PlanStream::conclude() {
    auto request = request_of("Answer the question from the results below, and from nothing else.", report());
    request.settings = options_.settings;
    const auto model = planner();
    auto said = co_await model->generate(std::move(request), options_.call);
    if (!said) co_return std::unexpected(std::move(said).error());
    ++state_.steps;
    const auto outcome = said->finish == llm::FinishReason::content_filter ? Outcome::refused : Outcome::answered;
    auto r = co_await finish(outcome, said->message.text());
    co_return r;
}

PlannedTask* PlanStream::open_task() {
    auto& tasks = state_.plan->tasks;
    const auto at = std::ranges::find(tasks, PlannedTask::Status::open, &PlannedTask::status);
    return at == tasks.end() ? nullptr : &*at;
}

std::string PlanStream::task_prompt(const PlannedTask& task) const {
    std::string out = fmt::format("You work on this question: {}\n", question_);
    for (const auto& t : state_.plan->tasks)
        if (t.status != PlannedTask::Status::open) out += fmt::format("\nDone: {}\nResult: {}\n", t.task, t.result);
    out += fmt::format("\nDo this part of it now, and only this; report what came of it: {}", task.task);
    return out;
}

Result<void> PlanStream::start_task() {
    const auto prompt = task_prompt(*open_task());
    auto parts = std::make_shared<Agent::Parts>(*parts_);
    parts->plan.reset();
    parts->memory = nullptr;
    parts->max_time = std::chrono::milliseconds(0);
    parts->max_steps = parts_->plan->steps_per_task;
    if (parts_->max_steps > 0)
        parts->max_steps = std::min<std::size_t>(parts->max_steps, parts_->max_steps - state_.steps);
    const auto used = state_.usage.input_tokens + state_.usage.output_tokens;
    if (parts_->max_tokens > 0) parts->max_tokens = parts_->max_tokens - used;
    if (parts_->max_tool_calls > 0) {
        // 0 would mean no limit: then the first call is what is over it.
        parts->max_tool_calls = std::max<std::uint64_t>(
            1, parts_->max_tool_calls - std::min<std::uint64_t>(state_.tool_calls, parts_->max_tool_calls));
    }
    RunOptions options = options_;
    options.span = span_.id();
    // Named after what it works on: another branch of this run that has come to other results has runs of its own.
    options.name = fmt::format("{}/{}", state_.run, sha256_hex(prompt).substr(0, 12));
    State state;
    bool kept = false;
    if (parts->checkpoints) {
        if (const auto saved = parts->checkpoints->latest(options.name)) {
            TENON_TRY(state, State::from_json(saved->state));
            state.checkpoint = saved->id;
            kept = true;
        } else if (saved.error().code() != ErrorCode::not_found) {
            return std::unexpected(saved.error());
        }
    }
    if (!kept) {
        state.run = options.name;
        state.messages.push_back(llm::Message::user(prompt));
    }
    task_ = std::make_unique<RunStream>(std::move(parts), std::move(state), std::move(options),
                                        std::exchange(decisions_, {}));
    return {};
}

task<Result<void>> PlanStream::follow_task() {
    TENON_CO_TRY(auto step, co_await task_->next());
    if (!step) co_return fail(ErrorCode::internal, "a task ended without an answer");
    if (auto* answer = std::get_if<Answer>(&*step)) {
        Answer ended = std::move(*answer);
        task_.reset();
        if (ended.outcome == Outcome::interrupted) {
            state_.pending = ended.state.pending;  // who resumes the run sees what it waits for
            auto r = co_await finish(Outcome::interrupted, std::string());
            co_return r;
        }
        co_return task_ended(std::move(ended));
    }
    if (!std::holds_alternative<TextStep>(*step)) ready_.push_back(std::move(*step));
    co_return Result<void>{};
}

Result<void> PlanStream::task_ended(Answer answer) {
    state_.steps += answer.state.steps;
    state_.tool_calls += answer.state.tool_calls;
    state_.usage += answer.state.usage;
    auto& task = *open_task();
    const bool done = answer.outcome == Outcome::answered;
    task.status = done ? PlannedTask::Status::done : PlannedTask::Status::failed;
    task.result = done ? std::move(answer.text) : fmt::format("no result: {}", to_string(answer.outcome));
    // Those that are over stand first.
    std::ranges::stable_partition(state_.plan->tasks,
                                  [](const auto& t) { return t.status != PlannedTask::Status::open; });
    looked_ = false;
    TENON_CHECK(save("task"));
    tell();
    return {};
}

std::optional<Outcome> PlanStream::limit_reached() const {
    if (parts_->max_steps > 0 && state_.steps >= parts_->max_steps) return Outcome::out_of_steps;
    if (parts_->max_tokens > 0 && state_.usage.input_tokens + state_.usage.output_tokens >= parts_->max_tokens)
        return Outcome::out_of_tokens;
    if (parts_->max_tool_calls > 0 && state_.tool_calls >= parts_->max_tool_calls && looked_ && state_.plan &&
        std::ranges::any_of(state_.plan->tasks, [](const auto& t) { return t.status == PlannedTask::Status::open; }))
        return Outcome::out_of_tool_calls;
    return std::nullopt;
}

Result<void> PlanStream::save(std::string label) {
    if (!parts_->checkpoints) return {};
    TENON_TRY(state_.checkpoint,
              parts_->checkpoints->save({state_.run, 0, state_.checkpoint, std::move(label), state_.to_json(), 0}));
    return {};
}

task<Result<void>> PlanStream::finish(Outcome outcome, std::string answer) {
    state_.outcome = outcome;
    state_.answer = answer;
    if (outcome == Outcome::answered) {
        state_.messages.push_back(llm::Message::assistant(answer));
        if (parts_->memory) {
            std::vector<llm::Message> exchange(state_.messages.end() - 2, state_.messages.end());
            TENON_CO_CHECK(co_await parts_->memory->record(options_.user, std::move(exchange), context()));
        }
    }
    TENON_CO_CHECK(save(std::string(to_string(outcome))));
    if (!answer.empty()) ready_.emplace_back(TextStep{answer});
    span_.set("agent.outcome", std::string(to_string(outcome)));
    span_.end();
    ready_.emplace_back(Answer{std::move(answer), outcome, state_});
    over_ = true;
    co_return Result<void>{};
}

}  // namespace tenon::agent
