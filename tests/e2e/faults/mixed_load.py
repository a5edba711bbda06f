"""Random mixed load on a server of one tiny model: streams opened, read, cut and cancelled, groups, adapters that come and
go, prompts too large, bodies that are none. Every answer that comes whole must be the one the server gave when it was
alone; nothing may stall. usage: mixed_load.py URL MODEL ADAPTER SECONDS [SEED]"""
import http.client
import json
import random
import socket
import sys
import threading
import time
import urllib.parse

url, model, adapter, seconds = sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4])
seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
host = urllib.parse.urlparse(url)
PATIENCE = 240  # a request that takes longer has stalled
WORKERS = 10


class Wrong(Exception):
    pass


def ask(path, body, method="POST"):
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=PATIENCE)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def stream(body, stop_after=None, abruptly=False):
    """The text of a stream; None when it was left after some events."""
    connection = http.client.HTTPConnection(host.hostname, host.port, timeout=PATIENCE)
    try:
        connection.request("POST", "/v1/completions", json.dumps({**body, "stream": True}).encode(), {"Content-Type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            raise Wrong(f"a stream was answered {response.status}: {response.read()[:300]}")
        text, events, done = "", 0, False
        while line := response.readline():
            if not line.startswith(b"data: "):
                continue
            events += 1
            if line.strip() == b"data: [DONE]":
                done = True
                continue
            event = json.loads(line[6:])
            if "error" in event:
                raise Wrong(f"an error in a stream: {event}")
            for choice in event["choices"]:
                text += choice["text"]
            if stop_after is not None and events >= stop_after:
                if abruptly and connection.sock:
                    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                return None
        if not done:
            raise Wrong("a stream ended without [DONE]")
        return text
    finally:
        connection.close()


def request(name, prompt, tokens, **more):
    return {"model": name, "prompt": prompt, "max_tokens": tokens, "temperature": 0, **more}


words = "the keeper of a lighthouse counts 船 waves at night and 写下 every number in his book before dawn 天亮".split()
chance = random.Random(seed)
# The tiny model holds 64 tokens: a word has two or three.
shared = " ".join(chance.choice(words) for _ in range(9))
prompts = [" ".join(chance.choice(words) for _ in range(chance.randrange(1, 13))) for _ in range(16)]
prompts += [shared + " " + " ".join(chance.choice(words) for _ in range(chance.randrange(1, 4))) for _ in range(8)]
LENGTHS = (1, 2, 5, 9, 16, 24)

# What the server says when nobody else asks: the oracle.
alone = {}
for name in (model, "poet"):
    for prompt in prompts:
        for tokens in LENGTHS:
            status, data = ask("/v1/completions", request(name, prompt, tokens))
            if status != 200:
                sys.exit(f"alone: {status} {data[:500]}")
            alone[name, prompt, tokens] = json.loads(data)["choices"][0]["text"]

counts, faults, lock = {}, [], threading.Lock()
until = time.monotonic() + seconds


def expected(name, prompt, tokens):
    return alone[name, prompt, tokens]


def one(chance):
    name = model if chance.random() < 0.7 else "poet"
    prompt, tokens = chance.choice(prompts), chance.choice(LENGTHS)
    kind = chance.choice(["whole", "whole", "stream", "stream", "stream", "left", "left", "cut", "group", "seeded", "scored", "oversized", "huge", "broken",
                          "looks", "adapters", "beam", "grammar"])
    body = request(name, prompt, tokens)
    if kind == "whole":
        status, data = ask("/v1/completions", body)
        text = json.loads(data)["choices"][0]["text"] if status == 200 else None
        if text != expected(name, prompt, tokens):
            raise Wrong(f"{status}: {data[:300]!r} instead of {expected(name, prompt, tokens)!r}")
    elif kind == "stream":
        if (text := stream(body)) != expected(name, prompt, tokens):
            raise Wrong(f"streamed {text!r} instead of {expected(name, prompt, tokens)!r}")
    elif kind in ("left", "cut"):
        stream(body, stop_after=chance.randrange(1, 6), abruptly=kind == "cut")
    elif kind == "group":
        status, data = ask("/v1/completions", {**body, "n": 3})
        texts = [c["text"] for c in json.loads(data)["choices"]] if status == 200 else data
        if texts != [expected(name, prompt, tokens)] * 3:
            raise Wrong(f"a group gave {texts!r}")
    elif kind == "seeded":
        body = {**body, "temperature": 1.0, "seed": chance.randrange(1000)}
        first, second = (json.loads(ask("/v1/completions", body)[1])["choices"][0]["text"] for _ in range(2))
        if first != second:
            raise Wrong(f"one seed, two texts: {first!r}, {second!r}")
    elif kind == "scored":
        status, data = ask("/v1/completions", {**body, "echo": True, "logprobs": 1, "max_tokens": 0})
        if status != 200 or json.loads(data)["choices"][0]["text"] != prompt:
            raise Wrong(f"echo: {status} {data[:300]}")
    elif kind == "oversized":
        status, data = ask("/v1/completions", request(name, "wave " * 20000, 4))
        if status != 400 or json.loads(data)["error"]["code"] != "context_length_exceeded" or json.loads(data)["error"]["param"] != "prompt":
            raise Wrong(f"a prompt over the context: {status} {data[:300]}")
    elif kind == "huge":
        status, data = ask("/v1/completions", b'{"model": "' + b"x" * 2_000_000 + b'"}')
        if status != 413:
            raise Wrong(f"a body over the limit: {status} {data[:300]}")
    elif kind == "broken":
        bad = chance.choice([b"{", b"[]", b"\xff\xfe", b'{"model": 3}', json.dumps({**body, "temperature": -1}).encode(), json.dumps({**body, "n": 0}).encode()])
        status, data = ask("/v1/completions", bad)
        if status != 400 or "message" not in json.loads(data)["error"]:
            raise Wrong(f"nonsense {bad[:60]}: {status} {data[:300]}")
    elif kind == "looks":
        for path in ("/metrics", "/slots", "/health", "/v1/models"):
            status, _ = ask(path, None, "GET")
            if status != 200:
                raise Wrong(f"{path}: {status}")
    elif kind == "adapters":
        own = f"guest{chance.randrange(1 << 40)}"
        status, data = ask("/v1/load_lora_adapter", {"lora_name": own, "lora_path": adapter})
        if status != 200:
            raise Wrong(f"loading an adapter: {status} {data[:300]}")
        leaving = threading.Thread(target=lambda: stream(request(own, prompt, 20), stop_after=2))
        leaving.start()
        status, data = ask("/v1/completions", request(own, prompt, tokens))
        text = json.loads(data)["choices"][0]["text"] if status == 200 else data
        if text != expected("poet", prompt, tokens):
            raise Wrong(f"by an adapter just loaded: {text!r} instead of {expected('poet', prompt, tokens)!r}")
        leaving.join()
        if (status := ask("/v1/unload_lora_adapter", {"lora_name": own})[0]) != 200:
            raise Wrong(f"unloading an adapter: {status}")
    elif kind == "beam":
        status, data = ask("/v1/completions", {**body, "use_beam_search": True, "n": 2, "max_tokens": min(tokens, 8)})
        if status != 200 or len(json.loads(data)["choices"]) != 2:
            raise Wrong(f"beam search: {status} {data[:300]}")
    elif kind == "grammar":
        status, data = ask("/v1/completions", {**body, "guided_regex": "[ab]{3,5}", "max_tokens": 20})
        text = json.loads(data)["choices"][0]["text"] if status == 200 else data
        if status != 200 or not 3 <= len(text) <= 5 or set(text) - set("ab"):
            raise Wrong(f"held to [ab]{{3,5}}: {status} {text!r}")
    return kind


def worker(number):
    chance = random.Random(f"{seed}.{number}")
    while time.monotonic() < until and not faults:
        began = time.monotonic()
        try:
            kind = one(chance)
        except Exception as error:  # whatever it was, it is what this program looks for
            with lock:
                faults.append(f"{type(error).__name__} after {time.monotonic() - began:.1f} s: {error}")
            return
        with lock:
            counts[kind] = counts.get(kind, 0) + 1


threads = [threading.Thread(target=worker, args=(i,)) for i in range(WORKERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join(seconds + 2 * PATIENCE)
if any(thread.is_alive() for thread in threads):
    faults.append("somebody still waits")

# Everybody has gone: nothing may be running or waiting, and the server answers as at first.
for _ in range(600):
    metrics = ask("/metrics", None, "GET")[1].decode()
    busy = sum(float(line.rsplit(" ", 1)[1]) for line in metrics.splitlines() if line.startswith(("vllm:num_requests_running", "vllm:num_requests_waiting")))
    if busy == 0:
        break
    time.sleep(0.1)
else:
    faults.append("requests are left over:\n" + "\n".join(line for line in metrics.splitlines() if "num_requests" in line))
if not faults:
    for prompt in prompts[:4]:
        status, data = ask("/v1/completions", request(model, prompt, LENGTHS[-1]))
        if status != 200 or json.loads(data)["choices"][0]["text"] != expected(model, prompt, LENGTHS[-1]):
            faults.append(f"afterwards: {status} {data[:300]}")
print(sum(counts.values()), "requests:", ", ".join(f"{kind} {n}" for kind, n in sorted(counts.items())))
if faults:
    sys.exit("\n".join(faults))
