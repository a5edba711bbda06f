// What a chain costs beside its model: our side of bench/peers/chain. Prints one JSON object per scenario.
// Usage: chain_bench SCENARIO CALLS    SCENARIO: coroutine, sync, stream, template
#include <boost/describe/class.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "fake/scripted_model.hpp"
#include "tenon/chain/model.hpp"
#include "tenon/chain/prompt.hpp"
#include "tenon/chain/run.hpp"
#include "tenon/text/chat_template.hpp"

using namespace tenon;

struct Topic {
    std::string topic, tone;
};
BOOST_DESCRIBE_STRUCT(Topic, (), (topic, tone))

namespace {

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

auto make_chain() {
    const auto model = fake::scripted_model();
    model->records(false).otherwise(fake::Script("Because the chicken wanted to reach the other side."));
    return chain::prompt<Topic>("Tell me a joke about {topic} in a {tone} tone.") | model | chain::to_text();
}

template <class Chain>
task<double> coroutine(const Chain* joke, int calls) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) {
        Topic topic{"chickens", "dry"};
        auto answer = co_await (*joke)(std::move(topic), {});
        if (!answer || answer->empty()) std::abort();
    }
    co_return seconds_since(begin);
}

template <class Chain>
task<double> stream(const Chain* joke, int calls) {
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) {
        Topic topic{"chickens", "dry"};
        auto pieces = co_await joke->stream(std::move(topic), {});
        if (!pieces) std::abort();
        for (;;) {
            auto piece = co_await (*pieces)->next();
            if (!piece) std::abort();
            if (!*piece) break;
        }
    }
    co_return seconds_since(begin);
}

/// One rendering of a conversation; argv: the template's file and the conversation's.
double render_template(const char* template_file, const char* messages_file, int calls) {
    const auto read = [](const char* path) {
        std::ifstream in(path, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const auto compiled = text::Template::parse(read(template_file));
    if (!compiled) std::abort();
    const json::Value context = boost::json::parse(read(messages_file));
    std::size_t bytes = 0;
    const auto begin = Clock::now();
    for (int i = 0; i < calls; ++i) bytes += compiled->render(context)->size();
    const double seconds = seconds_since(begin);
    std::fprintf(stderr, "%zu bytes each\n", bytes / static_cast<std::size_t>(calls));
    return seconds;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const std::string scenario = argv[1];
    const int calls = std::atoi(argv[2]);
    double seconds = 0;
    if (scenario == "template") {
        if (argc < 5) return 2;
        seconds = render_template(argv[3], argv[4], calls);
    } else {
        const auto joke = make_chain();
        if (scenario == "sync") {
            const auto begin = Clock::now();
            for (int i = 0; i < calls; ++i) {
                auto answer = chain::run(joke, Topic{"chickens", "dry"});
                if (!answer || answer->empty()) std::abort();
            }
            seconds = seconds_since(begin);
        } else {
            Runtime runtime(1);
            seconds = sync_wait(runtime, scenario == "stream" ? stream(&joke, calls) : coroutine(&joke, calls));
        }
    }
    std::printf("{\"calls\": %d, \"microseconds\": %.4f}\n", calls, seconds * 1e6 / calls);
    return 0;
}
