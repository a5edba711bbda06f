// tenon gateway: the settings checked, routes, keys, spending, prices.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <boost/json.hpp>

#include <algorithm>
#include <ctime>
#include <map>

#include "gateway.hpp"
#include "options.hpp"
#include "tenon/gateway/settings.hpp"
#include "tenon/hub/registry.hpp"

namespace tenon::app {
namespace {

struct Options {
    bool json = false, all = false;
    std::string name, team, model, key, since, until, by = "key";
    std::vector<std::string> models;
    double day = -1, month = -1, total = -1;
    std::uint64_t requests = 0, tokens = 0;
    std::size_t parallel = 0;
};

Result<const gateway::Settings*> settings_of(Context& context) {
    if (context.settings().gateway) return context.settings().gateway.get();
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} has no [gateway]; docs/guide/gateway.md says how to write one",
                            (context.settings().home / "tenon.toml").string()));
}

json::Object row_of(const llm::Price& p) {
    const auto dollars = [](std::uint64_t rate) { return static_cast<double>(rate) / 1e6; };
    json::Object row{{"provider", p.provider},
                     {"model", p.model},
                     {"input", dollars(p.rates.input)},
                     {"cached_input", dollars(p.rates.cached_input)},
                     {"cache_write", dollars(p.rates.cache_write)},
                     {"output", dollars(p.rates.output)},
                     {"as_of", p.as_of},
                     {"source", p.source}};
    if (p.above != 0)
        row["above"] = json::Object{
            {"tokens", p.above}, {"input", dollars(p.rates_above.input)}, {"output", dollars(p.rates_above.output)}};
    return row;
}

std::string price_text(const std::optional<llm::Price>& price, bool free) {
    if (price)
        return fmt::format("${:g} / ${:g}", static_cast<double>(price->rates.input) / 1e6,
                           static_cast<double>(price->rates.output) / 1e6);
    return free ? "free" : "unknown";
}

bool has_budget(const gateway::Settings& s, const std::vector<store::KeyRecord>& kept) {
    const auto limited = [](const auto& holder) { return holder.limits.budget.limited(); };
    if (std::ranges::any_of(s.teams, limited) || std::ranges::any_of(s.keys, limited)) return true;
    return std::ranges::any_of(kept, [](const auto& record) {
        const auto limits = gateway::limits_from_json(record.settings);
        return record.revoked_at == 0 && limits && limits->budget.limited();
    });
}

/// What stands in the way of each deployment, found without calling anything.
Result<void> check(Context& context, const Options& o) {
    TENON_TRY(const auto* s, settings_of(context));
    TENON_TRY(const auto gate, context.gateway());
    TENON_TRY(const auto ledger, open_ledger(context));
    TENON_TRY(const auto kept, ledger->keys());
    std::map<std::string, llm::Price> prices;
    for (auto& status : gate->status())
        if (status.price) prices[status.name] = *status.price;
    json::Array faults;
    const auto complain = [&](const gateway::DeploymentSettings& d, std::string what) {
        if (!o.json) print_line(fmt::format("line {}: {}: {}", d.line, d.about.name, what));
        faults.push_back(json::Object{{"line", d.line}, {"deployment", d.about.name}, {"problem", std::move(what)}});
    };
    TENON_TRY(const auto* registry, context.registry());
    for (const auto& d : s->deployments) {
        const bool remote = provider::parse_model_name(d.model).preset.has_value();
        auto open = open_settings(context.settings(), d.model);
        if (!d.base_url.empty()) open.base_url = d.base_url;
        if (!d.api_key.empty()) open.api_key = d.api_key;
        if (!d.api_key_variable.empty()) open.api_key = environment({d.api_key_variable});
        if (!d.region.empty()) open.region = d.region;
        open.client = context.http();
        if (remote && !d.embedding) {
            auto opened = sync_wait(context.runtime(), provider::open_chat_model(d.model, open, CallOptions()));
            if (!opened) complain(d, opened.error().describe());
        } else if (remote) {
            auto opened = sync_wait(context.runtime(), provider::open_embedder(d.model, open, CallOptions()));
            if (!opened) complain(d, opened.error().describe());
        } else if (const auto installed = registry->resolve(d.model); !installed) {
            complain(d, installed.error().describe());
        }
        if (remote && !d.about.free && !prices.contains(d.about.name) && has_budget(*s, kept))
            complain(d,
                     "its price is not known, so keys with a budget cannot use it; write price = { input = …, "
                     "output = … }, or add it to prices.json");
    }
    if (o.json)
        print_json(json::Object{{"ok", faults.empty()},
                                {"models", s->routes.size()},
                                {"deployments", s->deployments.size()},
                                {"teams", s->teams.size()},
                                {"keys", s->keys.size() + kept.size()},
                                {"problems", faults}});
    else if (faults.empty())
        print_line(
            fmt::format("the gateway is in order: {} models, {} deployments", s->routes.size(), s->deployments.size()));
    if (!faults.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("{} of the gateway's deployments cannot be used as they are", faults.size()));
    return {};
}

Result<void> routes(Context& context, const Options& o) {
    TENON_TRY(const auto* s, settings_of(context));
    TENON_TRY(const auto gate, context.gateway());
    json::Array rows;
    std::map<std::string, std::optional<llm::Price>> prices;
    for (auto& status : gate->status()) prices[status.name] = status.price;
    for (const auto& route : gate->routes()) {
        if (!o.json) {
            print_line(fmt::format("{}  ({})", route.alias, gateway::to_string(route.strategy)));
            const auto tell = [](const char* what, const std::vector<std::string>& names) {
                if (!names.empty()) print_line(fmt::format("  {} {}", what, fmt::join(names, ", ")));
            };
            for (const auto& name : route.deployments) {
                const auto d =
                    std::ranges::find(s->deployments, name, [](const auto& known) { return known.about.name; });
                const bool local = !provider::parse_model_name(d->model).preset;
                print_line(fmt::format("  {}  {}  weight {:g}  {}", fit(name, 28), fit(d->model, 32), d->about.weight,
                                       price_text(prices[name], local || d->about.free)));
            }
            tell("then", route.fallbacks);
            tell("too long:", route.context_fallbacks);
            tell("refused:", route.content_fallbacks);
            continue;
        }
        json::Array deployments;
        for (const auto& name : route.deployments) {
            const auto d = std::ranges::find(s->deployments, name, [](const auto& known) { return known.about.name; });
            json::Object row{{"name", name}, {"model", d->model}, {"weight", d->about.weight}};
            row["price"] = prices[name] ? json::Value(row_of(*prices[name])) : json::Value(nullptr);
            deployments.push_back(std::move(row));
        }
        const auto list = [](const std::vector<std::string>& names) { return json::Array(names.begin(), names.end()); };
        rows.push_back(json::Object{{"alias", route.alias},
                                    {"role", gate->chats(route.alias) ? "chat" : "embedding"},
                                    {"strategy", gateway::to_string(route.strategy)},
                                    {"deployments", std::move(deployments)},
                                    {"fallbacks", list(route.fallbacks)},
                                    {"context_fallbacks", list(route.context_fallbacks)},
                                    {"content_fallbacks", list(route.content_fallbacks)}});
    }
    if (o.json) print_json(json::Object{{"models", std::move(rows)}});
    return {};
}

Result<void> create_key(Context& context, const Options& o) {
    TENON_TRY(const auto* s, settings_of(context));
    if (!o.team.empty() && std::ranges::find(s->teams, o.team, &gateway::Team::name) == s->teams.end())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("there is no team '{0}'; write [gateway.teams.{0}] into the settings", o.team));
    for (const auto& model : o.models)
        if (std::ranges::find(s->routes, model, &gateway::Route::alias) == s->routes.end())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("there is no model '{}'; `tenon gateway routes` shows them", model));
    if (std::ranges::find(s->keys, o.name, &gateway::Key::name) != s->keys.end())
        return fail(ErrorCode::already_exists, fmt::format("the settings have a key named '{}' already", o.name));
    gateway::Limits limits;
    const auto dollars = [](double amount) -> std::optional<llm::Cost> {
        if (amount < 0) return std::nullopt;
        return llm::Cost(static_cast<std::uint64_t>(amount * 1e6 + 0.5) * 1'000'000);
    };
    limits.budget = {dollars(o.day), dollars(o.month), dollars(o.total)};
    limits.requests_per_minute = o.requests;
    limits.tokens_per_minute = o.tokens;
    limits.max_parallel = o.parallel;
    limits.models = o.models;
    const auto key = gateway::make_key();
    TENON_TRY(const auto ledger, open_ledger(context));
    TENON_CHECK(ledger->add_key({o.name, gateway::hash_of(key), o.team, gateway::to_json(limits)}));
    if (o.json) {
        print_json(json::Object{{"name", o.name}, {"key", key}, {"team", o.team}});
    } else {
        note("this is the only time the key is shown; the gateway keeps its hash");
        print_line(key);
    }
    return {};
}

std::string when(std::int64_t ms) {
    const std::time_t seconds = ms / 1000;
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    char text[32];
    return {text, std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts)};
}

Result<void> list_keys(Context& context, const Options& o) {
    TENON_TRY(const auto* s, settings_of(context));
    TENON_TRY(const auto ledger, open_ledger(context));
    TENON_TRY(const auto kept, ledger->keys());
    json::Array rows;
    const auto add = [&](const std::string& name, const std::string& team, const std::string& limits,
                         std::int64_t created, std::int64_t revoked) {
        if (revoked != 0 && !o.all) return;
        if (o.json) {
            json::Object row{{"name", name}, {"team", team}, {"limits", json::parse(limits).value_or(nullptr)}};
            row["created_at"] = created == 0 ? json::Value(nullptr) : json::Value(created / 1000);
            row["revoked_at"] = revoked == 0 ? json::Value(nullptr) : json::Value(revoked / 1000);
            rows.push_back(std::move(row));
        } else {
            const std::string state = revoked != 0   ? "revoked " + when(revoked)
                                      : created == 0 ? "in tenon.toml"
                                                     : "made " + when(created);
            print_line(fmt::format("{} {} {:<24} {}", fit(name, 20), fit(team, 16), state, limits));
        }
    };
    for (const auto& key : s->keys) add(key.name, key.team, gateway::to_json(key.limits), 0, 0);
    for (const auto& record : kept) add(record.id, record.team, record.settings, record.created_at, record.revoked_at);
    if (o.json) print_json(json::Object{{"keys", std::move(rows)}});
    return {};
}

Result<void> revoke_key(Context& context, const Options& o) {
    TENON_TRY(const auto ledger, open_ledger(context));
    TENON_CHECK(ledger->revoke_key(o.name));
    if (o.json)
        print_json(json::Object{{"name", o.name}, {"revoked", true}});
    else
        print_line(fmt::format("{} is revoked", o.name));
    return {};
}

Result<void> spend(Context& context, const Options& o) {
    TENON_TRY(const auto ledger, open_ledger(context));
    TENON_TRY(const auto rows, ledger->spending({o.since, o.until, o.key, o.team, o.model}));
    std::map<std::string, store::Spending> sums;
    store::Spending total;
    const auto add = [](store::Spending& sum, const store::Spending& row) {
        sum.requests += row.requests;
        sum.input_tokens += row.input_tokens;
        sum.cached_input_tokens += row.cached_input_tokens;
        sum.output_tokens += row.output_tokens;
        sum.picodollars += row.picodollars;
    };
    for (const auto& row : rows) {
        const auto& name = o.by == "team" ? row.team : o.by == "model" ? row.model : o.by == "day" ? row.day : row.key;
        add(sums[name], row);
        add(total, row);
    }
    const auto object = [](const store::Spending& sum) {
        return json::Object{{"requests", sum.requests},
                            {"input_tokens", sum.input_tokens},
                            {"cached_input_tokens", sum.cached_input_tokens},
                            {"output_tokens", sum.output_tokens},
                            {"dollars", llm::Cost(sum.picodollars).dollars()}};
    };
    if (o.json) {
        json::Array list;
        for (const auto& [name, sum] : sums) {
            auto row = object(sum);
            row[o.by] = name;
            list.push_back(std::move(row));
        }
        print_json(json::Object{{"by", o.by}, {"spending", std::move(list)}, {"total", object(total)}});
        return {};
    }
    const auto line = [](std::string_view name, const store::Spending& sum) {
        print_line(fmt::format("{} {:>9} {:>12} {:>12} {:>14}", fit(name, 28), sum.requests, sum.input_tokens,
                               sum.output_tokens, fmt::format("${:.6f}", llm::Cost(sum.picodollars).dollars())));
    };
    print_line(fmt::format("{:<28} {:>9} {:>12} {:>12} {:>14}", o.by, "requests", "input", "output", "spent"));
    for (const auto& [name, sum] : sums) line(name.empty() ? "(the owner)" : name, sum);
    line("in all", total);
    return {};
}

Result<void> prices(Context& context, const Options& o) {
    TENON_TRY(const auto table, context.prices());
    std::vector<llm::Price> shown;
    if (!o.model.empty()) {
        const auto* price = table.find(o.model);
        if (price == nullptr)
            return fail(ErrorCode::not_found, fmt::format("the price of {} is not known; add it to {}", o.model,
                                                          (context.settings().home / "prices.json").string()));
        shown = {*price};
    } else {
        shown = table.entries();
    }
    if (o.json) {
        json::Array rows;
        for (const auto& price : shown) rows.push_back(row_of(price));
        print_json(json::Object{{"unit", "US dollars per million tokens"}, {"prices", std::move(rows)}});
        return {};
    }
    print_line(fmt::format("{:<40} {:>10} {:>10} {:>10}  {:<10}  {}", "MODEL ($ per million tokens)", "INPUT", "CACHED",
                           "OUTPUT", "AS OF", "SOURCE"));
    for (const auto& p : shown)
        print_line(fmt::format("{} {:>10g} {:>10g} {:>10g}  {:<10}  {}", fit(p.provider + ":" + p.model, 40),
                               static_cast<double>(p.rates.input) / 1e6,
                               static_cast<double>(p.rates.cached_input) / 1e6,
                               static_cast<double>(p.rates.output) / 1e6, p.as_of, p.source));
    return {};
}

}  // namespace

void add_gateway(CommandLine& cli, Command& chosen) {
    auto options = std::make_shared<Options>();
    auto& o = *options;
    auto* gate = cli.add_subcommand("gateway", "many models behind few names: settings, keys, spending, prices");
    gate->add_flag("--json", o.json, "print JSON");
    const auto sub = [&](CommandLine* under, const char* name, const char* about,
                         Result<void> (*work)(Context&, const Options&)) {
        auto* s = under->add_subcommand(name, about);
        s->fallthrough();
        s->callback([&chosen, options, work] {
            chosen = [options, work]() -> Result<void> {
                TENON_TRY(const auto context, Context::open());
                return work(*context, *options);
            };
        });
        return s;
    };
    sub(gate, "check", "whether the settings make sense and every deployment can be opened; calls nothing", check);
    sub(gate, "routes", "the aliases, what is behind them, and what it costs", routes);
    auto* keys = gate->add_subcommand("keys", "make, list and revoke keys");
    keys->fallthrough();
    keys->require_subcommand(1);
    auto* s = sub(keys, "create", "make a key and show it, once", create_key);
    s->add_option("NAME", o.name, "whose it is: shown in spending and errors")->required();
    s->add_option("--team", o.team, "the team whose limits it shares");
    s->add_option("--budget-day", o.day, "dollars a day (UTC)")->check(in_range(0.0, 9e6));
    s->add_option("--budget-month", o.month, "dollars a month (UTC)")->check(in_range(0.0, 9e6));
    s->add_option("--budget-total", o.total, "dollars in all")->check(in_range(0.0, 9e6));
    s->add_option("--requests-per-minute", o.requests)->check(positive());
    s->add_option("--tokens-per-minute", o.tokens)->check(positive());
    s->add_option("--max-parallel", o.parallel, "calls under way at once")->check(positive());
    s->add_option("--model", o.models, "an alias it may ask for (repeatable); default: all");
    s = sub(keys, "list", "names, teams and limits; never the keys", list_keys);
    s->add_flag("--all", o.all, "revoked ones too");
    s = sub(keys, "revoke", "no longer let a key in", revoke_key);
    s->add_option("NAME", o.name)->required();
    s = sub(gate, "spend", "what was spent", spend);
    s->add_option("--by", o.by, "key, team, model or day")->check(one_of({"key", "team", "model", "day"}));
    s->add_option("--since", o.since, "a day, as 2026-11-25");
    s->add_option("--until", o.until, "a day, included");
    s->add_option("--key", o.key, "of this key alone");
    s->add_option("--team", o.team, "of this team alone");
    s->add_option("--model", o.model, "of this deployment alone");
    s = sub(gate, "prices", "the price table: what a million tokens cost, as of when, by which source", prices);
    s->add_option("MODEL", o.model, "only this one");
    gate->require_subcommand(1);
}

}  // namespace tenon::app
