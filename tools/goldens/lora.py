#!/usr/bin/env python3
"""Low-rank adapters of tiny decoders and the logits PEFT computes with them, for tests/unit/model/lora_test.cpp.

Writes tests/golden/model/lora/<case>/ (as PEFT saves an adapter), <case>.gguf (as llama.cpp's converter lays the same matrices out, where the
model has a GGUF file) and golden.json: token ids, and float32 logits of the model alone and with the adapter. The models are those of
tiny_models.py and tiny_architectures.py.

Needs: torch, transformers, peft, safetensors, gguf.   python tools/goldens/lora.py
"""
import json
import pathlib
import shutil
import sys

from tiny_models import gguf_name, permute, text

sys.path = [p for p in sys.path if pathlib.Path(p).name != "goldens"]  # its files bear the names of packages

import gguf
import peft
import torch
import transformers
from safetensors.torch import load_file, save_file

MODELS = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model"
ROOT = MODELS / "lora"
TOKENS = 12
ALL = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]

# name: (folder of the model, architecture of a GGUF adapter or None, settings)
CASES = {
    "llama": ("tiny/llama-llama3", "llama", dict(r=4, lora_alpha=8, target_modules=ALL)),
    "llama-patterns": ("tiny/llama-llama3", None, dict(r=4, lora_alpha=8, target_modules=["q_proj", "down_proj", "lm_head"],
                                                       rank_pattern={"down_proj": 2}, alpha_pattern={"q_proj": 3, "layers.1.mlp.down_proj": 5})),
    "qwen2": ("tiny/qwen2", "qwen2", dict(r=3, lora_alpha=6, use_rslora=True, target_modules=["q_proj", "v_proj"])),
    "phi3": ("architectures/phi3", None, dict(r=2, lora_alpha=4, target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"])),
    "gpt2": ("architectures/gpt2", None, dict(r=4, lora_alpha=4, fan_in_fan_out=True, target_modules=["c_attn", "c_proj", "c_fc"])),
}


def logits(model, tokens):
    with torch.no_grad():
        return model(torch.tensor([tokens])).logits[0].float().numpy()


def write_gguf(path, architecture, config, folder, scale):
    """alpha is chosen for this scale with the first rank there is: the format has one for all."""
    weights = load_file(folder / "adapter_model.safetensors")
    rank = next(t.shape[0] for name, t in weights.items() if "lora_A" in name)
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_type("adapter")
    writer.add_string("adapter.type", "lora")
    writer.add_float32("adapter.lora.alpha", scale * rank)
    for name, tensor in weights.items():
        module, half = name.removeprefix("base_model.model.").removesuffix(".weight").rsplit(".", 1)
        values = tensor.float().numpy()
        if architecture == "llama" and half == "lora_B" and module.endswith(("q_proj", "k_proj")):
            values = permute(values, config.num_attention_heads if module.endswith("q_proj") else config.num_key_value_heads)
        writer.add_tensor(f"{gguf_name(module + '.weight')}.{half.lower()}", values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    out = {}
    for seed, (name, (base, architecture, settings)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        model = transformers.AutoModelForCausalLM.from_pretrained(MODELS / base, dtype=torch.float32, attn_implementation="eager").eval()
        tokens = torch.randint(3, model.config.vocab_size, (TOKENS,)).tolist()
        entry = {"base": base, "tokens": tokens, "alone": text(logits(model, tokens))}
        adapted = peft.get_peft_model(model, peft.LoraConfig(task_type="CAUSAL_LM", **settings)).eval()
        with torch.no_grad():
            for parameter_name, parameter in adapted.named_parameters():
                if "lora_" in parameter_name:
                    parameter.copy_((0.1 * torch.randn_like(parameter)).bfloat16().float())
        entry["adapted"] = text(logits(adapted, tokens))
        folder = ROOT / name
        adapted.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)
        config = json.loads((folder / "adapter_config.json").read_text())
        config["base_model_name_or_path"] = "tiny/" + name
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=1, sort_keys=True))
        weights = load_file(folder / "adapter_model.safetensors")
        save_file({key: value.bfloat16() for key, value in weights.items()}, folder / "adapter_model.safetensors")
        if architecture:
            scale = settings["lora_alpha"] / (settings["r"] ** 0.5 if settings.get("use_rslora") else settings["r"])
            write_gguf(ROOT / f"{name}.gguf", architecture, model.config, folder, scale)
        out[name] = entry
    (ROOT / "golden.json").write_text(json.dumps(out, indent=1))


if __name__ == "__main__":
    main()
