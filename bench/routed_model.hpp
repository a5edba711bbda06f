// A gateway over one scripted model, as the benchmarks measure it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "fake/scripted_model.hpp"
#include "tenon/gateway/gateway.hpp"
#include "tenon/store/ledger.hpp"

namespace tenon::bench {

struct RoutedOptions {
    std::optional<std::filesystem::path> ledger{};  ///< where what was spent is kept
    bool key = false;                               ///< with its team, a budget and a rate
    bool cache = false;
};

/// `model`, which is named "direct", behind the alias "x".
inline llm::ChatModelPtr routed(const std::shared_ptr<fake::ScriptedModel>& model, const RoutedOptions& with) {
    gateway::Options options;
    options.deployments = {gateway::deployment(model)};
    options.deployments[0].price =
        llm::Price{"", "direct", {1'000'000, 1'000'000, 1'000'000, 1'000'000}, 0, {}, "", ""};
    options.routes = {{.alias = "x", .deployments = {"direct"}}};
    options.teams = {{"t"}};
    options.keys = {{"k", gateway::hash_of("k"), "t"}};
    options.keys[0].limits.budget.month = llm::Cost(UINT64_MAX / 2);
    options.keys[0].limits.tokens_per_minute = std::uint64_t{1} << 40;
    if (with.ledger) options.ledger = store::Ledger::open(*with.ledger).value();
    if (with.cache) options.cache.max_entries = 100;
    const auto made = gateway::Gateway::create(options).value();
    gateway::Access access;
    if (with.key) access.key = made->authenticate("k").value();
    return made->chat("x", access).value();
}

}  // namespace tenon::bench
