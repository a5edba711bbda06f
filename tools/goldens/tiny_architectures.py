#!/usr/bin/env python3
"""Tiny random decoders of many architectures and the logits transformers computes with them, for tests/unit/model.

Writes tests/golden/model/architectures/<case>/ (a folder as transformers saves it) and <case>.gguf from the same weights, with the tensor
names of gguf's own map and the layouts llama.cpp's converter gives; golden.json holds token ids and float32 logits. Matrices are bfloat16 to
keep files small: the oracle computes in float32 with what they stand for.

Needs: torch, transformers, safetensors, gguf.   python tools/goldens/tiny_architectures.py
"""
import json
import math
import pathlib
import shutil
import sys

from tiny_models import VOCABULARY, permute, rope, text, tokens, write_tokenizer

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]  # its files bear the names of packages

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model/architectures"
TOKENS = 22  # of the golden sequence
SMALL = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
             max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False, bos_token_id=0, eos_token_id=1, pad_token_id=None,
             initializer_range=0.15)
FULL, SLIDING = "full_attention", "sliding_attention"


def two_ropes(**full):
    return {"rope_parameters": {FULL: {"rope_type": "default", "rope_theta": 5000.0, **full}, SLIDING: {"rope_type": "default", "rope_theta": 300.0}}}


# name: (architecture in transformers, architecture in GGUF or None, changes)
LONGROPE = rope(rope_type="longrope", short_factor=[1.0, 1.3], long_factor=[2.0, 5.0], partial_rotary_factor=0.5)
EXPERTS = dict(num_experts_per_tok=2, moe_intermediate_size=32, **rope())
CASES = {
    "gemma": ("Gemma", "gemma", dict(head_dim=16, num_hidden_layers=1, tie_word_embeddings=True, **rope())),
    "gemma2": ("Gemma2", "gemma2", dict(head_dim=8, query_pre_attn_scalar=8, sliding_window=6, num_hidden_layers=3, tie_word_embeddings=True,
                                        attn_logit_softcapping=4.0, final_logit_softcapping=8.0, **rope())),
    "gemma2-scalar": ("Gemma2", None, dict(head_dim=8, num_key_value_heads=4, query_pre_attn_scalar=5, sliding_window=64, num_hidden_layers=1,
                                           tie_word_embeddings=True, attn_logit_softcapping=None, final_logit_softcapping=None, **rope())),
    "gemma3": ("Gemma3", "gemma3", dict(head_dim=8, query_pre_attn_scalar=8, sliding_window=6, num_hidden_layers=3, tie_word_embeddings=True,
                                        layer_types=[SLIDING, FULL, SLIDING], **two_ropes())),
    "gemma3-linear": ("Gemma3", "gemma3", dict(head_dim=8, num_key_value_heads=1, query_pre_attn_scalar=8, sliding_window=5,
                                               tie_word_embeddings=True, layer_types=[SLIDING, FULL], **two_ropes(rope_type="linear", factor=8.0))),
    "phi3": ("Phi3", "phi3", dict(sliding_window=6, **rope())),
    "phi3-long": ("Phi3", "phi3", dict(num_key_value_heads=4, num_hidden_layers=1, original_max_position_embeddings=16, **LONGROPE)),
    "phi3-short": ("Phi3", "phi3", dict(num_attention_heads=4, num_hidden_layers=1, tie_word_embeddings=True, max_position_embeddings=256,
                                        original_max_position_embeddings=64, **LONGROPE)),
    "granite": ("Granite", "granite", dict(embedding_multiplier=3.0, attention_multiplier=0.3, residual_multiplier=0.4, logits_scaling=2.5, attention_bias=True, **rope())),
    "olmo2": ("Olmo2", "olmo2", dict(**rope(5000.0))),
    "gpt2": ("GPT2", "gpt2", dict(n_embd=32, n_inner=48, n_layer=2, n_head=4, n_positions=32, tie_word_embeddings=True)),
    "smollm3": ("SmolLM3", "smollm3", dict(num_hidden_layers=4, num_attention_heads=2, num_key_value_heads=1, head_dim=8, tie_word_embeddings=True, **rope())),
    "mixtral": ("Mixtral", "llama", dict(num_local_experts=3, num_experts_per_tok=2, num_hidden_layers=1, **rope())),
    "qwen2moe": ("Qwen2Moe", "qwen2moe", dict(num_experts=3, shared_expert_intermediate_size=64, num_hidden_layers=1, **EXPERTS)),
    "qwen2moe-norm": ("Qwen2Moe", None, dict(num_experts=3, shared_expert_intermediate_size=32, decoder_sparse_step=2, norm_topk_prob=True,
                                             tie_word_embeddings=True, **EXPERTS)),
    "qwen3moe": ("Qwen3Moe", "qwen3moe", dict(num_experts=4, num_hidden_layers=1, norm_topk_prob=True, **EXPERTS)),
}
GGUF_ONLY = ("gemma", "phi3-short")  # to keep the whole small
CLASSES = {"Gemma3": ("Gemma3TextConfig", "Gemma3ForCausalLM"), "GPT2": ("GPT2Config", "GPT2LMHeadModel")}


def make(kind, changes):
    config_class, model_class = CLASSES.get(kind, (f"{kind}Config", f"{kind}ForCausalLM"))
    common = {k: v for k, v in SMALL.items() if kind != "GPT2" or k in ("vocab_size", "initializer_range")}
    config = getattr(transformers, config_class)(**{**common, **changes})
    config._attn_implementation = "eager"
    model = getattr(transformers, model_class)(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 1:  # norms are all ones and biases all zeros at birth
                parameter.add_(0.2 * torch.randn_like(parameter))
            else:
                parameter.copy_(parameter.bfloat16().float())
    return config, model


def write_folder(folder, model):
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    weights = load_file(folder / "model.safetensors")
    save_file({name: tensor.bfloat16() if tensor.ndim > 1 else tensor for name, tensor in weights.items()}, folder / "model.safetensors")
    write_tokenizer(folder)
    return weights


def add_sizes(writer, config):
    get = lambda *names: next((v for v in (getattr(config, n, None) for n in names) if v is not None), None)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_head_count(config.num_attention_heads)
    writer.add_feed_forward_length(get("intermediate_size", "n_inner"))
    if get("rms_norm_eps"):
        writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    else:
        writer.add_layer_norm_eps(config.layer_norm_epsilon)
    writer.add_head_count_kv(get("num_key_value_heads", "num_attention_heads"))
    head_dim = get("head_dim") or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    if get("sliding_window"):
        writer.add_sliding_window(config.sliding_window)
    return head_dim


def add_rope(writer, parameters, head_dim):
    writer.add_rope_freq_base(parameters["rope_theta"])
    writer.add_rope_dimension_count(int(head_dim * parameters.get("partial_rotary_factor", 1)))
    if parameters["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(parameters["factor"])


def add_special(writer, architecture, config):
    """What one architecture alone has."""
    if architecture == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if architecture == "gemma3":
        writer.add_sliding_window_pattern([kind == SLIDING for kind in config.layer_types])
        writer.add_rope_freq_base_swa(config.rope_parameters[SLIDING]["rope_theta"])
    if architecture == "granite":
        writer.add_embedding_scale(config.embedding_multiplier)
        writer.add_attention_scale(config.attention_multiplier)
        writer.add_residual_scale(config.residual_multiplier)
        writer.add_logit_scale(config.logits_scaling)
    if architecture == "phi3" and config.rope_parameters["rope_type"] == "longrope":
        writer.add_rope_scaling_orig_ctx_len(config.original_max_position_embeddings)
        scale = config.max_position_embeddings / config.original_max_position_embeddings
        writer.add_rope_scaling_attn_factors(math.sqrt(1 + math.log(scale) / math.log(config.original_max_position_embeddings)))
        for length in ("long", "short"):
            writer.add_tensor(f"rope_factors_{length}.weight", np.array(config.rope_parameters[f"{length}_factor"], dtype=np.float32))
    count = getattr(config, "num_local_experts", None) or getattr(config, "num_experts", None)
    if count:
        writer.add_expert_count(count)
        writer.add_expert_used_count(config.num_experts_per_tok)
        if architecture != "llama":
            writer.add_expert_feed_forward_length(config.moe_intermediate_size)
        if architecture == "qwen2moe":
            writer.add_expert_shared_feed_forward_length(config.shared_expert_intermediate_size)


def stacked_experts(weights):
    """All experts of a layer in one tensor, under the names the converter gives before mapping."""
    out, experts = {}, {}
    for name, tensor in weights.items():
        before, mark, after = name.partition(".experts.")
        if not mark:
            out[name] = tensor
            continue
        expert, part, _ = after.split(".")
        name = f"{before}.experts.{part}.weight" if part.endswith("proj") else f"layers.{name.split('.')[2]}.feed_forward.experts.{part}.weight"
        experts.setdefault(name, {})[int(expert)] = tensor
    return out | {name: torch.stack([parts[i] for i in range(len(parts))]) for name, parts in experts.items()}


def converted(architecture, config, weights):
    """Tensors as llama.cpp's converter stores them, under the names of transformers."""
    for name, tensor in stacked_experts(weights).items():
        values = tensor.numpy()
        if architecture.startswith("gemma") and name.endswith("norm.weight"):
            values = values + 1
        if architecture in ("llama", "granite", "smollm3") and name.endswith(("q_proj.weight", "k_proj.weight", "q_proj.bias", "k_proj.bias")):
            values = permute(values, config.num_attention_heads if "q_proj" in name else config.num_key_value_heads)
        if architecture == "gpt2" and name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight")):
            values = np.ascontiguousarray(values.T)
        yield name, values.squeeze()


def write_gguf(path, architecture, config, weights):
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    head_dim = add_sizes(writer, config)
    parameters = getattr(config, "rope_parameters", None)
    if parameters:
        add_rope(writer, parameters.get(FULL, parameters), head_dim)
    add_special(writer, architecture, config)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens())
    writer.add_token_types([gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.NORMAL] * (VOCABULARY - 2))
    writer.add_token_merges(["# #"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    for name, values in converted(architecture, config, weights):
        to = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if values.ndim == 1 or "ffn_gate_inp" in to:
            writer.add_tensor(to, values.astype(np.float32))
        else:
            writer.add_tensor(to, gguf.quantize(values, gguf.GGMLQuantizationType.BF16), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    golden = {}
    for seed, (name, (kind, architecture, changes)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        config, model = make(kind, changes)
        weights = write_folder(ROOT / name, model)
        ids = torch.randint(2, VOCABULARY, (1, TOKENS))
        with torch.no_grad():
            logits = model(ids).logits[0].numpy()
        golden[name] = {"tokens": ids[0].tolist(), "logits": text(logits)}
        if architecture:
            write_gguf(ROOT / f"{name}.gguf", architecture, config, weights)
        if name in GGUF_ONLY:
            shutil.rmtree(ROOT / name)
    (ROOT / "golden.json").write_text(json.dumps(golden, indent=0))


if __name__ == "__main__":
    main()
