#!/usr/bin/env python3
"""What the providers' published clients say a request may look like, as JSON Schema: tests/data/specs/*.json.

The types of the packages below are made from the providers' own specifications (OpenAPI, protocol buffers). Descriptions
are left out, and every object with named fields refuses others. Run with
    pip install openai anthropic google-genai ollama
    tools/goldens/provider_specs.py
"""
import importlib.metadata
import json
import pathlib

from pydantic import BaseModel, ConfigDict, TypeAdapter, create_model

OUT = pathlib.Path(__file__).resolve().parents[2] / "tests/data/specs"


def strict(node, inside_properties=False):
    """Without prose; objects closed."""
    if isinstance(node, list):
        return [strict(x) for x in node]
    if not isinstance(node, dict):
        return node
    out = {}
    for key, value in node.items():
        if not inside_properties and key in ("title", "description", "default", "discriminator", "format", "example", "examples"):
            continue
        out[key] = strict(value, key in ("properties", "$defs") and not inside_properties)
    if not inside_properties and "properties" in out and "additionalProperties" not in out:
        out["additionalProperties"] = False
    return out


def write(name, package, schema):
    schema = strict(schema)
    version = importlib.metadata.version(package)
    text = json.dumps({"$comment": f"from {package} {version}", **schema}, separators=(",", ":"), sort_keys=True)
    (OUT / f"{name}.json").write_text(text + "\n")
    print(f"{name}: {len(text)} bytes")


def without(schema, keep_tools):
    """The many tools a provider runs itself are left out of the union of tools, to keep the file small."""
    tools = schema["properties"]["tools"]
    array = tools if "items" in tools else next(x for x in tools["anyOf"] if "items" in x)
    union = array["items"]
    union["anyOf"] = [x for x in union["anyOf"] if x["$ref"].rsplit("/", 1)[1] in keep_tools]
    # What nothing refers to any more goes too.
    while True:
        text = json.dumps(schema)
        unused = [d for d in schema["$defs"] if f'"#/$defs/{d}"' not in text]
        if not unused:
            return schema
        for d in unused:
            del schema["$defs"][d]


def openai():
    from openai.types import embedding_create_params
    from openai.types.chat import completion_create_params
    from openai.types.responses import response_create_params

    write("openai_chat", "openai", TypeAdapter(completion_create_params.CompletionCreateParamsStreaming).json_schema())
    responses = TypeAdapter(response_create_params.ResponseCreateParamsStreaming).json_schema()
    write("openai_responses", "openai", without(responses, {"FunctionToolParam", "WebSearchToolParam"}))
    write("openai_embeddings", "openai", TypeAdapter(embedding_create_params.EmbeddingCreateParams).json_schema())


def anthropic():
    import anthropic.types as types

    keep = {"ToolParam", "WebSearchTool20250305Param"}
    messages = TypeAdapter(types.message_create_params.MessageCreateParamsStreaming).json_schema()
    # Models before Claude 4.7 still take what newer clients no longer offer.
    messages["properties"] |= {"temperature": {"type": "number"}, "top_p": {"type": "number"}, "top_k": {"type": "integer"}}
    write("anthropic_messages", "anthropic", without(messages, keep))
    count = TypeAdapter(types.MessageCountTokensParams).json_schema()
    write("anthropic_count_tokens", "anthropic", without(count, keep))


def gemini():
    from google.genai import types

    def request(name, **fields):
        model = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
        return model.model_json_schema(by_alias=True)

    def shared(settings):
        return dict(systemInstruction=(types.Content, None), tools=(list[types.Tool], None), toolConfig=(types.ToolConfig, None),
                    safetySettings=(list[types.SafetySetting], None), generationConfig=(settings, None), cachedContent=(str, None))

    generate = request("GenerateContentRequest", contents=(list[types.Content], ...), **shared(types.GenerationConfig))
    write("gemini_generate", "google-genai", generate)


def ollama():
    from ollama import _types as types

    class Options(types.Options):
        model_config = ConfigDict(extra="forbid")
        min_p: float | None = None  # documented in the server's api.md, not typed by the client

    class Function(BaseModel):
        name: str
        arguments: dict

    class ToolCall(BaseModel):
        function: Function

    class Message(BaseModel):
        role: str
        content: str | None = None
        thinking: str | None = None
        images: list[str] | None = None
        tool_name: str | None = None
        tool_calls: list[ToolCall] | None = None

    class ToolFunction(BaseModel):
        name: str
        description: str | None = None
        parameters: dict | None = None

    class Tool(BaseModel):
        type: str
        function: ToolFunction

    def fields(of, **more):
        names = {k: (v.annotation, ...) if v.is_required() else (v.annotation, None) for k, v in of.model_fields.items()}
        names["options"] = (Options, None)
        return create_model(of.__name__, **{**names, **more}).model_json_schema()

    write("ollama_chat", "ollama", fields(types.ChatRequest, messages=(list[Message], ...), tools=(list[Tool], None)))
    write("ollama_generate", "ollama", fields(types.GenerateRequest, images=(list[str], None)))
    write("ollama_embed", "ollama", fields(types.EmbedRequest))


if __name__ == "__main__":
    OUT.mkdir(parents=True, exist_ok=True)
    for make in (openai, anthropic, gemini, ollama):
        make()
