#!/usr/bin/env python3
"""Writes the seed corpora of the fuzzers, tests/data/fuzz/NAME/, from what the other tests already use and from a few
samples by hand, as seed-*; inputs that once broke something lie beside them under other names and stay. Standard library
only; the seeds are small on purpose (a fuzzer wants short inputs).
Usage: tools/goldens/fuzz_seeds.py
"""
import gzip
import hashlib
import io
import json
import pathlib
import struct
import zipfile

root = pathlib.Path(__file__).resolve().parent.parent.parent
out = root / "tests/data/fuzz"
golden = root / "tests/golden"
for old in out.glob("*/seed-*"):
    old.unlink()


def seed(fuzzer, data):
    data = data.encode() if isinstance(data, str) else data
    assert len(data) <= 20_000, (fuzzer, len(data))
    folder = out / fuzzer
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"seed-{hashlib.sha256(data).hexdigest()[:12]}").write_bytes(data)


# ---- GGUF: one of each metadata type, one tensor of several types, and the heads of real small models
def text(s):
    return struct.pack("<Q", len(s)) + s.encode()


def gguf(version, tensors, values):
    head = b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(values)) + b"".join(values)
    data = b""
    for name, shape, kind, size in tensors:
        head += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        head += struct.pack("<IQ", kind, len(data))
        data += bytes(i % 251 for i in range(size)).ljust((size + 31) // 32 * 32, b"\0")
    return head.ljust((len(head) + 31) // 32 * 32, b"\0") + data


scalars = [(0, "<B", 7), (1, "<b", -7), (2, "<H", 7), (3, "<h", -7), (4, "<I", 7), (5, "<i", -7), (6, "<f", 1.5), (7, "<B", 1),
           (10, "<Q", 7), (11, "<q", -7), (12, "<d", 1.5)]
values = [text(f"k{kind}") + struct.pack("<I", kind) + struct.pack(form, value) for kind, form, value in scalars]
values.append(text("general.architecture") + struct.pack("<I", 8) + text("llama"))
values.append(text("list") + struct.pack("<IIQ", 9, 8, 2) + text("a") + text("b"))
values.append(text("numbers") + struct.pack("<IIQ", 9, 6, 2) + struct.pack("<ff", 1, 2))
values.append(text("nested") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 4, 2) + struct.pack("<II", 1, 2))
sizes = {0: 4 * 256, 1: 2 * 256, 2: 18 * 8, 3: 20 * 8, 6: 22 * 8, 7: 24 * 8, 8: 34 * 8, 10: 84, 11: 110, 12: 144, 13: 176, 14: 210, 30: 512}
for version in (2, 3):
    seed("gguf_fuzz", gguf(version, [], values))
    seed("gguf_fuzz", gguf(version, [(f"t{kind}", [256], kind, size) for kind, size in sizes.items()], values[:1]))
seed("gguf_fuzz", gguf(3, [], []))

# ---- safetensors
def safetensors(header, data=b""):
    head = json.dumps(header, separators=(",", ":")).encode()
    return struct.pack("<Q", len(head)) + head + data


seed("safetensors_fuzz", safetensors({}))
kinds = {"F32": 4, "F16": 2, "BF16": 2, "I64": 8, "U8": 1, "BOOL": 1, "F64": 8, "I8": 1}
header, at = {"__metadata__": {"format": "pt"}}, 0
for kind, size in kinds.items():
    header[kind.lower()] = {"dtype": kind, "shape": [2, 3], "data_offsets": [at, at + 6 * size]}
    at += 6 * size
seed("safetensors_fuzz", safetensors(header, bytes(range(at))))
seed("safetensors_fuzz", safetensors({"a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}}, b"abcd"))

# ---- tokenizer.json: the small ones of the goldens, cut down to a few tokens
for path in sorted((golden / "tokenizer").glob("hf-*.json")):
    if path.name.endswith(".ids.json"):
        continue
    spec = json.loads(path.read_text())
    model = spec["model"]
    if isinstance(model.get("vocab"), dict):
        keep = sorted(model["vocab"].items(), key=lambda item: item[1])[:60]
        model["vocab"] = dict(keep)
    else:
        model["vocab"] = model["vocab"][:60]
    if "merges" in model:
        whole = [m if isinstance(m, str) else " ".join(m) for m in model["merges"]]
        merges = [m for m in whole if all(p in model["vocab"] for p in (m.split(" ")[0], m.split(" ")[-1], m.replace(" ", "")))]
        model["merges"] = merges[:40]
    spec["added_tokens"] = spec.get("added_tokens", [])[:4]
    compact = json.dumps(spec, ensure_ascii=False, separators=(",", ":"))
    if len(compact.encode()) < 8000:
        seed("tokenizer_json_fuzz", compact)

# ---- Jinja: the templates of the data-driven tests, and what they may hold besides
for path in sorted((root / "tests/data/jinja").rglob("*")):
    if path.is_file() and path.suffix in (".json", ".jinja", ".txt"):
        content = path.read_text()
        if path.suffix == ".json":
            def templates(node):
                if isinstance(node, dict):
                    for key, value in node.items():
                        if key in ("template", "source") and isinstance(value, str):
                            yield value
                        else:
                            yield from templates(value)
                elif isinstance(node, list):
                    for value in node:
                        yield from templates(value)
            for n, template in enumerate(templates(json.loads(content))):
                if n % 7 == 0 and len(template) < 3000:
                    seed("jinja_fuzz", template)
        elif len(content.encode()) < 6000:
            seed("jinja_fuzz", content)
for template in [
    "{% for m in messages %}<|{{ m.role }}|>{{ m['content'] | trim }}{% if loop.last %}!{% endif %}{% endfor %}",
    "{%- set ns = namespace(n=0) -%}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "{% macro f(a, b=2) %}{{ a ~ b }}{% endmacro %}{{ f(1) }}{{ f(b=3, a='x') }}",
    "{{ x[::-1] | join(', ') | upper | replace('1', 'one') }}{{ x is defined and 'a' in 'abc' }}",
    "{{ messages | tojson(indent=2) }}{{ messages | selectattr('role', 'equalto', 'user') | list | length }}",
    "{% if tools is none %}{{ raise_exception('no') }}{% elif x %}{{ strftime_now('%Y') }}{% else %}-{% endif %}",
    "{% raw %}{{ not }}{% endraw %}{# comment #}{{ 'a' if x else 'b' }}{{ 7 // 2 }}{{ 2 ** 10 }}{{ -7 % 3 }}{{ 1.5e3 }}",
    "{% filter upper %}a{% endfilter %}{% call(u) f() %}{{ u }}{% endcall %}{% break %}{% generation %}{% endgeneration %}",
    "{{ ''.join(['a'] * 3) }}{{ 'a b'.split() }}{{ {'a': 1}.items() | list }}{{ 'x' * 5 }}{{ [1, 2] + [3] }}{{ '%s' | format(1) }}",
]:
    seed("jinja_fuzz", template)

# ---- event streams and answers of servers
for body in [
    "data: one\n\n", "\ufeffid: 1\nevent: add\ndata: a\ndata: b\nretry: 10\n\n: comment\r\ndata:x\r\rdata\n\n",
    'data: {"choices":[{"delta":{"content":"hi"},"index":0}]}\n\ndata: [DONE]\n\n',
]:
    seed("sse_fuzz", b"\3" + body.encode())
for body in [
    'data: {"id":"a","choices":[{"delta":{"role":"assistant","content":"hi"},"index":0}]}\n\ndata: {"choices":[{"delta":{},"finish_reason":"stop","index":0}],"usage":{"prompt_tokens":1,"completion_tokens":2}}\n\ndata: [DONE]\n\n',
    'data: {"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":"{\\"a\\""}}]}}]}\n\ndata: {"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]},"finish_reason":"tool_calls"}]}\n\n',
    'data: {"error":{"message":"m","type":"server_error","code":"x"}}\n\n',
    '{"choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}',
    '{"data":[{"index":0,"embedding":[1,2.5]},{"index":1,"embedding":"AACAPwAAAEA="}],"model":"m"}', '{"content":"x","reasoning_content":"y"}',
]:
    seed("openai_fuzz", b"\2" + body.encode())

# ---- HTTP
for body in [
    "/v1/models/a%20b?x=1&y=%E4%BD%A0#f", "http://user@host:80/a/../b?q", "multipart/form-data; boundary=\"a b\"; charset=utf-8",
    "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.txt\"\r\nContent-Type: text/plain\r\n\r\nbytes\r\n--b\r\nContent-Disposition: form-data; name=x\r\n\r\n1\r\n--b--\r\n",
    "Wed, 21 Oct 2015 07:28:00 GMT", "120", "a\r\n--b--", "form-data; name*=UTF-8''%e2%82%ac; name=\"a\\\"b\"",
]:
    seed("http_fuzz", b"\4" + body.encode())

# ---- documents
page = ("<!doctype html><html><head><title>T &amp; t</title><meta charset=utf-8><style>p{}</style></head><body><nav>n</nav><h1>One</h1>"
        "<p>Text <b>bold</b> <a href=x>link</a><br>more &#20320;&nbsp;</p><ul><li>a<ol><li>b</ol><li>c</ul><pre>code\n  x</pre>"
        "<table><tr><th>h<th>i<tr><td colspan=2>1</table><blockquote>q</blockquote><script>no()</script></body></html>")
seed("html_fuzz", page)
seed("html_fuzz", "<p>unclosed <i>x<p>y</div><![CDATA[z]]><!-- c --><svg><text>t</text></svg>")
seed("html_fuzz", '<meta http-equiv=Content-Type content="text/html; charset=gb18030">'.encode() + "你好".encode("gb18030"))


def docx(xml):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        z.writestr("word/document.xml", xml)
    return stream.getvalue()


word = ('<w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="Heading1"/></w:pPr><w:r><w:t>One</w:t></w:r></w:p><w:p><w:r><w:t>two'
        '</w:t><w:tab/><w:br/></w:r></w:p><w:tbl><w:tr><w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>')
markdown = "---\ntitle: t\n---\n# One\n\ntext *a* `b`\n\n- x\n  - y\n1. z\n\n```c\nint a;\n```\n\n| a | b |\n|--|--|\n| 1 | 2 |\n\n> quote\n\nTwo\n===\n[l](u)\n"
kinds = ["Plain text.\n\nTwo 你好。\n", markdown, 'a,b\n"1, ""x""",2\n', '{"a":[1,{"b":"c"}],"d":null,"title":"t"}', '{"a":1}\n{"text":"b"}\n\n',
         docx(word), 'class A:\n    """doc"""\n    def f(self):\n        return 1\n', "Title\n=====\n\n.. note:: x\n\n* a\n", gzip.compress(markdown.encode(), mtime=0),
         "<a><b>c</b><!-- d --></a>"]
for kind, body in enumerate(kinds):
    seed("document_fuzz", bytes([kind]) + (body if isinstance(body, bytes) else body.encode()))
seed("document_fuzz", b"\0" + "你好，世界。".encode("utf-16"))
seed("document_fuzz", b"\0" + "これは文章です。".encode("shift_jis"))
layout = ('<html><head><title>T</title></head><body><doc><page width="612" height="792"><flow><block xMin="72" yMin="72" xMax="300" yMax="90">'
          '<line xMin="72" yMin="72" xMax="300" yMax="90"><word xMin="72" yMin="72" xMax="120" yMax="90">Big</word><word xMin="125" yMin="72" xMax="300" yMax="90">head-</word></line></block>'
          '<block xMin="72" yMin="100" xMax="300" yMax="110"><line xMin="72" yMin="100" xMax="300" yMax="110"><word xMin="72" yMin="100" xMax="300" yMax="110">text &amp; 你</word></line></block></flow></page></doc></body></html>')
seed("pdf_layout_fuzz", layout.replace("><", ">\n<"))
seed("pdf_layout_fuzz", layout.replace("><", ">\n<").replace("</doc>", "") * 2)
seed("split_fuzz", bytes([2, 0, 6, 1, 200]) + "# One\nSentence one. Sentence two! 你好。世界？ Mr. Dog e.g. 3.14\n\nnext paragraph".encode())
print({folder.name: len(list(folder.iterdir())) for folder in sorted(out.iterdir())})
