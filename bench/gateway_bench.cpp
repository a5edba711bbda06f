// What the gateway adds to a call: the same scripted model asked directly and through it, in one run, in turns. Prints
// one JSON object a line. Usage: gateway_bench [CALLS [FOLDER_OF_THE_LEDGER]]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <vector>

#include "fake/scripted_model.hpp"
#include "routed_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/base/file.hpp"

using namespace tenon;

namespace {

constexpr int pieces = 100;

task<double> microseconds_a_call(llm::ChatModelPtr model, int calls) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) {
        llm::ChatRequest request;
        request.messages.push_back(llm::Message::user("Why did the chicken cross the road?"));
        request.settings.max_tokens = 200;
        const auto stream = co_await model->stream(std::move(request), CallOptions());
        if (!stream) std::abort();
        for (;;) {
            const auto event = co_await (*stream)->next();
            if (!event) std::abort();
            if (!*event) break;
        }
    }
    co_return std::chrono::duration<double, std::micro>(Clock::now() - begin).count() / calls;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int calls = argc > 1 ? std::atoi(argv[1]) : 2'000;
    const auto direct = fake::scripted_model("direct");
    direct->records(false).otherwise(fake::Script().says(std::string(pieces * 5, 'x'), 5).uses({10, 0, pieces}));

    const auto folder = TemporaryDirectory::create("tenon-bench-").value();
    const auto ledger = folder.path() / "gateway.db";
    const std::pair<const char*, llm::ChatModelPtr> ways[] = {
        {"routes alone", bench::routed(direct, {})},
        {"with a key, its team, a budget and a rate", bench::routed(direct, {.key = true})},
        {"and spending in a ledger on disk", bench::routed(direct, {.ledger = ledger, .key = true})},
        {"answers from the cache", bench::routed(direct, {.cache = true})},
    };
    Runtime runtime(1);
    for (const auto& [name, model] : ways) {
        std::vector<double> without, with;
        for (int round = 0; round < 9; ++round) {
            without.push_back(sync_wait(runtime, microseconds_a_call(direct, calls / 9)));
            with.push_back(sync_wait(runtime, microseconds_a_call(model, calls / 9)));
        }
        std::printf(
            "{\"case\": \"%s\", \"pieces\": %d, \"direct_us\": %.2f, \"gateway_us\": %.2f, \"overhead_us\": %.2f}\n",
            name, pieces, median(without), median(with), median(with) - median(without));
    }
    return 0;
}
