#!/usr/bin/env python3
"""MiniLM's weights as an ONNX file with fused attention, as onnxruntime likes it best. Usage: export_onnx.py FOLDER OUT.onnx"""
import os
import sys

import torch
from onnxruntime.transformers import optimizer
from onnxruntime.transformers.fusion_options import FusionOptions
from transformers import AutoModel

folder, out = sys.argv[1], sys.argv[2]


class LastHidden(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.model = AutoModel.from_pretrained(folder, attn_implementation="eager").eval()

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


module = LastHidden()
names = ["input_ids", "attention_mask", "token_type_ids"]
sample = torch.ones(2, 8, dtype=torch.long)
torch.onnx.export(module, (sample,) * 3, out + ".raw", input_names=names, output_names=["hidden"], opset_version=17, dynamo=False,
                  dynamic_axes={name: {0: "batch", 1: "tokens"} for name in [*names, "hidden"]})
config = module.model.config
fused = optimizer.optimize_model(out + ".raw", model_type="bert", num_heads=config.num_attention_heads, hidden_size=config.hidden_size,
                                 optimization_options=FusionOptions("bert"), opt_level=0)
fused.save_model_to_file(out + ".part")
os.remove(out + ".raw")
os.rename(out + ".part", out)
print({name: n for name, n in fused.get_fused_operator_statistics().items() if n})
