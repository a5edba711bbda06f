#!/usr/bin/env python3
"""Mask and compile times of Tenon, llguidance and xgrammar on the same schemas, texts and vocabulary, in one run.

Needs: pip install llguidance numpy (and xgrammar torch, where they can be had).
Usage: bench/peers/structured/run.py STRUCTURED_BENCH MODEL.gguf
"""
import json
import statistics
import subprocess
import sys
import time

from cases import CASES, lines

program, model = sys.argv[1:3]
vocabulary = json.loads(subprocess.run([program, model, "--tokens"], capture_output=True, check=True).stdout)
tokens = [bytes.fromhex(t) for t in vocabulary["tokens"]]
by_bytes = {}
for i, t in enumerate(tokens):
    if i not in vocabulary["special"]:
        by_bytes.setdefault(t, i)
longest = max(map(len, by_bytes))
end = vocabulary["ends"][0]


def encode(data):
    """Longest match: all sides are fed the same tokens, whichever they are."""
    out, at = [], 0
    while at < len(data):
        for n in range(min(longest, len(data) - at), 0, -1):
            if (found := by_bytes.get(data[at : at + n])) is not None:
                out.append(found)
                at += n
                break
    return out


def summary(times):
    times.sort()
    return {"mean": statistics.fmean(times), "p99": times[len(times) * 99 // 100], "max": times[-1], "count": len(times)}


def measure(name, compile_schema, new_matcher, mask, accept):
    results = {}
    for case, schema, values in CASES:
        start = time.perf_counter()
        compiled = compile_schema(json.dumps(schema))
        row = {"compile": (time.perf_counter() - start) * 1e6}
        for turn in ("first", "second"):
            times = []
            for value in values:
                matcher = new_matcher(compiled)
                for token in encode(json.dumps(value, ensure_ascii=False).encode()):
                    start = time.perf_counter()
                    mask(matcher)
                    times.append((time.perf_counter() - start) * 1e6)
                    assert accept(matcher, token), f"{name} refuses a token of {case}"
            row[turn] = summary(times)
        results[case] = row
    return results


def llguidance_side():
    import llguidance
    import numpy

    class Wrapped:
        eos_token_id, bos_token_id, special_token_ids = end, None, vocabulary["special"]

        def __init__(self):
            self.tokens = tokens

        def __call__(self, text):
            return encode(text if isinstance(text, bytes) else text.encode())

    tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Wrapped()))
    words = numpy.zeros((1, (len(tokens) + 31) // 32), dtype=numpy.int32)
    return measure(
        "llguidance",
        lambda s: llguidance.LLMatcher.grammar_from_json_schema(s),
        lambda g: llguidance.LLMatcher(tokenizer, g),
        lambda m: m.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes),
        lambda m, t: m.consume_token(t),
    )


def xgrammar_side():
    import xgrammar

    info = xgrammar.TokenizerInfo(tokens, vocab_type=xgrammar.VocabType.RAW, stop_token_ids=vocabulary["ends"])
    compiler = xgrammar.GrammarCompiler(info, max_threads=2, cache_enabled=False)
    words = xgrammar.allocate_token_bitmask(1, info.vocab_size)
    return measure(
        "xgrammar",
        lambda s: compiler.compile_json_schema(s),
        xgrammar.GrammarMatcher,
        lambda m: m.fill_next_token_bitmask(words),
        lambda m, t: m.accept_token(t),
    )


ours = {}
run = subprocess.run([program, model], input="\n".join(lines()) + "\n", text=True, capture_output=True, check=True)
for line in run.stdout.splitlines():
    row = json.loads(line)
    ours[row["name"]] = row
peers = {}
for name, side in (("llguidance", llguidance_side), ("xgrammar", xgrammar_side)):
    try:
        peers[name] = side()
    except ImportError as error:
        print(f"{name}: not installed ({error})")
print(f"{'case':10} {'side':11} {'compile us':>11} {'mask us, first pass: mean / p99 / max':>40} {'second pass: mean':>20}")
for case, _, _ in CASES:
    for name, rows in [("tenon", ours)] + list(peers.items()):
        r = rows[case]
        if "error" in r:
            print(f"{case:10} {name:11} {r['error']}")
            continue
        print(f"{case:10} {name:11} {r['compile']:11.0f} {r['first']['mean']:20.1f} / {r['first']['p99']:.0f} / {r['first']['max']:.0f} {r['second']['mean']:20.2f}")
    for name, rows in peers.items():
        if "error" not in ours[case]:
            print(f"{'':10} ratio to {name}: compile {rows[case]['compile'] / ours[case]['compile']:.1f} x, masks first pass {rows[case]['first']['mean'] / ours[case]['first']['mean']:.1f} x, "
                  f"second pass {rows[case]['second']['mean'] / max(ours[case]['second']['mean'], 1e-3):.1f} x")
