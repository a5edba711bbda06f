#include "gateway.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "tenon/gateway/settings.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/observe/metrics.hpp"
#include "tenon/provider/model_pool.hpp"
#include "terminal.hpp"

namespace tenon::app {
namespace {

/// The gateway tries again itself, and elsewhere.
provider::OpenSettings settings_of(const Settings& settings, const gateway::DeploymentSettings& d) {
    auto out = open_settings(settings, d.model);
    if (!d.base_url.empty()) out.base_url = d.base_url;
    if (!d.api_key_variable.empty()) out.api_key = environment({d.api_key_variable});
    if (!d.api_key.empty()) out.api_key = d.api_key;
    if (!d.region.empty()) out.region = d.region;
    if (!d.api_version.empty()) out.api_version = d.api_version;
    out.retry.max_attempts = 1;
    return out;
}

/// A model that cannot be opened (no key, say) is a deployment that fails, not a server that does not start.
Result<gateway::Deployment> deployment_of(Context& context, const gateway::DeploymentSettings& d) {
    auto out = d.about;
    TENON_TRY(const auto pool, context.pool());
    auto settings = settings_of(context.settings(), d);
    settings.client = context.http();
    settings.pool = pool;
    if (provider::parse_model_name(d.model).preset) {
        if (d.embedding) {
            auto opened = sync_wait(context.runtime(), provider::open_embedder(d.model, settings, CallOptions()));
            out.embedder = [opened](CallOptions) -> task<Result<llm::EmbedderPtr>> { co_return opened; };
        } else {
            auto opened = sync_wait(context.runtime(), provider::open_chat_model(d.model, settings, CallOptions()));
            out.chat = [opened](CallOptions) -> task<Result<llm::ChatModelPtr>> { co_return opened; };
        }
        return out;
    }
    if (!out.price) out.free = true;
    TENON_TRY(const hub::Registry* registry, context.registry());
    const auto installed = registry->find(d.model);
    if (d.embedding || (installed && installed->role == hub::Role::embedding))
        out.embedder = [pool, name = d.model](CallOptions options) { return pool->embedder(name, std::move(options)); };
    else
        out.chat = [pool, name = d.model](CallOptions options) { return pool->chat(name, std::move(options)); };
    return out;
}

/// "6m0s", "1.5s", "120ms": as OpenAI writes what is left of a limit's time.
std::string reset_time(std::chrono::milliseconds time) {
    const auto ms = time.count();
    if (ms < 1'000) return fmt::format("{}ms", ms);
    const auto minutes = ms / 60'000;
    const double seconds = static_cast<double>(ms % 60'000) / 1'000;
    return minutes == 0 ? fmt::format("{:g}s", seconds) : fmt::format("{}m{:g}s", minutes, seconds);
}

void tell_allowance(const gateway::Allowance& left, net::Headers& headers) {
    const auto tell = [&](const std::optional<gateway::Allowance::Rate>& rate, std::string_view what) {
        if (!rate) return;
        headers.set(fmt::format("x-ratelimit-limit-{}", what), std::to_string(rate->limit));
        headers.set(fmt::format("x-ratelimit-remaining-{}", what), std::to_string(rate->remaining));
        headers.set(fmt::format("x-ratelimit-reset-{}", what), reset_time(rate->full_in));
    };
    tell(left.requests, "requests");
    tell(left.tokens, "tokens");
    if (left.budget_left) headers.set("x-tenon-budget-left", fmt::format("{:.6f}", left.budget_left->dollars()));
}

/// Keys of the gateway are for asking models, not for the server's own affairs.
Result<void> may_ask(const net::HttpRequest& request) {
    const auto under = [&](std::string_view prefix) { return request.path.starts_with(prefix); };
    static constexpr std::string_view of_ollama[] = {"/api/pull", "/api/push",   "/api/create",
                                                     "/api/copy", "/api/delete", "/api/blobs"};
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const bool inside = under("/v1/") || under("/v1beta/") || under("/api/");
    const bool changes = (under("/v1/knowledge_bases") && !reads) || std::ranges::any_of(of_ollama, under);
    if (inside && !changes) return {};
    return fail(ErrorCode::permission_denied, "this key is for asking models; the server's own keys may do this");
}

/// Counters of the gateway as Prometheus wants them: the differences since the last time.
class Meter {
  public:
    explicit Meter(std::shared_ptr<gateway::Gateway> gateway) : gateway_(std::move(gateway)) {}

    void refresh(observe::Metrics& metrics) {
        const std::scoped_lock lock(mutex_);
        auto now = gateway_->counts();
        for (const auto& c : now.calls) {
            const auto at = std::ranges::find_if(
                last_.calls, [&](const auto& old) { return old.alias == c.alias && old.deployment == c.deployment; });
            const auto old = at == last_.calls.end() ? gateway::Counts::Calls() : *at;
            const auto calls = [&](const char* outcome, std::uint64_t since) {
                metrics.add("tenon_gateway_calls_total", "Calls by alias, deployment and outcome.",
                            {{"alias", c.alias}, {"deployment", c.deployment}, {"outcome", outcome}},
                            static_cast<double>(since));
            };
            if (c.answered != 0) calls("answered", c.answered - old.answered);
            if (c.failed != 0) calls("failed", c.failed - old.failed);
            if (c.cached != 0) calls("cached", c.cached - old.cached);
            if (c.deployment.empty()) continue;
            const observe::Labels who{{"alias", c.alias}, {"deployment", c.deployment}};
            metrics.add("tenon_gateway_input_tokens_total", "Tokens read.", who,
                        static_cast<double>(c.input_tokens - old.input_tokens));
            metrics.add("tenon_gateway_output_tokens_total", "Tokens written.", who,
                        static_cast<double>(c.output_tokens - old.output_tokens));
            metrics.add("tenon_gateway_cost_dollars_total", "What was spent.", who,
                        static_cast<double>(c.picodollars - old.picodollars) / 1e12);
        }
        const auto count = [&](const char* name, const char* help, std::uint64_t gateway::Counts::*what) {
            metrics.add(name, help, {}, static_cast<double>(now.*what - last_.*what));
        };
        count("tenon_gateway_fallbacks_total", "Requests that went on to a fallback.", &gateway::Counts::fallbacks);
        count("tenon_gateway_retries_total", "Pauses before trying again.", &gateway::Counts::retries);
        count("tenon_gateway_rate_limited_total", "Requests refused for a rate.", &gateway::Counts::refused_rate);
        count("tenon_gateway_over_budget_total", "Calls refused for a budget.", &gateway::Counts::refused_budget);
        count("tenon_gateway_cache_hits_total", "Answers from the cache.", &gateway::Counts::cache_hits);
        count("tenon_gateway_cache_misses_total", "Questions the cache did not know.", &gateway::Counts::cache_misses);
        metrics.set("tenon_gateway_cache_bytes", "Size of the cache.", {}, static_cast<double>(now.cache_bytes));
        for (const auto& s : gateway_->status()) {
            metrics.set("tenon_gateway_in_flight", "Calls under way.", {{"deployment", s.name}},
                        static_cast<double>(s.in_flight));
            metrics.set("tenon_gateway_breaker_open", "1 while a deployment is left alone.", {{"deployment", s.name}},
                        s.breaker == "open" ? 1 : 0);
        }
        last_ = std::move(now);
    }

  private:
    std::shared_ptr<gateway::Gateway> gateway_;
    std::mutex mutex_;
    gateway::Counts last_;
};

/// On whose behalf: a key of the gateway, or the owner of the server.
gateway::Access access_of(gateway::Gateway& gateway, const serve::Caller& caller) {
    gateway::Access out;
    out.fresh = caller.fresh;
    if (caller.api_key.empty()) return out;
    if (auto key = gateway.authenticate(caller.api_key)) out.key = std::move(*key);
    return out;
}

/// A name that is none of the gateway's: the owner may ask for what the server has besides.
Result<void> outside(const gateway::Access& access, const std::string& name) {
    if (!access.key) return {};
    return fail(ErrorCode::not_found,
                fmt::format("the gateway has no model '{}'; GET /v1/models lists those it has", name));
}

task<Result<llm::ChatModelPtr>> chat_of(std::shared_ptr<gateway::Gateway> gateway,
                                        decltype(serve::Services::chat_model) otherwise, std::string name,
                                        serve::Caller caller) {
    auto access = access_of(*gateway, caller);
    if (gateway->chats(name)) co_return gateway->chat(name, std::move(access));
    TENON_CO_CHECK(outside(access, name));
    co_return co_await otherwise(std::move(name), std::move(caller));
}

task<Result<llm::EmbedderPtr>> embedder_of(std::shared_ptr<gateway::Gateway> gateway,
                                           decltype(serve::Services::embedder) otherwise, std::string name,
                                           serve::Caller caller) {
    auto access = access_of(*gateway, caller);
    if (gateway->embeds(name)) co_return gateway->embedder(name, std::move(access));
    TENON_CO_CHECK(outside(access, name));
    co_return co_await otherwise(std::move(name), std::move(caller));
}

}  // namespace

Result<std::shared_ptr<store::Ledger>> open_ledger(const Context& context) {
    const auto& home = const_cast<Context&>(context).settings().home;
    std::error_code error;
    std::filesystem::create_directories(home, error);
    return store::Ledger::open(home / "gateway.db");
}

Result<std::shared_ptr<gateway::Gateway>> open_gateway(Context& context, bool serving) {
    const auto& s = *context.settings().gateway;
    gateway::Options options;
    for (const auto& d : s.deployments) {
        TENON_TRY(auto deployment, deployment_of(context, d));
        options.deployments.push_back(std::move(deployment));
    }
    options.routes = s.routes;
    options.teams = s.teams;
    options.keys = s.keys;
    options.retry = s.retry;
    options.fallback_patience = s.fallback_patience;
    options.breaker = s.breaker;
    options.cache = s.cache;
    options.default_max_tokens = s.default_max_tokens;
    TENON_TRY(options.prices, context.prices());
    TENON_TRY(options.ledger, open_ledger(context));
    options.recover = serving;
    if (serving && !s.cache_embedding.empty()) {
        (void)context.http();
        TENON_CHECK(context.pool());
        TENON_TRY(options.cache.embedder, sync_wait(context.runtime(), context.embedder_async(s.cache_embedding)));
    }
    options.log = [](LogLevel level, std::string_view room, std::string_view message) {
        if (level >= LogLevel::warning) note(fmt::format("{}: {}", room, message));
    };
    return gateway::Gateway::create(std::move(options));
}

void serve_gateway(serve::Services& services, std::shared_ptr<gateway::Gateway> gateway, bool server_has_keys) {
    services.chat_model = [gateway, otherwise = std::move(services.chat_model)](std::string name,
                                                                                serve::Caller caller) {
        return chat_of(gateway, otherwise, std::move(name), std::move(caller));
    };
    services.embedder = [gateway, otherwise = std::move(services.embedder)](std::string name, serve::Caller caller) {
        return embedder_of(gateway, otherwise, std::move(name), std::move(caller));
    };
    services.models = [gateway, others = std::move(services.models)] {
        std::vector<serve::ModelEntry> out;
        for (const auto& route : gateway->routes()) {
            serve::ModelEntry entry;
            entry.name = route.alias;
            entry.role = gateway->chats(route.alias) ? "chat" : "embedding";
            out.push_back(std::move(entry));
        }
        for (auto& entry : others())
            if (std::ranges::find(out, entry.name, &serve::ModelEntry::name) == out.end())
                out.push_back(std::move(entry));
        return out;
    };
    services.accept_key = [gateway, server_has_keys](const net::HttpRequest& request,
                                                     std::string_view key) -> Result<void> {
        if (!gateway->has_keys() && !server_has_keys) return {};
        TENON_CHECK(gateway->authenticate(key));
        return may_ask(request);
    };
    services.add_headers = [gateway](std::string_view key, net::Headers& headers) {
        if (const auto known = gateway->authenticate(key)) tell_allowance(gateway->allowance(**known), headers);
    };
    services.refresh_metrics = [meter = std::make_shared<Meter>(gateway)](observe::Metrics& metrics) {
        meter->refresh(metrics);
    };
}

}  // namespace tenon::app
