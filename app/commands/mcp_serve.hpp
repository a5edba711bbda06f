// tenon mcp serve.
#pragma once

#include "command_line.hpp"
#include "commands.hpp"

namespace tenon::app {

void add_mcp_serve(CommandLine& mcp, Command& chosen);

}  // namespace tenon::app
