// An agent from its file: opens its model, tools, knowledge bases, MCP servers and memory.
#pragma once

#include "agent_file.hpp"
#include "context.hpp"
#include "tenon/agent/agent.hpp"
#include "tenon/agent/memory.hpp"

namespace tenon::app {

struct BuiltAgent {
    agent::Agent agent;
    llm::ChatModelPtr model;
    std::vector<std::string> tools;  ///< their names
    agent::MemoryPtr memory;         ///< null: none
};

/// `ask_for_nothing`: no call waits for a person. Errors: those of what is opened, naming it; invalid_argument (agents
/// that refer to each other in a circle).
[[nodiscard]] Result<BuiltAgent> build_agent(Context& context, const AgentFile& file, bool ask_for_nothing);

}  // namespace tenon::app
