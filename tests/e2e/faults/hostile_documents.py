"""Documents made to hurt their readers: noise, bombs, endless nesting, entities. Usage: hostile_documents.py FOLDER"""
import gzip
import io
import json
import pathlib
import random
import sys
import zipfile

chance = random.Random(3)
out = pathlib.Path(sys.argv[1])


def put(name, data):
    (out / name).write_bytes(data)


for kind in "md html htm txt csv json jsonl pdf docx py xml gz".split():
    put(f"random.{kind}", chance.randbytes(30_000))
    put(f"empty.{kind}", b"")
put("deep.json", b"[" * 200_000)
put("deep2.json", b'{"a":' * 100_000 + b"1" + b"}" * 100_000)
put("deep.html", b"<div><b>" * 100_000 + b"text")
put("deep.md", b"> " * 50_000 + b"x\n" + b"* " * 20_000 + b"x\n" + b"[" * 50_000)
put("attributes.html", b"<p " + b"a=b " * 200_000 + b">x")
put("line.csv", b"a,b\n\"" + b"never closed " * 100_000)
put("wide.csv", b"," * 1_000_000 + b"\n")
put("word.txt", b"x" * 3_000_000)
put("han.txt", "永".encode() * 700_000)
put("nul.txt", b"\0" * 500_000)
put("numbers.json", json.dumps({"n": 10**300, "deep": [[[]]]}).encode() + b"\xff")
put("pdf.pdf", b"%PDF-1.7\n1 0 obj << /Type /Catalog /Pages 1 0 R >> endobj\ntrailer << /Root 1 0 R >>")
bomb = io.BytesIO()
with gzip.GzipFile(fileobj=bomb, mode="wb") as f:
    for _ in range(1200): f.write(b"\0" * 1_000_000)
put("bomb.txt.gz", bomb.getvalue())
def docx(name, xml, method=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(out / name, "w", method) as z:
        z.writestr("[Content_Types].xml", "<Types/>")
        z.writestr("word/document.xml", xml)
docx("bomb.docx", b"<w:document>" + b" " * 400_000_000)
docx("laughs.docx", b'<!DOCTYPE l [<!ENTITY a "ha">' + b"".join(b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10 if i else b"&a;" * 10) for i in range(12)) + b"]><w:document>&a11;</w:document>")
docx("external.docx", b'<!DOCTYPE l [<!ENTITY x SYSTEM "file:///etc/passwd">]><w:document><w:body><w:p><w:r><w:t>&x;</w:t></w:r></w:p></w:body></w:document>')
docx("deep.docx", b"<a>" * 300_000)
(out / "good.txt").write_text("The good document survives its neighbours.\n")
