#include <fmt/format.h>

#include <boost/json/value.hpp>
#include <random>

#include "tenon/agent/sandbox.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/json/json.hpp"

namespace tenon::agent {
namespace {

/// Runs the program on standard input; afterwards a line with a mark of its own tells the value or the error.
constexpr std::string_view driver = R"py(
import ast, json, sys
mark = sys.argv.pop()
def report(**what):
    sys.stdout.flush()
    sys.stdout.write("\n" + mark + json.dumps(what) + "\n")
    sys.stdout.flush()
def line_of(error):
    line, at = None, error.__traceback__
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<program>": line = at.tb_lineno
        at = at.tb_next
    return line
def main():
    names = {"__name__": "__main__", "__builtins__": __builtins__}
    try:
        tree = ast.parse(sys.stdin.buffer.read().decode("utf-8", "replace"), "<program>")
        last = None
        if tree.body and isinstance(tree.body[-1], ast.Expr):
            last = ast.Expression(tree.body.pop().value)
        exec(compile(tree, "<program>", "exec"), names)
        value = eval(compile(last, "<program>", "eval"), names) if last else None
        if value is None and callable(names.get("solution")): value = names["solution"]()
        for name in ("answer", "result"):
            if value is None and not callable(names.get(name)): value = names.get(name)
        report(value=None if value is None else str(value))
    except SyntaxError as error:
        report(error=type(error).__name__ + ": " + str(error.msg), line=error.lineno)
    except SystemExit as error:
        if error.code in (None, 0): report(value=None)
        else: report(error="SystemExit: " + str(error.code), line=line_of(error))
    except BaseException as error:
        text = str(error)
        report(error=type(error).__name__ + (": " + text if text else ""), line=line_of(error))
main()
)py";

std::string fresh_mark() {
    std::random_device random;
    return fmt::format("tenon-value-{:08x}{:08x}:", random(), random());
}

}  // namespace

Result<PythonResult> Sandbox::run_python(std::string_view program, std::stop_token stop) const {
    const std::string mark = fresh_mark();
    TENON_TRY(auto ran,
              run({options_.python, "-I", "-B", "-c", std::string(driver), mark}, std::string(program), stop));
    PythonResult result;
    using enum SandboxResult::Outcome;
    if (ran.outcome == out_of_time) {
        result.error = fmt::format("stopped: it ran longer than {} s", options_.limits.wall_time.count() / 1000.0);
        return result;
    }
    if (ran.outcome == out_of_memory) {
        result.error = fmt::format("stopped: it used more than {} MiB of memory", options_.limits.memory >> 20);
        return result;
    }
    const std::size_t at = ran.out.rfind("\n" + mark);
    result.out = utf8::sanitize(ran.out.substr(0, at));
    if (at == std::string::npos) {
        if (ran.cut)
            result.error = fmt::format("stopped: it printed more than {} bytes", options_.limits.output_bytes);
        else
            result.error = fmt::format("it ended with exit code {}{}{}", ran.exit_code, ran.err.empty() ? "" : ": ",
                                       utf8::sanitize(ran.err.substr(0, 400)));
        return result;
    }
    auto line = std::string_view(ran.out).substr(at + 1 + mark.size());
    line = line.substr(0, line.find('\n'));
    const auto told = json::parse(line);
    if (!told) {
        result.error = "its value was lost in its own output";
        return result;
    }
    result.value = json::string_or(*told, "value", "");
    result.error = json::string_or(*told, "error", "");
    if (const auto number = json::integer_or(*told, "line", 0); number > 0 && !result.error.empty())
        result.error += fmt::format(" (line {})", number);
    return result;
}

}  // namespace tenon::agent
