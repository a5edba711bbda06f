#!/usr/bin/env python3
"""Counts the lines of pal_bench: right answers by way and language. Usage: report.py RESULTS.jsonl..."""
import json
import sys

rows = [json.loads(line) for path in sys.argv[1:] for line in open(path, encoding="utf-8")]
assert len({r["problem"] for r in rows}) == len(rows), "a problem was counted twice"
ways = {"direct": "at once", "steps": "step by step", "pal": "by program"}
for language in ("en", "zh", "all"):
    some = [r for r in rows if language in ("all", r["language"])]
    counts = [f"{name} {sum(r[way] for r in some)}" for way, name in ways.items() if all(way in r for r in some)]
    print(f"{language}: of {len(some)}: " + ", ".join(counts))
