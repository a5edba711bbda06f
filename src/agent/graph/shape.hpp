// A graph's nodes and the ways between them.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tenon/agent/graph.hpp"

namespace tenon::agent::detail {

struct GraphCore::Shape {
    struct Join {
        std::vector<std::string> from;
        std::string to;
    };
    using Choose = std::function<std::vector<std::string>(const void*)>;

    std::vector<std::pair<std::string, NodeFunction>> nodes;
    std::vector<std::pair<std::string, std::string>> edges;
    std::vector<std::pair<std::string, Choose>> branches;
    std::vector<Join> joins;
    std::set<std::string> stops;
    std::vector<std::string> faults;  ///< made while building
    std::shared_ptr<store::Checkpoints> checkpoints;
    std::size_t limit = 100;

    [[nodiscard]] const NodeFunction* find(const std::string& name) const {
        for (const auto& [known, function] : nodes)
            if (known == name) return &function;
        return nullptr;
    }
};

/// What a node says to the run besides its result.
struct NodeTalk {
    std::vector<std::string> replies;
    std::size_t next = 0;
    std::optional<std::string> asked;
    std::function<void(std::string)> tell;
};

}  // namespace tenon::agent::detail
