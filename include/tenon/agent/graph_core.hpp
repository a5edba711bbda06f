// What graphs of every state type share. Users include graph.hpp.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/chain/context.hpp"
#include "tenon/store/checkpoints.hpp"

namespace tenon::agent {

class NodeContext;

/// Where a run begins and ends: not nodes of yours.
inline constexpr const char* start = "__start__";
inline constexpr const char* end = "__end__";

struct GraphQuestion {
    std::string node;
    std::string question;  ///< empty: the run stopped before the node, as interrupt_before demands
};
struct GraphReply {
    std::string node;
    std::string json;  ///< JSON text: "\"yes\"", "true", "{…}"
};
struct GraphEvent {
    enum class Kind : std::uint8_t { node_started, node_finished, told, step_finished, interrupted } kind;
    std::string node;
    std::string text;  ///< of `told`
    std::size_t step = 0;
};

struct GraphOptions {
    CallOptions call{};
    TracerPtr tracer{};
    SpanId span = 0;
    std::string name{};  ///< of the run among the checkpoints; empty: a fresh one
    std::size_t concurrency = 8;
    /// Called one at a time, from the run's executor; returns quickly.
    std::function<void(const GraphEvent&)> watch{};
};

namespace detail {

struct NodeTalk;
struct Branch {
    std::string node;
    std::shared_ptr<const void> state;
};
struct StateOps {
    std::function<std::string(const void*)> save;
    std::function<Result<std::shared_ptr<const void>>(std::string_view)> load;
    std::function<Result<std::shared_ptr<const void>>(const void*, std::span<const Branch>)> merge;
};
struct CoreResult {
    std::shared_ptr<const void> state;
    bool finished = false;
    std::vector<GraphQuestion> questions;
    std::size_t steps = 0;
};

template <class T>
struct IsTask : std::false_type {};
template <class T>
struct IsTask<task<T>> : std::true_type {};

[[nodiscard]] std::unexpected<Error> conflict(std::string_view field, std::string_view one, std::string_view other);

using NodeFunction = std::function<task<Result<std::shared_ptr<const void>>>(std::shared_ptr<const void>, NodeContext)>;

/// The shape of a graph, and the loop that runs it. A value.
class GraphCore {
  public:
    GraphCore();
    void add_node(std::string name, NodeFunction function);
    void add_edge(std::string_view from, std::string_view to);
    void add_branch(std::string_view from, std::function<std::vector<std::string>(const void*)> choose);
    void add_join(std::vector<std::string_view> from, std::string_view to);
    void interrupt_before(std::string_view node);
    void checkpoints(std::shared_ptr<store::Checkpoints> store);
    void limit(std::size_t steps);

    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] std::string to_mermaid() const;
    [[nodiscard]] task<Result<CoreResult>> run(StateOps ops, std::shared_ptr<const void> state,
                                               GraphOptions options) const;
    [[nodiscard]] task<Result<CoreResult>> resume(StateOps ops, GraphOptions options, std::vector<GraphReply> replies,
                                                  std::int64_t checkpoint,
                                                  std::shared_ptr<const void> instead = nullptr) const;
    [[nodiscard]] Result<std::string> state_at(std::string_view run, std::int64_t checkpoint) const;

    struct Shape;

  private:
    Shape& change();
    std::shared_ptr<const Shape> shape_;
};

}  // namespace detail
}  // namespace tenon::agent
