"""What both sides are scored by: a hit when a passage holds the evidence, a right answer when every group matches."""
import json
import pathlib
import re

REFUSALS = re.compile(
    r"do(es)? not (say|contain|mention|provide|specify|include|state|answer)|not (mentioned|specified|provided|stated|found) in"
    r"|(no|not enough|insufficient) information|don't know|cannot (answer|find)|can't (answer|find)|unable to (answer|find)"
    r"|文档(中|里)?(并)?(没有|未)|没有(提到|提及|说明|相关|找到|给出)|未(提到|提及|说明|找到)|无法(回答|确定|找到)|不知道|并未", re.I)


def questions(path=None):
    path = path or pathlib.Path(__file__).with_name("questions.jsonl")
    return [json.loads(line) for line in pathlib.Path(path).read_text().splitlines() if line.strip()]


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
    for lang in ("en", "zh", None):
        some = [r for r in rows if lang is None or r["lang"] == lang]
        yes = [r for r in some if r["answerable"]]
        no = [r for r in some if not r["answerable"]]
        pick = lambda rs, key: [r[key] for r in rs if r[key] is not None]
        print(f"{lang or 'all':10}{share(pick(yes, 'hit')):>8}{share(pick(yes, 'right')):>8}"
              f"{share(pick(yes, 'refused')):>18}{share(pick(no, 'refused')):>23}")
