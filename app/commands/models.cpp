// tenon models: what is installed.
#include <fmt/format.h>
#include <boost/json.hpp>

#include "options.hpp"
#include "tenon/hub/registry.hpp"
#include "tenon/model/model.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string name;
    bool json = false, available = false;
    std::size_t context = 4096;
    enum class Action : std::uint8_t { list, show, verify, remove, path } action = Action::list;
};

Result<void> list(Context& context, const Options& o) {
    TENON_TRY(const hub::Registry* registry, context.registry());
    TENON_TRY(const auto installed, registry->list());
    json::Array rows;
    const auto have = [&](std::string_view name) {
        return std::ranges::any_of(installed, [&](const auto& m) { return m.name == name; });
    };
    for (const auto& m : installed) {
        auto info = model::inspect(m.path);
        json::Object row{{"name", m.name},         {"role", std::string(hub::to_string(m.role))},
                         {"installed", true},      {"bytes", m.bytes},
                         {"licence", m.licence},   {"source", m.source},
                         {"path", m.path.string()}};
        if (info) {
            row["architecture"] = info->architecture;
            row["quantisation"] = info->quantisation;
            row["context_length"] = info->context_length;
            row["supported"] = info->supported;
        }
        rows.push_back(std::move(row));
    }
    if (o.available)
        for (const auto& e : registry->catalog().entries())
            if (!have(e.name))
                rows.push_back(json::Object{{"name", e.name},
                                            {"role", std::string(hub::to_string(e.role))},
                                            {"installed", false},
                                            {"licence", e.licence},
                                            {"description", e.description}});
    if (o.json) {
        print_json(json::Object{{"models", std::move(rows)}});
        return {};
    }
    if (rows.empty()) {
        note("no model is installed; `tenon models --available` lists what `tenon pull NAME` can fetch");
        return {};
    }
    std::size_t width = 20;
    for (const auto& row : rows) width = std::max(width, json::string_or(row, "name", "").size());
    print_line(
        fmt::format("{:<{}} {:<10} {:<10} {:<9} {:>10}  {}", "NAME", width, "ROLE", "KIND", "TYPE", "SIZE", "LICENCE"));
    for (const auto& row : rows) {
        if (!json::bool_or(row, "installed", false)) continue;
        print_line(fmt::format("{:<{}} {:<10} {:<10} {:<9} {:>10}  {}{}", json::string_or(row, "name", ""), width,
                               json::string_or(row, "role", ""), json::string_or(row, "architecture", "?"),
                               json::string_or(row, "quantisation", "?"),
                               human_bytes(static_cast<std::uint64_t>(json::integer_or(row, "bytes", 0))),
                               json::string_or(row, "licence", ""),
                               json::bool_or(row, "supported", false) ? "" : "  (cannot be run yet)"));
    }
    if (!o.available) return {};
    print_line("\nnot installed; `tenon pull NAME` fetches one:");
    for (const auto& row : rows)
        if (!json::bool_or(row, "installed", false))
            print_line(fmt::format("{:<{}} {:<10} {}", json::string_or(row, "name", ""), width,
                                   json::string_or(row, "role", ""), json::string_or(row, "description", "")));
    return {};
}

Result<void> show(Context& context, const Options& o) {
    TENON_TRY(const hub::Registry* registry, context.registry());
    TENON_TRY(const auto resolved, registry->resolve(o.name));
    TENON_TRY(const auto info, model::inspect(resolved.path));
    std::string licence = info.licence, source;
    if (const auto installed = registry->find(o.name)) {
        if (!installed->licence.empty()) licence = installed->licence;
        source = installed->source;
    }
    const std::uint64_t memory = info.memory_needed(info.role == model::ModelRole::causal ? o.context : 0);
    if (o.json) {
        json::Object types;
        for (const auto& [type, bytes] : info.tensor_types) types[type] = bytes;
        print_json(json::Object{{"name", resolved.name},
                                {"model_name", info.name},
                                {"architecture", info.architecture},
                                {"supported", info.supported},
                                {"format", info.format},
                                {"quantisation", info.quantisation},
                                {"licence", licence},
                                {"parameters", info.parameters},
                                {"bytes", info.file_bytes},
                                {"context_length", info.context_length},
                                {"embedding_length", info.embedding_length},
                                {"layers", info.layers},
                                {"heads", info.heads},
                                {"kv_heads", info.kv_heads},
                                {"vocabulary", info.vocabulary},
                                {"memory_needed", memory},
                                {"tensor_types", std::move(types)},
                                {"chat_template", !info.chat_template.empty()},
                                {"source", source},
                                {"path", resolved.path.string()}});
        return {};
    }
    const auto line = [](std::string_view key, std::string_view value) {
        print_line(fmt::format("{:<16} {}", key, value));
    };
    line("name", resolved.name);
    if (!info.name.empty()) line("model", info.name);
    line("architecture",
         info.supported ? info.architecture : info.architecture + " (not supported yet: it cannot be run)");
    line("format", fmt::format("{} {}", info.format, info.quantisation));
    line("parameters", fmt::format("{:.1f} M", static_cast<double>(info.parameters) / 1e6));
    line("licence", licence.empty() ? "not stated" : licence);
    line("context", fmt::format("{} tokens", info.context_length));
    line("shape", fmt::format("{} layers, {} wide, {} heads ({} for keys), vocabulary {}", info.layers,
                              info.embedding_length, info.heads, info.kv_heads, info.vocabulary));
    line("file", fmt::format("{} ({})", resolved.path.string(), human_bytes(info.file_bytes)));
    line("memory needed", info.role == model::ModelRole::causal
                              ? fmt::format("{} with a context of {} tokens", human_bytes(memory), o.context)
                              : human_bytes(memory));
    if (info.role == model::ModelRole::causal)
        line("chat template", info.chat_template.empty() ? "none: a base model, use `tenon complete`" : "yes");
    std::string types;
    for (const auto& [type, bytes] : info.tensor_types)
        types += fmt::format("{}{} {}", types.empty() ? "" : ", ", type, human_bytes(bytes));
    line("tensors", types);
    if (!source.empty()) line("source", source);
    return {};
}

Result<void> run(Context& context, const Options& o) {
    if (o.action == Options::Action::list) return list(context, o);
    if (o.action == Options::Action::show) return show(context, o);
    TENON_TRY(const hub::Registry* registry, context.registry());
    if (o.action == Options::Action::path) {
        TENON_TRY(const auto found, registry->resolve(o.name));
        if (o.json)
            print_json(json::Object{{"name", found.name}, {"path", found.path.string()}});
        else
            print_line(found.path.string());
        return {};
    }
    if (o.action == Options::Action::remove) {
        TENON_CHECK(registry->remove(o.name));
        if (o.json)
            print_json(json::Object{{"name", o.name}, {"removed", true}});
        else
            print_line(fmt::format("removed {}", o.name));
        return {};
    }
    const InterruptGuard interrupt;
    ProgressBar bar("verifying " + o.name);
    TENON_TRY(const auto checks, registry->verify(o.name, [&](std::uint64_t done, std::uint64_t total) {
        bar.update(done, total);
        return !interrupt.token().stop_requested();
    }));
    bar.finish();
    std::size_t bad = 0;
    json::Array rows;
    for (const auto& check : checks) {
        bad += check.ok ? 0 : 1;
        rows.push_back(json::Object{{"name", check.name}, {"ok", check.ok}, {"problem", check.problem}});
        if (!o.json)
            print_line(fmt::format("{} {}{}", check.ok ? "ok  " : "BAD ", check.name,
                                   check.problem.empty() ? "" : ": " + check.problem));
    }
    if (o.json) print_json(json::Object{{"name", o.name}, {"files", std::move(rows)}, {"ok", bad == 0}});
    if (bad > 0)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} of {} files of {} are damaged; `tenon pull --force {}` fetches them again", bad,
                                checks.size(), o.name, o.name));
    return {};
}

}  // namespace

void add_models(CommandLine& cli, Command& chosen) {
    auto options = std::make_shared<Options>();
    auto* models = cli.add_subcommand("models", "list, show, verify and remove models");
    models->add_flag("--json", options->json, "print JSON");
    models->add_flag("--available", options->available, "also what `tenon pull` knows by name");
    const auto go = [&chosen, options](Options::Action action) {
        return [&chosen, options, action] {
            options->action = action;
            chosen = [options]() -> Result<void> {
                TENON_TRY(const auto context, Context::open());
                return run(*context, *options);
            };
        };
    };
    const auto add = [&](const char* name, const char* about, Options::Action action) {
        auto* sub = models->add_subcommand(name, about);
        sub->fallthrough();
        if (action != Options::Action::list)
            sub->add_option("NAME", options->name, "alias, source or path")->required();
        if (action == Options::Action::show)
            sub->add_option("--context", options->context, "tokens of cache to count in the memory needed")
                ->check(in_range(1, 1 << 24));
        sub->callback(go(action));
    };
    add("list", "what is installed (the default)", Options::Action::list);
    add("show", "architecture, quantisation, licence, context, memory needed", Options::Action::show);
    add("verify", "read every file again and compare its SHA-256", Options::Action::verify);
    add("remove", "delete a model's files", Options::Action::remove);
    add("path", "print where a model is", Options::Action::path);
    models->require_subcommand(0, 1);
    models->callback([models, go] {
        if (!models->has_subcommand()) go(Options::Action::list)();
    });
}

}  // namespace tenon::app
