// tenon mcp: the Model Context Protocol, both ways.
#include "mcp_serve.hpp"
#include "options.hpp"

namespace tenon::app {

void add_mcp(CLI::App& cli, Command& chosen) {
    auto* mcp = cli.add_subcommand("mcp", "offer tools to MCP clients, use those of MCP servers");
    mcp->require_subcommand(1);
    add_mcp_serve(*mcp, chosen);
}

}  // namespace tenon::app
