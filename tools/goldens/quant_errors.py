#!/usr/bin/env python3
"""How far llama.cpp's quantisation is off: the errors that tests/unit/tensor/quantize_test.cpp may not exceed.

usage: quant_errors.py LIBGGML_BASE [FILE...]   (needs numpy and gguf; the library is in the llama-cpp-python package)

Prints, for each type, the relative root-mean-square error on a million normal numbers, plain and with an importance of
columns (then the error counts by importance), and on each float32 or float16 FILE (numpy's .npy, whole rows of 256).
"""
import ctypes
import sys

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS", "MXFP4"]


def main() -> None:
    ggml = ctypes.CDLL(sys.argv[1])
    rng = np.random.default_rng(17)
    normal = rng.standard_normal((1024, 1024), dtype=np.float32)
    importance = np.exp(np.arange(1024) % 7 - 3).astype(np.float32)
    cases = [("normal", normal, None), ("weighted", normal, importance)]
    cases += [(name, np.load(name).astype(np.float32), None) for name in sys.argv[2:]]

    def floats(array):
        return array.ctypes.data_as(ctypes.POINTER(ctypes.c_float))

    for name in TYPES:
        kind = GGMLQuantizationType[name]
        elements, size = GGML_QUANT_SIZES[kind]
        line = f"{name:8}"
        for title, x, weights in cases:
            x = np.ascontiguousarray(x)
            out = np.zeros(x.size // elements * size, dtype=np.uint8)
            ggml.ggml_quantize_chunk(int(kind), floats(x), out.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(0),
                                     ctypes.c_int64(x.shape[0]), ctypes.c_int64(x.shape[1]),
                                     floats(weights) if weights is not None else None)
            back = dequantize(out.reshape(-1, size), kind).reshape(x.shape)
            w = 1.0 if weights is None else weights.astype(np.float64)
            error = np.sqrt((w * (back - x).astype(np.float64) ** 2).sum() / (w * x.astype(np.float64) ** 2).sum())
            line += f"  {title} {error:.5f}"
        print(line)


main()
