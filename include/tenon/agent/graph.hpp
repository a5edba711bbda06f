// Graphs: nodes that work on one typed state, with cycles, parallel branches, interrupts and checkpoints.
//
//     struct Review { std::string draft; std::vector<std::string> remarks; int rounds = 0; };
//     BOOST_DESCRIBE_STRUCT(Review, (), (draft, remarks, rounds))
//
//     auto graph = Graph<Review>()
//         .node("write", write).node("style", style).node("facts", facts).node("publish", publish)
//         .reduce(&Review::remarks, append)                      // both critics add to it
//         .edge(start, "write").edge("write", "style").edge("write", "facts")
//         .join({"style", "facts"}, "publish")
//         .branch("publish", [](const Review& r) { return r.remarks.empty() || r.rounds > 2 ? end : "write"; });
//
// The nodes that are due run side by side, each on its own copy of the state; when all have ended their changes are
// merged field by field and the edges say what is due next (bulk-synchronous, as Pregel: Malewicz et al. 2010).
#pragma once

#include <boost/describe/members.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/agent/graph_core.hpp"
#include "tenon/json/reflect.hpp"

namespace tenon::agent {

/// What a node is given beside the state.
class NodeContext : public chain::Context {
  public:
    /// Asks a person. The first time, the run is interrupted once the other nodes of the step have ended; when it is
    /// resumed with a reply, the node runs again from its beginning and gets it here. Several questions of one node are
    /// answered in their order. Use with TENON_CO_TRY: the error only carries the interruption out of the node.
    template <class T = std::string>
    [[nodiscard]] Result<T> ask(std::string question) {
        TENON_TRY(const std::string reply, ask_json(std::move(question)));
        return json::from_text<T>(reply);
    }
    /// Tells whoever watches the run.
    void tell(std::string text) const;

    [[nodiscard]] Result<std::string> ask_json(std::string question);
    std::shared_ptr<detail::NodeTalk> talk{};
    std::string run{}, node{};
};

// How changes that parallel branches made to one field come together.
/// Elements that branches added at the end of a list, in the order of the branches.
struct Append {
    template <class List>
    void operator()(List& merged, const List& base, const List& branch) const {
        for (std::size_t i = base.size(); i < branch.size(); ++i) merged.push_back(branch[i]);
    }
};
inline constexpr Append append{};
/// The differences to what it was before, added.
struct Sum {
    template <class Number>
    void operator()(Number& merged, const Number& base, const Number& branch) const {
        merged = static_cast<Number>(merged + (branch - base));
    }
};
inline constexpr Sum sum{};
/// The last branch's, where several changed it.
struct Last {
    template <class T>
    void operator()(T& merged, const T& base, const T& branch) const {
        if (json::to_text(branch) != json::to_text(base)) merged = branch;
    }
};
inline constexpr Last last{};

template <class S>
struct GraphResult {
    S state;
    bool finished = false;                 ///< false: interrupted
    std::vector<GraphQuestion> questions;  ///< that wait for replies
    std::size_t steps = 0;                 ///< supersteps made by this run so far
};

/// A graph over the described struct S. Build it, then run it; a value, immutable once it runs: any number of runs may
/// go on at once. Mistakes in its shape (nodes that do not exist, nothing after the start, a node nothing leads to) are
/// told by `check` and by every run.
template <class S>
class Graph {
  public:
    /// A function of the state, and if it likes a NodeContext&, that returns S, Result<S>, task<S> or task<Result<S>>.
    template <class F>
        requires(std::invocable<F&, S> || std::invocable<F&, S, NodeContext&>)
    Graph& node(std::string name, F function) & {
        auto shared = std::make_shared<F>(std::move(function));
        core_.add_node(std::move(name), [shared](std::shared_ptr<const void> state, NodeContext context) {
            return run_node<F>(shared, std::static_pointer_cast<const S>(state), std::move(context));
        });
        return *this;
    }
    Graph& edge(std::string_view from, std::string_view to) & {
        core_.add_edge(from, to);
        return *this;
    }
    /// Where to go after `from`: the name of a node (or `end`), or several in a vector.
    template <class F>
    Graph& branch(std::string_view from, F choose) & {
        core_.add_branch(from, [choose = std::move(choose)](const void* state) {
            auto chosen = choose(*static_cast<const S*>(state));
            if constexpr (std::convertible_to<decltype(chosen), std::string>)
                return std::vector<std::string>{std::string(std::move(chosen))};
            else
                return std::vector<std::string>(chosen.begin(), chosen.end());
        });
        return *this;
    }
    /// `to` runs once all of `from` have run.
    Graph& join(std::initializer_list<std::string_view> from, std::string_view to) & {
        core_.add_join({from.begin(), from.end()}, to);
        return *this;
    }
    /// How the changes of parallel branches to a field are merged. Without one, two branches that change the same field
    /// differently are an error.
    template <class T, class R>
    Graph& reduce(T S::*field, R reducer) & {
        reducers_.emplace_back([field](const S& s) { return static_cast<const void*>(&(s.*field)); },
                               [field, reducer](S& merged, const S& base, const S& branch) {
                                   reducer(merged.*field, base.*field, branch.*field);
                               });
        return *this;
    }
    /// The run stops for a look before this node runs; `resume` goes on.
    Graph& interrupt_before(std::string_view node) & {
        core_.interrupt_before(node);
        return *this;
    }
    Graph& checkpoints(std::shared_ptr<store::Checkpoints> store) & {
        core_.checkpoints(std::move(store));
        return *this;
    }
    /// Supersteps after which a run fails with resource_exhausted; default 100.
    Graph& limit(std::size_t steps) & {
        core_.limit(steps);
        return *this;
    }
    template <class... A>
    Graph&& node(A&&... a) && {
        return std::move(node(std::forward<A>(a)...));
    }
    Graph&& edge(std::string_view from, std::string_view to) && { return std::move(edge(from, to)); }
    template <class F>
    Graph&& branch(std::string_view from, F choose) && {
        return std::move(branch(from, std::move(choose)));
    }
    Graph&& join(std::initializer_list<std::string_view> from, std::string_view to) && {
        return std::move(join(from, to));
    }
    template <class T, class R>
    Graph&& reduce(T S::*field, R reducer) && {
        return std::move(reduce(field, std::move(reducer)));
    }
    Graph&& interrupt_before(std::string_view node) && { return std::move(interrupt_before(node)); }
    Graph&& checkpoints(std::shared_ptr<store::Checkpoints> store) && {
        return std::move(checkpoints(std::move(store)));
    }
    Graph&& limit(std::size_t steps) && { return std::move(limit(steps)); }

    /// Errors: invalid_argument, with every fault of its shape.
    [[nodiscard]] Result<void> check() const { return core_.check(); }
    /// A Mermaid flowchart.
    [[nodiscard]] std::string to_mermaid() const { return core_.to_mermaid(); }

    /// Runs to the end or an interruption. Errors: those of nodes (with the node's name), invalid_argument, cancelled,
    /// deadline_exceeded, resource_exhausted; the run can be resumed after any of them.
    [[nodiscard]] task<Result<GraphResult<S>>> run(S state, GraphOptions options = GraphOptions()) const {
        auto r = co_await finish(core_.run(ops(), std::make_shared<const S>(std::move(state)), std::move(options)));
        co_return r;
    }
    /// Goes on from the newest checkpoint of `options.name`, or from `checkpoint` as a new branch. Nodes of an
    /// unfinished step that had ended are not run again. `replies`: JSON text for each question, by node.
    [[nodiscard]] task<Result<GraphResult<S>>> resume(GraphOptions options, std::vector<GraphReply> replies = {},
                                                      std::int64_t checkpoint = 0) const {
        auto r = co_await finish(core_.resume(ops(), std::move(options), std::move(replies), checkpoint));
        co_return r;
    }
    /// Goes on from a checkpoint with another state: what if it had been so?
    [[nodiscard]] task<Result<GraphResult<S>>> resume_with(S state, GraphOptions options,
                                                           std::int64_t checkpoint = 0) const {
        auto r = co_await finish(
            core_.resume(ops(), std::move(options), {}, checkpoint, std::make_shared<const S>(std::move(state))));
        co_return r;
    }
    /// The state at a checkpoint; 0: the newest. Errors: not_found, corrupt.
    [[nodiscard]] Result<S> state_at(std::string_view run, std::int64_t checkpoint = 0) const {
        TENON_TRY(const auto text, core_.state_at(run, checkpoint));
        return json::from_text<S>(text);
    }

  private:
    template <class F>
    static task<Result<std::shared_ptr<const void>>> run_node(std::shared_ptr<F> function,
                                                              std::shared_ptr<const S> state, NodeContext context) {
        const auto invoke = [&]() -> decltype(auto) {
            if constexpr (std::invocable<F&, S, NodeContext&>)
                return (*function)(*state, context);
            else
                return (*function)(*state);
        };
        using Returned = std::remove_cvref_t<decltype(invoke())>;
        if constexpr (detail::IsTask<Returned>::value) {
            auto out = co_await invoke();
            co_return wrap(std::move(out));
        } else {
            co_return wrap(invoke());
        }
    }
    static Result<std::shared_ptr<const void>> wrap(S state) { return std::make_shared<const S>(std::move(state)); }
    static Result<std::shared_ptr<const void>> wrap(Result<S> state) {
        if (!state) return std::unexpected(std::move(state).error());
        return std::make_shared<const S>(std::move(*state));
    }
    static task<Result<GraphResult<S>>> finish(task<Result<detail::CoreResult>> running) {
        TENON_CO_TRY(auto core, co_await std::move(running));
        co_return GraphResult<S>{*static_cast<const S*>(core.state.get()), core.finished, std::move(core.questions),
                                 core.steps};
    }

    [[nodiscard]] detail::StateOps ops() const {
        return {[](const void* s) { return json::to_text(*static_cast<const S*>(s)); },
                [](std::string_view text) -> Result<std::shared_ptr<const void>> {
                    TENON_TRY(auto state, json::from_text<S>(text));
                    return std::make_shared<const S>(std::move(state));
                },
                [reducers = reducers_](const void* base, std::span<const detail::Branch> branches) {
                    return merge(*static_cast<const S*>(base), branches, reducers);
                }};
    }

    using FieldOf = std::function<const void*(const S&)>;
    using Reducer = std::function<void(S&, const S&, const S&)>;
    static Result<std::shared_ptr<const void>> merge(const S& base, std::span<const detail::Branch> branches,
                                                     const std::vector<std::pair<FieldOf, Reducer>>& reducers) {
        if (branches.size() == 1) return branches[0].state;
        auto merged = std::make_shared<S>(base);
        for (const auto& branch : branches)
            for (const auto& [field, reducer] : reducers)
                reducer(*merged, base, *static_cast<const S*>(branch.state.get()));
        Result<void> fault;
        using Members =
            boost::describe::describe_members<S, boost::describe::mod_any_access | boost::describe::mod_inherited>;
        boost::mp11::mp_for_each<Members>([&](auto member) {
            const auto pointer = decltype(member)::pointer;
            for (const auto& [field, reducer] : reducers)
                if (field(base) == static_cast<const void*>(&(base.*pointer))) return;
            const std::string before = json::to_text(base.*pointer);
            const detail::Branch* changed_by = nullptr;
            std::string changed_to;
            for (const auto& branch : branches) {
                const auto& value = static_cast<const S*>(branch.state.get())->*pointer;
                std::string now = json::to_text(value);
                if (now == before) continue;
                if (changed_by != nullptr && now != changed_to && fault)
                    fault = detail::conflict(decltype(member)::name, changed_by->node, branch.node);
                (*merged).*pointer = value;
                changed_by = &branch;
                changed_to = std::move(now);
            }
        });
        if (!fault) return std::unexpected(fault.error());
        return std::shared_ptr<const void>(std::move(merged));
    }

    detail::GraphCore core_;
    std::vector<std::pair<FieldOf, Reducer>> reducers_;
};

}  // namespace tenon::agent
