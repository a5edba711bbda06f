#!/usr/bin/env python3
"""How many tool calls of a local model under tool_choice "auto" keep to their tool's schema.

Asks a running server (`tenon serve`, or any other with OpenAI's chat completions) the requests of tool_prompts.py and
validates every finished call with the `jsonschema` package. Usage: tool_calls.py BASE_URL MODEL [TEMPERATURE]
"""
import json
import sys
import urllib.request

import jsonschema

from tool_prompts import PROMPTS, TOOLS

base, model = sys.argv[1:3]
temperature = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0
schemas = {name: schema for name, _, schema in TOOLS}
tools = [{"type": "function", "function": {"name": n, "description": d, "parameters": s}} for n, d, s in TOOLS]
count = {"prompts": 0, "answers with a call": 0, "calls": 0, "valid": 0, "the tool that fits": 0, "cut": 0, "answers in words": 0}
for wanted, prompt in PROMPTS:
    body = {"model": model, "messages": [{"role": "user", "content": prompt}], "tools": tools, "temperature": temperature,
            "seed": 7, "max_tokens": 400}
    request = urllib.request.Request(base.rstrip("/") + "/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    choice = json.load(urllib.request.urlopen(request))["choices"][0]
    calls = choice["message"].get("tool_calls") or []
    count["prompts"] += 1
    count["answers with a call"] += bool(calls)
    count["answers in words"] += not calls
    count["cut"] += choice["finish_reason"] == "length"
    for call in calls:
        count["calls"] += 1
        function = call["function"]
        try:
            jsonschema.validate(json.loads(function["arguments"]), schemas[function["name"]])
            count["valid"] += 1
        except (json.JSONDecodeError, KeyError, jsonschema.ValidationError) as problem:
            print("not valid:", function, str(problem).splitlines()[0], file=sys.stderr)
    count["the tool that fits"] += bool(calls) and calls[0]["function"]["name"] == wanted
    if not calls:
        print("in words:", prompt, "->", repr((choice["message"]["content"] or "")[:160]), file=sys.stderr)
count["valid share"] = round(count["valid"] / max(1, count["calls"]), 4)
print(json.dumps(count))
