"""Indexing and question latency beside LangChain's default pipeline, on the same files, with the same two models.

The work is not the same here, only the task: Tenon cuts smaller passages, keeps them on disk and indexes the words as well, and its prompt
is shorter; LangChain embeds 1,000-character chunks into memory and stuffs four of them. `tenon index` is timed as a whole process,
LangChain from inside, after its imports and loading."""
import html
import json
import os
import re
import shutil
import socket
import subprocess
import time
import urllib.request

from report import median, note, ratios, rounds
from worker import Worker, run_process

SECTION = "rag-speed"
MODEL = "qwen2.5-coder-0.5b"


def squeeze(text):
    return re.sub(r"\s+", " ", text).lower()


def post(port, path, body):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    start = time.perf_counter()
    with urllib.request.urlopen(request, timeout=600) as answer:
        result = json.loads(answer.read())
    return {"ms": (time.perf_counter() - start) * 1e3, "result": result}


class Server:
    def __init__(self, setting, env):
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.process = subprocess.Popen([setting.tenon, "serve", "--port", str(self.port)], env={**os.environ, **env},
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def __enter__(self):
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=1)
                return self
            except OSError:
                time.sleep(0.1)
        raise RuntimeError("tenon serve did not answer within 20 seconds")

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(20)


def scratch_home(setting):
    """A home of its own whose models are the installed ones."""
    home = setting.scratch / "home"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    real = os.environ.get("TENON_HOME") or os.path.expanduser("~/.local/share/tenon")
    (home / "models").symlink_to(os.path.join(real, "models"))
    return home


def run(setting, report):
    whats = ("indexing 48 pages", "search", "question to whole answer")
    if all(report.known(SECTION, what) for what in whats):
        return
    pages = sorted((setting.corpus() / "en").glob("*.html"))
    pages = pages[:: max(1, len(pages) // 48)][:48]
    folder = setting.scratch / "pages"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for page in pages:
        shutil.copyfile(page, folder / page.name)
    files = sorted(str(p) for p in folder.iterdir())
    env = {"TENON_HOME": str(scratch_home(setting)), "TENON_THREADS": str(setting.threads)}
    questions = [q for q in map(json.loads, (setting.here / "rag" / "questions.jsonl").read_text().splitlines()) if q["lang"] == "en" and q["answerable"]]
    asked = [q["question"] for q in questions]
    # A question whose passage is not among the pages is refused at once: no work that could be compared.
    text = squeeze(" ".join(re.sub(r"<[^>]+>", "", page.read_text(errors="replace")) for page in folder.iterdir()))
    covered = [q["question"] for q in questions if any(squeeze(html.escape(e, quote=False)) in text or squeeze(e) in text for e in q["evidence"])]

    def index(i):
        subprocess.run([setting.tenon, "kb", "remove", "peers"], env={**os.environ, **env}, capture_output=True)
        return run_process([setting.tenon, "index", folder, "--into", "peers", "--json"], env=env)

    with Worker([setting.python, setting.here / "peer_langchain.py", setting.model("minilm"), setting.model(MODEL), setting.threads]) as peer:
        done = rounds({"ours": index, "peer": lambda i: peer.ask(index=files)}, *((1, 1, 0) if setting.quick else (2, 4, 60)))
        a, b = done["ours"], done["peer"]
        note(f"{len(files)} pages, {b[0]['characters']} characters; LangChain made {b[0]['chunks']} chunks; ours: {a[0]['output'].strip()[:200]}")
        report.add(SECTION, whats[0], "LangChain", "ms", median(a, "ms"), median(b, "ms"), ratios(a, b, "ms"), ratios(a, b, "cpu_ms"))
        with Server(setting, env) as server:
            search = lambda q: post(server.port, "/v1/search", {"query": q, "from": "peers", "top_k": 5})
            ask = lambda q: post(server.port, "/v1/ask", {"question": q, "from": "peers", "model": MODEL})
            search(asked[0]), peer.ask(search=asked[0])
            done = rounds({"ours": lambda i: search(asked[i]), "peer": lambda i: peer.ask(search=asked[i])}, *((2, 2, 0) if setting.quick else (20, 40, 10)))
            report.add(SECTION, whats[1], "LangChain", "ms", median(done["ours"], "ms"), median(done["peer"], "ms"), ratios(done["ours"], done["peer"], "ms"))
            ask(covered[-1]), peer.ask(ask=covered[-1])
            done = rounds({"ours": lambda i: ask(covered[i]), "peer": lambda i: peer.ask(ask=covered[i])},
                          *((2, 2, 0) if setting.quick else (min(5, len(covered) - 1), min(10, len(covered) - 1), 90)))
            answered = [i for i, row in enumerate(done["ours"]) if row["result"]["answerable"]]
            note(f"{len(answered)} of {len(done['ours'])} questions were answered and count")
            done = {side: [rows[i] for i in answered] for side, rows in done.items()}
            report.add(SECTION, whats[2], "LangChain", "ms", median(done["ours"], "ms"), median(done["peer"], "ms"), ratios(done["ours"], done["peer"], "ms"),
                       notes="seconds follow from what each pipeline reads and writes; see quality for what the answers are worth")
