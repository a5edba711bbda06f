// What this machine offers to MCP clients: `tenon mcp serve`, and /mcp of `tenon serve`.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "context.hpp"
#include "tenon/mcp/server.hpp"

namespace tenon::app {

struct McpOfferOptions {
    std::vector<std::string> bases;  ///< empty: every knowledge base there is
    std::vector<std::string> tools;  ///< as `--tool` takes them; empty: the calculator
    bool ask = false;                ///< also ask_NAME, by the chat model
};

/// Models are opened when they are first needed. The context must outlive it.
class McpOffer {
  public:
    /// Errors: invalid_argument (no such tool), not_found (no such knowledge base), those of the tools.
    [[nodiscard]] static Result<std::shared_ptr<McpOffer>> make(Context& context, McpOfferOptions options);

    [[nodiscard]] const mcp::Server& server() const noexcept { return server_; }
    /// Looks which knowledge bases there are now; clients are told what came and went. Thread-safe.
    [[nodiscard]] Result<void> refresh();

  private:
    McpOffer(Context& context, McpOfferOptions options);
    [[nodiscard]] Result<void> add_tool(const std::string& given);
    [[nodiscard]] Result<void> add_base(const std::string& name);
    void remove_base(const std::string& name);

    Context& context_;
    const McpOfferOptions options_;
    std::shared_ptr<store::Store> store_;
    std::shared_ptr<gateway::Gateway> gateway_;  ///< null: there is none
    mcp::Server server_;
    std::mutex mutex_;
    std::vector<std::string> offered_;
};

}  // namespace tenon::app
