// An agent described in a TOML file: docs/guide/agents.md.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "mcp_login.hpp"
#include "outside_tools.hpp"
#include "tenon/base/error.hpp"

namespace tenon::app {

/// An MCP server whose tools the agent gets: a program to start, or a URL.
struct AgentServer {
    std::string name;
    std::vector<std::string> command;
    std::vector<std::pair<std::string, std::string>> environment;
    std::string url, token;
    McpLogin login;
    std::vector<std::string> only;  ///< of its tools; empty: all
    bool approve = false;           ///< a person must agree to each call
};

/// [plan] of an agent file.
struct AgentPlan {
    std::string model;  ///< of the planner; empty: the agent's
    std::string instructions;
    std::size_t rounds = 12, steps_per_task = 8;
};

struct AgentFile {
    std::filesystem::path path;  ///< of the file; relative paths in it start from its folder
    std::string name = "agent", description;
    std::string model;  ///< empty: the settings'
    std::string instructions;
    std::string protocol = "auto";     ///< auto, native, react
    std::vector<std::string> approve;  ///< tools whose calls a person must agree to; "*": all
    struct Tools {
        bool calculator = false, python = false, shell = false, fetch = false;
        std::vector<std::string> fetch_hosts;
        std::filesystem::path files;
        bool files_write = false;
        std::string sql;  ///< a SQLite file, or PostgreSQL's URL
        bool sql_write = false;
        std::vector<std::string> search;  ///< knowledge bases
        WebSearchChoice web_search;       ///< without a provider: none
    } tools;
    std::vector<AgentServer> servers;
    std::vector<std::filesystem::path> workers;   ///< files of agents that are tools of this one
    std::vector<std::filesystem::path> hands_to;  ///< files of agents the conversation can be handed to
    struct Memory {
        bool conversation = false, facts = false, past = false, summarise = false;
        std::uint64_t max_tokens = 2000;
    } memory;
    struct Limits {
        std::size_t steps = 16, tool_calls = 64;
        std::uint64_t tokens = 0;            ///< 0: none
        std::uint32_t answer_tokens = 2048;  ///< of one answer of the model
        std::chrono::seconds time{0};
        std::uint64_t summarise_above = 0;  ///< tokens of the conversation; 0: never
    } limits;
    std::optional<AgentPlan> plan;      ///< [plan], or kind = "plan": it plans before it acts
    std::optional<double> temperature;  ///< unset: 0
};

/// Errors: not_found, invalid_argument (naming file, line and key).
[[nodiscard]] Result<AgentFile> read_agent_file(const std::filesystem::path& path);

}  // namespace tenon::app
