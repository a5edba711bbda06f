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


def least_cosine(a, b):
    return float(((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).min())


def quantised(setting, report, folder, texts):
    """8-bit weights on both sides; what that costs is told by the least cosine with the exact vectors."""
    what = f"{len(texts)} texts of about 62 tokens, quantised"
    if report.known(SECTION, what):
        return
    ours_file, ort_file = setting.scratch / "minilm-q8_0.gguf", setting.scratch / "minilm-int8.onnx"
    if not ours_file.exists():
        subprocess.run([setting.tenon, "quantize", folder, ours_file, "Q8_0"], check=True, capture_output=True)
    if not ort_file.exists():
        subprocess.run([setting.python, setting.here / "quantize_onnx.py", onnx_file(setting, folder), ort_file], check=True, capture_output=True)
    peer = [setting.python, setting.here / "peer_embed.py", "onnxruntime", folder, setting.threads]
    ours_command = [setting.worker, ours_file, "embed", setting.threads] + ([setting.kernels] if setting.kernels else [])
    with Worker(ours_command) as ours, Worker([*peer, ort_file]) as ort, Worker([*peer, onnx_file(setting, folder)]) as exact:
        truth = np.array(exact.ask(texts=texts, batch=1 << 20, vectors=True)["vectors"])
        cosines = {}
        for name, worker in (("ours", ours), ("onnxruntime", ort)):
            cosines[name] = least_cosine(np.array(worker.ask(texts=texts, batch=1 << 20, vectors=True)["vectors"]), truth)
        report.check(SECTION, what, cosines["ours"] >= 0.995, f"least cosine {cosines['ours']:.5f}")
        done = rounds({"ours": lambda i: ours.ask(texts=texts, batch=1 << 20), "onnxruntime": lambda i: ort.ask(texts=texts, batch=1 << 20)},
                      *((2, 2, 0) if setting.quick else (5, 15, 20)))
        a, b = done["ours"], done["onnxruntime"]
        report.add(SECTION, what, "onnxruntime int8", "texts/s", len(texts) * 1e3 / median(a, "ms"), len(texts) * 1e3 / median(b, "ms"),
                   ratios(a, b, "ms"), ratios(a, b, "cpu_ms"), f"least cosine {cosines['ours']:.5f}, theirs {cosines['onnxruntime']:.5f}")


def run(setting, report):
    folder = setting.model("minilm")
    text = setting.documentation()
    short = questions(setting)
    long = passages(text, 700)
    mixed = [t for pair in zip(passages(text, 160), long) for t in pair]
    middle = passages(text, 225)
    middle = (middle * (512 // len(middle) + 1))[:512]
    quantised(setting, report, folder, middle)
    # what, texts, batch: 1 is one text at a time
    plan = [("512 texts of about 62 tokens", middle, 1 << 20), ("passages of 700 characters", long[:128], 1 << 20), ("questions", short[:192], 1 << 20),
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
                cosine = least_cosine(vectors[name], vectors["sentence-transformers"])
                report.check(SECTION, f"vectors of {name}, {what}", cosine >= 0.9999 and np.allclose(np.linalg.norm(vectors[name], axis=1), 1, atol=1e-3),
                             f"least cosine {cosine:.6f}")
            report.check(SECTION, f"tokens, {what}", len({a["tokens"] for a in first.values()}) == 1, f"{[a['tokens'] for a in first.values()]}")
            least, most, seconds = (2, 2, 0) if setting.quick else (5, 15, 20)
            done = rounds({name: lambda i, w=w: w.ask(texts=texts, batch=batch) for name, w in workers.items()}, least, most, seconds)
            for name in ("sentence-transformers", "onnxruntime"):
                a, b = done["ours"], done[name]
                rate = lambda rows: len(texts) * 1e3 / median(rows, "ms")
                report.add(SECTION, what, name, "texts/s", rate(a), rate(b), ratios(a, b, "ms"), ratios(a, b, "cpu_ms"),
                           f"{first['ours']['tokens'] / len(texts):.0f} tokens a text")
