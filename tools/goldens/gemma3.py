#!/usr/bin/env python3
"""What float32 arithmetic makes of a real Gemma 3 file, for tests/unit/model/real_models_test.cpp.

    python tools/goldens/gemma3.py gemma3-270m.gguf

Writes tests/golden/model/gemma3.json: token ids of one text longer than the model's window, the mean negative log-likelihood transformers
computes with the file's weights, and greedy continuations of a few prompts with the margin between the two best logits at every step.

Needs: torch, transformers, gguf.
"""
import json
import pathlib
import sys

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]  # its files bear the names of packages

import gguf
import torch
from transformers import AutoTokenizer, Gemma3ForCausalLM, Gemma3TextConfig

ROOT = pathlib.Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/golden/model/gemma3.json"
TEXT = ROOT / "docs/architecture.md"
TOKENS = 1024  # twice the window
PROMPTS = ["The capital of France is", "Once upon a time there was a", "Water boils at", "中国的首都是", "def quicksort(items):\n    "]
GREEDY = 24
PARTS = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
         "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm", "attn_norm": "input_layernorm",
         "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm", "post_ffw_norm": "post_feedforward_layernorm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}


def load(path):
    reader = gguf.GGUFReader(path)
    get = lambda key: reader.fields[f"gemma3.{key}"].contents()
    head_dim = get("attention.key_length")
    config = Gemma3TextConfig(
        vocab_size=int(next(t for t in reader.tensors if t.name == "token_embd.weight").shape[1]), hidden_size=get("embedding_length"),
        intermediate_size=get("feed_forward_length"), num_hidden_layers=get("block_count"), num_attention_heads=get("attention.head_count"),
        num_key_value_heads=get("attention.head_count_kv"), head_dim=head_dim, query_pre_attn_scalar=head_dim,
        rms_norm_eps=get("attention.layer_norm_rms_epsilon"), sliding_window=get("attention.sliding_window"),
        max_position_embeddings=get("context_length"), rope_theta=get("rope.freq_base"), rope_local_base_freq=10000.0)
    config._attn_implementation = "eager"
    model = Gemma3ForCausalLM(config).eval()
    weights = {}
    for tensor in reader.tensors:
        values = torch.from_numpy(gguf.dequantize(tensor.data, tensor.tensor_type).copy())
        stem = tensor.name.removesuffix(".weight")
        if stem.endswith("norm"):
            values = values - 1
        if stem.startswith("blk."):
            _, layer, part = stem.split(".", 2)
            weights[f"model.layers.{layer}.{PARTS[part]}.weight"] = values
        else:
            weights[{"token_embd": "model.embed_tokens.weight", "output_norm": "model.norm.weight"}[stem]] = values
    missing, unexpected = model.load_state_dict(weights, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not unexpected, (missing, unexpected)
    model.tie_weights()
    return model


@torch.no_grad()
def main():
    path = pathlib.Path(sys.argv[1]).resolve()
    model = load(path)
    tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    encode = lambda text: [2] + tokenizer.encode(text, add_special_tokens=False)
    ids = encode(TEXT.read_text())[:TOKENS]
    logits = model(torch.tensor([ids])).logits[0]
    nll = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:])).item()
    prompts = []
    for prompt in PROMPTS:
        given, out, margins = encode(prompt), [], []
        for _ in range(GREEDY):
            best = model(torch.tensor([given + out])).logits[0, -1].topk(2)
            out.append(int(best.indices[0]))
            margins.append(round(float(best.values[0] - best.values[1]), 4))
        print(repr(prompt), "->", repr(tokenizer.decode(out)))
        prompts.append({"text": prompt, "ids": given, "tokens": out, "margins": margins})
    print("perplexity", torch.tensor(nll).exp().item(), "of", len(ids))
    OUT.write_text(json.dumps({"ids": ids, "nll": nll, "prompts": prompts}))


if __name__ == "__main__":
    main()
