#!/usr/bin/env python3
"""LangGraph's side: its ready-made agent on a scripted model, one tool call, then the answer. Prints one JSON object.

Usage: langgraph_side.py SCENARIO CALLS [FOLDER]    SCENARIO: agent, agent-async, memory, sqlite
memory: its in-memory saver, a thread of its own for each run. sqlite: its saver for SQLite, in FOLDER (needs langgraph-checkpoint-sqlite).
"""
import asyncio
import json
import os
import sys
import time
import warnings

warnings.filterwarnings("ignore")  # create_react_agent is announced to move to another package
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.tools import tool
from langgraph.prebuilt import create_react_agent

scenario, calls = sys.argv[1], int(sys.argv[2])


@tool
def revenue(name: str) -> str:
    """Revenue of a customer by year"""
    return "2024: 120, 2025: 180"


class Scripted(BaseChatModel):
    @property
    def _llm_type(self):
        return "scripted"

    def bind_tools(self, tools, **settings):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **settings):
        if isinstance(messages[-1], ToolMessage):
            message = AIMessage(content="Lin grew by 50 %.")
        else:
            message = AIMessage(content="", tool_calls=[{"name": "revenue", "args": {"name": "Lin"}, "id": "call_1"}])
        return ChatResult(generations=[ChatGeneration(message=message)])


def measure(saver):
    agent = create_react_agent(Scripted(), [revenue], prompt="You keep the books. Look figures up; never guess them.", checkpointer=saver)
    question = {"messages": [("user", "By how much did Lin grow?")]}

    def settings(i):
        return {"configurable": {"thread_id": str(i)}} if saver else {}

    def check(result):
        assert [m.type for m in result["messages"]] == ["human", "ai", "tool", "ai"] and "50 %" in result["messages"][-1].content

    check(agent.invoke(question, settings("first")))

    async def many():
        begin = time.perf_counter()
        for i in range(calls):
            await agent.ainvoke(question, settings(i))
        return time.perf_counter() - begin

    if scenario == "agent-async":
        return asyncio.run(many())
    begin = time.perf_counter()
    for i in range(calls):
        agent.invoke(question, settings(i))
    return time.perf_counter() - begin


if scenario == "memory":
    from langgraph.checkpoint.memory import InMemorySaver

    seconds = measure(InMemorySaver())
elif scenario == "sqlite":
    from langgraph.checkpoint.sqlite import SqliteSaver

    with SqliteSaver.from_conn_string(os.path.join(sys.argv[3], f"langgraph-{os.getpid()}.db")) as saver:
        seconds = measure(saver)
else:
    seconds = measure(None)
print(json.dumps({"calls": calls, "microseconds": seconds * 1e6 / calls}))
