#!/usr/bin/env python3
"""Streams as the providers send them, and what their published clients make of them.

Writes tests/data/streams/PROVIDER/NAME.sse (or .ndjson) and tests/golden/streams/PROVIDER/NAME.json. Every event is held to
the client's own types, and the golden is what the client has put together at the end. Run with
    pip install openai anthropic google-genai ollama
    tools/goldens/provider_streams.py
"""
import base64
import json
import pathlib

from pydantic import TypeAdapter

TESTS = pathlib.Path(__file__).resolve().parents[2] / "tests"


def save(provider, name, body, golden, ending="sse"):
    data, gold = TESTS / "data/streams" / provider, TESTS / "golden/streams" / provider
    data.mkdir(parents=True, exist_ok=True)
    gold.mkdir(parents=True, exist_ok=True)
    (data / f"{name}.{ending}").write_text(body)
    (gold / f"{name}.json").write_text(json.dumps(golden, ensure_ascii=False, indent=1) + "\n")


def outcome(text="", reasoning="", calls=(), finish="stop", usage=(0, 0, 0, 0, 0), signatures=(), citations=(), parts=(), id="", model=""):
    names = ("input", "cached", "cache_write", "output", "reasoning")
    return {"id": id, "model": model, "text": text, "reasoning": reasoning, "signatures": list(signatures),
            "calls": [{"id": i, "name": n, "arguments": a} for i, n, a in calls], "citations": list(citations),
            "parts": list(parts), "finish": finish, "usage": dict(zip(names, usage))}


# OpenAI chat completions

def openai_chat():
    from openai.lib.streaming.chat import ChatCompletionStreamState
    from openai.types.chat import ChatCompletionChunk

    def chunk(delta=None, finish=None, **more):
        choices = [] if delta is None else [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}]
        return {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion.chunk", "created": 1741569952,
                "model": "gpt-5-2025-08-07", "service_tier": "default", "system_fingerprint": "fp_1", "choices": choices, "usage": None, **more}

    def usage(prompt, completion, cached=0, reasoning=0):
        return chunk(usage={"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
                            "prompt_tokens_details": {"cached_tokens": cached, "audio_tokens": 0},
                            "completion_tokens_details": {"reasoning_tokens": reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0,
                                                          "rejected_prediction_tokens": 0}})

    def call(index, id=None, name=None, arguments=""):
        function = {"arguments": arguments} | ({"name": name} if name else {})
        return {"tool_calls": [{"index": index, "function": function} | ({"id": id, "type": "function"} if id else {})]}

    first = {"role": "assistant", "content": "", "refusal": None}
    streams = {
        "text": [chunk(first), chunk({"content": "Grüß "}), chunk({"content": "Gott 你好 "}), chunk({"content": "👋"}), chunk({}, "stop"),
                 usage(19, 10, cached=8, reasoning=3)],
        "parallel_tools": [chunk({"role": "assistant", "content": None}), chunk(call(0, "call_a", "get_weather")),
                           chunk(call(0, arguments='{"city"')), chunk(call(0, arguments=': "Paris"}')),
                           chunk(call(1, "call_b", "get_time")), chunk(call(1, arguments='{}')), chunk({}, "tool_calls"), usage(80, 40)],
        "refusal": [chunk({"role": "assistant", "content": None, "refusal": ""}), chunk({"refusal": "I cannot "}),
                    chunk({"refusal": "help with that."}), chunk({}, "stop"), usage(10, 6)],
        "length": [chunk(first), chunk({"content": "Once"}), chunk({}, "length"), usage(5, 1)],
        "filtered": [chunk(first), chunk({"content": "So"}), chunk({}, "content_filter"), usage(5, 1)],
    }
    for name, events in streams.items():
        state = ChatCompletionStreamState()
        for event in events:
            TypeAdapter(ChatCompletionChunk).validate_python(event, strict=True)
            state.handle_chunk(ChatCompletionChunk.model_validate(event))
        final = state.current_completion_snapshot
        message, u = final.choices[0].message, final.usage
        body = "".join(f"data: {json.dumps(e, ensure_ascii=False, separators=(',', ':'))}\n\n" for e in events) + "data: [DONE]\n\n"
        save("openai_chat", name, body, outcome(
            id=final.id, model=final.model, text=(message.content or "") + (message.refusal or ""),
            calls=[(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []], finish=final.choices[0].finish_reason,
            usage=(u.prompt_tokens, u.prompt_tokens_details.cached_tokens, 0, u.completion_tokens, u.completion_tokens_details.reasoning_tokens)))


# Anthropic messages

def anthropic():
    import httpx2 as httpx
    from anthropic import Anthropic
    from anthropic.types import RawMessageStreamEvent

    def start(**usage):
        return {"type": "message_start", "message": {
            "id": "msg_01XFDUDYJgAACzvnptvVoYEL", "type": "message", "role": "assistant", "content": [], "model": "claude-sonnet-4-5-20250929",
            "stop_reason": None, "stop_sequence": None, "usage": {"input_tokens": 25, "output_tokens": 1, "service_tier": "standard"} | usage}}

    def block(index, content, *deltas):
        return [{"type": "content_block_start", "index": index, "content_block": content},
                *({"type": "content_block_delta", "index": index, "delta": d} for d in deltas),
                {"type": "content_block_stop", "index": index}]

    def text(index, *pieces):
        return block(index, {"type": "text", "text": ""}, *({"type": "text_delta", "text": p} for p in pieces))

    def tool(index, id, name, *pieces):
        return block(index, {"type": "tool_use", "id": id, "name": name, "input": {}}, *({"type": "input_json_delta", "partial_json": p} for p in pieces))

    def stop(reason, output, sequence=None, **usage):
        return [{"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": sequence}, "usage": {"output_tokens": output} | usage},
                {"type": "message_stop"}]

    ping = {"type": "ping"}
    char = {"type": "char_location", "cited_text": "The sky is blue.", "document_index": 0, "document_title": "facts.txt", "file_id": None,
            "start_char_index": 4, "end_char_index": 20}
    page = {"type": "page_location", "cited_text": "Snow is white.", "document_index": 1, "document_title": "snow.pdf", "file_id": None,
            "start_page_number": 2, "end_page_number": 3}
    web = {"type": "web_search_result_location", "cited_text": "It rains.", "url": "https://weather.example/", "title": "Weather",
           "encrypted_index": "Eo8BCioIAhgB"}
    results = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
        {"type": "web_search_result", "title": "Weather", "url": "https://weather.example/", "encrypted_content": "EqgfCioIARgB", "page_age": None}]}
    streams = {
        "text": [start(cache_read_input_tokens=100, cache_creation_input_tokens=50), ping, *text(0, "Hello", " 你好", "!"), *stop("end_turn", 15)],
        "thinking_and_tools": [
            start(), *block(0, {"type": "thinking", "thinking": "", "signature": ""}, {"type": "thinking_delta", "thinking": "Two "},
                            {"type": "thinking_delta", "thinking": "calls."}, {"type": "signature_delta", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"}),
            *text(1, "I look it up."), ping, *tool(2, "toolu_1", "get_weather", "", '{"city":', ' "Par', 'is"}'), *tool(3, "toolu_2", "now"),
            *stop("tool_use", 89, output_tokens_details={"thinking_tokens": 30})],
        "redacted": [start(), *block(0, {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"}), *text(1, "Well."), *stop("end_turn", 9)],
        "citations": [start(), *block(0, {"type": "text", "text": "", "citations": []}, {"type": "text_delta", "text": "The sky is blue"},
                                      {"type": "citations_delta", "citation": char}, {"type": "citations_delta", "citation": page}),
                      *stop("stop_sequence", 12, "###")],
        "server_tools": [start(), *block(0, {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}},
                                         {"type": "input_json_delta", "partial_json": '{"query": '}, {"type": "input_json_delta", "partial_json": '"rain"}'}),
                         *block(1, results), *block(2, {"type": "text", "text": "", "citations": []}, {"type": "citations_delta", "citation": web},
                                                    {"type": "text_delta", "text": "It rains."}),
                         *stop("end_turn", 60, input_tokens=2500, server_tool_use={"web_search_requests": 1, "web_fetch_requests": 0})],
        "max_tokens": [start(), *text(0, "Once upon"), *stop("max_tokens", 2)],
        "refusal": [start(), *text(0, "No"), *stop("refusal", 2)],
    }
    finish = {"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls", "refusal": "content_filter"}
    for name, events in streams.items():
        for event in events:
            if event["type"] != "ping":
                TypeAdapter(RawMessageStreamEvent).validate_python(event)
        body = "".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False)}\n\n" for e in events)
        answer = httpx.MockTransport(lambda request: httpx.Response(200, headers={"content-type": "text/event-stream"}, content=body.encode()))
        client = Anthropic(api_key="x", http_client=httpx.Client(transport=answer))
        with client.messages.stream(model="m", max_tokens=9, messages=[{"role": "user", "content": "x"}]) as stream:
            final = stream.get_final_message()
        u, out = final.usage, dict(text="", reasoning="", calls=[], signatures=[], citations=[], parts=[])
        for b in final.content:
            if b.type == "text":
                out["text"] += b.text
                out["citations"] += [c.cited_text for c in b.citations or []]
            elif b.type == "thinking":
                out["reasoning"] += b.thinking
                out["signatures"].append(b.signature)
            elif b.type == "redacted_thinking":
                out["signatures"].append(b.data)
            elif b.type == "tool_use":
                out["calls"].append((b.id, b.name, b.input))
            else:
                out["parts"].append(b.to_dict(mode="json"))
        read, write = u.cache_read_input_tokens or 0, u.cache_creation_input_tokens or 0
        thinking = u.output_tokens_details.thinking_tokens if u.output_tokens_details else 0
        save("anthropic", name, body, outcome(id=final.id, model=final.model, finish=finish[final.stop_reason],
                                              usage=(u.input_tokens + read + write, read, write, u.output_tokens, thinking), **out))


if __name__ == "__main__":
    openai_chat()
    anthropic()
