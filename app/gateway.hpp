// The gateway of tenon.toml, with its models, ledger and prices; and what the server lets its keys do.
#pragma once

#include <memory>

#include "context.hpp"
#include "tenon/gateway/gateway.hpp"
#include "tenon/provider/open.hpp"
#include "tenon/serve/services.hpp"
#include "tenon/store/ledger.hpp"

namespace tenon::app {

/// Where the model of this name is and what it wants: [providers.NAME] over base_url and api_key over the provider's
/// own variables.
[[nodiscard]] provider::OpenSettings open_settings(const Settings& settings, const std::string& name);

/// $TENON_HOME/gateway.db
[[nodiscard]] Result<std::shared_ptr<store::Ledger>> open_ledger(const Context& context);

/// Models behind servers are opened at once (which connects to nothing), local ones when they are needed. The context
/// must outlive it. Errors: those of Gateway::create.
[[nodiscard]] Result<std::shared_ptr<gateway::Gateway>> open_gateway(Context& context, bool serving);

/// Puts the gateway before what `services` opens, and its keys beside the server's.
void serve_gateway(serve::Services& services, std::shared_ptr<gateway::Gateway> gateway, bool server_has_keys);

}  // namespace tenon::app
