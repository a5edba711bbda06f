"""Many streams at once, deep contexts and shared beginnings beside llama.cpp: the same file, ids and threads, greedy."""
import json
import subprocess

from report import median, ratios, rounds
from sections.engine import best_attention
from worker import Worker

SECTION = "batch"
PEER = "llama-cpp-python"
MODELS = ["smollm2-135m", "qwen2.5-coder-0.5b"]
# name, streams, tokens before (of which shared), generated
PLAN = [("decoding at depth 1024", 1, 1024, 0, 48), ("16 streams", 16, 32, 0, 32), ("32 streams", 32, 32, 0, 32),
        ("32 requests that share 1,000 tokens", 32, 1016, 1000, 8), ("8 prompts of 127, 96 new", 8, 127, 0, 96)]


def decode_ms(row):
    """From the moment every stream has its first token until all have their last."""
    return row["all_ms"] - max(row["first_ms"])


def compare(setting, report, model):
    ids = json.loads(subprocess.run([setting.tenon, "tokenize", "--model", model, "--plain", "--json"], input=setting.documentation().encode(),
                                    capture_output=True, check=True).stdout)["ids"]
    ids *= -(-90_000 // len(ids))  # 32 prompts lie 1,201 ids apart, and each round begins elsewhere
    with Worker(setting.ours(model, "generate", setting.threads)) as ours, \
            Worker([setting.python, setting.here / "peer_llama.py", setting.model(model), setting.threads]) as peer:
        flash = best_attention(peer, ids[:128])
        for name, streams, before, shared, generated in PLAN:
            lines = [f"{name}, {model}: {what}" for what in ("decoding", "until the first token", "in all")]
            if all(report.known(SECTION, line) for line in lines):
                continue

            def prompts(i):
                """Never the beginning of an earlier round, or a cache would answer."""
                start = (i + 1) * 7919 % (len(ids) - 40_000)
                common = ids[start:start + shared]
                return [common + ids[start + shared + n * 1201:][:before - shared] for n in range(streams)]

            done = rounds({"ours": lambda i: ours.ask(prompts=prompts(i), tokens=generated),
                           "peer": lambda i: peer.ask(prompts=prompts(i), tokens=generated, flash=flash, shared=shared)},
                          *((2, 2, 0) if setting.quick else (3, 5, 30)))
            a, b = done["ours"], done["peer"]
            for row in a + b:
                row["decode"], row["first"] = decode_ms(row), sum(row["first_ms"]) / streams
            each = streams * (generated - 1) * 1e3
            cpu = ratios(a, b, "cpu_ms")
            report.add(SECTION, lines[0], PEER, "tok/s", each / median(a, "decode"), each / median(b, "decode"), ratios(a, b, "decode"), cpu)
            report.add(SECTION, lines[1], PEER, "ms", median(a, "first"), median(b, "first"), ratios(a, b, "first"), cpu)
            report.add(SECTION, lines[2], PEER, "ms", median(a, "all_ms"), median(b, "all_ms"), ratios(a, b, "all_ms"), cpu)


def run(setting, report):
    for model in MODELS:
        if model in setting.models:
            compare(setting, report, model)
