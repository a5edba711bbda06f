#!/usr/bin/env python3
"""Vectors of 200 English and Chinese texts by sentence-transformers, for tests/unit/model/encoder_test.cpp.

    python tools/goldens/embeddings.py MODEL_FOLDER        (all-MiniLM-L6-v2, as installed)

Writes tests/golden/model/minilm.json: each text, and its vector as int16 times a scale.
"""
import base64
import json
import pathlib
import random
import sys

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]

import numpy as np
from sentence_transformers import SentenceTransformer

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model/minilm.json"

ENGLISH = """the a this every most some server model token index document question answer memory thread kernel vector cache file
network request client stream value error message system process language search engine chapter history river mountain garden
quickly slowly carefully rarely often never always reads writes stores returns opens closes compares measures explains describes
small large bright quiet modern ancient expensive useful broken simple in on under over between against without because although
and or but then while Paris London Beijing Tuesday January 1984 3.14 42% $5 C++ Python HTTP/2 naïve café Zürich don't it's""".split()
CHINESE = "榫卯是中国古代建筑家具及其它器械的主要结构方式向量数据库检索问答模型缓存线程内存文件网络请求语言历史河流山脉快速阅读写入比较说明简单复杂今天明天，。？！、"


def texts():
    generator = random.Random(20)
    out = ["", " ", "a", "Hello, world!", "你好，世界！", "HELLO WORLD", "naïve café Ünïcödé", "🙂🚀 emoji and ZWJ 👩‍👩‍👧", "\t\n mixed\u00a0spaces \n",
           "x" * 300, "the " * 400, "榫" * 400, "[CLS] [MASK] [SEP] written out", "こんにちは世界", "Привет, мир", "مرحبا بالعالم", "e\u0301 combining"]
    while len(out) < 200:
        words = generator.choice((4, 8, 16, 32, 64, 128, 350))
        kind = generator.random()
        if kind < 0.6:
            out.append(" ".join(generator.choice(ENGLISH) for _ in range(words)) + ".")
        elif kind < 0.85:
            out.append("".join(generator.choice(CHINESE) for _ in range(words)))
        else:
            out.append(" ".join(generator.choice(ENGLISH) if generator.random() < 0.5 else generator.choice(CHINESE) for _ in range(words)))
    return out


def main():
    model = SentenceTransformer(sys.argv[1], device="cpu")
    inputs = texts()
    vectors = model.encode(inputs, batch_size=8, convert_to_numpy=True)
    rows = []
    for text, vector in zip(inputs, vectors):
        scale = float(np.abs(vector).max()) / 32767
        rows.append({"text": text, "scale": scale, "vector": base64.b64encode(np.round(vector / scale).astype("<i2").tobytes()).decode()})
    assert len(rows) == 200
    OUT.write_text(json.dumps({"max_tokens": model.max_seq_length, "rows": rows}, ensure_ascii=False, indent=0))


if __name__ == "__main__":
    main()
