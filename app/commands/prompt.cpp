// tenon prompt: the registry of prompts in $TENON_HOME/prompts.
#include <fmt/format.h>
#include <boost/json.hpp>

#include <cctype>
#include <ctime>

#include "options.hpp"
#include "tenon/base/file.hpp"
#include "tenon/chain/registry.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string name, file, note, tag, reference, from, to, experiment;
    std::vector<std::string> set, ways;
    bool json = false, versions = false, run = false;
    RemoteFlags remote;
};

std::string when(std::int64_t seconds) {
    const std::time_t t = seconds;
    std::tm parts{};
    ::localtime_r(&t, &parts);
    char buffer[32];
    return {buffer, std::strftime(buffer, sizeof buffer, "%Y-%m-%d %H:%M", &parts)};
}

Result<std::shared_ptr<chain::PromptStore>> open(Context& context) {
    return chain::open_prompt_folder(context.settings().home / "prompts");
}

/// "name@reference"
std::pair<std::string, std::string> parts(const std::string& name) {
    const auto at = name.find('@');
    return {name.substr(0, at), at == std::string::npos ? std::string() : name.substr(at + 1)};
}

json::Object row_of(const chain::PromptVersion& v) {
    return {{"version", v.number}, {"hash", v.hash}, {"created_at", v.created}, {"note", v.note}};
}
json::Object row_of(const chain::PromptHistory& h) {
    json::Object tags, experiments;
    for (const auto& [tag, numbers] : h.tags) tags[tag] = numbers.back();
    for (const auto& [name, ways] : h.experiments) {
        json::Object weights;
        for (const auto& [way, weight] : ways) weights[way] = weight;
        experiments[name] = std::move(weights);
    }
    return {{"name", h.name},
            {"versions", h.versions.size()},
            {"updated_at", h.versions.back().created},
            {"tags", std::move(tags)},
            {"experiments", std::move(experiments)}};
}
std::string tags_of(const chain::PromptHistory& h, std::uint32_t number) {
    std::string out;
    for (const auto& [tag, numbers] : h.tags)
        if (number == 0 || numbers.back() == number)
            out += fmt::format("{}{}", out.empty() ? "" : ", ",
                               number == 0 ? fmt::format("{}=v{}", tag, numbers.back()) : tag);
    return out;
}

void tell(const Options& o, std::string_view what, const std::string& name, const chain::PromptVersion& v) {
    if (o.json) {
        auto row = row_of(v);
        row["name"] = name;
        print_json(row);
    } else {
        print_line(fmt::format("{} v{} ({})", what, v.number, v.hash.substr(0, 12)));
    }
}

Result<void> list(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    TENON_TRY(const auto names, store->list());
    json::Array rows;
    if (!o.json && names.empty()) note("there is no prompt yet; `tenon prompt put NAME FILE` keeps one");
    if (!o.json && !names.empty())
        print_line(fmt::format("{:<28} {:>8}  {:<16}  {}", "NAME", "VERSIONS", "CHANGED", "TAGS"));
    for (const auto& name : names) {
        TENON_TRY(const auto h, store->history(name));
        if (o.json)
            rows.push_back(row_of(h));
        else
            print_line(fmt::format("{} {:>8}  {}  {}", fit(name, 28), h.versions.size(),
                                   when(h.versions.back().created), tags_of(h, 0)));
    }
    if (o.json) print_json(json::Object{{"prompts", std::move(rows)}});
    return {};
}

Result<void> show(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    const auto [name, reference] = parts(o.name);
    TENON_TRY(const auto h, store->history(name));
    if (o.versions) {
        json::Array rows;
        for (const auto& v : h.versions) {
            if (o.json)
                rows.push_back(row_of(v));
            else
                print_line(fmt::format("v{:<4} {}  {}  {:<20} {}", v.number, v.hash.substr(0, 12), when(v.created),
                                       tags_of(h, v.number), v.note));
        }
        if (o.json) {
            auto row = row_of(h);
            row["versions"] = std::move(rows);
            print_json(row);
        }
        return {};
    }
    TENON_TRY(const auto stored, store->get(name, reference));
    if (!o.json) {
        print(stored.text);
        if (!stored.text.ends_with('\n')) print_line("");
        return {};
    }
    auto row = row_of(stored.version);
    row["name"] = name;
    row["text"] = stored.text;
    row["description"] = stored.document.description;
    TENON_TRY(const auto variables, stored.document.variables());
    row["variables"] = json::Array(variables.begin(), variables.end());
    print_json(row);
    return {};
}

Result<void> put(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    std::string text;
    if (o.file == "-") {
        TENON_TRY(text, read_stdin());
    } else {
        TENON_TRY(text, read_file(o.file, std::size_t{4} << 20));
    }
    TENON_TRY(const auto version, store->put(o.name, std::move(text), o.note));
    tell(o, o.name + " is", o.name, version);
    return {};
}

Result<void> diff(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    TENON_TRY(const auto before, store->get(o.name, o.from));
    TENON_TRY(const auto after, store->get(o.name, o.to));
    const auto label = [&](const auto& s) { return fmt::format("{} v{}", o.name, s.version.number); };
    const auto text = chain::unified_diff(before.text, after.text, label(before), label(after));
    if (o.json)
        print_json(json::Object{
            {"name", o.name}, {"from", before.version.number}, {"to", after.version.number}, {"diff", text}});
    else
        print(text);
    return {};
}

Result<void> tag(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    TENON_TRY(const auto version, store->tag(o.name, o.tag, o.reference));
    tell(o, fmt::format("{} of {} is", o.tag, o.name), o.name, version);
    return {};
}

Result<void> roll_back(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    TENON_TRY(const auto version, store->roll_back(o.name, o.tag));
    tell(o, fmt::format("{} of {} is again", o.tag, o.name), o.name, version);
    return {};
}

Result<void> experiment(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    std::vector<std::pair<std::string, double>> ways;
    for (const auto& way : o.ways) {
        const auto equals = way.rfind('=');
        char* end = nullptr;
        const double weight = equals == std::string::npos ? 0 : std::strtod(way.c_str() + equals + 1, &end);
        if (equals == std::string::npos || end == nullptr || *end != '\0')
            return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not VERSION=WEIGHT", way));
        ways.emplace_back(way.substr(0, equals), weight);
    }
    TENON_CHECK(store->experiment(o.name, o.experiment, std::move(ways)));
    TENON_TRY(const auto h, store->history(o.name));
    if (o.json)
        print_json(row_of(h));
    else
        print_line(fmt::format("{}: {} {}", o.name, o.experiment, o.ways.empty() ? "has ended" : "is set"));
    return {};
}

bool holds(std::string text, std::string wanted) {
    const auto fold = [](std::string& s) {
        for (auto& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    };
    fold(text);
    fold(wanted);
    return text.find(wanted) != std::string::npos;
}

struct Tried {
    std::string name, text, problem;
};

Tried judge(const chain::PromptCase& c, Result<std::string> text) {
    Tried out{c.name, {}, {}};
    if (!text) {
        out.problem = text.error().describe();
        return out;
    }
    out.text = std::move(*text);
    for (const auto& wanted : c.contains)
        if (!holds(out.text, wanted)) out.problem = fmt::format("does not say '{}'", wanted);
    for (const auto& unwanted : c.lacks)
        if (holds(out.text, unwanted)) out.problem = fmt::format("says '{}'", unwanted);
    return out;
}

Result<void> test(Context& context, const Options& o) {
    TENON_TRY(const auto store, open(context));
    const auto [name, reference] = parts(o.name);
    TENON_TRY(const auto stored, store->get(name, reference));
    auto cases = stored.document.cases;
    if (!o.set.empty()) {
        chain::PromptCase given{"given", {}, {}, {}};
        for (const auto& pair : o.set) {
            const auto equals = pair.find('=');
            if (equals == std::string::npos)
                return fail(ErrorCode::invalid_argument, fmt::format("'{}' is not NAME=VALUE", pair));
            given.variables[pair.substr(0, equals)] = pair.substr(equals + 1);
        }
        cases = {std::move(given)};
    }
    if (cases.empty())
        return fail(ErrorCode::invalid_argument,
                    fmt::format("{} has no [[case]] to try; give its variables with --set NAME=VALUE", name));
    llm::ChatModelPtr model;
    const bool asks = o.run || !o.remote.model.empty();
    if (asks) {
        o.remote.apply(context.settings());
        TENON_TRY(model, context.chat_model(""));
    }
    const InterruptGuard interrupt;
    std::vector<Tried> tried;
    std::size_t failed = 0;
    for (const auto& c : cases) {
        Result<std::string> text = std::string();
        if (auto request = stored.document.render(c.variables); !request) {
            text = std::unexpected(request.error());
        } else if (!asks) {
            for (const auto& m : request->messages) *text += fmt::format("@{}\n{}\n", llm::to_string(m.role), m.text());
        } else {
            if (!request->settings.max_tokens) request->settings.max_tokens = 512;
            auto answer =
                sync_wait(context.runtime(), model->generate(std::move(*request), CallOptions{{}, interrupt.token()}));
            if (answer)
                text = answer->message.text();
            else
                text = std::unexpected(answer.error());
        }
        tried.push_back(judge(c, std::move(text)));
        failed += tried.back().problem.empty() ? 0U : 1U;
        if (o.json) continue;
        print_line(fmt::format("{} {}{}", tried.back().problem.empty() ? "ok    " : "FAILED", c.name,
                               tried.back().problem.empty() ? "" : ": " + tried.back().problem));
        if (!tried.back().text.empty()) print_line(tried.back().text);
    }
    if (o.json) {
        json::Array rows;
        for (const auto& t : tried) {
            json::Object row{{"name", t.name}, {"passed", t.problem.empty()}, {"text", t.text}};
            if (!t.problem.empty()) row["problem"] = t.problem;
            rows.push_back(std::move(row));
        }
        print_json(json::Object{{"name", name},
                                {"version", stored.version.number},
                                {"model", model ? json::Value(model->name()) : json::Value(nullptr)},
                                {"passed", tried.size() - failed},
                                {"failed", failed},
                                {"cases", std::move(rows)}});
    } else {
        print_line(fmt::format("{} passed, {} failed", tried.size() - failed, failed));
    }
    if (failed != 0)
        return fail(ErrorCode::internal, fmt::format("{} of {} cases of {} failed", failed, tried.size(), name));
    return {};
}

}  // namespace

void add_prompt(CommandLine& cli, Command& chosen) {
    auto options = std::make_shared<Options>();
    auto& o = *options;
    auto* prompt = cli.add_subcommand("prompt", "keep, compare, tag and try prompts");
    prompt->add_flag("--json", o.json, "print JSON");
    const auto sub = [&](const char* name, const char* about, Result<void> (*work)(Context&, const Options&)) {
        auto* s = prompt->add_subcommand(name, about);
        s->fallthrough();
        s->callback([&chosen, options, work] {
            chosen = [options, work]() -> Result<void> {
                TENON_TRY(const auto context, Context::open());
                return work(*context, *options);
            };
        });
        return s;
    };
    sub("list", "all of them", list);
    auto* s = sub("show", "the text of one version, or all versions", show);
    s->add_option("NAME[@VERSION]", o.name, "VERSION: latest (the default), a tag, v3, or digits of its hash")
        ->required();
    s->add_flag("--versions", o.versions, "list the versions instead");
    s = sub("put", "keep a file as the newest version", put);
    s->add_option("NAME", o.name)->required();
    s->add_option("FILE", o.file, "the text; - is standard input")->required();
    s->add_option("--note", o.note, "what changed");
    s = sub("diff", "what changed between two versions", diff);
    s->add_option("NAME", o.name)->required();
    s->add_option("FROM", o.from)->required();
    s->add_option("TO", o.to, "default: the latest");
    s = sub("tag", "point a tag such as production at a version", tag);
    s->add_option("NAME", o.name)->required();
    s->add_option("TAG", o.tag)->required();
    s->add_option("VERSION", o.reference, "default: the latest");
    s = sub("rollback", "point a tag at what it pointed at before", roll_back);
    s->add_option("NAME", o.name)->required();
    s->add_option("TAG", o.tag)->required();
    s = sub("experiment", "split users between versions; without ways the experiment ends", experiment);
    s->add_option("NAME", o.name)->required();
    s->add_option("EXPERIMENT", o.experiment)->required();
    s->add_option("WAYS", o.ways, "VERSION=WEIGHT …");
    s = sub("test", "render its cases, or run them with a model", test);
    s->add_option("NAME[@VERSION]", o.name)->required();
    s->add_option("--set", o.set, "NAME=VALUE: try these variables instead of the cases");
    s->add_flag("--run", o.run, "ask the chat model; --model does too");
    o.remote.declare(*s);
    prompt->require_subcommand(1);
}

}  // namespace tenon::app
