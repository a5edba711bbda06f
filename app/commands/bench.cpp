// tenon bench: how fast a model runs here, test by test, as llama-bench names them.
#include <fmt/format.h>
#include <sys/resource.h>
#include <boost/json.hpp>

#include <cctype>
#include <cmath>
#include <condition_variable>
#include <mutex>
#include <numeric>

#include "options.hpp"
#include "tenon/engine/engine.hpp"
#include "tenon/model/model.hpp"
#include "tenon/model/synthetic.hpp"
#include "tenon/tensor/ops.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::string model, synthetic, kv = "f16";
    std::vector<std::size_t> prompt{512}, generate{128}, depth{0}, streams{1}, threads;
    std::size_t repetitions = 3;
    SpeculationFlags speculation;
    bool json = false;
};

void declare(CommandLine& sub, Options& o) {
    const auto list = [&](const char* name, std::vector<std::size_t>& into, const char* about) {
        return sub.add_option(name, into, about)->delimiter(',')->check(in_range(0, 1'000'000));
    };
    sub.add_option("--model,-m", o.model, "chat or embedding model; default: the chat model");
    sub.add_option("--synthetic", o.synthetic,
                   "SHAPE:QUANT instead of a model: random weights in the shape of a real one (135m, 0.5b, 1b, 3b; "
                   "135m:Q4_0), made once and kept in TENON_HOME/synthetic");
    list("--prompt,-p", o.prompt, "prompt lengths, 0: none (512); like the next, a list: 128,512");
    list("--generate,-n", o.generate, "tokens to generate, 0: none (128)");
    list("--depth,-d", o.depth, "tokens that are in the context already (0)");
    list("--streams,-s", o.streams, "requests at once (1)")->check(in_range(1, 1024));
    list("--threads,-t", o.threads, "threads; default: one per physical core")->check(in_range(1, 1024));
    sub.add_option("--kv", o.kv, "how keys and values are kept: f16 or q8 (f16)")->check(one_of({"f16", "q8"}));
    o.speculation.declare(sub);
    sub.add_option("--repetitions,-r", o.repetitions, "runs of each test after one that warms up (3)")
        ->check(in_range(1, 100));
    sub.add_flag("--json", o.json, "print JSON");
}

double seconds_since(Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); }
std::uint64_t peak_memory() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
}

/// Tokens a second over the repetitions.
struct Rates {
    std::vector<double> values;
    [[nodiscard]] double median() const {
        auto v = values;
        std::ranges::sort(v);
        return v[v.size() / 2];
    }
    [[nodiscard]] double mean() const {
        return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    }
    [[nodiscard]] double deviation() const {
        double sum = 0;
        for (const double v : values) sum += (v - mean()) * (v - mean());
        return values.size() < 2 ? 0 : std::sqrt(sum / static_cast<double>(values.size() - 1));
    }
};

struct Test {
    std::size_t prompt = 0, generate = 0, depth = 0, streams = 1, threads = 0;
    [[nodiscard]] std::string name() const {
        std::string name = prompt > 0 ? fmt::format("pp{}", prompt) : fmt::format("tg{}", generate);
        if (depth > 0) name += fmt::format(" @ d{}", depth);
        if (streams > 1) name += fmt::format(" x{}", streams);
        return name;
    }
};

/// Tokens that no earlier prompt held, or the prefix cache would answer.
class FreshTokens {
  public:
    explicit FreshTokens(std::size_t vocabulary) : vocabulary_(std::min<std::size_t>(vocabulary, 20'000)) {}
    std::vector<text::TokenId> take(std::size_t count) {
        std::vector<text::TokenId> out;
        for (std::size_t i = 0; i < count; ++i) {
            state_ = state_ * 1664525U + 1013904223U;
            out.push_back(static_cast<text::TokenId>((state_ >> 8) % vocabulary_));
        }
        return out;
    }

  private:
    std::size_t vocabulary_;
    std::uint32_t state_ = 12345;
};

/// Every stream's first and last event, by the clock on the wall.
struct Watch {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t done = 0;
    std::optional<Error> error;
    std::vector<Clock::time_point> first, last;
    std::vector<std::size_t> at_first, at_last;  // tokens said by then
};

/// Runs one request a stream over the same context; all of them decode together.
Result<std::shared_ptr<Watch>> run_streams(engine::Engine& engine, FreshTokens& fresh,
                                           const std::vector<text::TokenId>& context, std::size_t prompt,
                                           std::size_t generate, std::size_t streams) {
    const auto watch = std::make_shared<Watch>();
    watch->first.resize(streams);
    watch->last.resize(streams);
    watch->at_first.assign(streams, 0);
    watch->at_last.assign(streams, 0);
    for (std::size_t i = 0; i < streams; ++i) {
        engine::GenerationRequest request;
        request.prompt = context;
        const auto own = fresh.take(prompt);
        request.prompt.insert(request.prompt.end(), own.begin(), own.end());
        request.sampling = engine::SamplingParams::greedy();
        request.max_tokens = generate;
        request.ignore_eos = true;
        TENON_CHECK(engine.submit(std::move(request), [watch, i](engine::GenerationEvent event) {
            const std::scoped_lock lock(watch->mutex);
            const auto now = Clock::now();
            const auto said = event.usage.completion_tokens > 0 ? event.usage.completion_tokens
                                                                : watch->at_last[i] + event.tokens.size();
            if (watch->at_first[i] == 0) {
                watch->first[i] = now;
                watch->at_first[i] = said;
            }
            watch->last[i] = now;
            watch->at_last[i] = said;
            if (!event.last()) return;
            if (event.error) watch->error = event.error;
            ++watch->done;
            watch->changed.notify_all();
        }));
    }
    std::unique_lock lock(watch->mutex);
    watch->changed.wait(lock, [&] { return watch->done == streams; });
    if (watch->error) return std::unexpected(*watch->error);
    return watch;
}

Result<double> measure(engine::Engine& engine, FreshTokens& fresh, const Test& test) {
    const auto context = fresh.take(test.depth);
    if (test.depth > 0) TENON_CHECK(run_streams(engine, fresh, context, 1, 1, 1));
    if (test.prompt > 0) {
        const auto began = Clock::now();
        TENON_CHECK(run_streams(engine, fresh, context, test.prompt, 1, test.streams));
        return static_cast<double>(test.prompt * test.streams) / seconds_since(began);
    }
    TENON_TRY(const auto watch, run_streams(engine, fresh, context, 1, test.generate, test.streams));
    const auto from = *std::ranges::max_element(watch->first);
    const auto until = *std::ranges::max_element(watch->last);
    const std::size_t tokens = std::accumulate(watch->at_last.begin(), watch->at_last.end(), std::size_t{0}) -
                               std::accumulate(watch->at_first.begin(), watch->at_first.end(), std::size_t{0});
    return static_cast<double>(tokens) / std::chrono::duration<double>(until - from).count();
}

std::vector<Test> tests_of(const Options& o, std::size_t threads) {
    std::vector<Test> tests;
    for (const std::size_t streams : o.streams)
        for (const std::size_t depth : o.depth) {
            for (const std::size_t n : o.prompt)
                if (n > 0) tests.push_back({n, 0, depth, streams, threads});
            for (const std::size_t n : o.generate)
                if (n > 1) tests.push_back({0, n, depth, streams, threads});
        }
    return tests;
}

std::string_view kernels() { return tensor::isa_name(tensor::active_isa()); }

Result<void> bench_encoder(const Options& o, const std::filesystem::path& path, const std::string& name) {
    const auto began = Clock::now();
    TENON_TRY(const auto encoder, model::load_encoder(path));
    const double load = seconds_since(began);
    tensor::ThreadTeam team(o.threads.empty() ? 0 : o.threads.front());
    std::vector<std::string> texts(64);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (std::size_t w = 0; w < 20 + i; ++w)
            texts[i] += fmt::format("word{} of the passage ", (i * 31 + w * 7) % 97);
    }
    Rates rates;
    std::size_t tokens = 0;
    for (std::size_t r = 0; r <= o.repetitions; ++r) {
        const auto start = Clock::now();
        TENON_CHECK(encoder->embed(team, texts, &tokens));
        if (r > 0) rates.values.push_back(static_cast<double>(tokens) / seconds_since(start));
    }
    if (o.json)
        print_json(json::Object{{"model", name},
                                {"path", path.string()},
                                {"threads", team.size()},
                                {"kernels", std::string(kernels())},
                                {"load_seconds", load},
                                {"embedding_tokens_per_second", rates.median()},
                                {"peak_memory", peak_memory()}});
    else
        print_line(fmt::format("{}: {} threads, {}; loaded in {}; embedding {:.0f} tokens/s; peak memory {}", name,
                               team.size(), kernels(), human_seconds(load), rates.median(),
                               human_bytes(peak_memory())));
    return {};
}

Result<std::filesystem::path> synthetic(Context& context, const std::string& name) {
    const auto colon = name.find(':');
    if (colon == std::string::npos)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("--synthetic is '{}'; give a shape and a quantisation, as in 1b:Q4_0", name));
    const auto folder = context.settings().home / "synthetic";
    const std::string shape = name.substr(0, colon);
    std::string quantisation = name.substr(colon + 1);
    for (char& c : quantisation) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    auto path = folder / fmt::format("{}-{}.gguf", shape, quantisation);
    if (std::filesystem::exists(path)) return path;
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    ProgressBar bar("making " + path.filename().string());
    TENON_CHECK(model::write_synthetic(
        shape, quantisation, path, [&](const model::ExportProgress& p) { bar.update(p.bytes_done, p.bytes_total); }));
    bar.finish();
    note(fmt::format("kept as {}", path.string()));
    return path;
}

Result<void> run(Context& context, const Options& o) {
    std::string name = o.model.empty() ? context.settings().chat_model : o.model;
    std::filesystem::path path;
    if (o.synthetic.empty()) {
        TENON_TRY(path, context.model_path(name));
    } else {
        name = o.synthetic;
        TENON_TRY(path, synthetic(context, o.synthetic));
    }
    TENON_TRY(const auto info, model::inspect(path));
    if (info.role == model::ModelRole::encoder) return bench_encoder(o, path, name);
    const auto began = Clock::now();
    TENON_TRY(auto loaded, model::load_causal(path));
    const double load = seconds_since(began);
    const std::shared_ptr<model::CausalModel> model = std::move(loaded);
    const auto most = [](const std::vector<std::size_t>& v) { return v.empty() ? 0 : std::ranges::max(v); };
    const std::size_t longest = most(o.depth) + std::max(most(o.prompt), most(o.generate)) + 8;
    const std::size_t streams = std::max<std::size_t>(1, most(o.streams));
    auto threads = o.threads;
    if (threads.empty()) threads = {context.settings().threads};
    engine::SpeculationOptions speculation;
    speculation.lookup = o.speculation.lookup;
    if (o.speculation.draft_max >= 0) speculation.max = static_cast<std::size_t>(o.speculation.draft_max);
    if (!o.speculation.draft.empty()) {
        TENON_TRY(const auto draft_path, context.model_path(o.speculation.draft));
        TENON_TRY(auto draft, model::load_causal(draft_path));
        TENON_CHECK(engine::check_draft(*model, *draft));
        speculation.draft = std::move(draft);
    }
    json::Array rows;
    if (!o.json)
        print_line(fmt::format("{} ({}, {}), {}, loaded in {}\n\n{:>7}  {:<22}{:>12}  {:>8}", name, info.architecture,
                               info.quantisation, kernels(), human_seconds(load), "threads", "test", "tokens/s", "+-"));
    for (const std::size_t count : threads) {
        engine::EngineOptions options;
        options.threads = count > 0 ? count : tensor::ThreadTeam::default_threads();
        options.max_sequences = streams;
        options.context = longest;
        options.kv_tokens = longest * (streams + 1);
        options.kv_type = o.kv == "q8" ? model::KvType::q8 : model::KvType::f16;
        options.speculation = speculation;
        engine::Engine engine(model, options);
        FreshTokens fresh(model->info().vocabulary);
        for (const Test& test : tests_of(o, options.threads)) {
            Rates rates;
            const auto before = engine.stats();
            for (std::size_t r = 0; r <= o.repetitions; ++r) {  // the first run warms up
                TENON_TRY(const double rate, measure(engine, fresh, test));
                if (r > 0) rates.values.push_back(rate);
            }
            const auto drafted = engine.stats().drafted_tokens - before.drafted_tokens;
            const auto accepted = engine.stats().accepted_tokens - before.accepted_tokens;
            rows.push_back(json::Object{{"test", test.name()},
                                        {"threads", test.threads},
                                        {"prompt_tokens", test.prompt},
                                        {"generated_tokens", test.generate},
                                        {"depth", test.depth},
                                        {"streams", test.streams},
                                        {"tokens_per_second", rates.median()},
                                        {"mean", rates.mean()},
                                        {"drafted_tokens", drafted},
                                        {"accepted_tokens", accepted},
                                        {"standard_deviation", rates.deviation()},
                                        {"runs", json::Array(rates.values.begin(), rates.values.end())}});
            if (!o.json)
                print_line(fmt::format("{:>7}  {:<22}{:>12.1f}  {:>8.1f}{}", test.threads, test.name(), rates.median(),
                                       rates.deviation(),
                                       drafted > 0 ? fmt::format("  {} of {} guesses right", accepted, drafted) : ""));
        }
    }
    if (o.json)
        print_json(json::Object{{"model", name},
                                {"path", path.string()},
                                {"architecture", info.architecture},
                                {"quantisation", info.quantisation},
                                {"kernels", std::string(kernels())},
                                {"kv", o.kv},
                                {"load_seconds", load},
                                {"peak_memory", peak_memory()},
                                {"results", std::move(rows)}});
    else
        print_line(fmt::format("\npeak memory {}", human_bytes(peak_memory())));
    return {};
}

}  // namespace

void add_bench(CommandLine& cli, Command& chosen) {
    add_command<Options>(cli, chosen, "bench", "measure prompt, decoding or embedding speed", declare, run);
}

}  // namespace tenon::app
