#include "agent/graph/shape.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace tenon::agent {

Result<std::string> NodeContext::ask_json(std::string question) {
    if (talk->next < talk->replies.size()) return talk->replies[talk->next++];
    talk->asked = std::move(question);
    return fail(ErrorCode::cancelled, "waits for a reply");
}

void NodeContext::tell(std::string text) const {
    if (talk && talk->tell) talk->tell(std::move(text));
}

namespace detail {

std::unexpected<Error> conflict(std::string_view field, std::string_view one, std::string_view other) {
    return fail(
        ErrorCode::invalid_argument,
        fmt::format("the nodes {} and {} ran side by side and changed '{}' differently; give the field a reducer", one,
                    other, field));
}

GraphCore::GraphCore() : shape_(std::make_shared<Shape>()) {}

GraphCore::Shape& GraphCore::change() {
    auto copy = std::make_shared<Shape>(*shape_);
    auto& out = *copy;
    shape_ = std::move(copy);
    return out;
}

void GraphCore::add_node(std::string name, NodeFunction function) {
    auto& shape = change();
    if (name == start || name == end || name.empty())
        shape.faults.push_back(fmt::format("'{}' cannot be the name of a node", name));
    else if (shape.find(name) != nullptr)
        shape.faults.push_back(fmt::format("there are two nodes named {}", name));
    else
        shape.nodes.emplace_back(std::move(name), std::move(function));
}
void GraphCore::add_edge(std::string_view from, std::string_view to) { change().edges.emplace_back(from, to); }
void GraphCore::add_branch(std::string_view from, std::function<std::vector<std::string>(const void*)> choose) {
    change().branches.emplace_back(from, std::move(choose));
}
void GraphCore::add_join(std::vector<std::string_view> from, std::string_view to) {
    change().joins.push_back({{from.begin(), from.end()}, std::string(to)});
}
void GraphCore::interrupt_before(std::string_view node) { change().stops.emplace(node); }
void GraphCore::checkpoints(std::shared_ptr<store::Checkpoints> store) { change().checkpoints = std::move(store); }
void GraphCore::limit(std::size_t steps) { change().limit = std::max<std::size_t>(1, steps); }

Result<void> GraphCore::check() const {
    auto faults = shape_->faults;
    const auto known = [&](const std::string& name) { return shape_->find(name) != nullptr; };
    const auto want = [&](const std::string& name, const char* where) {
        if (!known(name)) faults.push_back(fmt::format("{} {}, which is no node", where, name));
    };
    bool begins = false;
    std::set<std::string> reached;
    for (const auto& [from, to] : shape_->edges) {
        if (from != start) want(from, "an edge leaves");
        if (to != end) want(to, "an edge leads to");
        begins = begins || from == start;
        reached.insert(to);
    }
    for (const auto& [from, choose] : shape_->branches) {
        if (from != start) want(from, "a branch leaves");
        begins = begins || from == start;
    }
    for (const auto& join : shape_->joins) {
        for (const auto& from : join.from) want(from, "a join waits for");
        if (join.to != end) want(join.to, "a join leads to");
        reached.insert(join.to);
    }
    for (const auto& name : shape_->stops) want(name, "an interruption stands before");
    if (!begins) faults.emplace_back("nothing follows the start");
    // A branch may lead anywhere.
    if (shape_->branches.empty())
        for (const auto& [name, function] : shape_->nodes)
            if (!reached.contains(name)) faults.push_back(fmt::format("nothing leads to {}", name));
    if (faults.empty()) return {};
    std::string all;
    for (const auto& fault : faults) all += (all.empty() ? "" : "; ") + fault;
    return fail(ErrorCode::invalid_argument, "the graph will not do: " + all);
}

std::string GraphCore::to_mermaid() const {
    const auto id = [&](const std::string& name) -> std::string {
        if (name == start) return "start((start))";
        if (name == end) return "finish((end))";
        for (std::size_t i = 0; i < shape_->nodes.size(); ++i)
            if (shape_->nodes[i].first == name) return fmt::format("n{}[\"{}\"]", i, name);
        return "unknown";
    };
    std::string out = "flowchart TD\n";
    for (const auto& [from, to] : shape_->edges) out += fmt::format("    {} --> {}\n", id(from), id(to));
    for (const auto& join : shape_->joins)
        for (const auto& from : join.from) out += fmt::format("    {} ==> {}\n", id(from), id(join.to));
    for (const auto& [from, choose] : shape_->branches)
        out += fmt::format("    {} -.-> choice_{}{{?}}\n", id(from), from);
    return out;
}

}  // namespace detail
}  // namespace tenon::agent
