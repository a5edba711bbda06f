"""What a figure depends on: the processor, how busy it is, and how fast memory is just now."""
import os
import platform
import re
import subprocess
import threading
import time

import numpy as np


def bandwidth(threads, megabytes=256, seconds=0.6):
    """GB/s read by `threads` threads that sum arrays larger than the caches: decoding cannot be faster than the weights arrive."""
    arrays = [np.ones(megabytes * (1 << 20) // 8 // threads) for _ in range(threads)]
    done = [0] * threads
    stop = time.perf_counter() + seconds

    def read(i):
        while time.perf_counter() < stop:
            arrays[i].sum()
            done[i] += arrays[i].nbytes

    start = time.perf_counter()
    workers = [threading.Thread(target=read, args=(i,)) for i in range(threads)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return sum(done) / (time.perf_counter() - start) / 1e9


def cpu():
    text = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
    name = re.search(r"model name\s*:\s*(.*)", text)
    flags = set((re.search(r"flags\s*:\s*(.*)", text) or re.search(r"()", "")).group(1).split())
    wanted = ["avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "avx_vnni"]
    return {"model": name.group(1) if name else platform.processor(), "family": next(iter(re.findall(r"cpu family\s*:\s*(\d+)\nmodel\s*:\s*(\d+)", text)), None),
            "cores": os.cpu_count(), "features": [f for f in wanted if f in flags]}


def commit(root):
    try:
        return subprocess.run(["git", "-C", str(root), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    except OSError:
        return ""


def load():
    return os.getloadavg()[0]


def describe(root, threads):
    return {**cpu(), "load": load(), "bandwidth_1": bandwidth(1), "bandwidth_n": bandwidth(threads), "threads": threads, "commit": commit(root)}
