#!/usr/bin/env python3
"""Makes tests/golden/tokenizer/: a corpus, small tokenizers, and the ids that other implementations give.

Oracles: tokenizers, tiktoken, sentencepiece; with a folder of models (argument 1) also llama-cpp-python and tokenizers
on the vocabularies of the GGUF files, whose own tables are too large to keep.

  cases.json       the texts, as lists of bytes in hexadecimal
  NAME.json        a small tokenizer.json trained here
  NAME.ids.json    "ids" of each case, "prefix" and "suffix" that special tokens add, "decoded": hashes of the decoded texts
  NAME.spec.json   tables in GGUF's form (SentencePiece models, tiktoken)
"""
import hashlib
import io
import json
import pathlib
import random
import sys

sys.path.pop(0)  # this file has the name of a module it needs
import tempfile

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests" / "golden" / "tokenizer"


def corpus():
    rng = random.Random(20240917)
    texts = [
        "", " ", "  ", "   ", "\n", "\n\n", "\r\n", "\t", " \n ", "a", " a", "a ", "  a  ", "Hello, world!",
        "The quick brown fox jumps over the lazy dog.", "I'm sure they'll say it's what we've DON'T and HE'S and you'Re '\u017f 'Ss",
        "don''t 'tis ''s 'll'll", "It costs $1,234.56 or 12345678901 on 2024-01-31 at 10:30.",
        "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002\u4eba\u5de5\u667a\u80fd\u6b63\u5728\u6539\u53d8\u4e16\u754c\uff01",
        "\u4e2d\u6587\u548cEnglish\u6df7\u6392123\u6570\u5b57\uff0c\u5168\u89d2\uff21\uff22\uff23\uff11\uff12\uff13\u3000\u7a7a\u683c\u3002",
        "\u541b\u306e\u540d\u306f\u3002\u30ab\u30bf\u30ab\u30ca\u3068\u3072\u3089\u304c\u306a\u3001\u6771\u4eac\u30bf\u30ef\u30fc\u3067\u5f85\u3064\u3002\uff8a\uff9d\uff76\uff78 \u30ac\u30ab\u3099",
        "\ud55c\uad6d\uc5b4 \ubb38\uc7a5\uc785\ub2c8\ub2e4. \u1112\u1161\u11ab",
        "\U0001F600\U0001F44D\U0001F3FD\U0001F468\u200D\U0001F469\u200D\U0001F467\u200D\U0001F466\U0001F1E8\U0001F1F3 flag\u2764\ufe0f",
        "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0391\u03b8\u03ae\u03bd\u03b1 \u039f\u03a3 \u0130stanbul \u0627\u0644\u0633\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645 \u0928\u092e\u0938\u094d\u0924\u0947 \u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
        "caf\u00e9 cafe\u0301 na\u00efve \u00c5ngstr\u00f6m \ufb01ne \u2160\u2163 \u00bd \u00b2 \u0663\u0664 x\u0323\u0307",
        "def f(x):\n    if x > 0:\n        return [i**2 for i in range(x)]\n\treturn {'a': 1}  # done\n\n\n",
        "#include <vector>\nint main() { std::vector<int> v{1,2,3}; return v[0]!=1 && v.size()>=3; }\r\n\r\n",
        "SELECT * FROM t WHERE a='b' AND c<>10;\n--x\n\n\n\n  y", "https://example.com/a_b/c?d=e&f=%20#g user@mail.org",
        "a\u00a0b\u2003c\u3000d\u200be\u2028f\u0085g\u180eh\ufeffi", "x  \n  \n   y \t\t z   ",
        "\x00\x01\x02\x07\x08\x0b\x0c\x0e\x1b[31mred\x1b[0m\x7f\x80\u009f",
        "<|im_start|>user\nHi<|im_end|>\n<s>a</s> <pad>[CLS] [MASK] x[SEP]<|endoftext|><unk>[UNK]", "<|im_start|> <|im_end|>",
        "foo  <special> bar<special>baz  <strip>  qux wordADDED ADDED ADDEDs", "\u2581\u2581a\u2581b \u2581", "## ##ing ##",
        "unaffable embeddings tokenization! isn't (it)? ... ,,, -- __init__", "A" * 300, "ab" * 400, " " * 500, "\n" * 200, "\u54c8" * 150,
        "9" * 100, "!" * 100, " \n" * 60, "\U0001F600" * 40, "-=" * 90 + " " + "x" * 101 + " " + "y" * 99,
        "\u0344\u0958\u2126\uf900\U0002f800 \ufdfa", "\u0e33\u0e01\u0e33 \u0950\u094d\u0930 e\u0301\u0302 \U0001F1E6\U0001F1E7\U0001F1E8",
    ]
    cases = [t.encode("utf-8", "surrogatepass") for t in texts]
    cases += [b"\xff\xfe", b"abc\x80def", b"\xe4\xb8", b"\xe4\xb8\xad\xe6\x96", b"x\xf0\x9f\x98y", b"\xc0\xaf\xed\xa0\x80\xf5", b"ok \xe2\x28\xa1 ok\xc3"]
    alphabet = list("abcdeEST '\n\r\t.,!-_1290") + ["\u00e9", "\u4e2d", "\u3042", "\U0001F600", "\u0301", "\u00a0", "\u3000", "'s", "'LL", " the", "ing", "\u2028", "\u00b2", "\u0e33", "\u200d"]
    for n in (5, 12, 30, 80, 200):
        for _ in range(14):
            cases.append("".join(rng.choice(alphabet) for _ in range(n)).encode())
    for n in (6, 20, 50):
        for _ in range(4):
            cases.append("".join(chr(c) for c in (rng.choice([rng.randrange(0x20, 0x3000), rng.randrange(0x3000, 0xD7FF), rng.randrange(0xE000, 0x10FFFF), rng.randrange(0x1F000, 0x1FAFF)]) for _ in range(n))).encode())
    for _ in range(10):
        cases.append(bytes(rng.choice([rng.randrange(256), rng.randrange(0x80, 0x100), 0x20, 0x41]) for _ in range(30)))
    return cases


TRAIN = """The house stands on four pillars, and every joint is cut by hand. Tokenizers turn text into numbers; models turn numbers into text.
It's raining, isn't it? They've said we'll go, I'm sure you're right, he'd better. In 2024 there were 1,234,567 people; 3.14159 is pi.
def main(argc, argv):\n    for i in range(10):\n        print(i, argv[i])\n    return None\n\nint main() { return 0; }
\u4eba\u5de5\u667a\u80fd\u6b63\u5728\u6539\u53d8\u4e16\u754c\u3002\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u5427\u3002\u8fd9\u662f\u4e00\u4e2a\u6d4b\u8bd5\uff0c\u6d4b\u8bd5\u4e2d\u6587\u5206\u8bcd\u3002
\u541b\u306e\u540d\u306f\u3002\u3053\u308c\u306f\u30c6\u30b9\u30c8\u3067\u3059\u3002\u6771\u4eac\u30bf\u30ef\u30fc\u3067\u5f85\u3064\u3002 \u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! caf\u00e9 na\u00efve \U0001F600 \U0001F44D
Unaffable embeddings and tokenization of the words: the quick brown fox jumps over the lazy dog, again and again and again.
the the the and and of to in a is that it for on was with as be at by this have from or one had not but what all were when we there can an your which
""".split("\n") * 3

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN2 = LLAMA3.replace("{1,3}", "")
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
# A small character map in place of nmt_nfkc, whose compiled form is 240 KB.
RULES = str(pathlib.Path(tempfile.mkdtemp()) / "rules.tsv")


def write_rules():
    rules = {"\t": " ", "\n": " ", "\r": " ", "\u3000": " ", "\u00a0": " ", "\u2003": " ", "\u200b": " ", "\ufb01": "fi", "\u00bd": "1\u20442",
             "\u2160": "I", "\u2163": "IV", "\u2126": "\u03a9", "\uff8a": "\u30cf", "\uff8a\uff9e": "\u30d0", "\u30ab\u3099": "\u30ac", "e\u0301": "\u00e9",
             "\x01": "", "\x7f": "", "x\u0323\u0307": "\u1e8b\u0323", "\ufdfa": "\u0635\u0644\u0649 \u0627", "\u1112\u1161\u11ab": "\ud55c"}
    rules.update({chr(c): chr(c - 0xFEE0) for c in range(0xFF01, 0xFF5F)})
    text = lambda s: " ".join(f"{ord(c):X}" for c in s)
    pathlib.Path(RULES).write_text("".join(f"{text(a)}\t{text(b)}\n" for a, b in rules.items()))


GPT4O = "|".join([
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
    r"\p{N}{1,3}", r" ?[^\s\p{L}\p{N}]+[\r\n/]*", r"\s*[\r\n]+", r"\s+(?!\S)", r"\s+"])


def as_text(case):
    return case.decode("utf-8", "replace")


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def write(name, value):
    (OUT / name).write_text(json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n")


def golden_hf(name, tokenizer, cases, save=True):
    rows = {"ids": [], "special": [], "decoded": []}
    for case in cases:
        ids = tokenizer.encode(as_text(case), add_special_tokens=False).ids
        rows["ids"].append(ids)
        rows["special"].append(tokenizer.encode(as_text(case), add_special_tokens=True).ids)
        rows["decoded"].append(digest(tokenizer.decode(ids, skip_special_tokens=True)))
    if save:
        (OUT / f"{name}.json").write_text(tokenizer.to_str() + "\n")
    # With special tokens the ids are those without, wrapped: keep the difference only.
    wraps = set()
    for plain, full in zip(rows["ids"], rows["special"]):
        for k in range(len(full) - len(plain) + 1):
            if full[k:k + len(plain)] == plain:
                wraps.add((tuple(full[:k]), tuple(full[k + len(plain):])))
                break
        else:
            raise SystemExit(f"{name}: special tokens are no wrapping")
    wrap = sorted(wraps, key=lambda w: (-len(w[0]), len(w[1])))[0]
    write(f"{name}.ids.json", {"ids": rows["ids"], "prefix": wrap[0], "suffix": wrap[1], "decoded": rows["decoded"]})


def train_hf(cases):
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    def bpe(pre, normalizer=None, size=700, special=("<|endoftext|>", "<|im_start|>", "<|im_end|>"), **options):
        t = Tokenizer(models.BPE(**options))
        t.pre_tokenizer = pre
        if normalizer:
            t.normalizer = normalizer
        t.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=size, special_tokens=list(special), show_progress=False,
                                                         initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
        t.decoder = decoders.ByteLevel()
        return t

    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    split = lambda p: pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(p), "isolated"), byte_level])
    t = bpe(pre_tokenizers.ByteLevel(add_prefix_space=True, use_regex=True))
    t.post_processor = processors.RobertaProcessing(("<|im_end|>", t.token_to_id("<|im_end|>")), ("<|im_start|>", t.token_to_id("<|im_start|>")))
    t.add_tokens([AddedToken("<special>", lstrip=True, normalized=False), AddedToken("<strip>", lstrip=True, rstrip=True), AddedToken("ADDED", single_word=True)])
    golden_hf("hf-gpt2", t, cases)
    t = bpe(split(LLAMA3), special=("<|begin_of_text|>", "<|end_of_text|>"), ignore_merges=True)
    t.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", 0)])])
    golden_hf("hf-llama3", t, cases)
    golden_hf("hf-qwen2", bpe(split(QWEN2), normalizers.NFC()), cases)
    golden_hf("hf-gpt4o", bpe(split(GPT4O)), cases)
    golden_hf("hf-smollm", bpe(pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)])), cases)

    # Llama 2's form: no pre-tokenizer, characters, byte fallback.
    t = Tokenizer(models.BPE(byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    t.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    words = Tokenizer(models.BPE())
    words.normalizer = normalizers.Replace(" ", "\u2581")
    words.pre_tokenizer = pre_tokenizers.Metaspace()
    words.train_from_iterator(TRAIN, trainers.BpeTrainer(vocab_size=500, show_progress=False))
    raw = json.loads(words.to_str())["model"]
    vocab = {}
    for token in ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + sorted(raw["vocab"], key=raw["vocab"].get):
        vocab.setdefault(token, len(vocab))
    t.model = models.BPE(vocab, [tuple(m) for m in raw["merges"]], byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    t.add_special_tokens(["<unk>", "<s>", "</s>"])
    t.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", vocab["<s>"])])
    golden_hf("hf-llama2", t, cases)
    no_bytes = {k: i for i, k in enumerate(k for k in vocab if not k.startswith("<0x"))}
    t.model = models.BPE(no_bytes, [tuple(m) for m in raw["merges"]], unk_token="<unk>", fuse_unk=True)
    t.normalizer = None
    t.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    t.decoder = decoders.Metaspace(prepend_scheme="first")
    t.post_processor = processors.ByteLevel()
    golden_hf("hf-fuse-unk", t, cases)

    for name, scheme, normalizer in (("hf-unigram", "always", [normalizers.Nmt(), normalizers.NFKC(), normalizers.Replace(Regex(" {2,}"), " ")]),
                                     ("hf-xlmr", "first", None)):
        t = Tokenizer(models.Unigram())
        pre = pre_tokenizers.Metaspace(prepend_scheme=scheme)
        if normalizer:
            t.normalizer = normalizers.Sequence(normalizer)
        else:
            charsmap = sentencepiece_charsmap()
            t.normalizer = normalizers.Sequence([normalizers.Precompiled(charsmap), normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), "\u2581")])
            pre = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre])
        t.pre_tokenizer = pre
        t.train_from_iterator(TRAIN, trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=["<s>", "<pad>", "</s>", "<unk>"], show_progress=False))
        t.decoder = decoders.Metaspace(prepend_scheme=scheme)
        t.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
        golden_hf(name, t, cases)

    t = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
    t.normalizer = normalizers.BertNormalizer(lowercase=False)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(TRAIN, trainers.WordPieceTrainer(vocab_size=500, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
    t.decoder = decoders.WordPiece()
    t.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    golden_hf("hf-bert-cased", t, cases)

    t = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    t.normalizer = normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Strip()])
    t.pre_tokenizer = pre_tokenizers.Whitespace()
    t.train_from_iterator(TRAIN, trainers.WordLevelTrainer(vocab_size=300, special_tokens=["[UNK]"], show_progress=False))
    golden_hf("hf-wordlevel", t, cases)

    pieces = {}
    pre = {
        "digits": pre_tokenizers.Digits(False), "digit": pre_tokenizers.Digits(True), "whitespace": pre_tokenizers.Whitespace(),
        "whitespace_split": pre_tokenizers.WhitespaceSplit(), "bert": pre_tokenizers.BertPreTokenizer(), "byte_level": pre_tokenizers.ByteLevel(True, use_regex=True),
        "metaspace": pre_tokenizers.Metaspace(), "metaspace_first": pre_tokenizers.Metaspace(prepend_scheme="first"),
        "metaspace_never": pre_tokenizers.Metaspace(prepend_scheme="never"), "metaspace_whole": pre_tokenizers.Metaspace(split=False),
        "char": pre_tokenizers.CharDelimiterSplit("a"),
    }
    for behavior in ("removed", "isolated", "merged_with_previous", "merged_with_next", "contiguous"):
        pre[f"split_{behavior}"] = pre_tokenizers.Split(Regex(r"\s|[,.!]"), behavior)
        pre[f"split_invert_{behavior}"] = pre_tokenizers.Split(Regex(r"\w+"), behavior, invert=True)
        pre[f"punctuation_{behavior}"] = pre_tokenizers.Punctuation(behavior)
    texts = ["", "a", " a,b  c!! d", "12ab34 5", "Hey friend!     How are you?!?", "\u4f60\u597d\uff0c\u4e16\u754c\u3002 abc", "  x  ", "a,,b..c", "x\u00b2\u0663 y_z-w\u203f\u0301 \u00bd\u24b6"]
    for name, p in pre.items():
        t = Tokenizer(models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"))
        t.pre_tokenizer = p
        pieces[name] = {"pre_tokenizer": json.loads(t.to_str())["pre_tokenizer"], "pieces": [[s for s, _ in p.pre_tokenize_str(x)] if x else [] for x in texts]}
    write("pre_tokenizers.json", {"texts": texts, "cases": pieces})


def sentencepiece_charsmap():
    import sentencepiece
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TRAIN), model_writer=model, vocab_size=400, model_type="unigram", hard_vocab_limit=False, minloglevel=2,
                                             normalization_rule_tsv=RULES)
    from sentencepiece import sentencepiece_model_pb2 as pb
    m = pb.ModelProto()
    m.ParseFromString(model.getvalue())
    return m.normalizer_spec.precompiled_charsmap


def train_sentencepiece(cases):
    import sentencepiece
    from sentencepiece import sentencepiece_model_pb2 as pb
    for name, options in {
        "sp-bpe": dict(model_type="bpe", vocab_size=700, byte_fallback=True, normalization_rule_name="identity", remove_extra_whitespaces=False),
        "sp-bpe-nofallback": dict(model_type="bpe", vocab_size=450, normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=False),
        "sp-unigram": dict(model_type="unigram", vocab_size=400, normalization_rule_tsv=RULES),
        "sp-unigram-bytes": dict(model_type="unigram", vocab_size=650, byte_fallback=True, normalization_rule_tsv=RULES),
    }.items():
        buffer = io.BytesIO()
        sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(TRAIN), model_writer=buffer, hard_vocab_limit=False, minloglevel=2,
                                                 user_defined_symbols=["<sep>"], **options)
        sp = sentencepiece.SentencePieceProcessor(model_proto=buffer.getvalue())
        m = pb.ModelProto()
        m.ParseFromString(buffer.getvalue())
        kind = {1: 1, 2: 2, 3: 3, 4: 4, 5: 5, 6: 6}
        spec = {"tokens": [p.piece for p in m.pieces], "scores": [p.score for p in m.pieces], "types": [kind[p.type] for p in m.pieces],
                "bos": sp.bos_id(), "eos": sp.eos_id(), "unk": sp.unk_id(), "unigram": options["model_type"] == "unigram",
                "add_space_prefix": m.normalizer_spec.add_dummy_prefix, "remove_extra_whitespaces": m.normalizer_spec.remove_extra_whitespaces}
        # The library keeps U+0000 out of Python strings' way badly; its cases are left to the others.
        used = [i for i, c in enumerate(cases) if b"\0" not in c and b"<" not in c and "\u2581".encode() not in c]
        if options["model_type"] == "unigram":
            spec["charsmap"] = m.normalizer_spec.precompiled_charsmap.hex()
        write(f"{name}.spec.json", spec)
        ids = [sp.encode(as_text(cases[i])) for i in used]
        write(f"{name}.ids.json", {"cases": used, "ids": ids, "decoded": [digest(sp.decode([i for i in x if i != sp.unk_id()])) for x in ids]})


def train_tiktoken(cases):
    """A tiktoken Encoding over the vocabulary trained for hf-llama3."""
    import tiktoken
    from tokenizers.pre_tokenizers import ByteLevel
    model = json.loads((OUT / "hf-llama3.json").read_text())["model"]
    table = {}
    extra = 0
    for b in range(256):
        if 33 <= b <= 126 or 161 <= b <= 172 or b >= 174:
            table[chr(b)] = b
        else:
            table[chr(256 + extra)] = b
            extra += 1
    ranks = {}
    for rank, token in enumerate(sorted((k for k in model["vocab"] if all(c in table for c in k) and not k.startswith("<|")), key=model["vocab"].get)):
        ranks[bytes(table[c] for c in token)] = model["vocab"][token]
    encoding = tiktoken.Encoding("small", pat_str=LLAMA3, mergeable_ranks=ranks, special_tokens={})
    write("tiktoken.ids.json", {"ids": [encoding.encode_ordinary(as_text(c)) for c in cases]})


def gguf_models(cases, folder):
    import llama_cpp
    import gguf
    import tokenizers
    for name in ("qwen2.5-coder-0.5b", "smollm2-135m", "gemma3-270m"):
        path = folder / f"{name}.gguf"
        model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
        rows = {"llama_cpp": [model.tokenize(as_text(c).encode(), add_bos=False, special=True) if as_text(c) else [] for c in cases]}
        if name != "gemma3-270m":
            reader = gguf.GGUFReader(str(path))
            tokens = reader.fields["tokenizer.ggml.tokens"].contents()
            merges = reader.fields["tokenizer.ggml.merges"].contents()
            types = reader.fields["tokenizer.ggml.token_type"].contents()
            vocab = {t: i for i, t in enumerate(tokens)}
            t = tokenizers.Tokenizer(tokenizers.models.BPE(vocab, [tuple(m.split(" ")) for m in merges]))
            pre = tokenizers.pre_tokenizers
            if name.startswith("qwen"):
                t.pre_tokenizer = pre.Sequence([pre.Split(tokenizers.Regex(QWEN2), "isolated"), pre.ByteLevel(add_prefix_space=False, use_regex=False)])
            else:
                t.pre_tokenizer = pre.Sequence([pre.Digits(individual_digits=True), pre.ByteLevel(add_prefix_space=False)])
            t.add_special_tokens([x for i, x in enumerate(tokens) if types[i] == 3])
            t.add_tokens([tokenizers.AddedToken(x, normalized=False) for i, x in enumerate(tokens) if types[i] == 4])
            rows["ids"] = [t.encode(as_text(c), add_special_tokens=False).ids for c in cases]
            if rows["ids"] == rows["llama_cpp"]:
                del rows["llama_cpp"]
            else:
                diff = [i for i, (a, b) in enumerate(zip(rows["ids"], rows["llama_cpp"])) if a != b]
                print(name, "llama.cpp and tokenizers differ on", diff)
                del rows["llama_cpp"]
        else:
            rows["ids"] = rows.pop("llama_cpp")
        write(f"gguf-{name}.ids.json", rows)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    write_rules()
    cases = corpus()
    write("cases.json", [c.hex() for c in cases])
    train_hf(cases)
    train_tiktoken(cases)
    train_sentencepiece(cases)
    if len(sys.argv) > 1:
        folder = pathlib.Path(sys.argv[1])
        import tokenizers
        t = tokenizers.Tokenizer.from_file(str(folder / "minilm" / "tokenizer.json"))
        t.no_truncation()
        t.no_padding()
        golden_hf("minilm", t, cases, save=False)
        gguf_models(cases, folder)


main()
