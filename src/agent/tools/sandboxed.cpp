// Python and the shell, in the sandbox.
#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/describe/class.hpp>

#include "tenon/agent/tools.hpp"

namespace tenon::agent::tools {
namespace {

struct Code {
    std::string code;
};
BOOST_DESCRIBE_STRUCT(Code, (), (code))
constexpr auto describe_fields(const Code*) {
    return json::fields(json::about(
        &Code::code,
        {.description = "A whole Python 3 program. Its prints and the value of its last expression come back.",
         .min_length = 1}));
}
struct Command {
    std::string command;
};
BOOST_DESCRIBE_STRUCT(Command, (), (command))

task<Result<PythonResult>> run_python(Sandbox sandbox, std::string code, std::stop_token stop) {
    co_return sandbox.run_python(code, std::move(stop));
}
task<Result<SandboxResult>> run_shell(Sandbox sandbox, std::string command, std::stop_token stop) {
    std::vector<std::string> words;
    words.emplace_back("/bin/sh");
    words.emplace_back("-c");
    words.push_back(std::move(command));
    co_return sandbox.run(words, {}, std::move(stop));
}

}  // namespace

Tool python(Sandbox sandbox, Executor blocking) {
    ToolPolicy policy;
    policy.timeout = sandbox.options().limits.wall_time + std::chrono::seconds(5);
    return tool<Code>(
        "python", "Runs a Python 3 program. No network; files it writes are gone afterwards.",
        [sandbox, blocking](Code given, ToolContext context) -> task<Result<ToolOutput>> {
            auto ran = co_await boost::asio::co_spawn(
                blocking, run_python(sandbox, std::move(given.code), context.options.stop), boost::asio::use_awaitable);
            if (!ran) co_return std::unexpected(std::move(ran).error());
            std::string text = std::move(ran->out);
            if (!text.empty() && text.back() != '\n') text += '\n';
            if (!ran->value.empty()) text += ran->value;
            if (!ran->ok()) co_return ToolOutput{text + ran->error, {}, true};
            co_return ToolOutput{text.empty() ? "(it printed nothing and has no value)" : std::move(text)};
        },
        policy);
}

Tool shell(Sandbox sandbox, Executor blocking) {
    ToolPolicy policy;
    policy.timeout = sandbox.options().limits.wall_time + std::chrono::seconds(5);
    policy.approval = true;
    return tool<Command>(
        "shell", "Runs a command in a shell, in a sandbox without network and without this machine's files",
        [sandbox, blocking](Command given, ToolContext context) -> task<Result<ToolOutput>> {
            auto ran = co_await boost::asio::co_spawn(
                blocking, run_shell(sandbox, std::move(given.command), context.options.stop),
                boost::asio::use_awaitable);
            if (!ran) co_return std::unexpected(std::move(ran).error());
            using enum SandboxResult::Outcome;
            if (ran->outcome == out_of_time) co_return ToolOutput{"it ran too long and was stopped", {}, true};
            if (ran->outcome == out_of_memory)
                co_return ToolOutput{"it used too much memory and was stopped", {}, true};
            std::string text = ran->out + ran->err;
            if (ran->exit_code != 0) text += fmt::format("\n[exit code {}]", ran->exit_code);
            co_return ToolOutput{std::move(text), {}, ran->exit_code != 0};
        },
        policy);
}

}  // namespace tenon::agent::tools
