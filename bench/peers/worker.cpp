// Our side of bench/peers: one loaded model that runs what each line of standard input asks for and answers with a
// line.
//
//   peers_worker MODEL generate|embed THREADS [KERNELS]
//
//   generate: {"prompt": [ids], "tokens": n}                 → {"ids", "prompt_ms", "decode_ms", "cpu_ms"}
//             {"prompts": [[ids], ..], "tokens": n}          → {"first_ms", "all_ms", "cpu_ms", "cached_tokens"}, at
//             once
//   embed:    {"texts": [..], "batch": n, "vectors": bool}   → {"tokens", "ms", "cpu_ms", "vectors"}
//
// The first line it writes says that it is ready. Times are on the wall, cpu_ms is of the whole process.
#include <time.h>

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <iostream>
#include <mutex>
#include <string>

#include "tenon/engine/engine.hpp"
#include "tenon/json/json.hpp"
#include "tenon/model/model.hpp"
#include "tenon/tensor/ops.hpp"

namespace {

using namespace tenon;

double cpu_ms() {
    timespec t{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_nsec) * 1e-6;
}

double wall_ms() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void answer(const json::Object& object) { std::cout << json::dump(object) << std::endl; }

int stop(const Error& error) {
    std::cerr << "peers_worker: " << error.message() << "\n";
    return 1;
}

json::Object ready(std::size_t threads) {
    return {{"threads", threads}, {"kernels", std::string(tensor::isa_name(tensor::active_isa()))}};
}

engine::GenerationRequest request_of(const json::Value& line, const json::Value* ids) {
    engine::GenerationRequest request;
    if (ids != nullptr && ids->is_array())
        for (const json::Value& id : ids->get_array())
            request.prompt.push_back(static_cast<text::TokenId>(id.is_int64() ? id.get_int64() : -1));
    request.max_tokens = static_cast<std::size_t>(json::integer_or(line, "tokens", 1));
    request.sampling = engine::SamplingParams::greedy();
    request.ignore_eos = true;
    return request;
}

/// Many requests at the same moment: when each said its first word (first_ms, in order) and when all had ended.
Result<json::Object> generate_many(engine::Engine& engine, const json::Value& line, const json::Array& prompts) {
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<double> first;
        std::size_t done = 0, cached = 0;
        std::optional<Error> error;
        json::Array ids;
    };
    const auto state = std::make_shared<State>();
    state->first.assign(prompts.size(), 0);
    for (std::size_t i = 0; i < prompts.size(); ++i) state->ids.emplace_back(json::Array());
    const double cpu = cpu_ms();
    const double start = wall_ms();
    for (std::size_t i = 0; i < prompts.size(); ++i)
        TENON_CHECK(engine.submit(request_of(line, &prompts[i]), [state, i, start](engine::GenerationEvent event) {
            const std::scoped_lock lock(state->mutex);
            if (state->first[i] == 0 && !event.tokens.empty()) state->first[i] = wall_ms() - start;
            for (const text::TokenId id : event.tokens) state->ids[i].as_array().emplace_back(id);
            if (!event.last()) return;
            if (event.error) state->error = event.error;
            state->cached += event.usage.cached_tokens;
            ++state->done;
            state->changed.notify_all();
        }));
    std::unique_lock lock(state->mutex);
    state->changed.wait(lock, [&] { return state->done == prompts.size(); });
    if (state->error) return std::unexpected(*state->error);
    return json::Object{{"ids", std::move(state->ids)},
                        {"first_ms", json::Array(state->first.begin(), state->first.end())},
                        {"all_ms", wall_ms() - start},
                        {"cached_tokens", state->cached},
                        {"cpu_ms", cpu_ms() - cpu}};
}

Result<json::Object> generate(engine::Engine& engine, const json::Value& line) {
    if (const json::Value* many = json::find(line, "prompts"); many != nullptr && many->is_array())
        return generate_many(engine, line, many->get_array());
    auto request = request_of(line, json::find(line, "prompt"));
    json::Array ids;
    const double cpu = cpu_ms();
    TENON_TRY(const auto done, engine.generate(std::move(request)));
    const double spent = cpu_ms() - cpu;
    for (const text::TokenId id : done.tokens) ids.emplace_back(id);
    return json::Object{{"ids", std::move(ids)},
                        {"prompt_tokens", done.usage.prompt_tokens},
                        {"cached_tokens", done.usage.cached_tokens},
                        {"generated", done.usage.completion_tokens},
                        {"prompt_ms", done.timings.prompt_ms},
                        {"decode_ms", done.timings.decode_ms},
                        {"cpu_ms", spent}};
}

Result<json::Object> embed(model::EncoderModel& model, tensor::ThreadTeam& team, const json::Value& line) {
    std::vector<std::string> texts;
    if (const json::Value* list = json::find(line, "texts"); list != nullptr && list->is_array())
        for (const json::Value& text : list->get_array())
            if (text.is_string()) texts.emplace_back(text.get_string().c_str(), text.get_string().size());
    const auto batch = static_cast<std::size_t>(std::max<std::int64_t>(1, json::integer_or(line, "batch", 1 << 20)));
    std::vector<float> vectors;
    std::size_t tokens = 0;
    const double cpu = cpu_ms();
    const double start = wall_ms();
    for (std::size_t at = 0; at < texts.size(); at += batch) {
        std::size_t counted = 0;
        const auto part = std::span<const std::string>(texts).subspan(at, std::min(batch, texts.size() - at));
        TENON_TRY(const auto some, model.embed(team, part, &counted));
        vectors.insert(vectors.end(), some.begin(), some.end());
        tokens += counted;
    }
    json::Object out{{"tokens", tokens}, {"ms", wall_ms() - start}, {"cpu_ms", cpu_ms() - cpu}};
    if (json::bool_or(line, "vectors", false)) {
        json::Array rows;
        for (std::size_t i = 0; i < texts.size(); ++i) {
            const auto* row = vectors.data() + i * model.dimension();
            rows.emplace_back(json::Array(row, row + model.dimension()));
        }
        out["vectors"] = std::move(rows);
    }
    return out;
}

template <class Work>
int serve(Work&& work) {
    for (std::string text; std::getline(std::cin, text);) {
        const auto line = json::parse(text);
        if (!line) return stop(line.error());
        const Result<json::Object> done = work(*line);
        if (!done) return stop(done.error());
        answer(*done);
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t threads = 0;
    if (argc >= 4) std::from_chars(argv[3], argv[3] + std::string_view(argv[3]).size(), threads);
    if (threads == 0) {
        std::cerr << "usage: peers_worker MODEL generate|embed THREADS [KERNELS]\n";
        return 2;
    }
    if (argc > 4) {
        bool forced = false;
        for (const tensor::Isa isa : tensor::available_isas())
            if (tensor::isa_name(isa) == argv[4]) forced = tensor::force_isa(isa);
        if (!forced) {
            std::cerr << "peers_worker: this machine cannot run the kernels '" << argv[4] << "'\n";
            return 2;
        }
    }
    if (std::string_view(argv[2]) == "embed") {
        const auto model = model::load_encoder(argv[1]);
        if (!model) return stop(model.error());
        tensor::ThreadTeam team(threads);
        answer(ready(threads));
        return serve([&](const json::Value& line) { return embed(**model, team, line); });
    }
    auto model = model::load_causal(argv[1]);
    if (!model) return stop(model.error());
    engine::EngineOptions options;
    options.threads = threads;
    options.context = 2048;
    options.kv_tokens = 16 * options.context;
    engine::Engine engine(std::move(*model), options);
    answer(ready(threads));
    return serve([&](const json::Value& line) { return generate(engine, line); });
}
