#!/usr/bin/env python3
"""LiteLLM's side: a call of its Router on an answer that is there already (its mock_response). Prints one JSON object.

Usage: litellm_side.py SCENARIO CALLS    SCENARIO: router, router-stream, completion
"""
import asyncio
import json
import os
import sys
import time

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its price table from the package, not from the network
import litellm

scenario, calls = sys.argv[1], int(sys.argv[2])
litellm.suppress_debug_info = True
litellm.telemetry = False
ANSWER = "Because the chicken wanted to reach the other side."
messages = [{"role": "user", "content": "Why did the chicken cross the road?"}]
router = litellm.Router(model_list=[{"model_name": "x", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "k", "mock_response": ANSWER}}])


async def routed():
    for _ in range(calls):
        answer = await router.acompletion(model="x", messages=messages, max_tokens=200)
        assert answer.choices[0].message.content == ANSWER


async def streamed():
    for _ in range(calls):
        text = ""
        async for piece in await router.acompletion(model="x", messages=messages, max_tokens=200, stream=True):
            text += piece.choices[0].delta.content or ""
        assert text == ANSWER


async def direct():
    for _ in range(calls):
        answer = await litellm.acompletion(model="openai/gpt-4o-mini", api_key="k", messages=messages, max_tokens=200, mock_response=ANSWER)
        assert answer.choices[0].message.content == ANSWER


work = {"router": routed, "router-stream": streamed, "completion": direct}[scenario]


async def main():
    global calls
    wanted, calls = calls, 5
    await work()  # warm
    calls = wanted
    begin = time.perf_counter()
    await work()
    return time.perf_counter() - begin


seconds = asyncio.run(main())
print(json.dumps({"calls": calls, "microseconds": seconds * 1e6 / calls}))
