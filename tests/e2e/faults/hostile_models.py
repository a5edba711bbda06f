"""Model files that lie: tiny real ones, cut short or with bytes changed in their heads. Usage: hostile_models.py TINY TOKENIZERS OUT"""
import pathlib
import random
import shutil
import sys

tiny, tokenizers, out = map(pathlib.Path, sys.argv[1:4])
chance = random.Random(11)


def spoil(data, head):
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        at = chance.randrange(min(head, len(data)))
        data[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
    return bytes(data)


for name in ("llama-gqa-tied", "llama-types-q4_k"):
    whole = (tiny / f"{name}.gguf").read_bytes()
    for cut in (0, 3, 4, 23, 24, 100, 1000, len(whole) // 2, len(whole) - 1):
        (out / f"{name}-cut-{cut}.gguf").write_bytes(whole[:cut])
    for i in range(12):
        (out / f"{name}-spoilt-{i}.gguf").write_bytes(spoil(whole, 3000))
source = tiny / "llama-bias"
for i in range(12):
    folder = out / f"folder-{i}"
    shutil.copytree(source, folder)
    shutil.copy(tokenizers / "hf-gpt2.json", folder / "tokenizer.json")
    victim = chance.choice(sorted(p for p in folder.iterdir() if p.is_file()))
    data = victim.read_bytes()
    victim.write_bytes(data[: chance.randrange(len(data))] if i % 2 else spoil(data, 3000))
