// Options that several commands share, and helpers around the parser.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command_line.hpp"
#include "commands.hpp"
#include "context.hpp"
#include "tenon/llm/model.hpp"
#include "terminal.hpp"

namespace tenon::app {

/// Registers a subcommand whose options live in T (which must stay reachable for the parser) and run with
/// `work(context, options)`.
template <class T, class Work>
void add_command(CommandLine& cli, Command& chosen, const char* name, const char* about,
                 void (*declare)(CommandLine&, T&), Work work) {
    auto options = std::make_shared<T>();
    CommandLine* sub = cli.add_subcommand(name, about);
    declare(*sub, *options);
    sub->callback([&chosen, options, work] {
        chosen = [options, work]() -> Result<void> {
            TENON_TRY(const auto context, Context::open());
            return work(*context, *options);
        };
    });
}

/// How to sample: flags of ask, chat and complete. NaN and -1: not given.
struct SamplingFlags {
    double temperature = -1, top_p = -1, min_p = -1, repetition_penalty = -1;
    int top_k = -1;
    std::int64_t seed = -1;
    std::int64_t max_tokens = -1;
    std::vector<std::string> stop;
    std::optional<double> presence_penalty, frequency_penalty;
    llm::DecodingSettings decoding;
    std::vector<std::string> dry_breakers, bad_words, logit_bias;
    std::string samplers;
    bool ignore_eos = false;

    void declare(CommandLine& sub);
    [[nodiscard]] llm::GenerationSettings settings() const;

  private:
    void declare_decoding(CommandLine& sub);
};

/// Where a remote model is: flags of the commands that take --model.
struct RemoteFlags {
    std::string model, base_url, api_key;
    void declare(CommandLine& sub);
    void apply(Settings& settings) const;
};

/// Guessing ahead.
struct SpeculationFlags {
    std::string draft;
    std::int64_t draft_max = -1;
    bool lookup = false;
    void declare(CommandLine& sub);
};

/// How the local engine runs: flags of the commands that generate.
struct EngineFlags {
    SpeculationFlags speculation;
    bool context_shift = false;
    std::optional<int> keep;
    void declare(CommandLine& sub);
    void apply(Settings& settings) const;
};

/// The form an answer is held to: flags of the commands that generate, under llama-cli's names.
struct FormFlags {
    std::string grammar, grammar_file, json_schema, json_schema_file, regex;
    void declare(CommandLine& sub);
    /// Errors: invalid_argument (two forms at once), what reading a file may fail with.
    [[nodiscard]] Result<llm::ResponseFormat> format() const;
};

/// A low-rank adapter for the chat model: flags of the commands that run one.
struct AdapterFlags {
    std::string path;
    double scale = 1;
    void declare(CommandLine& sub);
    /// From now on the context's chat model is itself with the adapter. After RemoteFlags::apply.
    [[nodiscard]] Result<void> apply(Context& context) const;
};

/// A stop token that fires on Ctrl-C while the object lives. One at a time.
class InterruptGuard {
  public:
    InterruptGuard();
    ~InterruptGuard();
    InterruptGuard(const InterruptGuard&) = delete;
    InterruptGuard& operator=(const InterruptGuard&) = delete;
    [[nodiscard]] std::stop_token token() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::app
