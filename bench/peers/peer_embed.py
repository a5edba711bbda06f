#!/usr/bin/env python3
"""sentence-transformers, or onnxruntime on the same weights.

Usage: peer_embed.py sentence-transformers|onnxruntime FOLDER THREADS [MODEL.onnx]. Answers what worker.cpp answers to `embed`.
"""
import os
import sys

kind, folder, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
os.environ["OMP_NUM_THREADS"] = str(threads)
import numpy as np
from worker import Stopwatch, serve

BATCH = 32


def sentence_transformers():
    import torch
    from sentence_transformers import SentenceTransformer
    torch.set_num_threads(threads)
    model = SentenceTransformer(folder, device="cpu")

    def embed(texts, batch):
        return model.encode(texts, batch_size=min(batch, BATCH), normalize_embeddings=True, show_progress_bar=False)

    def count(texts):
        return int(sum(len(ids) for ids in model.tokenizer(texts, truncation=True, max_length=model.max_seq_length)["input_ids"]))

    return embed, count


def onnxruntime():
    import onnxruntime as ort
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    tokenizer.enable_truncation(256)
    tokenizer.enable_padding()
    options = ort.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    session = ort.InferenceSession(sys.argv[4], options, providers=["CPUExecutionProvider"])

    def embed(texts, batch):
        batch = min(batch, BATCH)
        order = sorted(range(len(texts)), key=lambda i: -len(texts[i]))  # as sentence-transformers does: less padding
        out = np.zeros((len(texts), 384), np.float32)
        for at in range(0, len(order), batch):
            rows = order[at:at + batch]
            encoded = tokenizer.encode_batch([texts[i] for i in rows])
            ids = np.array([e.ids for e in encoded], np.int64)
            mask = np.array([e.attention_mask for e in encoded], np.int64)
            hidden = session.run(None, {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)})[0]
            weights = mask[:, None, :].astype(np.float32)
            mean = (weights @ hidden)[:, 0, :] / weights.sum(2)
            out[rows] = mean / np.linalg.norm(mean, axis=1, keepdims=True)
        return out

    return embed, lambda texts: sum(sum(e.attention_mask) for e in tokenizer.encode_batch(texts))


embed, count = sentence_transformers() if kind == "sentence-transformers" else onnxruntime()


def work(request):
    with Stopwatch() as t:
        # One call a batch, as a program whose texts arrive one by one must.
        texts, batch = request["texts"], request.get("batch", 1 << 20)
        vectors = np.concatenate([embed(texts[i:i + batch], batch) for i in range(0, len(texts), batch)])
    answer = {"ms": t.ms, "cpu_ms": t.cpu_ms, "tokens": count(request["texts"])}
    if request.get("vectors"):
        answer["vectors"] = vectors.tolist()
    return answer


if __name__ == "__main__":
    serve({"threads": threads}, work)
