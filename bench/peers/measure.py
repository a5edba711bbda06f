#!/usr/bin/env python3
"""Runs a program on its own standard input and prints what it took, as JSON. Usage: measure.py PROGRAM [ARGUMENT...]

A small process of its own, because the kernel counts the memory of whoever starts a program towards that program's peak."""
import json
import os
import sys
import time


def main():
    prompt = sys.stdin.buffer.read()
    feed, feeding = os.pipe()
    reading, writing = os.pipe()
    start = time.perf_counter()
    child = os.fork()
    if child == 0:
        os.dup2(feed, 0)
        os.dup2(writing, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        os.closerange(3, 64)
        os.execv(sys.argv[1], sys.argv[1:])
    os.close(feed)
    os.close(writing)
    while prompt:
        prompt = prompt[os.write(feeding, prompt[:1 << 15]):]
    os.close(feeding)
    output, first = b"", None
    while chunk := os.read(reading, 1 << 16):
        first = first or time.perf_counter() - start
        output += chunk
    _, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    print(json.dumps({"exit": os.waitstatus_to_exitcode(status), "output": output.decode(errors="replace"), "ms": wall * 1e3,
                      "first_ms": (first or wall) * 1e3, "cpu_ms": (usage.ru_utime + usage.ru_stime) * 1e3, "peak": usage.ru_maxrss * 1024}))


main()
