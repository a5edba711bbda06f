#!/usr/bin/env python3
"""What llama.cpp's samplers leave of fixed logits: tests/golden/engine/samplers.json.

Usage: samplers.py LIBRARIES, a folder with libggml-base.so, libggml*.so and libllama*.so (release 0.5.0 here, from the
npm package @node-llama-cpp/linux-x64 3.22.1). Samplers only: no model is needed.
"""
import ctypes
import glob
import json
import math
import os
import random
import sys
from ctypes import c_bool, c_float, c_int32, c_int64, c_size_t, c_uint32, c_void_p

folder = sys.argv[1]
for name in ["libggml-base*.so", "libggml.*so"]:
    for path in glob.glob(os.path.join(folder, name)):
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
lib = ctypes.CDLL(glob.glob(os.path.join(folder, "libllama.*so"))[0])


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
SEED = 1


def step(name, p, vocabulary):
    keep = p.get("min_keep", 0)
    if name == "penalties":
        return make("penalties", [c_int32, c_int32, c_float, c_float, c_float], vocabulary, p.get("penalty_window", 64), p.get("repetition_penalty", 1),
                    p.get("frequency_penalty", 0), p.get("presence_penalty", 0))
    if name == "dry":
        return make("dry", [c_void_p, c_float, c_float, c_int32, c_int32, c_void_p, c_size_t], None, p.get("dry_multiplier", 0),
                    p.get("dry_base", 1.75), p.get("dry_allowed_length", 2), p.get("dry_penalty_last_n", 4096), None, 0)
    if name == "top_n_sigma":
        return make(name, [c_float], p.get(name, 0))
    if name == "top_k":
        return make(name, [c_int32], p.get(name, 0))
    if name == "typ_p":
        return make("typical", [c_float, c_size_t], p.get("typical_p", 1), keep)
    if name in ("top_p", "min_p"):
        return make(name, [c_float, c_size_t], p.get(name, 1 if name == "top_p" else 0), keep)
    if name == "xtc":
        return make(name, [c_float, c_float, c_size_t, c_uint32], p.get("xtc_probability", 0), p.get("xtc_threshold", 0.1), keep, SEED)
    if name == "temperature":
        return make("temp_ext", [c_float, c_float, c_float], p.get(name, 1), p.get("dynatemp_range", 0), p.get("dynatemp_exponent", 1))
    raise ValueError(name)


ORDER = ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature"]


def array(logits):
    data = (TokenData * len(logits))(*[TokenData(i, x, 0) for i, x in enumerate(logits)])
    return data, TokenArray(data, len(logits), -1, False)


def left(cur):
    """What may still be drawn, with its probability among it."""
    rows = [(cur.data[i].id, cur.data[i].logit) for i in range(cur.size) if cur.data[i].logit > -math.inf]
    most = max(x for _, x in rows)
    total = sum(math.exp(x - most) for _, x in rows)
    return sorted([i, round(math.exp(x - most) / total, 6)] for i, x in rows)


def noise(size, seed, scale):
    r = random.Random(seed)
    return [ctypes.c_float(round(r.gauss(0, scale), 3)).value for _ in range(size)]


ROWS = {"flat": noise(60, 1, 0.5), "usual": noise(60, 2, 2.5), "peaked": noise(60, 3, 8)}
TOKENS = [7, 8, 9, 3, 7, 8, 9, 4, 7, 8, 9]
MANY = [5, 6, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 5, 6, 1, 2]
CASES = [
    {"top_k": 5}, {"top_p": 0.7}, {"top_p": 0.7, "min_keep": 30}, {"min_p": 0.2}, {"min_p": 0.5, "min_keep": 4}, {"typical_p": 0.5},
    {"typical_p": 0.9}, {"typical_p": 0.2, "min_keep": 3}, {"top_n_sigma": 1}, {"top_n_sigma": 2.5}, {"temperature": 0.5}, {"temperature": 1.7},
    {"dynatemp_range": 0.5}, {"temperature": 1.2, "dynatemp_range": 1.5, "dynatemp_exponent": 2}, {"dynatemp_range": 2, "dynatemp_exponent": 0.5},
    {"xtc_probability": 1, "xtc_threshold": 0.1}, {"xtc_probability": 1, "xtc_threshold": 0.02}, {"xtc_probability": 1, "xtc_threshold": 0.02, "min_keep": 59},
    {"xtc_probability": 1, "xtc_threshold": 0.6}, {"repetition_penalty": 1.5, "tokens": TOKENS}, {"presence_penalty": 1, "frequency_penalty": 0.5, "tokens": TOKENS},
    {"repetition_penalty": 1.3, "presence_penalty": -1, "frequency_penalty": 0.25, "penalty_window": 4, "tokens": TOKENS},
    {"dry_multiplier": 0.8, "tokens": TOKENS}, {"dry_multiplier": 2, "dry_base": 3, "dry_allowed_length": 1, "tokens": TOKENS},
    {"dry_multiplier": 1, "dry_penalty_last_n": 6, "tokens": TOKENS}, {"dry_multiplier": 1, "tokens": MANY}, {"dry_multiplier": 1, "dry_allowed_length": 4, "tokens": MANY},
    {"dry_multiplier": 1, "dry_base": 1, "dry_allowed_length": 0, "tokens": MANY},
    {"top_k": 40, "top_p": 0.95, "min_p": 0.05, "temperature": 0.8},
    {"top_k": 20, "typical_p": 0.8, "top_p": 0.9, "min_p": 0.02, "xtc_probability": 1, "temperature": 1.3, "dynatemp_range": 0.4},
    {"top_k": 20, "top_p": 0.9, "temperature": 2, "steps": ["temperature", "top_p", "top_k"]},
    {"top_k": 30, "repetition_penalty": 2, "tokens": TOKENS, "min_p": 0.1, "steps": ["top_k", "penalties", "min_p"]},
    {"top_p": 0.8, "min_p": 0.1, "dry_multiplier": 3, "tokens": MANY, "steps": ["min_p", "dry", "top_p"]},
    {"top_n_sigma": 1.5, "top_k": 10, "top_p": 0.9, "temperature": 0.7}, {"typical_p": 0.7, "top_k": 8, "steps": ["typ_p", "top_k"]},
    {"temperature": 3, "top_n_sigma": 1, "xtc_probability": 1, "xtc_threshold": 0.05, "steps": ["temperature", "xtc", "top_n_sigma"]},
]
out = {"rows": ROWS, "cases": [], "mirostat": []}
for row, logits in ROWS.items():
    for case in CASES:
        data, cur = array(logits)
        for name in case.get("steps", ORDER):
            sampler = step(name, case, len(logits))
            for token in case.get("tokens", []):
                lib.llama_sampler_accept(sampler, token)
            lib.llama_sampler_apply(sampler, ctypes.byref(cur))
        out["cases"].append({"row": row, "params": {"steps": ORDER, **{k: v for k, v in case.items() if k != "tokens"}}, "tokens": case.get("tokens", []),
                             "left": left(cur)})
for version, tau, eta, temperature in [(1, 5, 0.1, 1), (1, 2, 0.5, 0.8), (2, 5, 0.1, 1), (2, 1.5, 0.3, 1.2), (2, 0.3, 0.2, 1)]:
    if version == 1:
        sampler = make("mirostat", [c_int32, c_uint32, c_float, c_float, c_int32], 60, SEED, tau, eta, 100)
    else:
        sampler = make("mirostat_v2", [c_uint32, c_float, c_float], SEED, tau, eta)
    steps = []
    for turn in range(9):
        row = list(ROWS)[turn % 3]
        data, cur = array(ROWS[row])
        lib.llama_sampler_apply(step("temperature", {"temperature": temperature}, 60), ctypes.byref(cur))
        lib.llama_sampler_apply(sampler, ctypes.byref(cur))
        steps.append({"row": row, "left": left(cur), "chosen": cur.data[cur.selected].id})
    out["mirostat"].append({"version": version, "tau": tau, "eta": eta, "temperature": temperature, "steps": steps})
path = os.path.join(os.path.dirname(__file__), "../../tests/golden/engine/samplers.json")
os.makedirs(os.path.dirname(path), exist_ok=True)
with open(path, "w", encoding="utf-8") as file:
    json.dump(out, file, separators=(",", ":"))
    file.write("\n")
