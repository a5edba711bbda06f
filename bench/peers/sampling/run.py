#!/usr/bin/env python3
"""Microseconds a token: our samplers and llama.cpp's, on the same logits in one run.

Usage: run.py SAMPLING_BENCH LIBRARIES, a folder with libllama*.so and libggml*.so (npm package @node-llama-cpp/linux-x64).
llama.cpp's side is what its common sampler does: fill the array of candidates, run the chain, draw.
"""
import ctypes
import glob
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time
from ctypes import c_bool, c_float, c_int32, c_int64, c_size_t, c_uint32, c_void_p

program, folder = sys.argv[1:3]
for name in ["libggml-base*.so", "libggml.*so"]:
    for path in glob.glob(os.path.join(folder, name)):
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
lib = ctypes.CDLL(glob.glob(os.path.join(folder, "libllama.*so"))[0])
VOCABULARY, ROWS, TURNS = 151936, 4, 100


class TokenData(ctypes.Structure):
    _fields_ = [("id", c_int32), ("logit", c_float), ("p", c_float)]


class TokenArray(ctypes.Structure):
    _fields_ = [("data", ctypes.POINTER(TokenData)), ("size", c_size_t), ("selected", c_int64), ("sorted", c_bool)]


def make(name, types, *values):
    function = getattr(lib, "llama_sampler_init_" + name)
    function.restype, function.argtypes = c_void_p, types
    return function(*values)


lib.llama_sampler_apply.argtypes = [c_void_p, ctypes.POINTER(TokenArray)]
lib.llama_sampler_accept.argtypes = [c_void_p, c_int32]


def default_chain():
    return [make("top_k", [c_int32], 40), make("top_p", [c_float, c_size_t], 0.95, 0), make("min_p", [c_float, c_size_t], 0.05, 0),
            make("temp_ext", [c_float] * 3, 0.8, 0, 1)]


def dist():
    return [make("dist", [c_uint32], 1)]


CASES = {
    "default chain": lambda: default_chain() + dist(),
    "penalties, DRY, then the default chain": lambda: [
        make("penalties", [c_int32, c_int32, c_float, c_float, c_float], VOCABULARY, 64, 1.1, 0, 0),
        make("dry", [c_void_p, c_float, c_float, c_int32, c_int32, c_void_p, c_size_t], None, 0.8, 1.75, 2, 4096, None, 0)] + default_chain() + dist(),
    "top-p 0.95 of all": lambda: [make("top_p", [c_float, c_size_t], 0.95, 0)] + dist(),
    "min-p 0.05 of all": lambda: [make("min_p", [c_float, c_size_t], 0.05, 0)] + dist(),
    "mirostat 2": lambda: [make("mirostat_v2", [c_uint32, c_float, c_float], 1, 5, 0.1)],
    "temperature alone": lambda: [make("temp_ext", [c_float] * 3, 0.8, 0, 1)] + dist(),
}
r = random.Random(1)
rows = [[r.gauss(0, 2) + (12 if r.random() < 0.0001 else 0) for _ in range(VOCABULARY)] for _ in range(ROWS)]
with tempfile.NamedTemporaryFile(suffix=".f32") as file:
    for row in rows:
        file.write(struct.pack(f"{VOCABULARY}f", *row))
    file.flush()
    run = subprocess.run([program, file.name], capture_output=True, check=True, text=True)
ours = {row["case"]: row["us"] for row in map(json.loads, run.stdout.splitlines())}
prepared = [(TokenData * VOCABULARY)(*[TokenData(i, x, 0) for i, x in enumerate(row)]) for row in rows]
data = (TokenData * VOCABULARY)()
for name, build in CASES.items():
    samplers = build()
    for sampler in samplers:
        for i in range(1000):
            lib.llama_sampler_accept(sampler, i * 37 % 500)
    took = 0.0
    for turn in range(TURNS):
        start = time.perf_counter()
        ctypes.memmove(data, prepared[turn % ROWS], ctypes.sizeof(data))  # no dearer than filling it from a row
        cur = TokenArray(data, VOCABULARY, -1, False)
        for sampler in samplers:
            lib.llama_sampler_apply(sampler, ctypes.byref(cur))
        took += time.perf_counter() - start
    theirs = took / TURNS * 1e6
    print(f"{name:40} ours {ours[name]:8.1f} us, llama.cpp {theirs:8.1f} us: {theirs / ours[name]:.1f} x")
