"""Schemas and texts that fit them, for the comparison of constrained decoders."""
import json

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "skills": {"type": "array", "items": {"type": "string"}},
        "email": {"type": ["string", "null"]},
    },
    "required": ["name", "age", "skills", "email"],
    "additionalProperties": False,
}
NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "label": {"type": "string"},
                "value": {"type": "number"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["label", "value", "children"],
            "additionalProperties": False,
        }
    },
    "$ref": "#/$defs/node",
}
FORM = {
    "type": "object",
    "properties": {
        f"field_{i}": {"type": "string", "maxLength": 40} if i % 3 == 0 else {"type": "boolean"} if i % 3 == 1 else {"enum": ["low", "medium", "high"]}
        for i in range(24)
    },
    "required": [f"field_{i}" for i in range(24)],
    "additionalProperties": False,
}


def tree(depth):
    return {"label": f"node at depth {depth}", "value": depth * 1.5, "children": [tree(depth - 1) for _ in range(2)] if depth else []}


CASES = [
    ("person", PERSON, [{"name": "Ada Lovelace", "age": 36, "skills": ["mathematics", "writing \"notes\"", "the flute"], "email": None},
                        {"name": "王芳", "age": 42, "skills": ["弹钢琴", "C++"], "email": "wang@example.com"}]),
    ("tree", NODE, [tree(3)]),
    ("form", FORM, [{k: "some text of a form" if "maxLength" in v else True if v.get("type") == "boolean" else "medium" for k, v in FORM["properties"].items()}]),
    ("any json", {"type": "object"}, [{"a": [1, 2.5, {"b": [True, None, "x y z"]}], "long key": "some longer text, with punctuation; and 中文"}]),
]


def lines():
    for name, schema, values in CASES:
        yield json.dumps({"name": name, "schema": json.dumps(schema), "texts": [json.dumps(v, ensure_ascii=False) for v in values]}, ensure_ascii=False)
