"""Pairs of measurements and the lines they become."""
import json
import os
import statistics
import sys
import time


def say(text):
    print(text, flush=True)


def note(text):
    print(f"    {text}", file=sys.stderr, flush=True)


class Report:
    """Every finished line is kept in a file, so that an interrupted run goes on where it stopped (--resume)."""

    def __init__(self, path, machine, resume):
        self.path, self.machine, self.lines = path, machine, []
        self.checks = []
        if resume and path.exists():
            old = json.loads(path.read_text())
            if old["machine"]["commit"] == machine["commit"] and old["machine"]["model"] == machine["model"]:
                self.lines, self.checks = old["lines"], old["checks"]

    def known(self, section, what):
        found = [line for line in self.lines if (line["section"], line["what"]) == (section, what)]
        for line in found:
            self.show(line)
        return bool(found)

    def add(self, section, what, peer, unit, ours, theirs, ratios, cpu_ratios=(), notes=""):
        line = {"section": section, "what": what, "peer": peer, "unit": unit, "ours": ours, "theirs": theirs,
                "ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios), "pairs": len(ratios),
                "cpu_ratio": statistics.median(cpu_ratios) if cpu_ratios else None, "load": os.getloadavg()[0], "notes": notes}
        key = lambda l: (l["section"], l["what"], l["peer"])
        self.lines = [old for old in self.lines if key(old) != key(line)] + [line]
        self.show(line)
        self.save()

    def check(self, section, what, good, text):
        """A condition of a fair comparison; a run in which one fails ends with an error."""
        self.checks.append({"section": section, "what": what, "good": bool(good), "text": text})
        if not good:
            say(f"  NOT THE SAME WORK: {what}: {text}")
        self.save()

    def show(self, line):
        cpu = f"{line['cpu_ratio']:.2f}" if line["cpu_ratio"] else "-"
        spread = f"{line['ratio']:.2f}  ({line['least']:.2f}–{line['most']:.2f})"
        say(f"  {line['what'] + ' / ' + line['peer']:<60}{line['ours']:>10.4g}{line['theirs']:>10.4g} {line['unit']:<8}{spread:<22}{cpu:>6}{line['pairs']:>4}"
            + (f"  {line['notes']}" if line["notes"] else ""))

    def save(self):
        part = self.path.with_suffix(".part")
        part.write_text(json.dumps({"machine": self.machine, "lines": self.lines, "checks": self.checks}, indent=1, ensure_ascii=False))
        part.rename(self.path)

    def failed(self):
        return [c for c in self.checks if not c["good"]]


def rounds(sides, least, most, seconds):
    """Runs every side in turn, forwards and then backwards (A B B A), at least `least` rounds, then until `seconds` are spent.

    `sides` maps a name to a function of the round's number. Returns {name: [result of each round]}."""
    out = {name: [] for name in sides}
    names, start = list(sides), time.monotonic()
    for i in range(most):
        for name in names if i % 2 == 0 else reversed(names):
            out[name].append(sides[name](i))
        if i + 1 >= least and time.monotonic() - start > seconds * (i + 1) / (i + 2):
            break
    return out


def ratios(ours, theirs, key):
    """How many times less of `key` (time, memory) ours needs, pair by pair."""
    return [b[key] / a[key] for a, b in zip(ours, theirs) if a[key] > 0]


def median(rows, key):
    return statistics.median(row[key] for row in rows)
