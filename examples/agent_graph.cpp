// LINK: tenon_agent
// A graph: a writer, two critics side by side, and round again until they are content.
#include <boost/describe/class.hpp>
#include <iostream>

#include "tenon/agent/graph.hpp"
#include "tenon/async/runtime.hpp"

// [state]
struct Review {
    std::string draft;
    std::vector<std::string> remarks;
    int rounds = 0;
};
BOOST_DESCRIBE_STRUCT(Review, (), (draft, remarks, rounds))
// [/state]

int main() {
    tenon::Runtime runtime;
    using tenon::agent::Graph;

    // [graph]
    auto graph = Graph<Review>()
                     .node("write",
                           [](Review r) {
                               r.draft = "draft " + std::to_string(++r.rounds);
                               return r;
                           })
                     .node("style",
                           [](Review r) {
                               if (r.rounds < 2) r.remarks.push_back("too long");
                               return r;
                           })
                     .node("facts",
                           [](Review r) {
                               if (r.rounds < 2) r.remarks.push_back("no source");
                               return r;
                           })
                     .node("judge", [](Review r) { return r; })
                     .reduce(&Review::remarks, tenon::agent::append)
                     .edge(tenon::agent::start, "write")
                     .edge("write", "style")
                     .edge("write", "facts")
                     .join({"style", "facts"}, "judge")
                     .branch("judge", [](const Review& r) { return r.rounds < 2 ? "write" : tenon::agent::end; });

    const auto done = tenon::sync_wait(runtime, graph.run(Review{}));
    // [/graph]
    std::cout << done->state.draft << ", " << done->state.remarks.size() << " remarks, " << done->steps << " steps\n";
}
// prints: draft 2, 2 remarks, 6 steps
