#!/usr/bin/env python3
"""Tiny random encoders of newer kinds and cross-encoders, with the vectors and scores sentence-transformers computes, for tests/unit/model.

Writes tests/golden/model/encoder_kinds/<case>/ and <case>.gguf from the same weights; golden.json holds texts, pairs, vectors and scores.
Matrices are bfloat16 to keep files small: the oracle computes in float32 with what they stand for.

Needs: torch, transformers, sentence-transformers, safetensors, gguf, tokenizers.   python tools/goldens/tiny_encoder_kinds.py
"""
import base64
import json
import pathlib
import shutil

from tiny_encoders import TEXTS, gguf_regex, unigram, wordpiece, write_folder, write_vocabulary

import gguf
import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file
from sentence_transformers import CrossEncoder, SentenceTransformer
from tokenizers import normalizers, processors

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model/encoder_kinds"
SIZES = dict(hidden_size=32, num_hidden_layers=1, num_attention_heads=4, intermediate_size=48, max_position_embeddings=48, initializer_range=0.15)
MODERN = dict(local_attention=6, global_attn_every_n_layers=2, pad_token_id=0, bos_token_id=None, eos_token_id=None, cls_token_id=2, sep_token_id=3)
QUERY = "hello cat"
DOCUMENTS = ["", "a", "the cat sat on the mat", "你好世界", "榫卯 joins wood", "hello world " * 9, "q " * 40]
LONG_QUERY = "the world " * 12

# name: (class in transformers, its configuration, changes, architecture in GGUF or None)
CASES = {
    "nomic-bert": ("NomicBertModel", "NomicBertConfig", dict(pad_token_id=0), "nomic-bert"),
    "modernbert": ("ModernBertModel", "ModernBertConfig", dict(MODERN, num_hidden_layers=2), "modern-bert"),
    "bert-rerank": ("BertForSequenceClassification", "BertConfig", dict(num_labels=1, pad_token_id=0), None),
    "xlm-roberta-rerank": ("XLMRobertaForSequenceClassification", "XLMRobertaConfig",
                           dict(num_labels=1, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1, max_position_embeddings=50), "bert"),
    "modernbert-rerank": ("ModernBertForSequenceClassification", "ModernBertConfig", dict(MODERN, num_labels=1, classifier_pooling="mean"), None),
}


def tokenizer_of(kind):
    tokenizer, settings, vocabulary = unigram() if kind == "XLMRobertaConfig" else wordpiece()
    if kind == "XLMRobertaConfig":
        spaces = normalizers.Replace(gguf_regex(), " ")
        tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Strip(left=False, right=True), spaces])
        pair = dict(single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    else:
        pair = dict(single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.post_processor = processors.TemplateProcessing(**pair)
    settings["model_max_length"] = 48
    if kind == "ModernBertConfig":
        settings["model_input_names"] = ["input_ids", "attention_mask"]
        settings["tokenizer_class"] = "PreTrainedTokenizerFast"
    return tokenizer, settings, vocabulary


def write_gguf(path, architecture, model, weights, vocabulary, rank):
    config = model.config
    writer = gguf.GGUFWriter(path, architecture)
    writer.add_name(path.stem)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    roberta = config.model_type == "xlm-roberta"
    writer.add_context_length(config.max_position_embeddings - (2 if roberta else 0))
    writer.add_layer_norm_eps(getattr(config, "layer_norm_eps", None) or config.norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.RANK if rank else gguf.PoolingType.MEAN)
    if architecture == "nomic-bert":
        writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    if architecture == "modern-bert":
        writer.add_sliding_window(config.local_attention)
        writer.add_sliding_window_pattern(MODERN["global_attn_every_n_layers"])
        writer.add_rope_freq_base(config.rope_parameters["full_attention"]["rope_theta"])
        writer.add_rope_freq_base_swa(config.rope_parameters["sliding_attention"]["rope_theta"])
    write_vocabulary(writer, vocabulary)
    kind = next(k for k, v in gguf.MODEL_ARCH_NAMES.items() if v == architecture)
    names = gguf.get_tensor_name_map(kind, config.num_hidden_layers)
    for name, tensor in weights.items():
        name = name.removeprefix("roberta.").removeprefix("model.")
        values = tensor.float().numpy()
        if roberta and "position_embeddings" in name:
            values = values[config.pad_token_id + 1:]
        to = names.get_name(name, try_suffixes=(".weight", ".bias"))
        assert to, name
        if values.ndim == 1 or "token_types" in to or "position_embd" in to:
            writer.add_tensor(to, values.astype(np.float32))
        else:
            writer.add_tensor(to, gguf.quantize(values, gguf.GGMLQuantizationType.BF16), raw_dtype=gguf.GGMLQuantizationType.BF16)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def encoded(values):
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    golden = {"texts": TEXTS, "query": QUERY, "documents": DOCUMENTS, "long_query": LONG_QUERY, "vectors": {}, "scores": {}}
    for seed, (name, (model_class, config_class, changes, architecture)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        tokenizer, settings, vocabulary = tokenizer_of(config_class)
        config = getattr(transformers, config_class)(**{**SIZES, **changes, "vocab_size": tokenizer.get_vocab_size()})
        model = getattr(transformers, model_class)(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:  # norms are all ones and biases all zeros at birth
                    parameter.add_(0.2 * torch.randn_like(parameter))
                else:
                    parameter.copy_(parameter.bfloat16().float())
        folder = ROOT / name
        folder.mkdir()
        write_folder(folder, model, tokenizer, settings, "mean", True)
        rank = name.endswith("rerank")
        if rank:
            for extra in ("modules.json", "sentence_bert_config.json", "1_Pooling/config.json"):
                (folder / extra).unlink()
            (folder / "1_Pooling").rmdir()
            oracle = CrossEncoder(str(folder), device="cpu", max_length=48)
            score = lambda query: oracle.predict([(query, d) for d in DOCUMENTS], batch_size=1, activation_fn=torch.nn.Identity())
            golden["scores"][name] = [encoded(score(QUERY)), encoded(score(LONG_QUERY))]
        else:
            vectors = SentenceTransformer(str(folder), device="cpu").encode(TEXTS, convert_to_numpy=True, batch_size=1)
            golden["vectors"][name] = [encoded(v) for v in vectors]
        weights = load_file(folder / "model.safetensors")
        weights = {k: v.bfloat16() if v.ndim > 1 and "position" not in k and "token_type" not in k else v for k, v in weights.items()}
        save_file(weights, folder / "model.safetensors")
        if architecture:
            write_gguf(ROOT / f"{name}.gguf", architecture, model, weights, vocabulary, rank)
    (ROOT / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0))


if __name__ == "__main__":
    main()
