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
