#!/usr/bin/env python3
"""LangChain's default pipeline: RecursiveCharacterTextSplitter 1000/200, MiniLM, top 4, stuffed prompt, the same chat model.

Usage: langchain_side.py --corpus DIR --model model.gguf --embedding minilm-folder [--out rows.jsonl] [--retrieval-only]
"""
import argparse
import json
import pathlib
import subprocess
import time

import score
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_core.embeddings import Embeddings
from langchain_core.documents import Document
from langchain_text_splitters import RecursiveCharacterTextSplitter

PROMPT = """Use the following pieces of context to answer the question at the end. If you don't know the answer, just say that you don't know, don't try to make up an answer.

{context}

Question: {question}
Helpful Answer:"""


def html_to_text(path):
    from html.parser import HTMLParser

    class Text(HTMLParser):
        def __init__(self):
            super().__init__()
            self.out, self.skip = [], 0

        def handle_starttag(self, tag, attrs):
            self.skip += tag in ("script", "style", "head")
            if tag in ("p", "h1", "h2", "h3", "h4", "h5", "li", "pre", "tr", "div", "dt", "dd"):
                self.out.append("\n")

        def handle_endtag(self, tag):
            self.skip -= tag in ("script", "style", "head")

        def handle_data(self, data):
            if not self.skip:
                self.out.append(data)

    parser = Text()
    parser.feed(path.read_text(errors="replace"))
    return "".join(parser.out)


def text_of(path):
    if path.suffix == ".html":
        return html_to_text(path)
    if path.suffix == ".pdf":
        return subprocess.run(["pdftotext", str(path), "-"], check=True, capture_output=True, text=True).stdout
    return path.read_text(errors="replace")


class MiniLM(Embeddings):
    def __init__(self, folder):
        from sentence_transformers import SentenceTransformer
        self.model = SentenceTransformer(folder, device="cpu")

    def embed_documents(self, texts):
        return self.model.encode(texts, normalize_embeddings=True, batch_size=32).tolist()

    def embed_query(self, text):
        return self.embed_documents([text])[0]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--corpus", required=True, type=pathlib.Path)
    parser.add_argument("--model")
    parser.add_argument("--embedding", required=True)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--retrieval-only", action="store_true")
    score.add_arguments(parser)
    args = parser.parse_args()
    import torch
    torch.set_num_threads(args.threads)

    splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
    embedding = MiniLM(args.embedding)
    stores, started = {}, time.time()
    for lang in ("en", "zh"):
        docs = [Document(page_content=text_of(p), metadata={"source": str(p)}) for p in sorted((args.corpus / lang).iterdir())]
        stores[lang] = InMemoryVectorStore(embedding)
        chunks = splitter.split_documents(docs)
        stores[lang].add_documents(chunks)
        print(f"{lang}: {len(docs)} files, {len(chunks)} chunks")
    print(f"indexing: {time.time() - started:.1f} s")
    llm = None
    if not args.retrieval_only:
        from llama_cpp import Llama
        llm = Llama(args.model, n_ctx=4096, n_threads=args.threads, n_threads_batch=args.threads, verbose=False)
    rows, spent = score.Rows(args.out), []
    for q in score.questions(args):
        if q["id"] in rows.done:
            continue
        began = time.time()
        found = stores[q["corpus"]].similarity_search(q["question"], k=5)
        row = score.about(q) | {"hit": score.hit(q, [d.page_content for d in found]) if q["answerable"] else None}
        if llm:
            context = "\n\n".join(d.page_content for d in found[:4])
            answer = llm.create_chat_completion(messages=[{"role": "user", "content": PROMPT.format(context=context, question=q["question"])}],
                                                temperature=0, max_tokens=200)["choices"][0]["message"]["content"]
            row["answer"], row["refused"] = answer, score.looks_refused(answer)
            row["right"] = score.right(q, answer, row["refused"]) if q["answerable"] else None
        spent.append(time.time() - began)
        row["seconds"] = spent[-1]
        rows.add(row)
    score.table("LangChain default pipeline", rows.list)
    if spent:
        print(f"seconds a question: median {sorted(spent)[len(spent) // 2]:.2f}")


if __name__ == "__main__":
    main()
