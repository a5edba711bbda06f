#!/usr/bin/env python3
"""LangChain's and Jinja2's side: what a chain costs beside its model. Prints one JSON object.

Usage: langchain_side.py SCENARIO CALLS [TEMPLATE MESSAGES]    SCENARIO: coroutine, sync, stream, template, sandboxed
"""
import asyncio
import json
import pathlib
import sys
import time

scenario, calls = sys.argv[1], int(sys.argv[2])
ANSWER = "Because the chicken wanted to reach the other side."


def rendered():
    if scenario == "sandboxed":
        from jinja2.sandbox import ImmutableSandboxedEnvironment as Environment
    else:
        from jinja2 import Environment
    environment = Environment(trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string(pathlib.Path(sys.argv[3]).read_text())
    context = json.loads(pathlib.Path(sys.argv[4]).read_text())
    out = template.render(**context)
    begin = time.perf_counter()
    for _ in range(calls):
        template.render(**context)
    print(len(out.encode()), "bytes each", file=sys.stderr)
    return time.perf_counter() - begin


def chained():
    from langchain_core.language_models.fake_chat_models import FakeListChatModel
    from langchain_core.output_parsers import StrOutputParser
    from langchain_core.prompts import ChatPromptTemplate

    prompt = ChatPromptTemplate.from_template("Tell me a joke about {topic} in a {tone} tone.")
    chain = prompt | FakeListChatModel(responses=[ANSWER]) | StrOutputParser()
    value = {"topic": "chickens", "tone": "dry"}
    assert chain.invoke(value) == ANSWER

    async def many():
        begin = time.perf_counter()
        for _ in range(calls):
            await chain.ainvoke(value)
        return time.perf_counter() - begin

    async def streams():
        begin = time.perf_counter()
        for _ in range(calls):
            async for _piece in chain.astream(value):
                pass
        return time.perf_counter() - begin

    if scenario == "coroutine":
        return asyncio.run(many())
    if scenario == "stream":
        return asyncio.run(streams())
    begin = time.perf_counter()
    for _ in range(calls):
        chain.invoke(value)
    return time.perf_counter() - begin


seconds = rendered() if scenario in ("template", "sandboxed") else chained()
print(json.dumps({"calls": calls, "microseconds": seconds * 1e6 / calls}))
