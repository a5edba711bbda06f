#!/usr/bin/env python3
"""LangChain's default pipeline as a worker, put together from bench/peers/rag/langchain_side.py.

Usage: peer_langchain.py EMBEDDING-FOLDER MODEL.gguf THREADS
  {"index": [files]} → {"ms", "cpu_ms", "chunks"};  {"search": q} → {"ms", "texts"};  {"ask": q} → {"ms", "answer"}
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parent / "rag"))
import torch
from langchain_side import PROMPT, MiniLM, html_to_text
from langchain_core.documents import Document
from langchain_core.vectorstores import InMemoryVectorStore
from langchain_text_splitters import RecursiveCharacterTextSplitter
from llama_cpp import Llama
from worker import Stopwatch, serve

folder, model, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
torch.set_num_threads(threads)
embedding = MiniLM(folder)
splitter = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200)
llm = Llama(model, n_ctx=4096, n_threads=threads, n_threads_batch=threads, flash_attn=True, verbose=False)
store = None


def work(request):
    global store
    answer = {}
    with Stopwatch() as t:
        if "index" in request:
            docs = [Document(page_content=html_to_text(pathlib.Path(p)), metadata={"source": p}) for p in request["index"]]
            chunks = splitter.split_documents(docs)
            store = InMemoryVectorStore(embedding)
            store.add_documents(chunks)
            answer = {"chunks": len(chunks), "characters": sum(len(d.page_content) for d in docs)}
        elif "search" in request:
            answer = {"texts": [d.page_content for d in store.similarity_search(request["search"], k=5)]}
        else:
            found = store.similarity_search(request["ask"], k=4)
            context = "\n\n".join(d.page_content for d in found)
            done = llm.create_chat_completion(messages=[{"role": "user", "content": PROMPT.format(context=context, question=request["ask"])}],
                                              temperature=0, max_tokens=200)
            answer = {"answer": done["choices"][0]["message"]["content"], "usage": done["usage"]}
    return {**answer, "ms": t.ms, "cpu_ms": t.cpu_ms}


serve({"threads": threads}, work)
