// tenon mcp serve.
#pragma once

#include <CLI/CLI.hpp>

#include "commands.hpp"

namespace tenon::app {

void add_mcp_serve(CLI::App& mcp, Command& chosen);

}  // namespace tenon::app
