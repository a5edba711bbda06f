"""What both sides are scored by: a hit when a passage holds the evidence, a right answer when every group matches.

Usage: score.py NAME ROWS.jsonl... prints the table of rows written before; "cross" are questions asked in the other language than their documents,
which the other lines leave out.
"""
import json
import pathlib
import re
import sys

REFUSALS = re.compile(
    r"do(es)? not (say|contain|mention|provide|specify|include|state|answer)|not (mentioned|specified|provided|stated|found) in"
    r"|(no|not enough|insufficient) information|don't know|cannot (answer|find)|can't (answer|find)|unable to (answer|find)"
    r"|文档(中|里)?(并)?(没有|未)|没有(提到|提及|说明|相关|找到|给出)|未(提到|提及|说明|找到)|无法(回答|确定|找到)|不知道|并未", re.I)


def add_arguments(parser):
    """What both sides take: which questions."""
    parser.add_argument("--questions", type=pathlib.Path, default=pathlib.Path(__file__).with_name("questions.jsonl"))
    parser.add_argument("--part", choices=("all", "dev", "held"), default="all", help="of a set that holds some questions back")
    parser.add_argument("--lang")


def questions(args):
    rows = [json.loads(line) for line in args.questions.read_text().splitlines() if line.strip()]
    return [r for r in rows if (args.part == "all" or r.get("held", False) == (args.part == "held")) and args.lang in (None, r["lang"])]


class Rows:
    """The rows of a run, written as they come; a run that was cut off goes on where it stopped."""

    def __init__(self, path):
        self.path = path
        self.list = [json.loads(line) for line in path.read_text().splitlines()] if path and path.exists() else []
        self.done = {row["id"] for row in self.list}

    def add(self, row):
        self.list.append(row)
        if self.path:
            with self.path.open("a") as out:
                out.write(json.dumps(row, ensure_ascii=False) + "\n")


def about(question):
    """The fields of a question that its row keeps."""
    return {k: question.get(k) for k in ("id", "lang", "answerable", "cross", "held")} | {"hit": None, "right": None, "refused": None}


def squeeze(text):
    return re.sub(r"\s+", " ", text).lower()


def hit(question, passages):
    return any(squeeze(e) in squeeze(p) for e in question["evidence"] for p in passages)


def right(question, answer, refused):
    return not refused and all(any(re.search(p, answer, re.I) for p in group) for group in question["must"])


def looks_refused(answer):
    return bool(REFUSALS.search(answer)) or not answer.strip()


def table(name, rows):
    """rows: dicts with lang, answerable, hit (or None), right (or None), refused (or None)."""
    print(f"\n{name}")
    print(f"{'':10}{'hit@5':>8}{'right':>8}{'wrongly refused':>18}{'unanswerable refused':>23}")
    share = lambda xs: f"{sum(xs) / len(xs):.2f}" if xs else "-"
    crossing = [r for r in rows if r.get("cross")]
    rows = [r for r in rows if not r.get("cross")]
    for lang in ("en", "zh", None, "cross") if crossing else ("en", "zh", None):
        some = crossing if lang == "cross" else [r for r in rows if lang is None or r["lang"] == lang]
        yes = [r for r in some if r["answerable"]]
        no = [r for r in some if not r["answerable"]]
        pick = lambda rs, key: [r[key] for r in rs if r[key] is not None]
        print(f"{lang or 'all':10}{share(pick(yes, 'hit')):>8}{share(pick(yes, 'right')):>8}"
              f"{share(pick(yes, 'refused')):>18}{share(pick(no, 'refused')):>23}")


if __name__ == "__main__":
    table(sys.argv[1], [json.loads(line) for name in sys.argv[2:] for line in open(name)])
