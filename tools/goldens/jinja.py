#!/usr/bin/env python3
"""Goldens for the Jinja templates: what jinja2 makes of tests/data/jinja/*.json.

The environment is the one transformers compiles chat templates in, with the clock stopped. Each data file holds
"contexts" and "templates"; every template is rendered with every context. An error is recorded as
{"error": true}, with its message when the template raised it itself. Chat templates of the model files in
TENON_TEST_MODELS are rendered too, with the contexts of chat.json; only the outputs are stored.

Run with a Python that has jinja2 and transformers (and gguf for the model files): tools/goldens/jinja.py
"""
import copy
import datetime
import json
import os
import pathlib

os.environ["HF_HUB_OFFLINE"] = "1"
from jinja2.exceptions import TemplateError
from transformers.utils.chat_template_utils import _cached_compile_jinja_template

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"
DATA, GOLDEN = TESTS / "data" / "jinja", TESTS / "golden" / "jinja"
NOW = datetime.datetime(2026, 3, 14, 15, 9, 26, 535897)
MODELS = ["qwen2.5-coder-0.5b.gguf", "smollm2-135m.gguf"]


def render(source, context):
    try:
        template = _cached_compile_jinja_template(source)
        template.globals["strftime_now"] = NOW.strftime
        return {"output": template.render(**copy.deepcopy(context))}
    except TemplateError as error:
        raised = type(error) is TemplateError
        return {"error": error.message if raised else True}
    except (TypeError, ValueError, ArithmeticError, LookupError, AttributeError, SyntaxError):
        return {"error": True}


def write(path, value):
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def main():
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for path in sorted(DATA.glob("*.json")):
        data = json.loads(path.read_text())
        results = [[render(t["source"], c) for c in data["contexts"]] for t in data["templates"]]
        write(GOLDEN / path.name, results)
        print(path.name, sum(map(len, results)), "renders")
    directory = os.environ.get("TENON_TEST_MODELS")
    if not directory:
        print("TENON_TEST_MODELS is not set: the goldens of model files are left as they are")
        return
    import gguf
    contexts = json.loads((DATA / "chat.json").read_text())["contexts"]
    results = {}
    for name in MODELS:
        field = gguf.GGUFReader(pathlib.Path(directory) / name).fields["tokenizer.chat_template"]
        source = bytes(field.parts[field.data[0]]).decode()
        results[name] = [render(source, context) for context in contexts]
    write(GOLDEN / "models" / "models.json", results)


if __name__ == "__main__":
    (GOLDEN / "models").mkdir(parents=True, exist_ok=True)
    main()
