#!/usr/bin/env python3
"""Makes Markdown of Mallard help pages. Usage: mallard.py DIR PAGE..."""
import pathlib
import re
import sys
import xml.etree.ElementTree as tree

SPACE = "{http://projectmallard.org/1.0/}"


def name(element):
    return element.tag.replace(SPACE, "")


def words(element):
    out = element.text or ""
    for child in element:
        kind = name(child)
        if kind == "guiseq":
            out += " ▸ ".join(words(part).strip() for part in child)
        elif kind == "keyseq":
            out += "+".join(words(part).strip() for part in child)
        elif kind in ("cmd", "code", "file", "input"):
            out += f"`{words(child).strip()}`"
        elif kind not in ("info", "media", "desc"):
            out += words(child)
        out += child.tail or ""
    return re.sub(r"\s+", " ", out)


def blocks(element, depth, out):
    for child in element:
        kind = name(child)
        if kind == "title":
            out.append("#" * depth + " " + words(child).strip())
        elif kind == "p":
            out.append(words(child).strip())
        elif kind == "section":
            blocks(child, depth + 1, out)
        elif kind in ("list", "steps"):
            items = []
            for number, item in enumerate(child.findall(SPACE + "item"), 1):
                inner = []
                blocks(item, depth + 1, inner)
                items.append((f"{number}. " if kind == "steps" else "- ") + "\n   ".join(inner))
            out.append("\n".join(items))
        elif kind in ("code", "screen"):
            out.append("```\n" + "".join(child.itertext()).strip("\n") + "\n```")
        elif kind in ("note", "terms", "item", "table", "tbody", "tr", "td", "example", "quote"):
            blocks(child, depth + 1, out)
    return out


for page in map(pathlib.Path, sys.argv[2:]):
    text = "\n\n".join(b for b in blocks(tree.parse(page).getroot(), 1, []) if b)
    if len(text) > 200:  # the rest only points to other pages
        (pathlib.Path(sys.argv[1]) / page.with_suffix(".md").name).write_text(text + "\n")
