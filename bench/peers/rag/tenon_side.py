#!/usr/bin/env python3
"""Tenon over the same files and questions, through its server.

Usage: tenon_side.py --corpus DIR --tenon PROGRAM [--model NAME] [--out rows.jsonl] [--retrieval-only] [--reindex]
"""
import argparse
import json
import pathlib
import subprocess
import time
import urllib.request

import score


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=600) as answer:
        return json.loads(answer.read())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True, type=pathlib.Path)
    parser.add_argument("--tenon", required=True)
    parser.add_argument("--model")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--port", type=int, default=18731)
    parser.add_argument("--prefix", default="peers", help="of the knowledge bases' names")
    score.add_arguments(parser)
    parser.add_argument("--retrieval-only", action="store_true")
    parser.add_argument("--reindex", action="store_true")
    args = parser.parse_args()
    started = time.time()
    for lang in ("en", "zh"):
        if args.reindex:
            subprocess.run([args.tenon, "kb", "remove", f"{args.prefix}-{lang}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        subprocess.run([args.tenon, "index", str(args.corpus / lang), "--into", f"{args.prefix}-{lang}"], check=True, stderr=subprocess.DEVNULL)
    print(f"indexing: {time.time() - started:.1f} s")
    server = subprocess.Popen([args.tenon, "serve", "--port", str(args.port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rows, spent = score.Rows(args.out), []
    try:
        for _ in range(100):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{args.port}/health", timeout=1)
                break
            except OSError:
                time.sleep(0.1)
        for q in score.questions(args):
            if q["id"] in rows.done:
                continue
            base = f"{args.prefix}-{q['corpus']}"
            row = score.about(q)
            if q["answerable"]:
                found = post(args.port, "/v1/search", {"query": q["question"], "from": base, "top_k": 5})["results"]
                row["hit"] = score.hit(q, [r["text"] for r in found])
            if not args.retrieval_only:
                began = time.time()
                body = {"question": q["question"], "from": base}
                if args.model:
                    body["model"] = args.model
                answer = post(args.port, "/v1/ask", body)
                spent.append(time.time() - began)
                row["answer"], row["refused"] = answer["answer"], not answer["answerable"]
                row["right"] = score.right(q, answer["answer"], row["refused"]) if q["answerable"] else None
                row["signals"], row["confidence"] = answer["signals"], answer["confidence"]
                row["citations"] = [c["text"] for c in answer["citations"]]
                row["seconds"] = spent[-1]
            rows.add(row)
    finally:
        server.terminate()
        server.wait(10)
    score.table("Tenon", rows.list)
    if spent:
        print(f"seconds a question: median {sorted(spent)[len(spent) // 2]:.2f}")


if __name__ == "__main__":
    main()
