// The `tenon` program: parses the command line and hands over to one of the commands.
#include <clocale>
#include <csignal>
#include <string>
#include <vector>

#include "command_line.hpp"
#include "commands.hpp"
#include "terminal.hpp"

using namespace tenon::app;

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    std::setlocale(LC_CTYPE, "C.UTF-8");
    CommandLine cli("Ask your documents with a language model that runs in this program: offline, with citations.",
                    "tenon", "tenon " TENON_VERSION,
                    "Start with: tenon pull qwen2.5-coder-0.5b minilm; tenon index docs --into docs; tenon ask \"...\" "
                    "--from docs\n"
                    "Settings: flags over TENON_* variables over $TENON_HOME/tenon.toml over defaults. Guide: "
                    "docs/guide/.");
    cli.require_subcommand(1);
    Command chosen;
    for (const auto& add : all_commands()) add(cli, chosen);
    std::vector<std::string> words(argv + 1, argv + argc);
    if (words.empty()) {
        note("tenon: say what to do, such as `tenon ask` or `tenon serve`; `tenon --help` lists the commands");
        return 2;
    }
    if (words[0] == "__complete") {  // asked by the shell at each press of the tab key
        words.erase(words.begin());
        print_continuations(cli, words);
        return 0;
    }
    if (words[0] == "version") words = {"--version"};
    if (words[0] == "help") {  // `tenon help models show` is `tenon models show --help`
        words.erase(words.begin());
        words.emplace_back("--help");
    }
    if (const auto status = cli.parse(std::move(words))) return *status;
    if (!chosen) {
        note("tenon: say what to do; see `tenon --help`");
        return 2;
    }
    const auto done = chosen();
    return done ? 0 : report(done.error());
}
