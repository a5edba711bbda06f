// The table of subcommands. Each adds its options to the parser and, when it is the one named, leaves what to run in
// `chosen`.
#pragma once

#include <functional>
#include <vector>

#include "tenon/base/error.hpp"

namespace CLI {
class App;
}

namespace tenon::app {

using Command = std::function<Result<void>()>;
using AddCommand = void (*)(CLI::App& cli, Command& chosen);

void add_pull(CLI::App& cli, Command& chosen);
void add_models(CLI::App& cli, Command& chosen);
void add_kb(CLI::App& cli, Command& chosen);
void add_index(CLI::App& cli, Command& chosen);
void add_search(CLI::App& cli, Command& chosen);
void add_ask(CLI::App& cli, Command& chosen);
void add_chat(CLI::App& cli, Command& chosen);
void add_complete(CLI::App& cli, Command& chosen);
void add_embed(CLI::App& cli, Command& chosen);
void add_rerank(CLI::App& cli, Command& chosen);
void add_tokenize(CLI::App& cli, Command& chosen);
void add_bench(CLI::App& cli, Command& chosen);
void add_serve(CLI::App& cli, Command& chosen);
void add_doctor(CLI::App& cli, Command& chosen);
void add_prompt(CLI::App& cli, Command& chosen);
void add_mcp(CLI::App& cli, Command& chosen);
void add_agent(CLI::App& cli, Command& chosen);
void add_gateway(CLI::App& cli, Command& chosen);
void add_quantize(CLI::App& cli, Command& chosen);
void add_convert(CLI::App& cli, Command& chosen);
void add_perplexity(CLI::App& cli, Command& chosen);
void add_imatrix(CLI::App& cli, Command& chosen);

inline std::vector<AddCommand> all_commands() {
    return {add_pull,  add_models,  add_index,    add_kb,      add_search,     add_ask,    add_chat,   add_complete,
            add_embed, add_rerank,  add_tokenize, add_serve,   add_bench,      add_doctor, add_prompt, add_agent,
            add_mcp,   add_gateway, add_quantize, add_convert, add_perplexity, add_imatrix};
}

}  // namespace tenon::app
