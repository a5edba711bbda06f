#!/usr/bin/env python3
"""One process that embeds the lines of standard input. Usage: as peer_embed.py"""
import sys

import peer_embed

vectors = peer_embed.embed([line for line in sys.stdin.read().split("\n") if line], 32)
print(len(vectors), vectors.shape[1])
