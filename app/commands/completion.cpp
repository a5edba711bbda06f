// tenon completion: what a shell needs to complete commands, options, models and knowledge bases.
#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "options.hpp"
#include "tenon/hub/registry.hpp"

namespace tenon::app {
namespace {

// Each script asks the program itself, so that it knows what is installed and never grows old. A word that the
// program knows nothing for is completed as a file.
constexpr std::string_view bash = R"(_tenon() {
    local IFS=$'\n' line words=("${COMP_WORDS[@]:1:COMP_CWORD}")
    COMPREPLY=()
    while IFS= read -r line; do COMPREPLY+=("${line%%$'\t'*}"); done < <("${COMP_WORDS[0]}" __complete "${words[@]}" 2>/dev/null)
}
complete -o bashdefault -o default -F _tenon tenon
)";

constexpr std::string_view zsh = R"(#compdef tenon
_tenon() {
    local line word
    local -a found
    while IFS= read -r line; do
        word=${line%%$'\t'*}
        if [[ $line == *$'\t'* ]]; then found+=("${word//:/\\:}:${line#*$'\t'}"); else found+=("${word//:/\\:}"); fi
    done < <("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
    if (( ${#found} )); then _describe -t words 'tenon' found; else _files; fi
}
if [ "$funcstack[1]" = _tenon ]; then _tenon "$@"; else compdef _tenon tenon; fi
)";

constexpr std::string_view fish = R"(function __tenon_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c tenon -f -a '(__tenon_complete)'
)";

/// One line of at most some words, as the lists of shells show them.
std::string brief(std::string_view about) {
    about = about.substr(0, about.find('\n'));
    constexpr std::size_t most = 72;
    if (about.size() <= most) return std::string(about);
    return std::string(about.substr(0, about.rfind(' ', most))) + " …";
}

void print_models(std::string_view beginning, bool installed_only, bool available_only) {
    auto context = Context::open();
    if (!context) return;
    const auto registry = (*context)->registry();
    if (!registry) return;
    std::vector<std::string> names;
    if (!available_only)
        if (const auto installed = (*registry)->list())
            for (const auto& model : *installed) names.push_back(model.name);
    if (!installed_only)
        for (const auto& entry : (*registry)->catalog().entries()) names.push_back(entry.name);
    std::ranges::sort(names);
    const auto [first, last] = std::ranges::unique(names);
    names.erase(first, last);
    for (const std::string& name : names)
        if (name.starts_with(beginning)) print_line(name);
}

void print_knowledge_bases(std::string_view beginning) {
    auto context = Context::open();
    if (!context) return;
    const auto store = (*context)->store();
    if (!store) return;
    if (const auto bases = (*store)->list())
        for (const auto& base : *bases)
            if (base.name.starts_with(beginning)) print_line(base.name);
}

}  // namespace

void print_continuations(const CommandLine& cli, const std::vector<std::string>& words) {
    const Continuations next = cli.continuations(words);
    for (const auto& [word, about] : next.words)
        print_line(about.empty() ? word : fmt::format("{}\t{}", word, brief(about)));
    const std::string_view typed = words.empty() ? std::string_view() : std::string_view(words.back());
    const std::string& of = next.value_of;
    if (next.command == "pull")
        print_models(typed, false, of == "NAME");
    else if (next.command.starts_with("models ") && of == "NAME")
        print_models(typed, true, false);
    else if (of == "--model" || of == "MODEL" || of == "--draft" || of == "--embedding")
        print_models(typed, true, false);
    else if (of == "--from" || of == "--into" || of == "--mcp-from" ||
             (next.command.starts_with("kb ") && of == "NAME"))
        print_knowledge_bases(typed);
}

void add_completion(CommandLine& cli, Command& chosen) {
    auto* completion = cli.add_subcommand("completion", "print a shell's completion script (bash, zsh, fish)");
    auto shell = std::make_shared<std::string>();
    completion->add_option("SHELL", *shell, "bash, zsh or fish")->required()->check(one_of({"bash", "zsh", "fish"}));
    completion->callback([&chosen, shell] {
        chosen = [shell]() -> Result<void> {
            print(*shell == "bash" ? bash : *shell == "zsh" ? zsh : fish);
            return {};
        };
    });
}

}  // namespace tenon::app
