#!/usr/bin/env python3
"""Writes src/tensor/codebooks.cpp: the codebooks of GGUF's IQ types, a word an entry.

usage: codebooks.py OUTPUT_FILE   (needs numpy and gguf)

An entry holds the places of its 8 values (2 bits each) or 4 values (3 bits each) among the few levels that its type has.
"""
import sys
from pathlib import Path

import numpy as np
from gguf import quants

BOOKS = {"iq2_xxs": quants.IQ2_XXS, "iq2_xs": quants.IQ2_XS, "iq2_s": quants.IQ2_S,
         "iq3_xxs": quants.IQ3_XXS, "iq3_s": quants.IQ3_S, "iq1": quants.IQ1_S}


def main() -> None:
    lines = ["// Codebooks of the IQ types, written by tools/tables/codebooks.py.",
             '#include "tensor/codebooks.hpp"', "", "namespace tenon::tensor {", "// clang-format off"]
    for name, kind in BOOKS.items():
        kind.init_grid()
        levels = {value: place for place, value in enumerate(kind.grid_map)}
        bits = 2 if kind.grid_shape[1] == 8 else 3
        entries = [sum(levels[int(v)] << (bits * i) for i, v in enumerate(entry))
                   for entry in np.asarray(kind.grid).reshape(kind.grid_shape)]
        lines.append(f"const std::uint16_t {name}_codebook[{len(entries)}]{{")
        lines += ["    " + ",".join(f"0x{e:04X}" for e in entries[i : i + 16]) + "," for i in range(0, len(entries), 16)]
        lines.append("};")
    lines += ["// clang-format on", "}  // namespace tenon::tensor", ""]
    Path(sys.argv[1]).write_text("\n".join(lines))


main()
