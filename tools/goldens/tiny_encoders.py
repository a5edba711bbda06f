#!/usr/bin/env python3
"""Tiny random encoders and the vectors that sentence-transformers computes with them, for tests/unit/model/tiny_encoders_test.cpp.

Writes tests/golden/model/tiny_encoders/<case>/ (a sentence-transformers folder) and <case>.gguf from the same weights, as llama.cpp's
converter lays them out; golden.json holds texts and vectors.

Needs: torch, transformers, sentence-transformers, safetensors, gguf, tokenizers.   python tools/goldens/tiny_encoders.py
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
from sentence_transformers import SentenceTransformer
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, XLMRobertaConfig, XLMRobertaModel

ROOT = pathlib.Path(__file__).resolve().parents[2] / "tests/golden/model/tiny_encoders"
TEXTS = ["", "a", "hello world", "Hello, World!", "榫卯 joins wood without nails", "你好世界", "q" * 20, "naïve ümlaut", "the cat sat on the mat " * 4]
SIZES = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48, max_position_embeddings=48, initializer_range=0.15)
PIECES = list("abcdefghijklmnopqrstuvwxyz") + list("榫卯你好世界") + list(",!.")


def wordpiece():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + PIECES + ["##" + c for c in PIECES[:26]] + ["the", "cat", "hel", "##lo", "wor", "##ld"]
    tokenizer = Tokenizer(models.WordPiece({w: i for i, w in enumerate(words)}, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    tokenizer.add_special_tokens(words[:5])
    settings = {"tokenizer_class": "BertTokenizerFast", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]",
                "mask_token": "[MASK]", "do_lower_case": True, "model_max_length": 48}
    return tokenizer, settings, words


def unigram():
    pieces = ["<s>", "<pad>", "</s>", "<unk>"] + ["▁"] + PIECES + ["▁the", "▁cat", "▁hel", "lo", "▁wor", "ld"]
    scores = [0.0] * 4 + [-2.0] + [-3.0 - 0.05 * i for i in range(len(PIECES))] + [-2.5, -2.6, -2.7, -2.8, -2.9, -3.0]
    tokenizer = Tokenizer(models.Unigram(list(zip(pieces, scores)), unk_id=3, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Replace(gguf_regex(), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    settings = {"tokenizer_class": "XLMRobertaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>",
                "unk_token": "<unk>", "pad_token": "<pad>", "model_max_length": 46}
    return tokenizer, settings, (pieces, scores)


def gguf_regex():
    from tokenizers import Regex
    return Regex(" {2,}")


def write_folder(folder, model, tokenizer, settings, pooling, normalise):
    model.save_pretrained(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    modules = [("", "Transformer"), ("1_Pooling", "Pooling")] + ([("2_Normalize", "Normalize")] if normalise else [])
    (folder / "modules.json").write_text(json.dumps([
        {"idx": i, "name": str(i), "path": path, "type": f"sentence_transformers.models.{kind}"} for i, (path, kind) in enumerate(modules)]))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": settings["model_max_length"], "do_lower_case": False}))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text(json.dumps({
        "word_embedding_dimension": model.config.hidden_size, "pooling_mode_cls_token": pooling == "cls", "pooling_mode_mean_tokens": pooling == "mean",
        "pooling_mode_max_tokens": False, "pooling_mode_mean_sqrt_len_tokens": False, "pooling_mode_weightedmean_tokens": False,
        "pooling_mode_lasttoken": False, "include_prompt": True}))


LAYER = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
         "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}
TOP = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd", "embeddings.token_type_embeddings": "token_types",
       "embeddings.LayerNorm": "token_embd_norm"}


def gguf_name(name):
    stem, kind = name.rsplit(".", 1)
    if stem in TOP:
        return f"{TOP[stem]}.{kind}"
    if not stem.startswith("encoder.layer."):
        return None  # the pooler, which no sentence embedding uses
    _, _, layer, rest = stem.split(".", 3)
    return f"blk.{layer}.{LAYER[rest]}.{kind}"


def write_vocabulary(writer, vocabulary):
    """Pieces with scores (XLM-RoBERTa's kind), or word pieces (BERT's)."""
    if isinstance(vocabulary, tuple):
        pieces, scores = vocabulary
        writer.add_tokenizer_model("t5")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(pieces)
        writer.add_token_scores(scores)
        kinds = [gguf.TokenType.CONTROL] * 3 + [gguf.TokenType.UNKNOWN] + [gguf.TokenType.NORMAL] * (len(pieces) - 4)
        writer.add_token_types(kinds)
        writer.add_add_space_prefix(True)
        writer.add_remove_extra_whitespaces(True)
        writer.add_bos_token_id(0)
        writer.add_eos_token_id(2)
        writer.add_unk_token_id(3)
        writer.add_pad_token_id(1)
        writer.add_add_bos_token(True)
        writer.add_add_eos_token(True)
    else:
        phantom = [w if i < 5 else w[2:] if w.startswith("##") else "▁" + w for i, w in enumerate(vocabulary)]
        writer.add_tokenizer_model("bert")
        writer.add_tokenizer_pre("default")
        writer.add_token_list(phantom)
        writer.add_token_types([gguf.TokenType.CONTROL] * 5 + [gguf.TokenType.NORMAL] * (len(vocabulary) - 5))
        writer.add_unk_token_id(1)
        writer.add_bos_token_id(2)
        writer.add_sep_token_id(3)
        writer.add_pad_token_id(0)
        writer.add_mask_token_id(4)


def write_gguf(path, model, vocabulary, pooling, packed=None):
    config = model.config
    writer = gguf.GGUFWriter(path, "bert")
    writer.add_name(path.stem)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_layer_norm_eps(config.layer_norm_eps)
    writer.add_causal_attention(False)
    writer.add_pooling_type(gguf.PoolingType.MEAN if pooling == "mean" else gguf.PoolingType.CLS)
    roberta = config.model_type == "xlm-roberta"
    writer.add_context_length(config.max_position_embeddings - (2 if roberta else 0))
    write_vocabulary(writer, vocabulary)
    writer.add_token_type_count(1 if roberta else config.type_vocab_size)
    for name, tensor in model.state_dict().items():
        to = gguf_name(name)
        if to is None or "position_ids" in name:
            continue
        if packed and name in packed:
            blocks, kind = packed[name]
            writer.add_tensor(to, blocks, raw_dtype=kind)
            continue
        values = tensor.float().numpy()
        if roberta and to == "position_embd.weight":
            values = values[config.pad_token_id + 1:]
        writer.add_tensor(to, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def k_quants(model):
    """Every matrix of the layer in another K-quant; the oracle computes with what the blocks stand for."""
    generator = np.random.default_rng(7)
    packed, weights = {}, model.state_dict()
    kinds = {"query": "Q4_K", "key": "Q5_K", "value": "Q6_K", "attention.output.dense": "Q3_K", "intermediate.dense": "Q2_K", "0.output.dense": "Q4_K"}
    for name, tensor in weights.items():
        kind = next((k for part, k in kinds.items() if name.endswith(part + ".weight")), None)
        if kind is None:
            continue
        kind = gguf.GGMLQuantizationType[kind]
        blocks = random_k_blocks(generator, kind, tensor.shape)
        weights[name] = torch.from_numpy(gguf.dequantize(blocks, kind).copy())
        packed[name] = (blocks, kind)
    model.load_state_dict(weights)
    return packed


CASES = {
    "bert-mean": ("bert", "mean", True, {}),
    "bert-cls": ("bert", "cls", False, {}),
    "xlm-roberta-cls": ("xlm-roberta", "cls", True, {}),
    "bert-k-quants": ("bert", "mean", True, dict(hidden_size=256, intermediate_size=256, num_hidden_layers=1, num_attention_heads=8)),
}


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    golden = {"texts": TEXTS, "vectors": {}}
    for seed, (name, (kind, pooling, normalise, changes)) in enumerate(CASES.items()):
        torch.manual_seed(seed)
        tokenizer, settings, vocabulary = wordpiece() if kind == "bert" else unigram()
        sizes = {**SIZES, **changes, "vocab_size": tokenizer.get_vocab_size()}
        if kind == "bert":
            model = BertModel(BertConfig(**sizes, pad_token_id=0)).eval()
        else:
            model = XLMRobertaModel(XLMRobertaConfig(**sizes, pad_token_id=1, bos_token_id=0, eos_token_id=2, type_vocab_size=1)).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                if parameter.ndim == 1:  # norms are all ones and biases all zeros at birth
                    parameter.add_(0.2 * torch.randn_like(parameter))
        packed = k_quants(model) if name == "bert-k-quants" else None
        folder = ROOT / name
        folder.mkdir()
        write_folder(folder, model, tokenizer, settings, pooling, normalise)
        oracle = SentenceTransformer(str(folder), device="cpu")
        vectors = oracle.encode(TEXTS, convert_to_numpy=True, batch_size=1).astype("<f4")
        golden["vectors"][name] = [base64.b64encode(v.tobytes()).decode() for v in vectors]
        if name != "bert-cls":  # a GGUF file cannot say that vectors stay unnormalised
            write_gguf(ROOT / f"{name}.gguf", model, vocabulary, pooling, packed)
        if packed:
            shutil.rmtree(folder)  # the file is what is tested; its float twin would be large
    (ROOT / "golden.json").write_text(json.dumps(golden, ensure_ascii=False, indent=0))


if __name__ == "__main__":
    main()
