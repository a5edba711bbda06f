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


# Gemini

def gemini():
    from google.genai import types

    def chunk(parts=None, finish=None, usage=None, **candidate):
        out = {"candidates": [{"content": {"parts": parts, "role": "model"}, "index": 0, **candidate}]} if parts is not None else {}
        if finish:
            out["candidates"][0]["finishReason"] = finish
        return out | {"usageMetadata": usage or {"promptTokenCount": 12, "totalTokenCount": 12}, "modelVersion": "gemini-3-pro-preview",
                      "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}

    def usage(prompt, out, thoughts=0, cached=0):
        return {"promptTokenCount": prompt, "candidatesTokenCount": out, "totalTokenCount": prompt + out + thoughts} | (
            {"thoughtsTokenCount": thoughts} if thoughts else {}) | ({"cachedContentTokenCount": cached} if cached else {})

    def call(name, args, id=None, signature=None):
        return {"functionCall": {"name": name, "args": args} | ({"id": id} if id else {})} | ({"thoughtSignature": signature} if signature else {})

    sign = base64.b64encode(b"a thought").decode()
    grounding = {"webSearchQueries": ["rain"], "groundingChunks": [{"web": {"uri": "https://weather.example/", "title": "Weather"}}],
                 "groundingSupports": [{"segment": {"startIndex": 0, "endIndex": 9, "text": "It rains."}, "groundingChunkIndices": [0]}]}
    streams = {
        "text": [chunk([{"text": "Hello"}]), chunk([{"text": " 你好"}]), chunk([{"text": "!"}], "STOP", usage(12, 5, cached=8))],
        "thinking": [chunk([{"text": "Let me ", "thought": True}]), chunk([{"text": "see.", "thought": True}]),
                     chunk([{"text": "42"}]), chunk([{"text": "", "thoughtSignature": sign}], "STOP", usage(9, 2, thoughts=30))],
        "parallel_tools": [chunk([call("get_weather", {"city": "Paris"}, "fc_1", sign)]), chunk([call("now", {}, "fc_2")]),
                           chunk([{"text": ""}], "STOP", usage(80, 20, thoughts=5))],
        "safety": [chunk([{"text": "So"}]), chunk([], "SAFETY", usage(4, 1), safetyRatings=[{"category": "HARM_CATEGORY_HARASSMENT", "probability": "HIGH"}])],
        "max_tokens": [chunk([{"text": "Once"}], "MAX_TOKENS", usage(4, 1))],
        "grounded": [chunk([{"text": "It rains."}]), chunk([{"text": ""}], "STOP", usage(4, 3), groundingMetadata=grounding)],
        "blocked": [{"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 4, "totalTokenCount": 4},
                     "modelVersion": "gemini-3-pro-preview", "responseId": "mAitaLmkHPPlz7IPvtfUqQ4"}],
    }
    finish = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", None: "content_filter"}
    for name, events in streams.items():
        out, reason, u = dict(text="", reasoning="", calls=[], signatures=[], citations=[], parts=[]), None, None
        for event in events:
            answer = types.GenerateContentResponse.model_validate(event)
            u = answer.usage_metadata
            for candidate in answer.candidates or []:
                reason = candidate.finish_reason or reason
                for part in candidate.content.parts or []:
                    if part.function_call:
                        out["calls"].append((part.function_call.id, part.function_call.name, part.function_call.args))
                    elif part.text is not None:
                        out["reasoning" if part.thought else "text"] += part.text
                        if part.thought_signature:
                            out["parts"].append({"text": "", "thoughtSignature": base64.b64encode(part.thought_signature).decode()})
                if candidate.grounding_metadata:
                    out["citations"] += [s.segment.text for s in candidate.grounding_metadata.grounding_supports]
        body = "".join(f"data: {json.dumps(e, ensure_ascii=False)}\r\n\r\n" for e in events).replace("\r", "")
        thoughts = u.thoughts_token_count or 0
        save("gemini", name, body, outcome(
            id=answer.response_id, model=answer.model_version, finish="tool_calls" if out["calls"] else finish[reason and reason.value],
            usage=(u.prompt_token_count, u.cached_content_token_count or 0, 0, (u.candidates_token_count or 0) + thoughts, thoughts), **out))


# OpenAI responses

def openai_responses():
    from openai.types.responses import Response, ResponseStreamEvent

    def response(status, output, usage=None, **more):
        return {"id": "resp_67c9fdcecf488190bdd9a0409de3a1ec", "object": "response", "created_at": 1741290958, "status": status, "error": None,
                "incomplete_details": None, "instructions": None, "model": "gpt-5-2025-08-07", "output": output, "parallel_tool_calls": True,
                "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "metadata": {}, "service_tier": "default", "usage": usage, **more}

    def usage(prompt, out, cached=0, reasoning=0):
        return {"input_tokens": prompt, "input_tokens_details": {"cached_tokens": cached, "cache_write_tokens": 0}, "output_tokens": out,
                "output_tokens_details": {"reasoning_tokens": reasoning}, "total_tokens": prompt + out}

    def item(at, open, done, *between):
        return [{"type": "response.output_item.added", "output_index": at, "item": open}, *between,
                {"type": "response.output_item.done", "output_index": at, "item": done}]

    def message(at, *pieces, annotations=(), refusal=False):
        kind, key = ("refusal", "refusal") if refusal else ("output_text", "text")
        id, text = f"msg_{at}", "".join(pieces)
        part = {"type": kind, key: text} | ({} if refusal else {"annotations": list(annotations)})
        empty = part | {key: ""} | ({} if refusal else {"annotations": []})
        where = {"item_id": id, "output_index": at, "content_index": 0}
        logprobs = {} if refusal else {"logprobs": []}
        head = {"id": id, "type": "message", "role": "assistant"}
        return item(at, head | {"status": "in_progress", "content": []}, head | {"status": "completed", "content": [part]},
                    {"type": "response.content_part.added", **where, "part": empty},
                    *({"type": f"response.{kind}.delta", **where, "delta": p, **logprobs} for p in pieces),
                    *({"type": "response.output_text.annotation.added", **where, "annotation_index": i, "annotation": a} for i, a in enumerate(annotations)),
                    {"type": f"response.{kind}.done", **where, key: text, **logprobs}, {"type": "response.content_part.done", **where, "part": part})

    def call(at, id, name, *pieces):
        head = {"id": f"fc_{at}", "type": "function_call", "call_id": id, "name": name}
        arguments, where = "".join(pieces), {"item_id": f"fc_{at}", "output_index": at}
        return item(at, head | {"status": "in_progress", "arguments": ""}, head | {"status": "completed", "arguments": arguments},
                    *({"type": "response.function_call_arguments.delta", **where, "delta": p} for p in pieces),
                    {"type": "response.function_call_arguments.done", **where, "name": name, "arguments": arguments})

    def reasoning(at, *parts, encrypted=None):
        head = {"id": f"rs_{at}", "type": "reasoning"}
        summary = [{"type": "summary_text", "text": "".join(p)} for p in parts]
        middle = []
        for i, pieces in enumerate(parts):
            where = {"item_id": f"rs_{at}", "output_index": at, "summary_index": i}
            middle += [{"type": "response.reasoning_summary_part.added", **where, "part": {"type": "summary_text", "text": ""}},
                       *({"type": "response.reasoning_summary_text.delta", **where, "delta": p} for p in pieces),
                       {"type": "response.reasoning_summary_text.done", **where, "text": "".join(pieces)},
                       {"type": "response.reasoning_summary_part.done", **where, "part": summary[i]}]
        return item(at, head | {"summary": []}, head | {"summary": summary} | ({"encrypted_content": encrypted} if encrypted else {}), *middle)

    url = {"type": "url_citation", "start_index": 0, "end_index": 9, "url": "https://weather.example/", "title": "Weather"}
    search = {"id": "ws_0", "type": "web_search_call", "status": "completed", "action": {"type": "search", "query": "rain", "queries": ["rain"]}}
    streams = {
        "text": (message(0, "Hi", " there ", "你好!"), "completed", usage(37, 11, cached=20), {}),
        "reasoning_and_tools": (reasoning(0, ["Look ", "it up."], ["Then answer."], encrypted="gAAAAABo") + message(1, "I look.")
                                + call(2, "call_a", "get_weather", '{"ci', 'ty":"Paris"}') + call(3, "call_b", "now", "{}"),
                                "completed", usage(80, 60, reasoning=40), {}),
        "web_search": (item(0, search | {"status": "in_progress"}, search, {"type": "response.web_search_call.in_progress", "output_index": 0, "item_id": "ws_0"},
                            {"type": "response.web_search_call.searching", "output_index": 0, "item_id": "ws_0"},
                            {"type": "response.web_search_call.completed", "output_index": 0, "item_id": "ws_0"})
                       + message(1, "It rains.", annotations=[url]), "completed", usage(300, 20), {}),
        "refusal": (message(0, "I cannot.", refusal=True), "completed", usage(5, 4), {}),
        "incomplete": (message(0, "Once"), "incomplete", usage(5, 1), {"incomplete_details": {"reason": "max_output_tokens"}}),
    }
    for name, (middle, status, counts, more) in streams.items():
        output = [e["item"] for e in middle if e["type"] == "response.output_item.done"]
        events = [{"type": "response.created", "response": response("in_progress", [])}, {"type": "response.in_progress", "response": response("in_progress", [])},
                  *middle, {"type": f"response.{status}", "response": response(status, output, counts, **more)}]
        for number, event in enumerate(events):
            event["sequence_number"] = number
            TypeAdapter(ResponseStreamEvent).validate_python(event)
        final = Response.model_validate(events[-1]["response"])
        out = dict(text=final.output_text, reasoning="", calls=[], signatures=[], citations=[], parts=[])
        for o in final.output:
            if o.type == "message":
                for c in o.content:
                    out["text"] += c.refusal if c.type == "refusal" else ""
                    out["citations"] += [a.url for a in getattr(c, "annotations", None) or []]
            elif o.type == "reasoning":
                out["reasoning"] += "\n\n".join(s.text for s in o.summary)
                out["signatures"] += [o.encrypted_content] if o.encrypted_content else []
            elif o.type == "function_call":
                out["calls"].append((o.call_id, o.name, o.arguments))
            else:
                out["parts"].append(o.to_dict(mode="json"))
        u = final.usage
        finish = "tool_calls" if out["calls"] else {"completed": "stop", "incomplete": "length"}[status]
        body = "".join(f"event: {e['type']}\ndata: {json.dumps(e, ensure_ascii=False, separators=(',', ':'))}\n\n" for e in events)
        save("openai_responses", name, body, outcome(
            id=final.id, model=final.model, finish=finish, usage=(u.input_tokens, u.input_tokens_details.cached_tokens, 0, u.output_tokens,
                                                                  u.output_tokens_details.reasoning_tokens), **out))


# Ollama

def ollama():
    from ollama import ChatResponse

    def line(message, **more):
        return {"model": "qwen3:8b", "created_at": "2025-10-17T23:14:07.414671Z", "message": {"role": "assistant", "content": "", **message}, "done": False, **more}

    def last(reason="stop", prompt=26, out=12, **message):
        return line(message, done=True, done_reason=reason, total_duration=4883583458, load_duration=1334875, prompt_eval_count=prompt,
                    prompt_eval_duration=342546000, eval_count=out, eval_duration=4535599000)

    def call(name, arguments):
        return {"tool_calls": [{"function": {"name": name, "arguments": arguments}}]}

    streams = {
        "text": [line({"content": "Hello"}), line({"content": " 你好"}), line({"content": "!"}), last()],
        "thinking": [line({"thinking": "Let me "}), line({"thinking": "see."}), line({"content": "42"}), last(out=9)],
        "parallel_tools": [line(call("get_weather", {"city": "Paris"})), line(call("now", {})), last()],
        "length": [line({"content": "Once"}), last("length", 5, 1)],
    }
    for name, events in streams.items():
        out, final = dict(text="", reasoning="", calls=[]), None
        for event in events:
            final = ChatResponse.model_validate(event)
            out["text"] += final.message.content or ""
            out["reasoning"] += final.message.thinking or ""
            for c in final.message.tool_calls or []:
                # The API has no ids: ours are made of the time and the place of the call.
                out["calls"].append((f"call_20251017T231407414671Z_{len(out['calls'])}", c.function.name, dict(c.function.arguments)))
        body = "".join(json.dumps(e, ensure_ascii=False, separators=(",", ":")) + "\n" for e in events)
        save("ollama", name, body, outcome(model=final.model, finish="tool_calls" if out["calls"] else final.done_reason,
                                           usage=(final.prompt_eval_count, 0, 0, final.eval_count, 0), **out), "ndjson")


if __name__ == "__main__":
    openai_chat()
    anthropic()
    gemini()
    openai_responses()
    ollama()
