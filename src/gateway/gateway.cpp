#include "tenon/gateway/gateway.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/call.hpp"

namespace tenon::gateway {
namespace {

constexpr std::array<std::pair<Strategy, std::string_view>, 5> strategies{{
    {Strategy::weighted, "weighted"},
    {Strategy::round_robin, "round_robin"},
    {Strategy::least_busy, "least_busy"},
    {Strategy::lowest_latency, "lowest_latency"},
    {Strategy::lowest_cost, "lowest_cost"},
}};

class RoutedModel final : public llm::ChatModel {
  public:
    RoutedModel(CorePtr core, RouteState* route, Access access)
        : core_(std::move(core)), route_(route), access_(std::move(access)) {}
    const std::string& name() const noexcept override { return route_->about.alias; }
    llm::Capabilities capabilities() const override { return core_->board.capabilities(*route_); }
    task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest request, CallOptions options) override {
        return start_answer(core_, route_, access_, std::move(request), std::move(options));
    }
    task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest request, CallOptions options) override {
        return start_answer(core_, route_, access_, std::move(request), std::move(options));
    }
    std::size_t count_tokens(std::string_view text) const override {
        return static_cast<std::size_t>(estimate_tokens(text));
    }

  private:
    CorePtr core_;
    RouteState* route_;
    Access access_;
};

class RoutedEmbedder final : public llm::Embedder {
  public:
    RoutedEmbedder(CorePtr core, RouteState* route, Access access)
        : core_(std::move(core)), route_(route), access_(std::move(access)) {}
    const std::string& name() const noexcept override { return route_->about.alias; }
    std::size_t dimension() const override { return 0; }
    task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind kind,
                                        CallOptions options) override {
        return run_embedding(core_, route_, access_, std::move(texts), kind, std::move(options));
    }

  private:
    CorePtr core_;
    RouteState* route_;
    Access access_;
};

Error no_such(std::string_view name, const std::vector<Route>& routes) {
    std::vector<std::string_view> names;
    for (const auto& route : routes) names.push_back(route.alias);
    return {ErrorCode::not_found,
            fmt::format("the gateway has no model '{}'; it has: {}", name, fmt::join(names, ", "))};
}

/// Every name a route mentions must be called something, and each name one thing.
Result<void> connect(Gateway::Core& core) {
    auto& board = core.board;
    for (auto& deployment : core.options.deployments) {
        if (deployment.name.empty() || board.find(deployment.name) != nullptr)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the deployment '{}' is there twice, or has no name", deployment.name));
        if (!deployment.chat && !deployment.embedder)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the deployment '{}' has neither a chat model nor an embedder", deployment.name));
        board.add(deployment, core.options.prices);
    }
    for (const auto& route : core.options.routes) {
        if (route.alias.empty() || board.find_route(route.alias) != nullptr)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("the alias '{}' is there twice, or has no name", route.alias));
        if (route.deployments.empty())
            return fail(ErrorCode::invalid_argument, fmt::format("the alias '{}' has no deployments", route.alias));
        std::vector<Target*> targets;
        for (const auto& name : route.deployments) {
            auto* target = board.find(name);
            if (target == nullptr)
                return fail(
                    ErrorCode::invalid_argument,
                    fmt::format("the alias '{}' names the deployment '{}', which is not there", route.alias, name));
            targets.push_back(target);
        }
        board.add_route(route, std::move(targets), true);
    }
    for (const auto& deployment : core.options.deployments) {
        if (board.find_route(deployment.name) != nullptr) continue;  // an alias of the same name goes before it
        Route own;
        own.alias = deployment.name;
        own.deployments = {deployment.name};
        board.add_route(std::move(own), {board.find(deployment.name)}, false);
    }
    for (const auto& route : core.options.routes)
        for (const auto* list : {&route.fallbacks, &route.context_fallbacks, &route.content_fallbacks})
            for (const auto& name : *list)
                if (board.find_route(name) == nullptr)
                    return fail(
                        ErrorCode::invalid_argument,
                        fmt::format("the alias '{}' falls back to '{}', which is not there", route.alias, name));
    return {};
}

bool allowed(const Key* key, std::string_view name) {
    if (key == nullptr || key->limits.models.empty()) return true;
    return std::ranges::find(key->limits.models, name) != key->limits.models.end();
}

}  // namespace

std::string_view to_string(Strategy strategy) noexcept {
    for (const auto& [value, name] : strategies)
        if (value == strategy) return name;
    return "weighted";
}

std::optional<Strategy> strategy_from(std::string_view name) noexcept {
    for (const auto& [value, known] : strategies)
        if (known == name) return value;
    return std::nullopt;
}

Deployment deployment(llm::ChatModelPtr model) {
    Deployment out;
    out.name = model->name();
    out.chat = [model = std::move(model)](CallOptions) -> task<Result<llm::ChatModelPtr>> { co_return model; };
    return out;
}

Deployment deployment(llm::EmbedderPtr embedder) {
    Deployment out;
    out.name = embedder->name();
    out.embedder = [embedder = std::move(embedder)](CallOptions) -> task<Result<llm::EmbedderPtr>> {
        co_return embedder;
    };
    return out;
}

Gateway::Gateway(std::shared_ptr<Core> core) : core_(std::move(core)) {}
Gateway::~Gateway() = default;

Result<std::shared_ptr<Gateway>> Gateway::create(Options options) {
    if (!options.clocks.steady) options.clocks.steady = [] { return Clock::now(); };
    if (!options.clocks.system) options.clocks.system = [] { return std::chrono::system_clock::now(); };
    auto core = std::make_shared<Core>(std::move(options));
    TENON_CHECK(connect(*core));
    core->routes = core->options.routes;
    TENON_CHECK(core->keys.fill(core->options.teams, core->options.keys, core->options.recover));
    return std::shared_ptr<Gateway>(new Gateway(std::move(core)));
}

Result<llm::ChatModelPtr> Gateway::chat(std::string_view name, Access access) {
    if (!chats(name)) return std::unexpected(no_such(name, core_->routes));
    TENON_CHECK(core_->may_use(access.key.get(), name));
    return std::make_shared<RoutedModel>(core_, core_->board.find_route(name), std::move(access));
}

Result<llm::EmbedderPtr> Gateway::embedder(std::string_view name, Access access) {
    if (!embeds(name)) return std::unexpected(no_such(name, core_->routes));
    TENON_CHECK(core_->may_use(access.key.get(), name));
    return std::make_shared<RoutedEmbedder>(core_, core_->board.find_route(name), std::move(access));
}

Result<void> Gateway::Core::may_use(const Key* key, std::string_view name) const {
    const auto team = std::ranges::find_if(options.teams, [&](const Team& t) { return key && t.name == key->team; });
    const bool team_allows = team == options.teams.end() || team->limits.models.empty() ||
                             std::ranges::find(team->limits.models, name) != team->limits.models.end();
    if (allowed(key, name) && team_allows) return {};
    return fail(ErrorCode::permission_denied, fmt::format("the key '{}' may not use the model '{}'", key->name, name));
}

Result<KeyPtr> Gateway::authenticate(std::string_view key) { return core_->keys.find(key); }
bool Gateway::has_keys() { return !core_->keys.empty(); }
const std::vector<Route>& Gateway::routes() const noexcept { return core_->routes; }
bool Gateway::knows(std::string_view name) const noexcept { return core_->board.find_route(name) != nullptr; }

bool Gateway::chats(std::string_view name) const noexcept {
    const auto* route = core_->board.find_route(name);
    return route != nullptr && std::ranges::any_of(route->targets, [](auto* t) { return bool(t->about.chat); });
}
bool Gateway::embeds(std::string_view name) const noexcept {
    const auto* route = core_->board.find_route(name);
    return route != nullptr && std::ranges::any_of(route->targets, [](auto* t) { return bool(t->about.embedder); });
}

std::vector<DeploymentStatus> Gateway::status() const { return core_->board.status(); }

Counts Gateway::counts() const {
    Counts out;
    {
        const std::scoped_lock lock(core_->mutex);
        out = core_->counts;
        for (const auto& [names, calls] : core_->calls) {
            out.calls.push_back(calls);
            out.calls.back().alias = names.first;
            out.calls.back().deployment = names.second;
        }
    }
    const auto [entries, bytes] = core_->cache.size();
    out.cache_entries = entries;
    out.cache_bytes = bytes;
    return out;
}

Allowance Gateway::allowance(const Key& key) const { return core_->limiter.allowance(core_->keys.subjects(&key)); }

}  // namespace tenon::gateway
