// The loop that runs a graph, superstep by superstep, and can be stopped between any two of its nodes.
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/json/value.hpp>
#include <random>

#include "agent/graph/shape.hpp"
#include "tenon/async/channel.hpp"
#include "tenon/json/json.hpp"

namespace tenon::agent::detail {
namespace {

constexpr std::int64_t form = 1;

/// Where a run stands.
struct Progress {
    std::shared_ptr<const void> state;
    std::vector<std::string> due;                ///< nodes of the present step
    std::vector<Branch> done;                    ///< of them, those that have ended, and their states
    std::vector<std::set<std::string>> arrived;  ///< at each join
    std::map<std::string, std::vector<std::string>> replies;
    std::vector<GraphQuestion> questions;
    std::set<std::string> looked_at;  ///< nodes whose interruption has been passed
    std::size_t steps = 0;
};

json::Array names_of(const auto& names) {
    json::Array out;
    for (const auto& name : names) out.emplace_back(name);
    return out;
}

std::string to_json(const Progress& p, const StateOps& ops) {
    const auto raw = [](const std::string& text) {
        auto value = json::parse(text);
        return value ? std::move(*value) : json::Value(nullptr);
    };
    json::Object out{{"form", form}, {"state", raw(ops.save(p.state.get()))}, {"steps", p.steps}};
    out["due"] = names_of(p.due);
    json::Array done;
    for (const auto& b : p.done)
        done.emplace_back(json::Object{{"node", b.node}, {"state", raw(ops.save(b.state.get()))}});
    out["done"] = std::move(done);
    json::Array arrived;
    for (const auto& a : p.arrived) arrived.emplace_back(names_of(a));
    out["arrived"] = std::move(arrived);
    json::Object replies;
    for (const auto& [node, all] : p.replies) replies[node] = names_of(all);
    out["replies"] = std::move(replies);
    json::Array questions;
    for (const auto& q : p.questions) questions.emplace_back(json::Object{{"node", q.node}, {"question", q.question}});
    out["questions"] = std::move(questions);
    out["looked_at"] = names_of(p.looked_at);
    return json::dump(json::Value(std::move(out)));
}

std::vector<std::string> names_in(const json::Value* from) {
    std::vector<std::string> out;
    if (from != nullptr && from->is_array())
        for (const auto& item : from->get_array())
            if (item.is_string()) out.emplace_back(item.get_string());
    return out;
}

Result<Progress> from_json(std::string_view text, const StateOps& ops) {
    TENON_TRY(const auto value, json::parse(text));
    const auto* state = json::find(value, "state");
    if (json::integer_or(value, "form", 0) != form || state == nullptr)
        return fail(ErrorCode::corrupt, "this is not the checkpoint of a graph, or one of another version of Tenon");
    Progress p;
    TENON_TRY(p.state, ops.load(json::dump(*state)));
    p.steps = static_cast<std::size_t>(std::max<std::int64_t>(0, json::integer_or(value, "steps", 0)));
    p.due = names_in(json::find(value, "due"));
    if (const auto* done = json::find(value, "done"); done != nullptr && done->is_array())
        for (const auto& item : done->get_array()) {
            const auto* branch = json::find(item, "state");
            if (branch == nullptr) return fail(ErrorCode::corrupt, "a finished node has no state");
            TENON_TRY(auto loaded, ops.load(json::dump(*branch)));
            p.done.push_back({std::string(json::string_or(item, "node", "")), std::move(loaded)});
        }
    if (const auto* arrived = json::find(value, "arrived"); arrived != nullptr && arrived->is_array())
        for (const auto& item : arrived->get_array()) {
            const auto names = names_in(&item);
            p.arrived.emplace_back(names.begin(), names.end());
        }
    if (const auto* replies = json::find(value, "replies"); replies != nullptr && replies->is_object())
        for (const auto& item : replies->get_object()) p.replies[std::string(item.key())] = names_in(&item.value());
    if (const auto* questions = json::find(value, "questions"); questions != nullptr && questions->is_array())
        for (const auto& q : questions->get_array())
            p.questions.push_back(
                {std::string(json::string_or(q, "node", "")), std::string(json::string_or(q, "question", ""))});
    const auto looked = names_in(json::find(value, "looked_at"));
    p.looked_at = {looked.begin(), looked.end()};
    return p;
}

struct Ended {
    std::string node;
    Result<std::shared_ptr<const void>> state;
    std::shared_ptr<NodeTalk> talk;
};

task<void> work(std::shared_ptr<Channel<Ended>> channel, NodeFunction function, std::shared_ptr<const void> state,
                NodeContext context) {
    Span span(context.tracer, "node " + context.node, context.span);
    context.span = span.id();
    auto talk = context.talk;
    std::string node = context.node;
    Result<std::shared_ptr<const void>> out = fail(ErrorCode::internal, "the node gave nothing");
    try {
        auto given = co_await function(std::move(state), std::move(context));
        out = std::move(given);
    } catch (const std::exception& error) {
        out = fail(ErrorCode::internal, fmt::format("it failed: {}", error.what()));
    }
    span.end(out ? nullptr : &out.error());
    channel->push({std::move(node), std::move(out), std::move(talk)});
}

std::string fresh_name() {
    std::random_device random;
    return fmt::format("graph-{:08x}{:08x}", random(), random());
}

class Runner {
  public:
    Runner(std::shared_ptr<const GraphCore::Shape> shape, StateOps ops, GraphOptions options, Progress progress,
           std::int64_t parent)
        : shape_(std::move(shape)),
          ops_(std::move(ops)),
          options_(std::move(options)),
          p_(std::move(progress)),
          parent_(parent) {
        p_.arrived.resize(shape_->joins.size());
    }

    task<Result<CoreResult>> go() {
        Span span(options_.tracer, "graph", options_.span);
        span_ = span.id();
        if (parent_ == 0) TENON_CO_CHECK(save("start"));
        while (!p_.due.empty()) {
            if (p_.steps >= shape_->limit)
                co_return fail(
                    ErrorCode::resource_exhausted,
                    fmt::format("the graph has made {} steps without an end; raise its limit if it needs more",
                                p_.steps));
            TENON_CO_CHECK(chain::Context(options_.call).check());
            if (stop_before()) {
                TENON_CO_CHECK(save("interrupted"));
                co_return interrupted();
            }
            TENON_CO_CHECK(co_await run_step());
            if (!p_.questions.empty()) {
                TENON_CO_CHECK(save("interrupted"));
                co_return interrupted();
            }
            TENON_CO_CHECK(next_step());
        }
        co_return CoreResult{p_.state, true, {}, p_.steps};
    }

  private:
    void watch(GraphEvent::Kind kind, std::string node = {}, std::string text = {}) const {
        if (options_.watch) options_.watch({kind, std::move(node), std::move(text), p_.steps});
    }
    Result<void> save(std::string label) {
        if (!shape_->checkpoints) return {};
        TENON_TRY(parent_,
                  shape_->checkpoints->save({options_.name, 0, parent_, std::move(label), to_json(p_, ops_), 0}));
        return {};
    }
    CoreResult interrupted() {
        watch(GraphEvent::Kind::interrupted);
        return {p_.state, false, p_.questions, p_.steps};
    }
    bool stop_before() {
        p_.questions.clear();
        for (const auto& node : p_.due)
            if (shape_->stops.contains(node) && !p_.looked_at.contains(node)) p_.questions.push_back({node, {}});
        return !p_.questions.empty();
    }
    [[nodiscard]] bool is_done(const std::string& node) const {
        return std::ranges::any_of(p_.done, [&](const Branch& b) { return b.node == node; });
    }

    task<Result<void>> run_step() {
        const auto executor = co_await boost::asio::this_coro::executor;
        auto channel = std::make_shared<Channel<Ended>>();
        std::vector<std::string> waiting;
        for (const auto& node : p_.due)
            if (!is_done(node)) waiting.push_back(node);
        std::size_t running = 0, next = 0;
        std::optional<Error> error;
        // Nodes stop when the caller says so, or when this run is gone.
        std::stop_source stop;
        const std::stop_callback outer(options_.call.stop, [&stop] { stop.request_stop(); });
        while (next < waiting.size() || running > 0) {
            while (!error && next < waiting.size() && running < std::max<std::size_t>(1, options_.concurrency)) {
                const std::string& node = waiting[next++];
                NodeContext context;
                context.options = options_.call;
                context.options.stop = stop.get_token();
                context.tracer = options_.tracer;
                context.span = span_;
                context.run = options_.name;
                context.node = node;
                context.talk = std::make_shared<NodeTalk>();
                context.talk->replies = p_.replies[node];
                if (options_.watch)
                    context.talk->tell = [watch = options_.watch, node, step = p_.steps](std::string text) {
                        watch({GraphEvent::Kind::told, node, std::move(text), step});
                    };
                watch(GraphEvent::Kind::node_started, node);
                ++running;
                boost::asio::co_spawn(executor, work(channel, *shape_->find(node), p_.state, std::move(context)),
                                      [](std::exception_ptr bug) {
                                          if (bug) std::rethrow_exception(bug);
                                      });
            }
            if (running == 0) break;
            auto ended = co_await channel->next(options_.call);
            if (!ended) {
                stop.request_stop();
                co_return std::unexpected(std::move(ended).error());
            }
            --running;
            Ended& e = **ended;
            if (e.state) {
                p_.done.push_back({e.node, std::move(*e.state)});
                // Kept before the others have ended: this node is not run again.
                TENON_CO_CHECK(save("node " + e.node));
                watch(GraphEvent::Kind::node_finished, e.node);
            } else if (e.talk->asked) {
                p_.questions.push_back({e.node, *e.talk->asked});
            } else if (!error) {
                error.emplace(e.state.error().code(), fmt::format("the node {} failed", e.node), e.state.error());
            }
        }
        if (error) co_return std::unexpected(std::move(*error));
        co_return Result<void>{};
    }

    Result<void> next_step() {
        // In the order of the graph, not of who was faster: the same run gives the same state.
        std::vector<Branch> branches;
        for (const auto& node : p_.due)
            for (const auto& b : p_.done)
                if (b.node == node) branches.push_back(b);
        TENON_TRY(p_.state, ops_.merge(p_.state.get(), branches));
        std::vector<std::string> due;
        for (const auto& node : p_.due) TENON_CHECK(follow(node, due));
        std::string label = "step";
        for (const auto& node : p_.due) label += " " + node;
        p_.due = std::move(due);
        p_.done.clear();
        p_.replies.clear();
        p_.looked_at.clear();
        ++p_.steps;
        watch(GraphEvent::Kind::step_finished);
        return save(std::move(label));
    }

    Result<void> follow(const std::string& node, std::vector<std::string>& due) {
        const auto add = [&](const std::string& to) -> Result<void> {
            if (to == end) return {};
            if (shape_->find(to) == nullptr)
                return fail(ErrorCode::invalid_argument,
                            fmt::format("after {} came a branch to {}, which is no node", node, to));
            if (std::ranges::find(due, to) == due.end()) due.push_back(to);
            return {};
        };
        for (const auto& [from, to] : shape_->edges)
            if (from == node) TENON_CHECK(add(to));
        for (const auto& [from, choose] : shape_->branches)
            if (from == node)
                for (const auto& to : choose(p_.state.get())) TENON_CHECK(add(to));
        for (std::size_t j = 0; j < shape_->joins.size(); ++j) {
            const auto& join = shape_->joins[j];
            if (std::ranges::find(join.from, node) == join.from.end()) continue;
            p_.arrived[j].insert(node);
            if (p_.arrived[j].size() < join.from.size()) continue;
            p_.arrived[j].clear();
            TENON_CHECK(add(join.to));
        }
        return {};
    }

  public:
    /// What follows the start.
    Result<void> begin() { return follow(start, p_.due); }

  private:
    std::shared_ptr<const GraphCore::Shape> shape_;
    StateOps ops_;
    GraphOptions options_;
    Progress p_;
    std::int64_t parent_;
    SpanId span_ = 0;
};

}  // namespace

task<Result<CoreResult>> GraphCore::run(StateOps ops, std::shared_ptr<const void> state, GraphOptions options) const {
    const auto shape = shape_;
    TENON_CO_CHECK(check());
    if (options.name.empty()) options.name = fresh_name();
    Progress progress;
    progress.state = std::move(state);
    Runner runner(shape, std::move(ops), std::move(options), std::move(progress), 0);
    TENON_CO_CHECK(runner.begin());
    auto result = co_await runner.go();
    co_return result;
}

task<Result<CoreResult>> GraphCore::resume(StateOps ops, GraphOptions options, std::vector<GraphReply> replies,
                                           std::int64_t checkpoint, std::shared_ptr<const void> instead) const {
    const auto shape = shape_;
    TENON_CO_CHECK(check());
    if (!shape->checkpoints)
        co_return fail(ErrorCode::invalid_argument, "a graph without checkpoints has nothing to resume from");
    auto saved =
        checkpoint == 0 ? shape->checkpoints->latest(options.name) : shape->checkpoints->load(options.name, checkpoint);
    if (!saved) co_return std::unexpected(std::move(saved).error());
    TENON_CO_TRY(auto progress, from_json(saved->state, ops));
    for (const auto& node : progress.due)
        if (shape->find(node) == nullptr)
            co_return fail(
                ErrorCode::invalid_argument,
                fmt::format("the run {} stands before {}, which this graph does not have", options.name, node));
    if (instead) {
        progress.state = std::move(instead);
        progress.done.clear();
    }
    for (auto& reply : replies) {
        if (!json::parse(reply.json))
            co_return fail(ErrorCode::invalid_argument, fmt::format("the reply to {} is not JSON", reply.node));
        progress.replies[reply.node].push_back(std::move(reply.json));
    }
    for (const auto& question : progress.questions)
        if (question.question.empty()) progress.looked_at.insert(question.node);
    progress.questions.clear();
    Runner runner(shape, std::move(ops), std::move(options), std::move(progress), saved->id);
    auto result = co_await runner.go();
    co_return result;
}

Result<std::string> GraphCore::state_at(std::string_view run, std::int64_t checkpoint) const {
    if (!shape_->checkpoints) return fail(ErrorCode::invalid_argument, "a graph without checkpoints keeps no states");
    auto saved = checkpoint == 0 ? shape_->checkpoints->latest(run) : shape_->checkpoints->load(run, checkpoint);
    if (!saved) return std::unexpected(std::move(saved).error());
    TENON_TRY(const auto value, json::parse(saved->state));
    const auto* state = json::find(value, "state");
    if (state == nullptr) return fail(ErrorCode::corrupt, "the checkpoint holds no state");
    return json::dump(*state);
}

}  // namespace tenon::agent::detail
