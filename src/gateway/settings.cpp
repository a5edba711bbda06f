#include "tenon/gateway/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

// One mode in the whole program: toml++'s two modes share symbols.
#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>
#include <algorithm>
#include <charconv>
#include <cmath>
#include <functional>
#include <set>

#include "tenon/base/edit_distance.hpp"

namespace tenon::gateway {
namespace {

using std::chrono::milliseconds;

std::unexpected<Error> wrong(const toml::node& node, std::string what) {
    return fail(ErrorCode::invalid_argument, fmt::format("line {}: {}", node.source().begin.line, what));
}

Result<void> read(const toml::node& node, std::string_view key, std::string& out) {
    const auto value = node.value<std::string>();
    if (!value || value->empty()) return wrong(node, fmt::format("{} must be a text", key));
    out = *value;
    return {};
}

Result<void> read(const toml::node& node, std::string_view key, bool& out) {
    const auto value = node.value_exact<bool>();
    if (!value) return wrong(node, fmt::format("{} must be true or false", key));
    out = *value;
    return {};
}

template <class Count>
    requires std::is_unsigned_v<Count>
Result<void> read(const toml::node& node, std::string_view key, Count& out) {
    const auto value = node.value_exact<std::int64_t>();
    if (!value || *value < 0 || *value > std::int64_t{1} << 50)
        return wrong(node, fmt::format("{} must be a whole number, not negative", key));
    out = static_cast<Count>(*value);
    return {};
}

Result<void> read(const toml::node& node, std::string_view key, int& out) {
    std::uint64_t count = 0;
    TENON_CHECK(read(node, key, count));
    if (count == 0 || count > 100) return wrong(node, fmt::format("{} must be from 1 to 100", key));
    out = static_cast<int>(count);
    return {};
}

Result<void> read(const toml::node& node, std::string_view key, double& out) {
    const auto value = node.value<double>();
    if (!value || !std::isfinite(*value) || *value < 0)
        return wrong(node, fmt::format("{} must be a number, not negative", key));
    out = *value;
    return {};
}

/// 250 is milliseconds no more than seconds: a unit must be said. "250ms", "30s", "10m", "2h", "1d".
Result<void> read(const toml::node& node, std::string_view key, milliseconds& out) {
    const auto text = node.value<std::string>().value_or("");
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    static constexpr std::pair<std::string_view, std::uint64_t> units[] = {
        {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};
    if (error == std::errc{} && count <= 1'000'000'000)
        for (const auto& [name, ms] : units)
            if (unit == name) {
                out = milliseconds(count * ms);
                return {};
            }
    return wrong(node, fmt::format("{} must be a time such as \"250ms\", \"30s\", \"10m\" or \"1d\"", key));
}

Result<void> read(const toml::node& node, std::string_view key, std::vector<std::string>& out) {
    const auto* array = node.as_array();
    if (array == nullptr) return wrong(node, fmt::format("{} must be a list of texts", key));
    out.clear();
    for (const auto& item : *array) {
        const auto value = item.value<std::string>();
        if (!value || value->empty()) return wrong(item, fmt::format("{} must be a list of texts", key));
        out.push_back(*value);
    }
    return {};
}

Result<void> read(const toml::node& node, std::string_view key, std::optional<llm::Cost>& out) {
    double dollars = 0;
    TENON_CHECK(read(node, key, dollars));
    if (dollars > 9e6) return wrong(node, fmt::format("{} must be dollars, at most 9 million", key));
    out = llm::Cost(static_cast<std::uint64_t>(std::llround(dollars * 1e6)) * 1'000'000);
    return {};
}

/// Millionths of a dollar per million tokens.
Result<void> read_rate(const toml::node& node, std::string_view key, std::uint64_t& out) {
    double dollars = 0;
    TENON_CHECK(read(node, key, dollars));
    if (dollars > 1e6) return wrong(node, fmt::format("{} must be dollars per million tokens", key));
    out = static_cast<std::uint64_t>(std::llround(dollars * 1e6));
    return {};
}

/// The fields that a table may have, each with the function that takes it.
class Fields {
  public:
    using Take = std::function<Result<void>(const toml::node&)>;

    template <class T>
    Fields& add(std::string name, T& into) {
        return add(name, [name, &into](const toml::node& node) { return read(node, name, into); });
    }
    Fields& add(std::string name, Take take) {
        fields_.emplace_back(std::move(name), std::move(take));
        return *this;
    }
    [[nodiscard]] Result<void> read_from(const toml::node& node, std::string_view where) const {
        const auto* table = node.as_table();
        if (table == nullptr) return wrong(node, fmt::format("{} must be a table", where));
        for (const auto& [key, value] : *table) {
            const auto at =
                std::ranges::find(fields_, key.str(), [](const auto& f) { return std::string_view(f.first); });
            if (at == fields_.end()) return unknown(key, where);
            TENON_CHECK(at->second(value));
        }
        return {};
    }

  private:
    [[nodiscard]] std::unexpected<Error> unknown(const toml::key& key, std::string_view where) const {
        std::vector<std::string_view> names;
        std::string_view close;
        std::size_t best = 3;
        for (const auto& [name, take] : fields_) {
            names.push_back(name);
            if (const auto distance = edit_distance(key.str(), name); distance < best) best = distance, close = name;
        }
        const auto hint = close.empty() ? fmt::format("it may have {}", fmt::join(names, ", "))
                                        : fmt::format("did you mean '{}'?", close);
        return fail(ErrorCode::invalid_argument, fmt::format("line {}: {} has no setting '{}'; {}",
                                                             key.source().begin.line, where, key.str(), hint));
    }
    std::vector<std::pair<std::string, Fields::Take>> fields_;
};

Fields& add_limits(Fields& fields, Limits& limits) {
    fields.add("budget", [&](const toml::node& node) {
        Fields budget;
        budget.add("day", limits.budget.day).add("month", limits.budget.month).add("total", limits.budget.total);
        return budget.read_from(node, "budget");
    });
    return fields.add("requests_per_minute", limits.requests_per_minute)
        .add("tokens_per_minute", limits.tokens_per_minute)
        .add("max_parallel", limits.max_parallel)
        .add("models", limits.models);
}

/// Each named table below `node`, in the order of the file.
Result<void> each(const toml::node& node, std::string_view what,
                  const std::function<Result<void>(std::string name, const toml::node&)>& take) {
    const auto* table = node.as_table();
    if (table == nullptr) return wrong(node, fmt::format("{0} must be tables, as [gateway.{0}.NAME]", what));
    std::vector<std::pair<const toml::key*, const toml::node*>> entries;
    for (const auto& [key, value] : *table) entries.emplace_back(&key, &value);
    std::ranges::stable_sort(entries, {}, [](const auto& e) { return e.first->source().begin.line; });
    for (const auto& [key, value] : entries) TENON_CHECK(take(std::string(key->str()), *value));
    return {};
}

Result<void> read_price(const toml::node& node, llm::Price& price) {
    std::optional<std::uint64_t> cached, written;
    Fields fields;
    fields.add("input", [&](const toml::node& n) { return read_rate(n, "input", price.rates.input); })
        .add("output", [&](const toml::node& n) { return read_rate(n, "output", price.rates.output); })
        .add("cached_input", [&](const toml::node& n) { return read_rate(n, "cached_input", cached.emplace()); })
        .add("cache_write", [&](const toml::node& n) { return read_rate(n, "cache_write", written.emplace()); })
        .add("as_of", price.as_of)
        .add("source", price.source);
    TENON_CHECK(fields.read_from(node, "price"));
    price.rates.cached_input = cached.value_or(price.rates.input);
    price.rates.cache_write = written.value_or(price.rates.input);
    if (price.source.empty()) price.source = "tenon.toml";
    return {};
}

Result<DeploymentSettings> read_deployment(std::string name, const toml::node& node) {
    DeploymentSettings out;
    out.line = static_cast<int>(node.source().begin.line);
    auto& about = out.about;
    about.name = std::move(name);
    llm::Capabilities can;
    bool says = false;
    const auto ability = [&](bool& into) {
        return [&](const toml::node& n) {
            says = true;
            return read(n, "an ability", into);
        };
    };
    Fields fields;
    fields.add("model", out.model)
        .add("base_url", out.base_url)
        .add("api_key", out.api_key)
        .add("api_key_variable", out.api_key_variable)
        .add("region", out.region)
        .add("api_version", out.api_version)
        .add("embedding", out.embedding)
        .add("weight", about.weight)
        .add("free", about.free)
        .add("priced_as", about.priced_as)
        .add("price", [&](const toml::node& n) { return read_price(n, about.price.emplace()); })
        .add("requests_per_minute", about.requests_per_minute)
        .add("tokens_per_minute", about.tokens_per_minute)
        .add("max_parallel", about.max_parallel)
        .add("first_token_timeout", about.first_token_timeout)
        .add("capabilities", [&](const toml::node& n) {
            Fields abilities;
            abilities.add("tools", ability(can.tools))
                .add("images", ability(can.images))
                .add("audio", ability(can.audio))
                .add("documents", ability(can.documents))
                .add("logprobs", ability(can.logprobs))
                .add("completion", ability(can.completion))
                .add("forced_tools", ability(can.forced_tools))
                .add("json", ability(can.json))
                .add("json_schema", ability(can.json_schema))
                .add("grammar", ability(can.grammar))
                .add("regex", ability(can.regex))
                .add("reasoning", ability(can.reasoning))
                .add("context_length", [&](const toml::node& c) {
                    says = true;
                    return read(c, "context_length", can.context_length);
                });
            return abilities.read_from(n, "capabilities");
        });
    TENON_CHECK(fields.read_from(node, fmt::format("the deployment '{}'", about.name)));
    if (out.model.empty()) out.model = about.name;
    if (about.priced_as.empty()) about.priced_as = out.model;
    if (says) about.capabilities = can;
    return out;
}

Result<Route> read_route(std::string alias, const toml::node& node) {
    Route out;
    out.alias = std::move(alias);
    Fields fields;
    fields.add("deployments", out.deployments)
        .add("fallbacks", out.fallbacks)
        .add("context_fallbacks", out.context_fallbacks)
        .add("content_fallbacks", out.content_fallbacks)
        .add("strategy", [&](const toml::node& n) -> Result<void> {
            const auto strategy = strategy_from(n.value<std::string>().value_or(""));
            if (!strategy)
                return wrong(n, "strategy must be weighted, round_robin, least_busy, lowest_latency or lowest_cost");
            out.strategy = *strategy;
            return {};
        });
    TENON_CHECK(fields.read_from(node, fmt::format("the model '{}'", out.alias)));
    if (out.deployments.empty())
        return wrong(node, fmt::format("the model '{}' needs deployments: the names of those behind it", out.alias));
    return out;
}

Result<void> read_cache(const toml::node& node, Settings& s) {
    auto& cache = s.cache;
    cache.max_entries = 10'000;
    Fields fields;
    fields.add("ttl", cache.ttl)
        .add("max_entries", cache.max_entries)
        .add("max_bytes", cache.max_bytes)
        .add("embedding", s.cache_embedding)
        .add("similarity",
             [&](const toml::node& n) -> Result<void> {
                 TENON_CHECK(read(n, "similarity", cache.similarity));
                 if (cache.similarity > 1 || cache.similarity < 0.5)
                     return wrong(n, "similarity must be from 0.5 to 1");
                 return {};
             })
        .add("isolation", [&](const toml::node& n) -> Result<void> {
            using enum CachePolicy::Isolation;
            const auto text = n.value<std::string>().value_or("");
            if (text != "none" && text != "team" && text != "key")
                return wrong(n, "isolation must be none, team or key");
            cache.isolation = text == "none" ? none : text == "team" ? team : key;
            return {};
        });
    return fields.read_from(node, "cache");
}

/// What routes and limits name must be there; a model's own name becomes a deployment.
Result<void> resolve(Settings& s, const toml::table& gateway) {
    const auto* models = gateway.get_as<toml::table>("models");
    const auto line_of = [&](const std::string& alias) -> const toml::node& {
        const auto* node = models == nullptr ? nullptr : models->get(alias);
        return node == nullptr ? static_cast<const toml::node&>(gateway) : *node;
    };
    std::set<std::string> known;
    for (const auto& d : s.deployments) known.insert(d.about.name);
    for (const auto& route : s.routes)
        for (const auto& name : route.deployments) {
            if (known.contains(name)) continue;
            // A word alone is a slip rather than a model: models of providers have a colon, installed ones are
            // declared.
            if (!name.contains(':'))
                return wrong(line_of(route.alias),
                             fmt::format("the model '{}' names the deployment '{}', which is not there; declare it as "
                                         "[gateway.deployments.{}], or write PROVIDER:NAME",
                                         route.alias, name, name));
            DeploymentSettings plain;
            plain.about.name = plain.about.priced_as = plain.model = name;
            plain.line = static_cast<int>(line_of(route.alias).source().begin.line);
            s.deployments.push_back(std::move(plain));
            known.insert(name);
        }
    for (const auto& route : s.routes) known.insert(route.alias);
    for (const auto& route : s.routes)
        for (const auto* list : {&route.fallbacks, &route.context_fallbacks, &route.content_fallbacks})
            for (const auto& name : *list)
                if (!known.contains(name))
                    return wrong(
                        line_of(route.alias),
                        fmt::format("the model '{}' falls back to '{}', which is not there", route.alias, name));
    const auto check_models = [&](const char* section, const std::string& name, const Limits& limits) -> Result<void> {
        for (const auto& model : limits.models)
            if (!known.contains(model))
                return wrong(*gateway.get_as<toml::table>(section)->get(name),
                             fmt::format("'{}' may use '{}', which is not there", name, model));
        return {};
    };
    for (const auto& team : s.teams) TENON_CHECK(check_models("teams", team.name, team.limits));
    for (const auto& key : s.keys) {
        TENON_CHECK(check_models("keys", key.name, key.limits));
        if (!key.team.empty() && std::ranges::find(s.teams, key.team, &Team::name) == s.teams.end())
            return wrong(*gateway.get_as<toml::table>("keys")->get(key.name),
                         fmt::format("the key '{}' is of the team '{}', which is not there", key.name, key.team));
    }
    return {};
}

}  // namespace

Result<std::optional<Settings>> parse_settings(std::string_view text) {
    const auto parsed = toml::parse(text);
    if (!parsed)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("line {}: {}", parsed.error().source().begin.line, parsed.error().description()));
    const auto* node = parsed.table().get("gateway");
    if (node == nullptr) return std::nullopt;
    Settings s;
    Fields fields;
    fields
        .add("deployments",
             [&](const toml::node& n) {
                 return each(n, "deployments", [&](std::string name, const toml::node& d) -> Result<void> {
                     TENON_TRY(auto deployment, read_deployment(std::move(name), d));
                     s.deployments.push_back(std::move(deployment));
                     return {};
                 });
             })
        .add("models",
             [&](const toml::node& n) {
                 return each(n, "models", [&](std::string name, const toml::node& d) -> Result<void> {
                     TENON_TRY(auto route, read_route(std::move(name), d));
                     s.routes.push_back(std::move(route));
                     return {};
                 });
             })
        .add("teams",
             [&](const toml::node& n) {
                 return each(n, "teams", [&](std::string name, const toml::node& d) {
                     auto& team = s.teams.emplace_back(Team{std::move(name)});
                     Fields limits;
                     return add_limits(limits, team.limits).read_from(d, fmt::format("the team '{}'", team.name));
                 });
             })
        .add("keys",
             [&](const toml::node& n) {
                 return each(n, "keys", [&](std::string name, const toml::node& d) -> Result<void> {
                     auto& key = s.keys.emplace_back();
                     key.name = std::move(name);
                     Fields own;
                     own.add("sha256", key.sha256).add("team", key.team);
                     TENON_CHECK(add_limits(own, key.limits).read_from(d, fmt::format("the key '{}'", key.name)));
                     if (key.sha256.size() != 64 ||
                         key.sha256.find_first_not_of("0123456789abcdef") != std::string::npos)
                         return wrong(d, fmt::format("the key '{}' needs sha256, 64 hexadecimal digits; `tenon gateway "
                                                     "keys create` keeps keys without writing here",
                                                     key.name));
                     return {};
                 });
             })
        .add("retry",
             [&](const toml::node& n) {
                 Fields retry;
                 retry.add("attempts", s.retry.max_attempts)
                     .add("base", s.retry.base)
                     .add("cap", s.retry.cap)
                     .add("max_retry_after", s.retry.max_retry_after)
                     .add("fallback_patience", s.fallback_patience);
                 return retry.read_from(n, "retry");
             })
        .add("breaker",
             [&](const toml::node& n) {
                 Fields breaker;
                 breaker.add("failures", s.breaker.failures)
                     .add("cooldown", s.breaker.cooldown)
                     .add("max_cooldown", s.breaker.max_cooldown);
                 return breaker.read_from(n, "breaker");
             })
        .add("cache", [&](const toml::node& n) { return read_cache(n, s); })
        .add("default_max_tokens", s.default_max_tokens);
    TENON_CHECK(fields.read_from(*node, "[gateway]"));
    TENON_CHECK(resolve(s, *node->as_table()));
    return s;
}

}  // namespace tenon::gateway
