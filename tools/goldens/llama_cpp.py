#!/usr/bin/env python3
"""Perplexity and greedy text by llama.cpp on the same GGUF files, for tests/unit/model/real_models_test.cpp.

    python tools/goldens/llama_cpp.py FOLDER        (holding smollm2-135m.gguf and qwen2.5-coder-0.5b.gguf)

Writes tests/golden/model/llama_cpp.json. Per model: token ids of a fixed text in windows of 512 with the mean negative
log-likelihood of all but each window's first, and ten prompts as ids with 64 greedy tokens each and the margin between the two best
logits at every step. --text-only keeps the prompts of the file that is there.
"""
import json
import pathlib
import sys

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]

import numpy as np
from llama_cpp import Llama

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/model/llama_cpp.json"
WINDOW = 512  # tokens computed together, each window from an empty cache
TEXT = """The mortise and tenon joint is among the oldest joints known. It has been found in the wooden burial chambers of ancient
Egypt, in the ships of the Mediterranean and in the well linings of central Europe. A tenon, cut on the end of a rail, fits a square or
rectangular hole cut into the corresponding member; the joint may be glued, pinned, or wedged to lock it in place. In China the same
idea carried whole buildings: brackets of many pieces interlock beneath the eaves and move a little in an earthquake, so that the
frame survives what would crack a rigid wall. 榫卯是中国古代建筑、家具及其它器械的主要结构方式。 Carpenters learned the proportions by heart: the tenon
takes about a third of the rail's thickness, because a thicker one weakens the mortise and a thinner one breaks.

def fibonacci(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a

Computers came to the trade late. Today a machine cuts the joint in seconds, yet the drawing still begins with the question the
carpenter asked: which way will the load go, and what happens when the wood dries?
"""
PROMPTS = ["The capital of France is", "Once upon a time there was a", "def quicksort(items):\n    ", "Water boils at",
           "The three primary colours are", "中国的首都是", "<|im_start|>user\nName two planets.<|im_end|>\n<|im_start|>assistant\n",
           "To make bread, you first need", "#include <vector>\n\nint main() {\n", "The history of the Roman Empire began"]


def main():
    out = {}
    for name in ("smollm2-135m", "qwen2.5-coder-0.5b"):
        model = Llama(str(pathlib.Path(sys.argv[1]) / f"{name}.gguf"), n_ctx=1024, n_batch=512, n_threads=1, logits_all=True, verbose=False)
        # Rounding moves each token's likelihood by some 9 %, at random: 0.5 % needs some thousands of tokens.
        text = TEXT + (ROOT / "LICENSE").read_text() + pathlib.Path("/usr/share/common-licenses/GPL-3").read_text()[:12000]
        ids = model.tokenize(text.encode(), add_bos=False)
        windows = [ids[i:i + WINDOW] for i in range(0, len(ids), WINDOW)]
        nll = []
        for window in windows:
            model.reset()
            model.eval(window)
            for row, after in zip(model.scores, window[1:]):
                nll.append(float(row.max() + np.log(np.exp(row - row.max()).sum(dtype=np.float64)) - row[after]))
        entry = {"windows": windows, "nll": round(float(np.mean(nll)), 6), "prompts": []}
        if "--text-only" in sys.argv:
            entry["prompts"] = json.loads(OUT.read_text())[name]["prompts"]
            out[name] = entry
            continue
        for prompt in PROMPTS:
            ids = model.tokenize(prompt.encode(), add_bos=False, special=True)
            model.reset()
            model.eval(ids)
            tokens, margins = [], []
            for _ in range(64):
                logits = np.array(model.scores[model.n_tokens - 1])
                first, second = np.partition(logits, -2)[-2:][::-1]
                tokens.append(int(logits.argmax()))
                margins.append(round(float(first - second), 4))
                model.eval([tokens[-1]])
            entry["prompts"].append({"ids": ids, "tokens": tokens, "margins": margins})
        out[name] = entry
        print(name, np.exp(entry["nll"]), flush=True)
    OUT.write_text(json.dumps(out))


if __name__ == "__main__":
    main()
