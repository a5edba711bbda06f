"""Hit rate and right answers beside LangChain: the scripts of bench/peers/rag, whose tables are printed as they are."""
import subprocess

from report import say


def run(setting, report):
    corpus, rag = setting.corpus(), setting.here / "rag"
    sides = [[rag / "tenon_side.py", "--corpus", corpus, "--tenon", setting.tenon, "--reindex"],
             [rag / "langchain_side.py", "--corpus", corpus, "--model", setting.model("qwen2.5-coder-0.5b"), "--embedding", setting.model("minilm"),
              "--threads", setting.threads]]
    for side in sides:
        done = subprocess.run([setting.python, *map(str, side)], stdout=subprocess.PIPE, text=True, check=True)
        say(done.stdout)
