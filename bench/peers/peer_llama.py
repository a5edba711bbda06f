#!/usr/bin/env python3
"""llama.cpp through llama-cpp-python's own C interface: no sampler chain, no Python per token but one argmax over the logits.

Usage: peer_llama.py MODEL.gguf THREADS. Answers what bench/peers/worker.cpp answers to `generate`; {"flash": bool} chooses attention.
"""
import ctypes
import sys
import time

import llama_cpp
import numpy as np
from worker import serve

model_path, threads = sys.argv[1], int(sys.argv[2])


@llama_cpp.llama_log_callback
def quiet(level, text, data):
    pass


llama_cpp.llama_log_set(quiet, ctypes.c_void_p(0))
llama_cpp.llama_backend_init()
model = llama_cpp.llama_model_load_from_file(model_path.encode(), llama_cpp.llama_model_default_params())
vocabulary = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))


def context(flash):
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch = 2048, 512, 512
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return llama_cpp.llama_init_from_model(model, params)


contexts = {}


def context_of_many(flash, streams, room):
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max, params.kv_unified = room, 2048, 512, streams, True
    params.n_threads = params.n_threads_batch = threads
    params.flash_attn_type = llama_cpp.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else llama_cpp.LLAMA_FLASH_ATTN_TYPE_DISABLED
    return llama_cpp.llama_init_from_model(model, params)


def decode_many(ctx, rows):
    """rows: (token, position, stream, wants logits); gives the best next token of each that wants one."""
    batch = llama_cpp.llama_batch_init(len(rows), 0, 1)
    batch.n_tokens = len(rows)
    for i, (token, position, stream, wanted) in enumerate(rows):
        batch.token[i], batch.pos[i], batch.n_seq_id[i], batch.seq_id[i][0], batch.logits[i] = token, position, 1, stream, wanted
    if llama_cpp.llama_decode(ctx, batch) != 0:
        raise RuntimeError("llama_decode failed")
    best = [int(np.ctypeslib.as_array(llama_cpp.llama_get_logits_ith(ctx, i), (vocabulary,)).argmax())
            for i, row in enumerate(rows) if row[3]]
    llama_cpp.llama_batch_free(batch)
    return best


def many(request):
    """Every prompt computed, 512 tokens at a time, then all streams decoded together."""
    prompts, count, flash = request["prompts"], request["tokens"], bool(request.get("flash", True))
    room = -(-sum(len(p) + count for p in prompts) // 256) * 256 + 256
    key = (flash, len(prompts), room)
    if key not in contexts:
        contexts[key] = context_of_many(*key)
    ctx = contexts[key]
    memory = llama_cpp.llama_get_memory(ctx)
    llama_cpp.llama_memory_clear(memory, True)
    cpu, start = time.process_time(), time.perf_counter()
    shared = request.get("shared", 0)  # a beginning that all prompts have: computed once, then copied to the others
    if shared:
        for at in range(0, shared, 512):
            decode_many(ctx, [(prompts[0][p], p, 0, 0) for p in range(at, min(shared, at + 512))])
        for stream in range(1, len(prompts)):
            llama_cpp.llama_memory_seq_cp(memory, 0, stream, 0, -1)
    rows = [(token, p, stream, p + 1 == len(prompt)) for stream, prompt in enumerate(prompts)
            for p, token in enumerate(prompt) if p >= shared]
    ids, first = [[] for _ in prompts], [0.0] * len(prompts)
    for at in range(0, len(rows), 512):
        part = rows[at:at + 512]
        for token, row in zip(decode_many(ctx, part), [row for row in part if row[3]]):
            ids[row[2]].append(token)
            first[row[2]] = (time.perf_counter() - start) * 1e3
    while len(ids[0]) < count:
        step = [(said[-1], len(prompt) + len(said) - 1, stream, True) for stream, (prompt, said) in enumerate(zip(prompts, ids))]
        for said, token in zip(ids, decode_many(ctx, step)):
            said.append(token)
    return {"ids": ids, "first_ms": first, "all_ms": (time.perf_counter() - start) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}


def decode(ctx, tokens):
    array = (llama_cpp.llama_token * len(tokens))(*tokens)
    if llama_cpp.llama_decode(ctx, llama_cpp.llama_batch_get_one(array, len(tokens))) != 0:
        raise RuntimeError("llama_decode failed")
    logits = llama_cpp.llama_get_logits_ith(ctx, -1)
    return int(np.ctypeslib.as_array(logits, (vocabulary,)).argmax())


def work(request):
    if "text" in request:
        text = request["text"].encode()
        ids = (llama_cpp.llama_token * (len(text) + 8))()
        count = llama_cpp.llama_tokenize(llama_cpp.llama_model_get_vocab(model), text, len(text), ids, len(ids), False, False)
        return {"ids": list(ids[:count])}
    if "prompts" in request:
        return many(request)
    flash = bool(request.get("flash", True))
    if flash not in contexts:
        contexts[flash] = context(flash)
    ctx = contexts[flash]
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(ctx), True)
    prompt, count = request["prompt"], request["tokens"]
    cpu, start = time.process_time(), time.perf_counter()
    for at in range(0, len(prompt), 512):
        token = decode(ctx, prompt[at:at + 512])
    ids, first = [token], time.perf_counter()
    while len(ids) < count:
        ids.append(decode(ctx, ids[-1:]))
    end = time.perf_counter()
    return {"ids": ids, "prompt_tokens": len(prompt), "generated": len(ids), "prompt_ms": (first - start) * 1e3,
            "decode_ms": (end - first) * 1e3, "cpu_ms": (time.process_time() - cpu) * 1e3}


serve({"threads": threads, "system": llama_cpp.llama_print_system_info().decode()}, work)
