"""Embedding speed beside sentence-transformers and onnxruntime: the same weights, texts and threads; vectors compared."""
import json
import subprocess

import numpy as np
from report import median, ratios, rounds
from worker import Worker

SECTION = "embedding"


def passages(text, characters):
    """Pieces of about so many characters that end at a word."""
    out, words, size = [], [], 0
    for word in text.split():
        words.append(word)
        size += len(word) + 1
        if size >= characters:
            out.append(" ".join(words))
            words, size = [], 0
    return out


def questions(setting):
    return [json.loads(line)["question"] for line in (setting.here / "rag" / "questions.jsonl").read_text().splitlines() if line.strip()]


def onnx_file(setting, folder):
    out = setting.scratch / "minilm.onnx"
    if not out.exists():
        subprocess.run([setting.python, setting.here / "export_onnx.py", folder, out], check=True, capture_output=True)
    return out


def run(setting, report):
    folder = setting.model("minilm")
    text = setting.documentation()
    short = questions(setting)
    long = passages(text, 700)
    mixed = [t for pair in zip(passages(text, 160), long) for t in pair]
    # what, texts, batch: 1 is one text at a time
    plan = [("passages of 700 characters", long[:128], 1 << 20), ("questions", short[:192], 1 << 20),
            ("mixed lengths", mixed[:128], 1 << 20), ("one question at a time", short[:48], 1)]
    threads = setting.threads
    peer = setting.here / "peer_embed.py"
    commands = {"sentence-transformers": [setting.python, peer, "sentence-transformers", folder, threads],
                "onnxruntime": [setting.python, peer, "onnxruntime", folder, threads, onnx_file(setting, folder)]}
    plan = [line for line in plan if not report.known(SECTION, line[0])]
    if not plan:
        return
    with Worker(setting.ours("minilm", "embed", threads)) as ours, Worker(commands["sentence-transformers"]) as st, \
            Worker(commands["onnxruntime"]) as ort:
        workers = {"ours": ours, "sentence-transformers": st, "onnxruntime": ort}
        for what, texts, batch in plan:
            first = {name: w.ask(texts=texts, batch=batch, vectors=True) for name, w in workers.items()}  # warms up, too
            vectors = {name: np.array(answer["vectors"]) for name, answer in first.items()}
            for name in ("ours", "onnxruntime"):
                a, b = vectors[name], vectors["sentence-transformers"]
                cosine = float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())
                report.check(SECTION, f"vectors of {name}, {what}", cosine >= 0.9999 and np.allclose(np.linalg.norm(a, axis=1), 1, atol=1e-3),
                             f"least cosine {cosine:.6f}")
            report.check(SECTION, f"tokens, {what}", len({a["tokens"] for a in first.values()}) == 1, f"{[a['tokens'] for a in first.values()]}")
            least, most, seconds = (2, 2, 0) if setting.quick else (5, 15, 20)
            done = rounds({name: lambda i, w=w: w.ask(texts=texts, batch=batch) for name, w in workers.items()}, least, most, seconds)
            for name in ("sentence-transformers", "onnxruntime"):
                a, b = done["ours"], done[name]
                rate = lambda rows: len(texts) * 1e3 / median(rows, "ms")
                report.add(SECTION, what, name, "texts/s", rate(a), rate(b), ratios(a, b, "ms"), ratios(a, b, "cpu_ms"),
                           f"{first['ours']['tokens'] / len(texts):.0f} tokens a text")
