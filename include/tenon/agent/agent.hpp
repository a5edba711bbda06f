// Agents: a model that uses tools until it can answer.
//
//     auto agent = Agent{model}.instructions("You keep the books.").with(sql, python).limit(8_steps, 20'000_tokens);
//     auto run = agent.run("Which customer grew most last year, and why?");
//     while (auto step = co_await run.next()) std::cout << *step;        // or, from ordinary code:
//     for (const Step& step : run.steps(runtime)) std::cout << step;
#pragma once

#include <chrono>
#include <concepts>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "tenon/agent/state.hpp"
#include "tenon/agent/tool.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/store/checkpoints.hpp"

namespace tenon::agent {

class Middleware;
class Protocol;
class Memory;

// What a run tells while it goes on.
struct TextStep {
    std::string text;
};  ///< the next piece of what the model says to the user
struct ThoughtStep {
    std::string text;
};  ///< the next piece of what it thinks
struct CallStep {
    llm::ToolCallPart call;
};  ///< a tool has been called
struct ResultStep {
    llm::ToolResultPart result;
    std::chrono::milliseconds time{};
};
struct ApprovalStep {
    std::vector<llm::ToolCallPart> calls;
};  ///< these wait for a person; the run is interrupted
struct NoteStep {
    std::string text;
};  ///< something was done about the conversation: summarised, handed over …

struct PlanStep {
    Plan plan;
};  ///< the plan as it stands now: made, a task done, or made anew

struct Answer {
    std::string text;
    Outcome outcome = Outcome::answered;
    State state;  ///< the whole conversation, usage, steps
};
using Step = std::variant<TextStep, ThoughtStep, CallStep, ResultStep, ApprovalStep, NoteStep, PlanStep, Answer>;
/// For people: text as it is, calls and results in a line each.
std::ostream& operator<<(std::ostream& out, const Step& step);

struct StepLimit {
    std::size_t count;
};
struct TokenLimit {
    std::uint64_t count;
};
struct ToolCallLimit {
    std::size_t count;
};
inline namespace literals {
constexpr StepLimit operator""_steps(unsigned long long n) { return {static_cast<std::size_t>(n)}; }
constexpr TokenLimit operator""_tokens(unsigned long long n) { return {n}; }
constexpr ToolCallLimit operator""_tool_calls(unsigned long long n) { return {static_cast<std::size_t>(n)}; }
}  // namespace literals

/// How an agent plans; see Agent::plans.
struct PlanOptions {
    llm::ChatModelPtr planner{};     ///< makes the plans; null: the agent's own model
    std::string instructions{};      ///< for the planner, beside what it is told anyway
    std::size_t rounds = 12;         ///< plans made at most, the first included
    std::size_t steps_per_task = 8;  ///< answers of the model; a task that needs more has failed
};

struct RunOptions {
    CallOptions call{};
    TracerPtr tracer{};
    SpanId span = 0;
    std::string name{};                   ///< of the run; empty: a fresh one
    std::vector<llm::Message> history{};  ///< earlier turns
    std::string user{};                   ///< whose memory is used
    llm::GenerationSettings settings{};
};

/// Asked about a call that needs approval, on the run's executor. Without one the run is interrupted and can be
/// resumed.
using Approver = std::function<task<Decision>(llm::ToolCallPart)>;

/// One run. Pull it with `next`; destroying it stops what is under way. Not thread-safe.
class Run {
  public:
    explicit Run(StreamPtr<Step> stream) : stream_(std::move(stream)) {}
    /// The next step; nothing after the Answer or an error (see `error`).
    [[nodiscard]] task<std::optional<Step>> next();
    /// Why the steps ended without an answer: the model's errors, cancelled, deadline_exceeded, the checkpoints'. The
    /// run can be resumed.
    [[nodiscard]] const std::optional<Error>& error() const noexcept { return error_; }
    /// All of it, without looking at the steps.
    [[nodiscard]] task<Result<Answer>> answer();

    /// The steps as a range, for code that is not a coroutine; blocks for each.
    class Steps {
      public:
        class iterator {
          public:
            using value_type = Step;
            using difference_type = std::ptrdiff_t;
            const Step& operator*() const { return *owner_->current_; }
            iterator& operator++() {
                owner_->advance();
                return *this;
            }
            void operator++(int) { owner_->advance(); }
            bool operator==(std::default_sentinel_t) const { return !owner_->current_; }

          private:
            friend class Steps;
            explicit iterator(Steps* owner) : owner_(owner) {}
            Steps* owner_;
        };
        Steps(Run& run, Runtime& runtime) : run_(&run), runtime_(&runtime) {}
        iterator begin() {
            advance();
            return iterator(this);
        }
        [[nodiscard]] std::default_sentinel_t end() const { return {}; }

      private:
        void advance() { current_ = sync_wait(*runtime_, run_->next()); }
        Run* run_;
        Runtime* runtime_;
        std::optional<Step> current_;
    };
    [[nodiscard]] Steps steps(Runtime& runtime) { return {*this, runtime}; }

  private:
    StreamPtr<Step> stream_;
    std::optional<Error> error_;
};

/// A model, its tools and its terms. A value: copies are independent; any number of runs of one agent may go on at
/// once.
class Agent {
  public:
    explicit Agent(llm::ChatModelPtr model);

    Agent& named(std::string name, std::string description = {}) &;
    Agent& instructions(std::string text) &;
    /// Tools, Middleware pointers, or values with a `to_tools` found by argument-dependent lookup, in any order.
    template <class... Things>
    Agent& with(Things&&... things) & {
        (add(std::forward<Things>(things)), ...);
        return *this;
    }
    /// 8_steps, 20'000_tokens, 30_tool_calls, a std::chrono duration for the whole run. Unset: 16 steps, 64 tool calls.
    template <class... Limits>
    Agent& limit(Limits... limits) & {
        (set(limits), ...);
        return *this;
    }
    /// How the model calls tools; default: natively where its capabilities say so, else ReAct.
    Agent& speaks(std::shared_ptr<const Protocol> protocol) &;
    Agent& approved_by(Approver approver) &;
    /// After every step the state is saved here, so that `resume` works in another process.
    Agent& checkpoints(std::shared_ptr<store::Checkpoints> store) &;
    Agent& remembers(std::shared_ptr<Memory> memory) &;
    /// Calls of one answer that run at the same time; default 8.
    Agent& concurrent_tools(std::size_t count) &;
    /// Plan and execute (Wang et al. 2023, arXiv:2305.04091): a plan is made first, held to its schema; each task of it
    /// is a run of this agent with its tools; after each the planner answers, or says what is still to be done.
    /// PlanStep tells the plan, the tasks' calls and results are told as ever, what they say is in the plan. Limits
    /// hold for the whole; with checkpoints a run goes on in the middle of a task.
    Agent& plans(PlanOptions options = PlanOptions()) &;
    /// Another agent this one can hand the conversation to: it becomes a tool `transfer_to_NAME`.
    Agent& hands_off_to(Agent other) &;

    // The same on a temporary, so that an agent can be written in one expression.
    Agent&& named(std::string name, std::string description = {}) && {
        return std::move(named(std::move(name), std::move(description)));
    }
    Agent&& instructions(std::string text) && { return std::move(instructions(std::move(text))); }
    template <class... Things>
    Agent&& with(Things&&... things) && {
        return std::move(with(std::forward<Things>(things)...));
    }
    template <class... Limits>
    Agent&& limit(Limits... limits) && {
        return std::move(limit(limits...));
    }
    Agent&& speaks(std::shared_ptr<const Protocol> protocol) && { return std::move(speaks(std::move(protocol))); }
    Agent&& approved_by(Approver approver) && { return std::move(approved_by(std::move(approver))); }
    Agent&& checkpoints(std::shared_ptr<store::Checkpoints> store) && {
        return std::move(checkpoints(std::move(store)));
    }
    Agent&& remembers(std::shared_ptr<Memory> memory) && { return std::move(remembers(std::move(memory))); }
    Agent&& concurrent_tools(std::size_t count) && { return std::move(concurrent_tools(count)); }
    Agent&& plans(PlanOptions options = PlanOptions()) && { return std::move(plans(std::move(options))); }
    Agent&& hands_off_to(Agent other) && { return std::move(hands_off_to(std::move(other))); }

    /// Errors, from the first step: invalid_argument (two tools of one name, an empty question), unsupported (the model
    /// can do none of what the protocol needs).
    [[nodiscard]] Run run(std::string question, RunOptions options = {}) const;
    [[nodiscard]] Run run(std::vector<llm::Message> messages, RunOptions options = {}) const;
    /// Goes on from the newest checkpoint of `options.name`, or from `checkpoint` (a new branch). Finished tool calls
    /// are not run again. Errors: not_found, corrupt, invalid_argument (no checkpoints given).
    [[nodiscard]] Run resume(RunOptions options, std::vector<Decision> decisions = {},
                             std::int64_t checkpoint = 0) const;
    /// Goes on from a state somebody kept.
    [[nodiscard]] Run resume(State state, RunOptions options, std::vector<Decision> decisions = {}) const;

    /// The whole agent as a tool of another one (supervisor and workers): it takes a task and gives its answer.
    [[nodiscard]] Tool as_tool(ToolPolicy policy = {}) const;

    [[nodiscard]] const std::string& name() const noexcept;

    struct Parts;

  private:
    void add(Tool tool);
    void add(std::vector<Tool> tools);
    void add(std::shared_ptr<Middleware> middleware);
    template <class T>
        requires requires(T thing) {
            { to_tools(std::move(thing)) } -> std::same_as<std::vector<Tool>>;
        }
    void add(T thing) {
        add(to_tools(std::move(thing)));
    }
    void set(StepLimit limit);
    void set(TokenLimit limit);
    void set(ToolCallLimit limit);
    void set(std::chrono::milliseconds time);
    Parts& change();

    std::shared_ptr<const Parts> parts_;  // copied before it is changed
};

}  // namespace tenon::agent
