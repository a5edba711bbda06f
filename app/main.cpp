// The `tenon` program: parses the command line and hands over to one of the commands.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <algorithm>
#include <clocale>
#include <csignal>
#include <string>
#include <vector>

#include "commands.hpp"
#include "tenon/base/edit_distance.hpp"
#include "terminal.hpp"

namespace {

using namespace tenon::app;

std::string path_of(const CLI::App& app) {
    const CLI::App* parent = const_cast<CLI::App&>(app).get_parent();
    return parent == nullptr ? app.get_name() : path_of(*parent) + " " + app.get_name();
}

/// The examples stand on the first page only, and options say what they take in a word.
void tidy(CLI::App& app) {
    for (CLI::Option* option : app.get_options())
        if (option->get_type_size() != 0) {
            const std::string type = option->get_type_name();
            if (type.starts_with("UINT") || type.starts_with("INT"))
                option->type_name("N");
            else if (type.starts_with("FLOAT"))
                option->type_name("X");
        }
    for (CLI::App* sub : app.get_subcommands({})) {
        sub->footer("");
        tidy(*sub);
    }
}

/// One sentence when a word that must be a command is none, with the one that was probably meant.
std::string unknown_command(CLI::App& cli, const std::vector<std::string>& words) {
    // What users of other tools type.
    static constexpr std::pair<std::string_view, std::string_view> others[] = {
        {"list", "models"},      {"ls", "models"},    {"ps", "models"},     {"rm", "remove"},
        {"delete", "remove"},    {"run", "chat"},     {"search", "search"}, {"generate", "complete"},
        {"embeddings", "embed"}, {"info", "show"},    {"server", "serve"},  {"download", "pull"},
        {"add", "index"},        {"ingest", "index"}, {"query", "ask"}};
    CLI::App* app = &cli;
    for (const std::string& word : words) {
        const auto subs = app->get_subcommands({});
        if (subs.empty() || word.starts_with('-')) return {};
        const auto at = std::ranges::find(subs, word, &CLI::App::get_name);
        if (at != subs.end()) {
            app = *at;
            continue;
        }
        std::string close;
        std::size_t best = 3;
        for (const CLI::App* sub : subs)
            if (const std::size_t d = tenon::edit_distance(word, sub->get_name()); d < best)
                best = d, close = sub->get_name();
        for (const auto& [other, ours] : others)
            if (word == other && std::ranges::find(subs, ours, &CLI::App::get_name) != subs.end()) close = ours;
        return fmt::format("there is no command '{} {}'; {}see `{} --help`", path_of(*app), word,
                           close.empty() ? "" : fmt::format("did you mean '{}'? ", close), path_of(*app));
    }
    return {};
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::setlocale(LC_CTYPE, "C.UTF-8");
    CLI::App cli{"Ask your documents with a language model that runs in this program: offline, with citations.",
                 "tenon"};
    cli.set_version_flag("--version", std::string("tenon ") + TENON_VERSION);
    cli.require_subcommand(1);
    cli.failure_message(CLI::FailureMessage::simple);
    cli.footer(
        "Start with: tenon pull qwen2.5-coder-0.5b minilm; tenon index docs --into docs; tenon ask \"...\" --from "
        "docs\n"
        "Settings: flags over TENON_* variables over $TENON_HOME/tenon.toml over defaults. Guide: docs/guide/.");
    Command chosen;
    for (const auto& add : all_commands()) add(cli, chosen);
    tidy(cli);
    std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty()) {
        note("tenon: say what to do, such as `tenon ask` or `tenon serve`; `tenon --help` lists the commands");
        return 2;
    }
    if (words[0] == "version") words = {"--version"};
    if (words[0] == "help") {  // `tenon help models show` is `tenon models show --help`
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    if (auto problem = unknown_command(cli, words); !problem.empty()) {
        note("tenon: " + problem);
        return 2;
    }
    try {
        std::ranges::reverse(words);  // the parser takes them from the back
        cli.parse(std::move(words));
    } catch (const CLI::Success& success) {
        return cli.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        const CLI::App* where = &cli;
        while (!where->get_subcommands().empty()) where = where->get_subcommands().back();
        note(fmt::format("tenon: {}; see `{} --help`", error.what(), path_of(*where)));
        return 2;
    }
    if (!chosen) {
        note("tenon: say what to do; see `tenon --help`");
        return 2;
    }
    const auto done = chosen();
    return done ? 0 : report(done.error());
}
