"""One file of each type, scored by both sides on one text: a kernel that computes something else shows here. The files are
made by `tenon quantize` from the smallest model, whose own type loses something before; both sides read the same bytes."""
import json
import subprocess

from report import note, say

SECTION = "perplexity"
TYPES = ["F16", "BF16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_1", "Q5_0", "Q4_K_M", "Q4_1", "Q4_0", "IQ4_NL", "IQ4_XS", "MXFP4", "Q3_K_M", "Q2_K"]
ALLOWED = 0.005


def run(setting, report):
    folder = setting.scratch / "perplexity"
    folder.mkdir(parents=True, exist_ok=True)
    text = folder / "text.txt"
    text.write_text(setting.documentation()[:60_000])
    chunks = "4" if setting.quick else "16"
    source = setting.model("smollm2-135m")
    for kind in TYPES:
        model = folder / f"{kind}.gguf"
        if not model.exists():
            subprocess.run([setting.tenon, "quantize", source, model, kind, "--requantize"], check=True, capture_output=True)
        ours = subprocess.run([setting.tenon, "perplexity", model, "-f", text, "--chunks", chunks, "--json"], check=True, capture_output=True, text=True)
        peer = subprocess.run([setting.python, setting.here / "peer_perplexity.py", model, text, chunks, str(setting.threads)], check=True, capture_output=True, text=True)
        a, b = json.loads(ours.stdout)["perplexity"], json.loads(peer.stdout)["perplexity"]
        say(f"  {kind:<10}{'ours':>8} {a:.4f}   llama.cpp {b:.4f}   apart {100 * (a / b - 1):+.3f} %")
        report.check(SECTION, kind, abs(a / b - 1) <= ALLOWED, f"perplexity {a:.4f}, llama.cpp's {b:.4f}")
        note(f"{kind}: {json.loads(ours.stdout)}")
