// The table of subcommands. Each adds its options to the parser and, when it is the one named, leaves what to run in
// `chosen`.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::app {

class CommandLine;
using Command = std::function<Result<void>()>;
using AddCommand = void (*)(CommandLine& cli, Command& chosen);

void add_pull(CommandLine& cli, Command& chosen);
void add_models(CommandLine& cli, Command& chosen);
void add_kb(CommandLine& cli, Command& chosen);
void add_index(CommandLine& cli, Command& chosen);
void add_search(CommandLine& cli, Command& chosen);
void add_ask(CommandLine& cli, Command& chosen);
void add_chat(CommandLine& cli, Command& chosen);
void add_complete(CommandLine& cli, Command& chosen);
void add_embed(CommandLine& cli, Command& chosen);
void add_rerank(CommandLine& cli, Command& chosen);
void add_tokenize(CommandLine& cli, Command& chosen);
void add_bench(CommandLine& cli, Command& chosen);
void add_serve(CommandLine& cli, Command& chosen);
void add_doctor(CommandLine& cli, Command& chosen);
void add_prompt(CommandLine& cli, Command& chosen);
void add_mcp(CommandLine& cli, Command& chosen);
void add_agent(CommandLine& cli, Command& chosen);
void add_gateway(CommandLine& cli, Command& chosen);
void add_quantize(CommandLine& cli, Command& chosen);
void add_convert(CommandLine& cli, Command& chosen);
void add_perplexity(CommandLine& cli, Command& chosen);
void add_imatrix(CommandLine& cli, Command& chosen);
void add_completion(CommandLine& cli, Command& chosen);

/// Prints what may follow `words` for the scripts of `tenon completion`, one "word<TAB>about" a line.
void print_continuations(const CommandLine& cli, const std::vector<std::string>& words);

inline std::vector<AddCommand> all_commands() {
    return {add_pull,  add_models,  add_index,    add_kb,      add_search,     add_ask,     add_chat,      add_complete,
            add_embed, add_rerank,  add_tokenize, add_serve,   add_bench,      add_doctor,  add_prompt,    add_agent,
            add_mcp,   add_gateway, add_quantize, add_convert, add_perplexity, add_imatrix, add_completion};
}

}  // namespace tenon::app
