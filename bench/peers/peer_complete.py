#!/usr/bin/env python3
"""What a Python user writes to continue a text. Usage: peer_complete.py MODEL.gguf TOKENS THREADS [PROMPT], else standard input"""
import sys

from llama_cpp import Llama

prompt = sys.argv[4] if len(sys.argv) > 4 else sys.stdin.read()
llm = Llama(sys.argv[1], n_ctx=2048, n_threads=int(sys.argv[3]), n_threads_batch=int(sys.argv[3]), verbose=False)
for part in llm.create_completion(prompt, max_tokens=int(sys.argv[2]), temperature=0, stream=True):
    print(part["choices"][0]["text"], end="", flush=True)
print()
