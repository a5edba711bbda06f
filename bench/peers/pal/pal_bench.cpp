// Word problems: programs that the model writes, run in the sandbox, beside the same model's own answers, at once and
// step by step. Usage: pal_bench MODEL.gguf PROBLEMS.jsonl [FIRST [COUNT [--no-steps]]]
// A line of JSON for each problem; report.py counts them.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "tenon/agent/pal.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/json/json.hpp"
#include "tenon/provider/local.hpp"

using namespace tenon;

namespace {

/// The last number of a text; thousands may be set off by commas.
std::optional<double> last_number(std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool between = i > 0 && i + 1 < text.size() &&
                             std::isdigit(static_cast<unsigned char>(text[i - 1])) != 0 &&
                             std::isdigit(static_cast<unsigned char>(text[i + 1])) != 0;
        if (text[i] != ',' || !between) plain += text[i];
    }
    const auto end = plain.find_last_of("0123456789");
    if (end == std::string::npos) return std::nullopt;
    std::size_t begin = end;
    while (begin > 0 && (std::isdigit(static_cast<unsigned char>(plain[begin - 1])) != 0 || plain[begin - 1] == '.'))
        --begin;
    if (begin > 0 && plain[begin - 1] == '-') --begin;
    double value = 0;
    const auto read = std::from_chars(plain.data() + begin, plain.data() + end + 1, value);
    if (read.ec != std::errc{}) return std::nullopt;
    return value;
}

bool is_right(std::optional<double> given, double wanted) {
    return given && std::fabs(*given - wanted) <= 1e-6 * std::max(1.0, std::fabs(wanted));
}

std::string ask(Runtime& runtime, const llm::ChatModelPtr& model, std::string system, std::string question,
                std::uint64_t most) {
    llm::ChatRequest request;
    request.messages.push_back(llm::Message::system(std::move(system)));
    request.messages.push_back(llm::Message::user(std::move(question)));
    request.settings.temperature = 0;
    request.settings.max_tokens = most;
    const auto answer = sync_wait(runtime, model->generate(std::move(request), CallOptions()));
    return answer ? answer->message.text() : std::string();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3) {
        std::fputs("usage: pal_bench MODEL.gguf PROBLEMS.jsonl [FIRST [COUNT [--no-steps]]]\n", stderr);
        return 2;
    }
    const std::size_t first = argc > 3 ? std::stoul(argv[3]) : 0, count = argc > 4 ? std::stoul(argv[4]) : SIZE_MAX;
    const bool no_steps = argc > 5 && std::string_view(argv[5]) == "--no-steps";
    const auto opened = provider::LocalChatModel::load(argv[1]);
    const auto sandbox = agent::Sandbox::open();
    if (!opened || !sandbox) {
        std::fprintf(stderr, "%s\n", (!opened ? opened.error() : sandbox.error()).describe().c_str());
        return 1;
    }
    const llm::ChatModelPtr model = *opened;
    Runtime runtime;
    std::ifstream file(argv[2]);
    std::size_t n = 0;
    for (std::string line; std::getline(file, line); ++n) {
        if (n < first || n - first >= count) continue;
        const auto problem = json::parse(line).value();
        const std::string question(json::string_or(problem, "question", ""));
        const double wanted = json::number_or(problem, "answer", 0);
        const bool zh = json::string_or(problem, "language", "") == "zh";
        const auto direct =
            ask(runtime, model, zh ? "只回答一个数字。" : "Answer with one number and nothing else.", question, 24);
        std::string steps;
        if (!no_steps)
            steps = ask(runtime, model,
                        zh ? "一步一步地计算，最后一行写“答案：”和一个数字。"
                           : "Work it out step by step. The last line is \"Answer: \" and one number.",
                        question, 320);
        const auto program =
            sync_wait(runtime, agent::solve_with_program(model, *sandbox, runtime.blocking_executor(), question));
        const std::string value = program ? program->value : std::string();
        json::Object out{{"problem", n}, {"language", zh ? "zh" : "en"}, {"wanted", wanted}, {"value", value}};
        out["direct"] = is_right(last_number(direct), wanted);
        if (!no_steps) out["steps"] = is_right(last_number(steps), wanted);
        out["pal"] = is_right(last_number(value), wanted);
        std::printf("%s\n", json::dump(out).c_str());
        std::fflush(stdout);
    }
}
