"""The largest resident memory of one process that does the whole job, as the kernel counts it (mapped files included)."""
from report import median, ratios, rounds
from sections.embedding import onnx_file, passages
from worker import run_process

SECTION = "memory"
MB = 1 << 20


def add(report, setting, what, ours, peers):
    if report.known(SECTION, what):
        return
    done = rounds({"ours": ours, **peers}, *((1, 1, 0) if setting.quick else (2, 3, 10)))
    for rows in done.values():
        for row in rows:
            row["mb"] = row["peak"] / MB
    for peer in peers:
        a, b = done["ours"], done[peer]
        report.add(SECTION, what, peer, "MiB", median(a, "mb"), median(b, "mb"), ratios(a, b, "mb"), ratios(a, b, "cpu_ms"))


def run(setting, report):
    threads, python, here = setting.threads, setting.python, setting.here
    text = setting.documentation()
    env = {"TENON_THREADS": str(threads)}
    for model in setting.models:
        path, prompt = setting.model(model), text[:1600]
        add(report, setting, f"400 tokens read, 32 written, {model}",
            lambda i: run_process([setting.tenon, "complete", "--model", model, "-n", 32, "--temperature", 0], prompt, env=env),
            {"llama-cpp-python": lambda i: run_process([python, here / "peer_complete.py", path, 32, threads], prompt)})
    folder = setting.model("minilm")
    lines = "\n".join(passages(text, 700)[:64]) + "\n"
    once = here / "peer_embed_once.py"
    add(report, setting, "64 passages embedded, minilm",
        lambda i: run_process([setting.tenon, "embed", "--model", "minilm", "--lines", "--json"], lines, env=env),
        {"sentence-transformers": lambda i: run_process([python, once, "sentence-transformers", folder, threads], lines),
         "onnxruntime": lambda i: run_process([python, once, "onnxruntime", folder, threads, onnx_file(setting, folder)], lines)})
