// What an agent is made of.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/agent/agent.hpp"
#include "tenon/agent/memory.hpp"
#include "tenon/agent/middleware.hpp"
#include "tenon/agent/protocol.hpp"

namespace tenon::agent {

struct Agent::Parts {
    llm::ChatModelPtr model;
    std::string name = "agent", description, instructions;
    std::vector<Tool> tools;
    std::vector<std::shared_ptr<Middleware>> middleware;
    std::size_t max_steps = 16, max_tool_calls = 64, concurrency = 8;
    std::uint64_t max_tokens = 0;  ///< 0: no limit
    std::chrono::milliseconds max_time{0};
    std::shared_ptr<const Protocol> protocol;
    Approver approver;
    std::shared_ptr<store::Checkpoints> checkpoints;
    MemoryPtr memory;
    std::optional<PlanOptions> plan;
    std::vector<std::shared_ptr<const Parts>> others;  ///< it can hand off to
};

/// "transfer_to_NAME", by which an agent hands off.
[[nodiscard]] std::string transfer_tool(const std::string& name);

}  // namespace tenon::agent
