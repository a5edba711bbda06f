"""From the start of the process to the first token on its output; the file is in the page cache for both."""
from report import median, ratios, rounds
from worker import run_process

SECTION = "cold-start"
PROMPT = "def fibonacci(n):"


def run(setting, report):
    for model in setting.models:
        if report.known(SECTION, model):
            continue
        path, threads = setting.model(model), setting.threads
        env = {"TENON_THREADS": str(threads)}
        sides = {"ours": lambda i: run_process([setting.tenon, "complete", "--model", model, "-n", 1, "--temperature", 0, PROMPT], env=env),
                 "peer": lambda i: run_process([setting.python, setting.here / "peer_complete.py", path, 1, threads, PROMPT])}
        for side in sides.values():
            side(0)
        done = rounds(sides, *((2, 2, 0) if setting.quick else (4, 9, 20)))
        a, b = done["ours"], done["peer"]
        report.check(SECTION, f"a token from both, {model}", all(len(x["output"]) > 1 for x in a + b), f"{a[0]['output']!r} and {b[0]['output']!r}")
        report.add(SECTION, model, "llama-cpp-python", "ms", median(a, "first_ms"), median(b, "first_ms"), ratios(a, b, "first_ms"), ratios(a, b, "cpu_ms"))
