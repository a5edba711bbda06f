// The `tenon` program: parses the command line and hands over to one of the commands.
#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include <clocale>
#include <csignal>

#include "commands.hpp"
#include "terminal.hpp"

int main(int argc, char** argv) {
    using namespace tenon::app;
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
    if (argc > 1 && argv[1][0] != '-' &&
        cli.get_subcommands([&](CLI::App* sub) { return sub->get_name() == argv[1]; }).empty()) {
        note(fmt::format("tenon: there is no command '{}'; see `tenon --help`", argv[1]));
        return 2;
    }
    try {
        cli.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return cli.exit(success);  // --help, --version
    } catch (const CLI::ParseError& error) {
        const CLI::App* where = &cli;
        for (const auto* sub : cli.get_subcommands()) where = sub;
        note(fmt::format("tenon: {}; see `{} --help`", error.what(),
                         where == &cli ? "tenon" : "tenon " + where->get_name()));
        return 2;
    }
    if (!chosen) {
        note("tenon: say what to do; see `tenon --help`");
        return 2;
    }
    const auto done = chosen();
    return done ? 0 : report(done.error());
}
