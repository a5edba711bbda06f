#include "tenon/agent/pal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <cmath>
#include <optional>

namespace tenon::agent {
namespace {

constexpr std::string_view english =
    "You solve problems by writing Python. Write a function solution() that computes the answer step by step from the "
    "numbers in the problem and returns it. Give only the code, in one ```python block.";
constexpr std::string_view chinese =
    "你通过编写 Python 程序来解题。写一个函数 solution()，根据题目中的数字一步一步计算，并返回答案。"
    "只给出代码，放在一个 ```python 代码块中。";

struct Example {
    std::string_view question, program;
};
constexpr Example english_examples[] = {
    {"Olivia has 23 dollars. She bought five bagels for 3 dollars each. How much money does she have left?",
     "```python\ndef solution():\n    money = 23\n    bagels = 5\n    price = 3\n    spent = bagels * price\n    "
     "return money - spent\n```"},
    {"A train leaves with 120 passengers. At the first stop a quarter of them get off and 18 get on. How many are on "
     "it now?",
     "```python\ndef solution():\n    passengers = 120\n    off = passengers / 4\n    on = 18\n    return passengers - "
     "off + on\n```"},
};
constexpr Example chinese_examples[] = {
    {"小明有 23 元钱，他买了 5 个面包，每个 3 元。他还剩多少钱？",
     "```python\ndef solution():\n    money = 23\n    count = 5\n    price = 3\n    spent = count * price\n    return "
     "money - spent\n```"},
    {"一列火车出发时有 120 名乘客，第一站有四分之一的人下车，又有 18 人上车。现在车上有多少人？",
     "```python\ndef solution():\n    passengers = 120\n    off = passengers / 4\n    on = 18\n    return passengers - "
     "off + on\n```"},
};

bool has_chinese(std::string_view text) {
    for (std::size_t i = 0; i + 2 < text.size(); ++i) {
        const auto lead = static_cast<unsigned char>(text[i]);
        if (lead >= 0xE4 && lead <= 0xE9) return true;
    }
    return false;
}

std::optional<double> number_of(std::string_view text) {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool same(std::string_view a, std::string_view b) {
    if (a == b) return true;
    const auto x = number_of(a), y = number_of(b);
    return x && y && std::fabs(*x - *y) <= 1e-9 * std::max({1.0, std::fabs(*x), std::fabs(*y)});
}

task<Result<PythonResult>> run(Sandbox sandbox, std::string program, std::stop_token stop) {
    co_return sandbox.run_python(program, std::move(stop));
}

struct Vote {
    std::string value, program;
    std::size_t count = 0;
};

}  // namespace

std::string program_in(std::string_view text) {
    std::string_view found;
    for (std::size_t at = text.find("```"); at != std::string_view::npos;) {
        const auto line = text.find('\n', at);
        if (line == std::string_view::npos) break;
        const auto close = text.find("```", line + 1);
        // An answer that was cut in the middle of its block still holds the program.
        const auto block =
            text.substr(line + 1, close == std::string_view::npos ? std::string_view::npos : close - line - 1);
        if (block.find_first_not_of(" \t\r\n") != std::string_view::npos) found = block;
        if (close == std::string_view::npos) break;
        at = text.find("```", close + 3);
    }
    return std::string(found.empty() ? text : found);
}

task<Result<PalAnswer>> solve_with_program(llm::ChatModelPtr model, Sandbox sandbox, Executor blocking,
                                           std::string question, PalOptions options, chain::Context context) {
    if (question.find_first_not_of(" \t\r\n") == std::string::npos)
        co_return fail(ErrorCode::invalid_argument, "the question is empty");
    const bool zh = has_chinese(question);
    std::vector<llm::Message> base;
    base.push_back(llm::Message::system(std::string(zh ? chinese : english)));
    if (options.examples) {
        for (const auto& example : zh ? chinese_examples : english_examples) {
            base.push_back(llm::Message::user(std::string(example.question)));
            base.push_back(llm::Message::assistant(std::string(example.program)));
        }
    }
    base.push_back(llm::Message::user(question));

    PalAnswer answer;
    std::vector<Vote> votes;
    std::string last_error = "it wrote no program";
    for (std::size_t sample = 0; sample < std::max<std::size_t>(1, options.samples); ++sample) {
        auto messages = base;
        for (std::size_t attempt = 0; attempt <= options.repairs; ++attempt) {
            llm::ChatRequest request;
            request.messages = messages;
            request.settings.max_tokens = options.max_tokens;
            request.settings.temperature = sample == 0 ? options.temperature : std::max(0.6, options.temperature);
            if (sample > 0) request.settings.seed = sample;
            TENON_CO_TRY(auto written, co_await model->generate(std::move(request), context.options));
            answer.usage += written.usage;
            const std::string text = written.message.text();
            std::string program = program_in(text);
            auto running = run(sandbox, program, context.options.stop);
            auto ran = co_await boost::asio::co_spawn(blocking, std::move(running), boost::asio::use_awaitable);
            if (!ran) co_return std::unexpected(std::move(ran).error());
            std::string value = ran->value;
            // A program that prints its answer instead of returning it has one all the same.
            if (ran->ok() && value.empty() && !ran->out.empty()) {
                auto printed = std::string_view(ran->out);
                while (!printed.empty() && (printed.back() == '\n' || printed.back() == ' ')) printed.remove_suffix(1);
                value = std::string(printed.substr(printed.rfind('\n') + 1));
            }
            if (ran->ok() && !value.empty()) {
                ++answer.ran;
                const auto known = std::ranges::find_if(votes, [&](const Vote& v) { return same(v.value, value); });
                if (known == votes.end())
                    votes.push_back({std::move(value), std::move(program), 1});
                else
                    ++known->count;
                break;
            }
            last_error = ran->ok() ? "the program gave no value" : ran->error;
            messages.push_back(llm::Message::assistant(text));
            messages.push_back(llm::Message::user(
                zh ? fmt::format("程序出错：{}。请重新写出完整的程序。", last_error)
                   : fmt::format("The program failed: {}. Write the whole program again.", last_error)));
        }
    }
    if (votes.empty())
        co_return fail(ErrorCode::unavailable, "no program that the model wrote came to a value: " + last_error);
    const auto best = std::ranges::max_element(votes, {}, &Vote::count);
    answer.value = best->value;
    answer.program = best->program;
    answer.agreed = best->count;
    co_return answer;
}

}  // namespace tenon::agent
