#!/usr/bin/env python3
"""Runs the sections of bench/peers. Started by bench/peers/run, which sets up what it needs."""
import argparse
import importlib
import json
import pathlib
import shutil
import subprocess
import sys
import time

import machine
from report import Report, say

HERE = pathlib.Path(__file__).resolve().parent
SECTIONS = ["engine", "synthetic", "batch", "embedding", "rag-speed", "cold-start", "memory"]
MODELS = ["smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b"]


class Setting:
    """What every section needs to know."""

    def __init__(self, args):
        self.root, self.build, self.args = HERE.parent.parent, args.build, args
        self.tenon = args.build / "release" / "app" / "tenon"
        self.worker = args.build / "release" / "bench" / "peers_worker"
        self.here, self.scratch, self.threads, self.quick = HERE, args.build / "peers", args.threads, args.quick
        self.kernels, self.python = args.kernels, sys.executable
        self.models = args.model or MODELS

    def model(self, name):
        """The file or folder of an installed model, or of a synthetic one (SHAPE:QUANT), which is made when it is missing."""
        if ":" in name:
            made = self.scratch / "synthetic" / f"{name.replace(':', '-')}.gguf"
            if not made.exists():
                made.parent.mkdir(parents=True, exist_ok=True)
                done = subprocess.run([self.tenon, "bench", "--synthetic", name, "-p", "1", "-n", "1", "-r", "1", "--json"], capture_output=True, text=True, check=True)
                made.symlink_to(json.loads(done.stdout)["path"])
            return made
        done = subprocess.run([self.tenon, "models", "path", name], capture_output=True, text=True, check=True)
        return pathlib.Path(done.stdout.strip())

    def ours(self, model, task, threads):
        return [self.worker, self.model(model), task, threads] + ([self.kernels] if self.kernels else [])

    def documentation(self):
        """The project's own pages: text that both sides get."""
        files = sorted([*self.root.glob("docs/**/*.md"), *self.root.glob("*.md")])
        return "\n\n".join(f.read_text() for f in files)

    def corpus(self):
        folder = self.scratch / "corpus"
        subprocess.run(["bash", HERE / "rag" / "corpus.sh", folder], check=True, stdout=sys.stderr)
        return folder


def main():
    parser = argparse.ArgumentParser(prog="bench/peers/run")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{' '.join(SECTIONS)} (the default), or perplexity, quality")
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=pathlib.Path, help="write the lines there too")
    parser.add_argument("--kernels", choices=["scalar", "avx2", "avx512", "neon"], help="force ours in engine and embedding")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--model", action="append", choices=MODELS, help="only this chat model (may be repeated)")
    parser.add_argument("--quick", action="store_true", help="two pairs a line: to see that it works, not to quote")
    parser.add_argument("--resume", action="store_true", help="keep the lines of an interrupted run of this commit")
    args = parser.parse_args()
    for name in args.sections:
        if name not in [*SECTIONS, "perplexity", "quality"]:
            parser.error(f"there is no section '{name}'; there are {' '.join(SECTIONS)} perplexity quality")
    setting = Setting(args)
    about = machine.describe(setting.root, args.threads)
    report = Report(setting.scratch / "results.json", about, args.resume)
    say(f"{about['model']} (family, model {about['family']}), {about['cores']} cores, {' '.join(about['features'])}; load {about['load']:.2f}; "
        f"memory {about['bandwidth_1']:.1f} GB/s with one thread, {about['bandwidth_n']:.1f} with {args.threads}; commit {about['commit']}"
        + (f"; our kernels: {args.kernels}" if args.kernels else ""))
    if about["load"] > 0.3:
        say("the machine is busy: ratios on the wall are unsafe, those of processor time (column cpu) less so")
    say("ratio: how many times faster, or smaller, ours is; median of pairs (least–most)")
    failed, began = [], time.monotonic()
    for name in args.sections or SECTIONS:
        say(f"\n{name}\n  {'':60}{'ours':>10}{'peer':>10} {'':8}{'ratio':<22}{'cpu':>6}{'n':>4}")
        try:
            importlib.import_module("sections." + name.replace("-", "_")).run(setting, report)
        except (RuntimeError, subprocess.CalledProcessError, OSError) as error:
            failed.append(name)
            say(f"  the section failed: {error}")
    report.machine["load_after"] = machine.load()
    report.save()
    say(f"\n{time.monotonic() - began:.0f} s; load now {machine.load():.2f}; the lines are in {report.path}")
    if args.json:
        shutil.copyfile(report.path, args.json)
    return 1 if failed or report.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
