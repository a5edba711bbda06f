// tenon bench: how fast a model runs here.
#include <fmt/format.h>
#include <sys/resource.h>
#include <boost/json.hpp>

#include "options.hpp"
#include "tenon/engine/engine.hpp"
#include "tenon/model/model.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string model;
    std::size_t prompt = 512, generate = 128, repetitions = 3, threads = 0;
    bool json = false;
};

void declare(CLI::App& sub, Options& o) {
    sub.add_option("--model,-m", o.model, "chat or embedding model; default: the chat model");
    sub.add_option("--prompt,-p", o.prompt, "tokens of the prompt (512)")->check(CLI::Range(1, 100'000));
    sub.add_option("--generate,-n", o.generate, "tokens to generate (128)")->check(CLI::Range(1, 100'000));
    sub.add_option("--repetitions,-r", o.repetitions, "runs; the median counts (3)")->check(CLI::Range(1, 100));
    sub.add_option("--threads,-t", o.threads, "threads; default: one per physical core")->check(CLI::Range(1, 1024));
    sub.add_flag("--json", o.json, "print JSON");
}

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }
double median(std::vector<double> v) {
    std::ranges::sort(v);
    return v[v.size() / 2];
}
std::uint64_t peak_memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

Result<void> bench_encoder(const Options& o, const std::filesystem::path& path, const std::string& name) {
    const auto began = Clock::now();
    TENON_TRY(const auto encoder, model::load_encoder(path));
    const double load = seconds_since(began);
    tensor::ThreadTeam team(o.threads);
    std::vector<std::string> texts(64);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (std::size_t w = 0; w < 20 + i; ++w)
            texts[i] += fmt::format("word{} of the passage ", (i * 31 + w * 7) % 97);
    }
    std::vector<double> rates;
    std::size_t tokens = 0;
    for (std::size_t r = 0; r <= o.repetitions; ++r) {
        const auto start = Clock::now();
        TENON_CHECK(encoder->embed(team, texts, &tokens));
        if (r > 0) rates.push_back(static_cast<double>(tokens) / seconds_since(start));
    }
    if (o.json)
        print_json(json::Object{{"model", name},
                                {"threads", team.size()},
                                {"kernels", std::string(tensor::isa_name(tensor::active_isa()))},
                                {"load_seconds", load},
                                {"embedding_tokens_per_second", median(rates)},
                                {"peak_memory", peak_memory()}});
    else
        print_line(fmt::format("{}: {} threads, {}; loaded in {}; embedding {:.0f} tokens/s; peak memory {}", name,
                               team.size(), tensor::isa_name(tensor::active_isa()), human_seconds(load), median(rates),
                               human_bytes(peak_memory())));
    return {};
}

Result<void> run(Context& context, const Options& o) {
    const std::string name = o.model.empty() ? context.settings().chat_model : o.model;
    TENON_TRY(const auto path, context.model_path(name));
    TENON_TRY(const auto info, model::inspect(path));
    if (info.role == model::ModelRole::encoder) return bench_encoder(o, path, name);
    const auto began = Clock::now();
    TENON_TRY(auto loaded, model::load_causal(path));
    const double load = seconds_since(began);
    engine::EngineOptions options;
    options.threads = o.threads > 0 ? o.threads : context.settings().threads;
    options.max_sequences = 1;
    options.context = o.prompt + o.generate + 8;
    engine::Engine engine(std::move(loaded), options);
    std::vector<double> prompt_rates, decode_rates;
    const auto vocabulary = static_cast<std::uint32_t>(engine.model().tokenizer()->vocabulary_size());
    std::uint32_t state = 12345;
    double first_token = 0;
    for (std::size_t r = 0; r <= o.repetitions; ++r) {  // the first run warms up
        engine::GenerationRequest request;
        for (std::size_t i = 0; i < o.prompt; ++i) {
            state = state * 1664525U + 1013904223U;  // a fresh prompt each time, or the prefix cache would answer
            request.prompt.push_back(static_cast<text::TokenId>((state >> 8) % std::min(vocabulary, 20000U)));
        }
        request.sampling = engine::SamplingParams::greedy();
        request.max_tokens = o.generate;
        request.ignore_eos = true;
        TENON_TRY(const auto done, engine.generate(std::move(request)));
        if (r == 0) {
            first_token = load * 1000 + done.timings.prompt_ms;
            continue;
        }
        prompt_rates.push_back(static_cast<double>(o.prompt) / done.timings.prompt_ms * 1000);
        if (done.usage.completion_tokens > 1)
            decode_rates.push_back(static_cast<double>(done.usage.completion_tokens - 1) / done.timings.decode_ms *
                                   1000);
    }
    if (decode_rates.empty()) decode_rates.push_back(0);
    const std::size_t threads = options.threads > 0 ? options.threads : tensor::ThreadTeam::default_threads();
    if (o.json)
        print_json(json::Object{{"model", name},
                                {"threads", threads},
                                {"kernels", std::string(tensor::isa_name(tensor::active_isa()))},
                                {"load_seconds", load},
                                {"prompt_tokens", o.prompt},
                                {"generated_tokens", o.generate},
                                {"prompt_tokens_per_second", median(prompt_rates)},
                                {"decode_tokens_per_second", median(decode_rates)},
                                {"first_token_ms", first_token},
                                {"peak_memory", peak_memory()}});
    else
        print_line(fmt::format(
            "{}: {} threads, {}; loaded in {}; prompt {:.1f} tokens/s, decoding {:.1f} tokens/s; peak memory {}", name,
            threads, tensor::isa_name(tensor::active_isa()), human_seconds(load), median(prompt_rates),
            median(decode_rates), human_bytes(peak_memory())));
    return {};
}

}  // namespace

void add_bench(CLI::App& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "bench", "measure prompt, decoding or embedding speed", declare, run);
}

}  // namespace tenon::app
