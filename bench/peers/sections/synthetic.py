"""The same for files of real shapes and random weights, which need no download: the types that people compare engines with."""
from sections.engine import compare

SECTION = "synthetic"
# model, threads (None: the setting's), prompt tokens, generated tokens
PLAN = [("135m:q4_0", None, 512, 64), ("1b:q4_0", None, 512, 32), ("1b:q4_0", 1, 128, 16), ("1b:q8_0", None, 512, 32), ("1b:q4_k_m", None, 512, 32)]


def run(setting, report):
    for model, threads, prompt_tokens, generated in PLAN:
        if threads is None or setting.threads > 1:
            compare(setting, report, model, threads or setting.threads, prompt_tokens, generated, SECTION)
