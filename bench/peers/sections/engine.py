"""Prompt and decoding speed beside llama.cpp: the same file, the same token ids, the same number of threads, greedy."""
import json
import subprocess

from report import median, note, ratios, rounds
from worker import Worker

SECTION = "engine"
# model, threads (None: the setting's), prompt tokens, generated tokens
PLAN = [("smollm2-135m", None, 512, 64), ("qwen2.5-coder-0.5b", None, 512, 64), ("qwen2.5-coder-1.5b", None, 256, 32),
        ("smollm2-135m", 1, 256, 48), ("qwen2.5-coder-0.5b", 1, 256, 32), ("qwen2.5-coder-1.5b", 1, 128, 16)]
PEER = "llama-cpp-python"


def best_attention(peer, ids):
    """Flash attention on or off, whichever is faster in total for this model."""
    spent = {}
    for flash in (True, False, True, False):  # the first round warms up
        done = peer.ask(prompt=ids, tokens=24, flash=flash)
        spent[flash] = done["prompt_ms"] + done["decode_ms"]
    return spent[True] <= spent[False]


def compare(setting, report, model, threads, prompt_tokens, generated, section=SECTION):
    name = f"{model}, {threads} thread{'s' if threads > 1 else ''}"
    if report.known(section, f"decoding, {name}") and report.known(section, f"prompt of {prompt_tokens}, {name}"):
        return
    path = setting.model(model)
    text = setting.documentation()
    tokenized = subprocess.run([setting.tenon, "tokenize", "--model", path, "--plain", "--json"], input=text.encode(), capture_output=True, check=True)
    ids = json.loads(tokenized.stdout)["ids"]
    with Worker(setting.ours(model, "generate", threads)) as ours, Worker([setting.python, setting.here / "peer_llama.py", path, threads]) as peer:
        theirs = peer.ask(text=text)["ids"]
        report.check(section, f"token ids, {model}", theirs == ids, f"{len(ids)} ids here, {len(theirs)} there")
        flash = best_attention(peer, ids[:128])
        ours.ask(prompt=ids[:128], tokens=8)

        def prompt(i):  # never the beginning of an earlier one, or a cache would answer
            at = (i + 1) * prompt_tokens % (len(ids) - prompt_tokens)
            return ids[at:at + prompt_tokens]

        least, most, seconds = (2, 2, 0) if setting.quick else (3, 9, 35)
        done = rounds({"ours": lambda i: ours.ask(prompt=prompt(i), tokens=generated),
                       "peer": lambda i: peer.ask(prompt=prompt(i), tokens=generated, flash=flash)}, least, most, seconds)
    a, b = done["ours"], done["peer"]
    counts = {(x["prompt_tokens"], x["generated"], x.get("cached_tokens", 0)) for x in a + b}
    # Prompts differ from their first word on: all that two may share is the token every prompt begins with.
    same = all(c[:2] == (prompt_tokens, generated) and c[2] <= 1 for c in counts)
    report.check(section, f"tokens, {name}", same, f"prompt, generated, cached: {sorted(counts)}")
    same = [next((n for n, (x, y) in enumerate(zip(p["ids"], q["ids"])) if x != y), generated) for p, q in zip(a, b)]
    note(f"{name}: kernels {ours.ready['kernels']}, flash attention {'on' if flash else 'off'} at the peer, the same text for {same} of {generated} tokens")
    attention = f"flash attention {'on' if flash else 'off'}"
    cpu = ratios(a, b, "cpu_ms")
    for row in a + b:
        row["each"] = row["decode_ms"] / (generated - 1)
    report.add(section, f"decoding, {name}", PEER, "tok/s", 1e3 / median(a, "each"), 1e3 / median(b, "each"), ratios(a, b, "each"), cpu, attention)
    report.add(section, f"prompt of {prompt_tokens}, {name}", PEER, "tok/s", prompt_tokens * 1e3 / median(a, "prompt_ms"),
               prompt_tokens * 1e3 / median(b, "prompt_ms"), ratios(a, b, "prompt_ms"), cpu, attention)


def run(setting, report):
    for model, threads, prompt_tokens, generated in PLAN:
        if model in setting.models and (threads is None or setting.threads > 1):
            compare(setting, report, model, threads or setting.threads, prompt_tokens, generated)
