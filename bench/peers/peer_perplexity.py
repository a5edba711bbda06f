"""Perplexity of a GGUF file by llama.cpp: pieces of 512 tokens, those after the middle scored.
usage: peer_perplexity.py MODEL TEXT CHUNKS THREADS; prints JSON."""
import json
import math
import sys

import numpy as np
from llama_cpp import Llama

path, text, chunks, threads = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
CONTEXT = 512
model = Llama(model_path=path, n_ctx=CONTEXT, n_batch=CONTEXT, n_threads=threads, n_threads_batch=threads, logits_all=True, verbose=False)
adds_bos = model.metadata.get("tokenizer.ggml.add_bos_token") == "true"
with open(text, "rb") as file:
    tokens = model.tokenize(file.read(), add_bos=adds_bos, special=False)
total, scored = 0.0, 0
for at in range(min(chunks, len(tokens) // CONTEXT)):
    piece = list(tokens[at * CONTEXT:(at + 1) * CONTEXT])
    if adds_bos:
        piece[0] = model.token_bos()
    model.reset()
    model.eval(piece)
    logits = np.asarray(model.scores[CONTEXT // 2:CONTEXT - 1], dtype=np.float64)
    peak = logits.max(axis=1)
    norm = peak + np.log(np.exp(logits - peak[:, None]).sum(axis=1))
    total += float((norm - logits[np.arange(len(logits)), piece[CONTEXT // 2 + 1:]]).sum())
    scored += len(logits)
print(json.dumps({"perplexity": math.exp(total / scored), "tokens": scored}))
