#!/usr/bin/env python3
"""Tiny random models and what transformers computes with them, for tests/unit/model.

Writes tests/golden/model/tiny/<case>/ (config.json, model.safetensors, tokenizer files are shared) and, where GGUF can
express the case, <case>.gguf from the same weights; golden.json holds token ids and float32 logits.

Needs: torch, transformers, safetensors, gguf, tokenizers.   python tools/goldens/tiny_models.py
"""
import base64
import json
import pathlib
import shutil
import sys

from k_blocks import random_k_blocks

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]  # its files bear the names of packages

import gguf
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM
from transformers import Qwen3Config, Qwen3ForCausalLM

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model/tiny"
VOCABULARY = 80
TOKENS = 40  # of the golden sequence

LLAMA3 = {"rope_type": "llama3", "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 16}

# name: (config class, model class, changes, dtype)
SMALL = dict(vocab_size=VOCABULARY, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=4, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
             bos_token_id=0, eos_token_id=1, pad_token_id=None, initializer_range=0.12)


def rope(theta=10000.0, **scaling):
    return {"rope_parameters": {"rope_type": "default", "rope_theta": theta, **scaling}}


CASES = {
    "llama-mha": (LlamaConfig, LlamaForCausalLM, rope(), "float32"),
    "llama-gqa-tied": (LlamaConfig, LlamaForCausalLM, dict(num_key_value_heads=2, tie_word_embeddings=True, **rope(100000.0)), "float32"),
    "llama-head-dim": (LlamaConfig, LlamaForCausalLM, dict(num_key_value_heads=1, head_dim=16, **rope()), "float32"),
    "llama-bias": (LlamaConfig, LlamaForCausalLM, dict(attention_bias=True, mlp_bias=True, **rope()), "float32"),
    "llama-linear": (LlamaConfig, LlamaForCausalLM, rope(rope_type="linear", factor=4.0), "float32"),
    "llama-llama3": (LlamaConfig, LlamaForCausalLM, dict(num_key_value_heads=2, **rope(500.0, **LLAMA3)), "float32"),
    "llama-yarn": (LlamaConfig, LlamaForCausalLM, rope(500.0, **YARN), "float32"),
    "llama-dynamic": (LlamaConfig, LlamaForCausalLM, dict(max_position_embeddings=24, **rope(rope_type="dynamic", factor=2.0)), "float32"),
    "llama-bf16": (LlamaConfig, LlamaForCausalLM, dict(num_key_value_heads=2, **rope()), "bfloat16"),
    "llama-f16-sharded": (LlamaConfig, LlamaForCausalLM, dict(num_key_value_heads=2, **rope()), "float16"),
    "mistral-window": (MistralConfig, MistralForCausalLM, dict(num_key_value_heads=2, sliding_window=8, **rope()), "float32"),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM, dict(num_key_value_heads=2, **rope(1000000.0)), "float32"),
    "qwen2-mha-tied": (Qwen2Config, Qwen2ForCausalLM, dict(tie_word_embeddings=True, **rope()), "float32"),
    "qwen2-yarn": (Qwen2Config, Qwen2ForCausalLM, dict(num_key_value_heads=1, **rope(500.0, **YARN)), "float32"),
    "qwen3": (Qwen3Config, Qwen3ForCausalLM, dict(num_key_value_heads=2, head_dim=16, **rope()), "float32"),
}


def tokens():
    """Two control tokens, single characters, one merged pair, the newline."""
    return ["<|0|>", "<|1|>"] + [chr(33 + i) for i in range(2, VOCABULARY - 2)] + ["##", "\u010a"]


def text(array):
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()


def write_tokenizer(folder):
    """A byte-level BPE with one merge: enough to load."""
    vocabulary = {token: i for i, token in enumerate(tokens())}
    tokenizer = {"version": "1.0", "truncation": None, "padding": None,
                 "added_tokens": [{"id": i, "content": f"<|{i}|>", "single_word": False, "lstrip": False, "rstrip": False,
                                   "normalized": False, "special": True} for i in range(2)],
                 "normalizer": None, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True},
                 "post_processor": None, "decoder": {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True},
                 "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
                           "fuse_unk": False, "byte_fallback": False, "ignore_merges": False, "vocab": vocabulary, "merges": ["# #"]}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text(json.dumps({
        "tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<|0|>", "eos_token": "<|1|>",
        "chat_template": "{{ messages[0].content }}"}))
    return list(vocabulary)


def shard(folder):
    whole = load_file(folder / "model.safetensors")
    names = sorted(whole)
    halves = [names[: len(names) // 2], names[len(names) // 2:]]
    index = {"metadata": {"total_size": sum(t.nbytes for t in whole.values())}, "weight_map": {}}
    for i, part in enumerate(halves):
        file = f"model-{i + 1:05}-of-{len(halves):05}.safetensors"
        save_file({name: whole[name] for name in part}, folder / file)
        index["weight_map"].update({name: file for name in part})
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=1))


NAMES = {"self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output",
         "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
         "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm"}


def gguf_name(name):
    fixed = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight", "lm_head.weight": "output.weight"}
    if name in fixed:
        return fixed[name]
    _, _, layer, rest = name.split(".", 3)
    stem, kind = rest.rsplit(".", 1)
    return f"blk.{layer}.{NAMES[stem]}.{kind}"


def permute(weights, heads):
    """Rows of each head reordered as llama.cpp's converter does: halves become neighbours."""
    return weights.reshape(heads, 2, weights.shape[0] // heads // 2, *weights.shape[1:]).swapaxes(1, 2).reshape(weights.shape)


def write_gguf(path, config, weights, vocabulary, quantised=None, packed=None):
    architecture = "qwen2" if config.model_type == "qwen2" else "qwen3" if config.model_type == "qwen3" else "llama"
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_key_length(head_dim)
    writer.add_value_length(head_dim)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    parameters = config.rope_parameters
    writer.add_rope_freq_base(parameters["rope_theta"])
    kind = parameters["rope_type"]
    if kind == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(parameters["factor"])
    if kind == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(parameters["factor"])
        writer.add_rope_scaling_orig_ctx_len(parameters["original_max_position_embeddings"])
    if kind == "llama3":
        from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS
        scaled, _ = ROPE_INIT_FUNCTIONS["llama3"](config, "cpu")
        plain = 1.0 / (parameters["rope_theta"] ** (torch.arange(0, head_dim, 2, dtype=torch.float32) / head_dim))
        writer.add_tensor("rope_freqs.weight", (plain / scaled).numpy().astype(np.float32))
    if getattr(config, "sliding_window", None):
        writer.add_sliding_window(config.sliding_window)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    writer.add_token_types([gguf.TokenType.CONTROL] * 2 + [gguf.TokenType.NORMAL] * (len(vocabulary) - 2))
    writer.add_token_merges(["# #"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)
    for name, tensor in weights.items():
        if packed and name in packed:
            writer.add_tensor(gguf_name(name), packed[name], raw_dtype=quantised)
            continue
        values = tensor.float().numpy()
        if architecture == "llama" and "q_proj" in name:
            values = permute(values, config.num_attention_heads)
        if architecture == "llama" and "k_proj" in name:
            values = permute(values, config.num_key_value_heads)
        if quantised and not packed and values.ndim == 2:
            writer.add_tensor(gguf_name(name), gguf.quantize(values, quantised), raw_dtype=quantised)
        else:
            writer.add_tensor(gguf_name(name), values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def write_splits(path):
    """The same file in three, as llama.cpp's gguf-split writes it."""
    reader = gguf.GGUFReader(path)
    parts = [reader.tensors[i::3] for i in range(3)]
    for i, part in enumerate(parts):
        writer = gguf.GGUFWriter(path.with_name(f"{path.stem}-{i + 1:05}-of-00003.gguf"), "llama")
        if i == 0:
            for field in reader.fields.values():
                if field.name.startswith("GGUF.") or field.name == "general.architecture":
                    continue
                if len(field.types) > 1:
                    if field.data:
                        writer.add_key_value(field.name, field.contents(), field.types[0], field.types[1])
                else:
                    writer.add_key_value(field.name, field.contents(), field.types[0])
        writer.add_uint16("split.no", i)
        writer.add_uint16("split.count", 3)
        writer.add_int32("split.tensors.count", len(reader.tensors))
        for tensor in part:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def k_quants(golden):
    for quantised in ("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"):
        torch.manual_seed(7)
        generator = np.random.default_rng(7)
        config = LlamaConfig(**{**SMALL, "hidden_size": 256, "intermediate_size": 256, "num_hidden_layers": 1, "num_attention_heads": 2,
                                "num_key_value_heads": 1, "head_dim": 32, "initializer_range": 0.05, **rope()})
        config._attn_implementation = "eager"
        model = LlamaForCausalLM(config).eval()
        kind = gguf.GGMLQuantizationType[quantised]
        weights, packed = {}, {}
        for key, tensor in model.state_dict().items():
            if tensor.ndim == 2 and tensor.shape[1] % 256 == 0:
                packed[key] = random_k_blocks(generator, kind, tensor.shape)
                values = gguf.dequantize(packed[key], kind).copy()
                for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
                    if part in key:  # stored order to Hugging Face order
                        values = values.reshape(heads, -1, 2, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
                tensor = torch.from_numpy(values.copy())
            weights[key] = tensor
        model.load_state_dict(weights)
        ids = torch.randint(2, VOCABULARY, (1, TOKENS))
        with torch.no_grad():
            logits = model(ids).logits[0].numpy()
        name = f"llama-types-{quantised.lower()}"
        golden[name] = {"tokens": ids[0].tolist(), "logits": text(logits)}
        write_gguf(ROOT / f"{name}.gguf", config, weights, tokens(), kind, packed)


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    golden = {}
    for seed, (name, (config_class, model_class, changes, dtype)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        config = config_class(**{**SMALL, **changes})
        config._attn_implementation = "eager"
        model = model_class(config).eval()
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if parameter.ndim == 1:  # norms are all ones and biases all zeros at birth
                    parameter.add_(0.2 * torch.randn_like(parameter))
        model = model.to(getattr(torch, dtype))
        folder = ROOT / name
        model.save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        vocabulary = write_tokenizer(folder)
        weights = load_file(folder / "model.safetensors")
        model = model.float()
        ids = torch.randint(2, VOCABULARY, (1, TOKENS))
        with torch.no_grad():
            logits = model(ids).logits[0].numpy()
        golden[name] = {"tokens": ids[0].tolist(), "logits": text(logits)}
        if config.rope_parameters["rope_type"] != "dynamic" and name != "llama-f16-sharded":
            write_gguf(ROOT / f"{name}.gguf", config, weights, vocabulary)
        if name == "llama-gqa-tied":
            write_splits(ROOT / f"{name}.gguf")
        if name == "llama-f16-sharded":
            shard(folder)
    # Quantised files: the oracle computes with the dequantised weights in float.
    for quantised in ("Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "F16", "BF16"):
        torch.manual_seed(99)
        config = LlamaConfig(**{**SMALL, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_key_value_heads": 2,
                                "initializer_range": 0.1, **rope()})
        config._attn_implementation = "eager"
        model = LlamaForCausalLM(config).eval()
        kind = gguf.GGMLQuantizationType[quantised]
        weights = {}
        for key, tensor in model.state_dict().items():
            if tensor.ndim == 2:
                packed = gguf.quantize(tensor.numpy(), kind)
                tensor = torch.from_numpy(gguf.dequantize(packed, kind).copy())
            weights[key] = tensor
        model.load_state_dict(weights)
        ids = torch.randint(2, VOCABULARY, (1, TOKENS))
        with torch.no_grad():
            logits = model(ids).logits[0].numpy()
        name = f"llama-types-{quantised.lower()}"
        golden[name] = {"tokens": ids[0].tolist(), "logits": text(logits)}
        write_gguf(ROOT / f"{name}.gguf", config, weights, tokens(), kind)
    k_quants(golden)
    (ROOT / "golden.json").write_text(json.dumps(golden, indent=0))


if __name__ == "__main__":
    main()
