"""Programs that answer one line of JSON with another, and the measure of a whole process."""
import json
import os
import pathlib
import subprocess
import sys
import time


class Worker:
    """A child process that holds one loaded model. `ask` sends a request and waits for its answer."""

    def __init__(self, command, env=None):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **(env or {})})
        self.ready = self._answer()

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.process.args[0]} ended (exit {self.process.wait()}): {' '.join(self.process.args[1:4])}")
        return json.loads(line)

    def ask(self, **request):
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def close(self):
        self.process.stdin.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def run_process(command, stdin="", env=None):
    """Runs a program; returns its output, milliseconds in all and to its first byte, milliseconds of processor, peak bytes."""
    launcher = [sys.executable, "-S", "-E", pathlib.Path(__file__).with_name("measure.py")]
    done = subprocess.run([str(part) for part in [*launcher, *command]], input=stdin.encode(), stdout=subprocess.PIPE, check=True,
                          env={**os.environ, **(env or {})})
    result = json.loads(done.stdout)
    if result["exit"] != 0:
        raise RuntimeError(f"{' '.join(map(str, command[:3]))} failed with exit {result['exit']}")
    return result


def serve(ready, work):
    """The peer's side of Worker: answers every line of standard input."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries that print do not disturb the answers
    print(json.dumps(ready), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(work(json.loads(line))), file=out, flush=True)


class Stopwatch:
    """with Stopwatch() as t: …; then t.ms and t.cpu_ms (of the whole process, all threads)."""

    def __enter__(self):
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_):
        self.ms, self.cpu_ms = (time.perf_counter() - self.wall) * 1e3, (time.process_time() - self.cpu) * 1e3
