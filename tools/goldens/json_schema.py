#!/usr/bin/env python3
"""Which values of tests/data/json_schema/*.json are valid, by PyPI's jsonschema (draft 2020-12, formats asserted).

Needs: pip install 'jsonschema[format-nongpl]' regex. Writes tests/golden/json_schema/NAME.json: one list of booleans a case.
Usage: tools/goldens/json_schema.py
"""
import json
import pathlib
import re

import regex
from jsonschema import Draft202012Validator
import jsonschema._keywords

root = pathlib.Path(__file__).resolve().parents[2]


class Ecma:
    """Patterns as ECMA-262 reads them: ASCII \\d and \\w, $ only at the very end, \\p{…}."""

    @staticmethod
    def search(pattern, text):
        return regex.search(pattern.replace("$", r"\Z"), text, regex.ASCII if r"\p" not in pattern else 0)


jsonschema._keywords.re = Ecma
# Where the specification's own test suite says otherwise than jsonschema: leap seconds (RFC 3339) and dots in mailboxes (RFC 5321).
KNOWN = {
    "time": {"23:59:60Z": True, "01:29:60+01:30": True, "23:29:60+23:30": True},
    "date-time": {"1998-12-31T23:59:60Z": True},
    "email": {".test@example.com": False},
}
for name in ("formats", "validation"):
    cases = json.loads((root / f"tests/data/json_schema/{name}.json").read_text())
    out = []
    for case in cases:
        validator = Draft202012Validator(case["schema"], format_checker=Draft202012Validator.FORMAT_CHECKER)
        known = KNOWN.get(case["about"], {})
        out.append([known.get(v, validator.is_valid(v)) if isinstance(v, str) else validator.is_valid(v) for v in case["data"]])
    text = "[\n" + ",\n".join(json.dumps(row) for row in out) + "\n]\n"
    (root / f"tests/golden/json_schema/{name}.json").write_text(text)
