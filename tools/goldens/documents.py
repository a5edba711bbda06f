#!/usr/bin/env python3
"""Writes the sample documents of tests/data/documents that are not plain text: DOCX, PDF, legacy encodings, gzip.

Needs only the standard library; the same bytes come out every time."""

import gzip
import io
import pathlib
import zipfile
import zlib

HERE = pathlib.Path(__file__).resolve().parents[2] / "tests" / "data" / "documents"
W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'


def zip_bytes(parts):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()


def paragraph(text, style=None, extra=""):
    properties = (f'<w:pStyle w:val="{style}"/>' if style else "") + extra
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space=\"preserve\">{text}</w:t></w:r></w:p>"


def row(*cells):
    return "<w:tr>" + "".join(f"<w:tc>{paragraph(c)}</w:tc>" for c in cells) + "</w:tr>"


def docx():
    bullet = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    body = "".join([
        paragraph("Joinery Handbook", "Title"),
        paragraph("Mortise and tenon", "Heading1"),
        '<w:p><w:r><w:t xml:space="preserve">The tenon fits the </w:t></w:r><w:r><w:rPr><w:b/></w:rPr><w:t>mortise</w:t></w:r>'
        '<w:r><w:t xml:space="preserve"> without nails</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:t>.</w:t></w:r>'
        '<w:del w:id="9" w:author="x"><w:r><w:delText> Deleted words.</w:delText></w:r></w:del></w:p>',
        paragraph("中文标题", "Custom"),
        paragraph("榫卯不用钉子。", None),
        paragraph("saw", None, bullet),
        paragraph("chisel", None, bullet),
        f"<w:tbl>{row('Wood', 'Hardness')}{row('Oak', '1290')}{row('Pine', '380')}</w:tbl>",
        '<w:p><w:r><w:lastRenderedPageBreak/><w:t>On the second page. </w:t></w:r><w:hyperlink r:id="rId1"><w:r><w:t>A link</w:t></w:r></w:hyperlink></w:p>',
    ])
    return {
        "[Content_Types].xml": '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>',
        "word/document.xml": f'<?xml version="1.0" encoding="UTF-8"?><w:document {W}><w:body>{body}</w:body></w:document>',
        "word/styles.xml": f'<?xml version="1.0"?><w:styles {W}>'
        '<w:style w:styleId="Title"><w:name w:val="Title"/></w:style>'
        '<w:style w:styleId="Heading1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Base2"><w:name w:val="My base"/><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
        '<w:style w:styleId="Custom"><w:name w:val="My heading"/><w:basedOn w:val="Base2"/></w:style></w:styles>',
        "word/footnotes.xml": f'<?xml version="1.0"?><w:footnotes {W}><w:footnote w:id="0" w:type="separator"><w:p/></w:footnote>'
        '<w:footnote w:id="2"><w:p><w:r><w:t>Glue is allowed.</w:t></w:r></w:p></w:footnote></w:footnotes>',
        "docProps/core.xml": '<?xml version="1.0"?><cp:coreProperties xmlns:cp="urn:cp" xmlns:dc="urn:dc"><dc:title>The Joinery Handbook</dc:title></cp:coreProperties>',
    }


def pdf(pages, title):
    """pages: lists of (x, y, size, text); Helvetica, Latin-1."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", ""]
    font = 3
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    kids = []
    for lines in pages:
        content = "BT\n"
        for x, y, size, text in lines:
            escaped = text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
            content += f"/F1 {size} Tf 1 0 0 1 {x} {y} Tm ({escaped}) Tj\n"
        content += "ET"
        data = zlib.compress(content.encode("latin-1"), 9)
        kids.append(len(objects) + 1)
        objects.append(f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents {len(objects) + 2} 0 R /Resources << /Font << /F1 {font} 0 R >> >> >>")
        objects.append(b"<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream" % (len(data), data))
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(f'{k} 0 R' for k in kids)}] >>"
    objects.append(f"<< /Title ({title}) >>")
    out = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n"
    offsets = []
    for number, item in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + (item if isinstance(item, bytes) else item.encode()) + b"\nendobj\n"
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(objects), start)
    return out


def handbook():
    def page(number, lines):
        return [(72, 810, 9, "Joinery Handbook")] + lines + [(290, 30, 9, f"{number} / 3")]

    filler = "The joint holds because the shoulders of the tenon rest against the face of the mor-"
    return pdf([
        page(1, [(72, 740, 20, "1 Mortise and tenon"),
                 (72, 700, 11, filler), (72, 686, 11, "tise, and no nail is needed. It has been used for seven thousand years in every part of"),
                 (72, 672, 11, "the world."),
                 (72, 640, 11, "A second paragraph says that oak is hard and that it lasts.")]),
        page(2, [(72, 740, 15, "1.1 Tools"),
                 (72, 700, 11, "\x95 a saw"), (72, 686, 11, "\x95 a chisel"),
                 (72, 90, 11, "This sentence begins at the very end of the second page of the handbook and it goes")]),
        page(3, [(72, 740, 11, "on at the top of the third. Here it ends."),
                 (72, 700, 20, "2 Finishing"), (72, 660, 11, "Sand the wood before you oil it.")]),
    ], "The Joinery Handbook")


def main():
    HERE.mkdir(parents=True, exist_ok=True)
    (HERE / "handbook.docx").write_bytes(zip_bytes(docx()))
    (HERE / "handbook.pdf").write_bytes(handbook())
    (HERE / "scanned.pdf").write_bytes(pdf([[], []], "Scan"))
    chinese = "第一章 榫卯\n\n榫卯是中国古代建筑、家具的主要连接方式。它不用钉子，却十分牢固！\n\n第二章 工具\n\n常用的工具有锯子和凿子。\n"
    (HERE / "gb18030.txt").write_bytes(chinese.encode("gb18030"))
    (HERE / "big5.txt").write_bytes("第一章 榫卯\n\n這是一個繁體中文的檔案，說明榫卯的結構。\n".encode("big5"))
    (HERE / "utf16.txt").write_bytes("\ufeff榫卯 and UTF-16\r\n\r\nSecond paragraph.\r\n".encode("utf-16-le"))
    (HERE / "latin1.txt").write_bytes("Résumé\n======\n\nDas Holz ist schön und für Möbel geeignet.\n".encode("latin-1"))
    with open(HERE / "notes.md.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write("# Notes\n\nPacked Markdown.\n".encode())


if __name__ == "__main__":
    main()
