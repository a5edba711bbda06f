#!/usr/bin/env python3
"""Goldens of the quantised block types: random block bytes and what the gguf package makes of them.

usage: quants.py OUTPUT_DIRECTORY   (needs numpy and gguf)

One file a type: u32 blocks, the block bytes, then the float32 values, little-endian.
"""
import struct
import sys
from pathlib import Path

import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

# byte offsets of float16 fields in a block: kept finite and of ordinary size
HALVES = {
    "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
    "IQ4_NL": [0], "IQ4_XS": [0], "MXFP4": [], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0],
    "IQ1_S": [0], "IQ1_M": [], "TQ1_0": [52], "TQ2_0": [64],
}


def main() -> None:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20240517)
    for name, offsets in HALVES.items():
        kind = GGMLQuantizationType[name]
        elements, size = GGML_QUANT_SIZES[kind]
        count = 8 if elements == 32 else 3
        blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
        for at in offsets:
            scale = rng.uniform(-0.1, 0.1, count).astype(np.float16)
            scale[0] = np.float16(3e-6)  # subnormal
            blocks[:, at : at + 2] = scale.view(np.uint8).reshape(count, 2)
        if name == "MXFP4":
            blocks[:, 0] = [0, 1, 2, 100, 120, 127, 130, 250]
        if name == "IQ1_M":  # the float16 lies in the high nibbles of four words
            scale = np.array([3e-6, 0.07, -0.02], dtype=np.float16).view(np.uint16)
            for n in range(4):
                blocks[:, 49 + 2 * n] = (blocks[:, 49 + 2 * n] & 15) | ((scale >> (4 * n) & 15) << 4).astype(np.uint8)
        values = dequantize(blocks, kind).astype("<f4").reshape(-1)
        assert values.size == count * elements
        (out / f"{name}.bin").write_bytes(struct.pack("<I", count) + blocks.tobytes() + values.tobytes())


main()
