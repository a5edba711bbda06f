"""Asks `tenon serve` through every protocol it speaks and holds each answer, whole and streamed, to the schema that the
server's own OpenAPI document gives for it. Usage: openapi_answers.py URL CHAT_MODEL EMBEDDING_MODEL
Prints a line for each answer, 'ok …' or 'FAILED …'."""
import json
import sys
import urllib.error
import urllib.request

import jsonschema

URL, CHAT, EMBEDDING = sys.argv[1:4]
document = json.load(urllib.request.urlopen(URL + "/openapi.json", timeout=30))
HELLO = [{"role": "user", "content": "Say hi. 你好"}]
SHORT = {"max_tokens": 4, "temperature": 0}


def send(method, path, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(URL + path, data=data, method=method,
                                     headers={"Content-Type": "application/json", **(headers or {})})
    try:
        answer = urllib.request.urlopen(request, timeout=120)
    except urllib.error.HTTPError as error:
        answer = error
    return answer.status, answer.headers.get_content_type(), answer.read().decode()


def pieces(kind, text):
    """The JSON values of a stream."""
    if kind == "application/x-ndjson":
        return [json.loads(line) for line in text.splitlines() if line]
    data = [line[5:].strip() for line in text.splitlines() if line.startswith("data:")]
    return [json.loads(line) for line in data if line != "[DONE]"]


def check(name, method, shown, want, body=None, path=None, headers=None, kind="application/json"):
    status, got, text = send(method, path or shown, body, headers)
    try:
        assert status == want, f"status {status}, expected {want}: {text[:300]}"
        assert got == kind, f"{got}, expected {kind}"
        responses = document["paths"][shown.split("?")[0]][method.lower()]["responses"]
        media = responses.get(str(status), responses["default"])["content"][got]
        stream = "schema" not in media
        schema = {"components": document["components"], **(media["x-item-schema"] if stream else media["schema"])}
        values = pieces(got, text) if stream else [json.loads(text)]
        assert values, "there is nothing in it"
        for value in values:
            jsonschema.validate(value, schema, jsonschema.Draft202012Validator)
        print(f"ok      schema: {name} ({len(values)})")
        return values[-1]
    except (AssertionError, KeyError, ValueError, jsonschema.ValidationError) as error:
        print(f"FAILED  schema: {name}: {str(error)[:600]}".replace("\n", " "))
        return {}


events = "text/event-stream"
for stream in (False, True):
    kind = events if stream else "application/json"
    how = "streamed" if stream else "whole"
    check(f"chat completion, {how}", "POST", "/v1/chat/completions", 200,
          {"model": CHAT, "messages": HELLO, "stream": stream, "logprobs": True, "top_logprobs": 2, **SHORT}, kind=kind)
    check(f"completion, {how}", "POST", "/v1/completions", 200,
          {"model": CHAT, "prompt": "One, two,", "stream": stream, "logprobs": 1, **SHORT}, kind=kind)
    check(f"message, {how}", "POST", "/v1/messages", 200,
          {"model": CHAT, "messages": HELLO, "stream": stream, **SHORT}, kind=kind)
    check(f"response, {how}", "POST", "/v1/responses", 200,
          {"model": CHAT, "input": "Say hi.", "stream": stream, "max_output_tokens": 4}, kind=kind)
    lines = "application/x-ndjson" if stream else "application/json"
    options = {"options": {"num_predict": 4}, "stream": stream}
    check(f"Ollama's chat, {how}", "POST", "/api/chat", 200, {"model": CHAT, "messages": HELLO, **options}, kind=lines)
    check(f"Ollama's completion, {how}", "POST", "/api/generate", 200, {"model": CHAT, "prompt": "1, 2,", **options},
          kind=lines)
gemini = {"contents": [{"role": "user", "parts": [{"text": "Say hi."}]}], "generationConfig": {"maxOutputTokens": 4}}
verb = "/v1beta/models/{model}:"
check("Gemini, whole", "POST", verb + "generateContent", 200, gemini, f"/v1beta/models/{CHAT}:generateContent")
check("Gemini, an array", "POST", verb + "streamGenerateContent", 200, gemini,
      f"/v1beta/models/{CHAT}:streamGenerateContent")
check("Gemini, events", "POST", verb + "streamGenerateContent", 200, gemini,
      f"/v1beta/models/{CHAT}:streamGenerateContent?alt=sse", kind=events)
check("Gemini, tokens", "POST", verb + "countTokens", 200, gemini, f"/v1beta/models/{CHAT}:countTokens")
content = {"content": {"parts": [{"text": "a"}]}}
check("Gemini, embedding", "POST", verb + "embedContent", 200, content, f"/v1beta/models/{EMBEDDING}:embedContent")
check("Gemini, embeddings", "POST", verb + "batchEmbedContents", 200, {"requests": [content, content]},
      f"/v1beta/models/{EMBEDDING}:batchEmbedContents")
tool = {"type": "function", "function": {"name": "weather", "parameters": {
    "type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "北京"]}}, "required": ["city"]}}}
check("chat completion with a tool call", "POST", "/v1/chat/completions", 200,
      {"model": CHAT, "messages": HELLO, "tools": [tool], "tool_choice": "required", "max_tokens": 64})
check("message with a tool call", "POST", "/v1/messages", 200,
      {"model": CHAT, "messages": HELLO, "max_tokens": 64, "tool_choice": {"type": "any"},
       "tools": [{"name": "weather", "input_schema": tool["function"]["parameters"]}]})
check("response with a tool call", "POST", "/v1/responses", 200,
      {"model": CHAT, "input": "Weather?", "tool_choice": "required",
       "tools": [{"type": "function", "name": "weather", "parameters": tool["function"]["parameters"]}]})
for form in ("float", "base64"):
    check(f"embeddings, {form}", "POST", "/v1/embeddings", 200,
          {"model": EMBEDDING, "input": ["a", "你好"], "encoding_format": form})
check("Ollama's embeddings", "POST", "/api/embed", 200, {"model": EMBEDDING, "input": ["a", "b"]})
check("Ollama's older embedding", "POST", "/api/embeddings", 200, {"model": EMBEDDING, "prompt": "a"})
check("tokens", "POST", "/tokenize", 200, {"model": CHAT, "content": "hello 你好", "with_pieces": True})
check("tokens, as vLLM has it", "POST", "/v1/tokenize", 200, {"model": CHAT, "prompt": "a", "return_token_strs": True})
check("text of tokens", "POST", "/detokenize", 200, {"model": CHAT, "tokens": [1, 2]})
check("message tokens", "POST", "/v1/messages/count_tokens", 200, {"model": CHAT, "messages": HELLO})
check("response tokens", "POST", "/v1/responses/input_tokens", 200, {"model": CHAT, "input": "a"})
kept = check("a kept response", "POST", "/v1/responses", 200, {"model": CHAT, "input": "a", "max_output_tokens": 2})
place = f"/v1/responses/{kept.get('id')}"
check("a kept response again", "GET", "/v1/responses/{id}", 200, path=place)
check("its input", "GET", "/v1/responses/{id}/input_items", 200, path=place + "/input_items?limit=5")
check("no cancelling", "POST", "/v1/responses/{id}/cancel", 400, {}, place + "/cancel")
check("a response forgotten", "DELETE", "/v1/responses/{id}", 200, path=place)
base = "/v1/knowledge_bases/shelf"
check("a new base", "POST", "/v1/knowledge_bases", 201, {"name": "shelf", "embedding_model": EMBEDDING})
check("no base twice", "POST", "/v1/knowledge_bases", 409, {"name": "shelf"})
form = ("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"cranes.md\"\r\n\r\n"
        "# Cranes\n\nThe crane lifts 40 tonnes.\n\n起重机的额定起重量为 40 吨。\r\n--b--\r\n")


def upload(name, want, body, headers=None, kind="application/json"):
    global send
    plain = send

    def send_form(method, path, _, more):
        request = urllib.request.Request(URL + path, data=body.encode(), method=method, headers={
            "Content-Type": "multipart/form-data; boundary=b", **(more or {})})
        try:
            answer = urllib.request.urlopen(request, timeout=120)
        except urllib.error.HTTPError as error:
            answer = error
        return answer.status, answer.headers.get_content_type(), answer.read().decode()

    send = send_form
    check(name, "POST", "/v1/knowledge_bases/{name}/documents", want, {}, base + "/documents", headers, kind)
    send = plain


upload("an upload", 200, form)
upload("an upload that tells its progress", 200, form, {"Accept": events}, events)
upload("an upload of nothing", 400, "--b--\r\n")
check("the bases", "GET", "/v1/knowledge_bases", 200)
check("a base", "GET", "/v1/knowledge_bases/{name}", 200, path=base)
check("its documents", "GET", "/v1/knowledge_bases/{name}/documents", 200, path=base + "/documents")
check("a document", "GET", "/v1/knowledge_bases/{name}/document", 200, path=base + "/document?source=cranes.md")
check("a search", "POST", "/v1/search", 200, {"query": "how much does the crane lift", "from": "shelf"})
question = {"question": "How much does the crane lift?", "from": "shelf", "model": CHAT, "max_tokens": 16}
check("an answer", "POST", "/v1/ask", 200, question)
check("an answer, streamed", "POST", "/v1/ask", 200, {**question, "stream": True}, kind=events)
check("a document removed", "DELETE", "/v1/knowledge_bases/{name}/documents", 200,
      path=base + "/documents?source=cranes.md")
check("a base removed", "DELETE", "/v1/knowledge_bases/{name}", 200, path=base)
for shown in ("/v1/models", "/v1beta/models", "/api/tags", "/api/ps", "/api/version", "/slots", "/health"):
    check(shown, "GET", shown, 200)
check("Anthropic's models", "GET", "/v1/models", 200, headers={"anthropic-version": "2023-06-01"})
check("a model", "GET", "/v1/models/{id}", 200, path=f"/v1/models/{CHAT}")
check("Gemini's model", "GET", "/v1beta/models/{target}", 200, path=f"/v1beta/models/{CHAT}")
check("Ollama's model", "POST", "/api/show", 200, {"model": CHAT})
check("Ollama's pull is refused", "POST", "/api/pull", 501, {"model": CHAT})
for shown, path in (("/v1/chat/completions", None), ("/v1/messages", None), ("/v1/responses", None),
                    (verb + "generateContent", f"/v1beta/models/{CHAT}:generateContent"), ("/api/chat", None),
                    ("/v1/search", None), ("/tokenize", None), ("/v1/rerank", None), ("/v1/embeddings", None)):
    check(f"fault of {shown}", "POST", shown, 400, {"model": 7, "messages": 7}, path)
