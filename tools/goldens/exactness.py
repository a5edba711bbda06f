#!/usr/bin/env python3
"""Logits in float32 on the very weights of a GGUF file, and how far llama.cpp is from them: for
tests/unit/model/exactness_test.cpp.

    python tools/goldens/exactness.py FOLDER        (holding smollm2-135m.gguf and qwen2.5-coder-0.5b.gguf)

The reference is transformers, with the weights dequantised to float32. Both read the ten prompts of llama_cpp.json, each
followed by llama.cpp's 64 greedy tokens. Writes tests/golden/model/exactness.json. Per model:
  best         at every step the reference's four best tokens, [[id, logit], ...]
  ids          64 token ids drawn at random
  reference    base64 of float32: the reference's logits of those ids at every 8th step, prompt by prompt
  error        llama.cpp's mean absolute error over the same logits
  pair_sigma   root mean square of llama.cpp's error in the difference of the reference's two best tokens, over all steps
Needs torch, transformers, accelerate, gguf, llama-cpp-python.
"""
import base64
import json
import pathlib
import sys

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]

import numpy as np

MODEL = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model"
STEP = 8  # every 8th step is sampled
SAMPLED = 64
BEST = 4


def reference_logits(path, sequences):
    import torch
    from transformers import AutoModelForCausalLM
    path = path.resolve()
    model = AutoModelForCausalLM.from_pretrained(str(path.parent), gguf_file=path.name, dtype=torch.float32,
                                                 attn_implementation="eager").eval()
    with torch.no_grad():
        for ids in sequences:
            yield model(torch.tensor([ids])).logits[0].numpy()


def llama_cpp_logits(path, sequences):
    from llama_cpp import Llama
    model = Llama(str(path), n_ctx=512, n_batch=512, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
    for ids in sequences:
        model.reset()
        model.eval(ids)
        yield np.array(model.scores[:len(ids)], dtype=np.float32)


def golden(path, prompts):
    sequences = [p["ids"] + p["tokens"] for p in prompts]
    entry = {"best": [], "ids": None}
    kept, errors, pairs = [], [], []
    for prompt, wanted, got in zip(prompts, reference_logits(path, sequences), llama_cpp_logits(path, sequences)):
        first = len(prompt["ids"]) - 1  # the row that predicts the first greedy token
        wanted, got = wanted[first:-1], got[first:-1, :wanted.shape[1]]
        if entry["ids"] is None:
            ids = np.sort(np.random.default_rng(1).choice(wanted.shape[1], SAMPLED, replace=False))
            entry["ids"] = [int(i) for i in ids]
        order = np.argsort(-wanted, axis=1)[:, :BEST]
        entry["best"].append([[[int(i), round(float(row[i]), 3)] for i in best] for row, best in zip(wanted, order)])
        rows = np.arange(len(wanted))
        error = got - wanted
        pairs.append(error[rows, order[:, 0]] - error[rows, order[:, 1]])
        kept.append(wanted[::STEP, ids])
        errors.append(np.abs(error[::STEP, ids]))
    entry["reference"] = base64.b64encode(np.concatenate(kept).astype("<f4").tobytes()).decode()
    entry["error"] = round(float(np.concatenate(errors).mean()), 5)
    entry["pair_sigma"] = round(float(np.sqrt((np.concatenate(pairs) ** 2).mean())), 5)
    return entry


def main():
    texts = json.loads((MODEL / "llama_cpp.json").read_text())
    out = {}
    for name in ("smollm2-135m", "qwen2.5-coder-0.5b"):
        out[name] = golden(pathlib.Path(sys.argv[1]) / f"{name}.gguf", texts[name]["prompts"])
        print(name, "error", out[name]["error"], "pair_sigma", out[name]["pair_sigma"], flush=True)
    (MODEL / "exactness.json").write_text(json.dumps(out, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
