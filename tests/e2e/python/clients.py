"""The published Python clients of OpenAI and Anthropic against `tenon serve`. Environment: TENON_URL, TENON_KEYED_URL (a
server that asks for the key 'sesame'). Prints a line for each check, 'ok …' or 'FAILED …'."""
import asyncio
import json
import os
import traceback

import anthropic
import openai
from pydantic import BaseModel

URL, KEYED = os.environ["TENON_URL"], os.environ["TENON_KEYED_URL"]
MODEL, EMBEDDING = "qwen2.5-coder-0.5b", "minilm"
checks = []


def check(name):
    def keep(function):
        checks.append((name, function))
        return function
    return keep


def refused(kind, call):
    try:
        call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__} was raised")


ai = openai.OpenAI(base_url=URL + "/v1", api_key="none", max_retries=0, timeout=120)
claude = anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0, timeout=120)
HELLO = [{"role": "user", "content": "Reply with one short sentence. 你好"}]
GREEDY = {"temperature": 0}  # Anthropic's client has no argument for it any more; its API does
CITY = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "北京"]}}, "required": ["city"],
        "additionalProperties": False}


class Person(BaseModel):
    name: str
    age: int
    skills: list[str]


@check("openai: lists and retrieves models")
def _():
    assert MODEL in [m.id for m in ai.models.list()]
    assert ai.models.retrieve(MODEL).id == MODEL


@check("openai: chat completion with its usage")
def _():
    answer = ai.chat.completions.create(model=MODEL, messages=HELLO, max_completion_tokens=16, temperature=0)
    assert answer.choices[0].message.content and answer.choices[0].finish_reason in ("stop", "length")
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    again = ai.chat.completions.create(model=MODEL, messages=HELLO, max_completion_tokens=16, temperature=0)
    assert again.choices[0].message.content == answer.choices[0].message.content


@check("openai: a stream says what the whole answer says")
def _():
    ask = dict(model=MODEL, messages=HELLO, max_completion_tokens=16, temperature=0)
    whole = ai.chat.completions.create(**ask).choices[0].message.content
    with ai.chat.completions.create(**ask, stream=True, stream_options={"include_usage": True}) as stream:
        chunks = list(stream)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == whole
    assert chunks[-1].usage.completion_tokens > 0


@check("openai: the streaming helper")
def _():
    with ai.chat.completions.stream(model=MODEL, messages=HELLO, temperature=0, max_completion_tokens=300) as stream:
        kinds = {event.type for event in stream}
        assert "content.delta" in kinds and stream.get_final_completion().choices[0].message.content


@check("openai: a structured answer is parsed")
def _():
    for question in ("Ada is 36, writes C++ and plays the flute.", "王芳，二十八岁，会画画和游泳。"):
        answer = ai.chat.completions.parse(model=MODEL, response_format=Person, temperature=1, seed=3,
                                           messages=[{"role": "user", "content": question}])
        assert isinstance(answer.choices[0].message.parsed, Person)


@check("openai: a tool that must be called is, with arguments that fit")
def _():
    tool = {"type": "function", "function": {"name": "weather", "parameters": CITY, "strict": True}}
    for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
        answer = ai.chat.completions.create(model=MODEL, messages=HELLO, tools=[tool], tool_choice=choice)
        call = answer.choices[0].message.tool_calls[0]
        assert call.function.name == "weather" and json.loads(call.function.arguments)["city"] in ("Oslo", "北京")
        assert answer.choices[0].finish_reason == "tool_calls"


@check("openai: embeddings")
def _():
    one = ai.embeddings.create(model=EMBEDDING, input=["a crane", "起重机"])  # base64 underneath
    assert len(one.data) == 2 and len(one.data[0].embedding) == 384
    other = ai.embeddings.create(model=EMBEDDING, input="a crane", encoding_format="float")
    assert max(abs(a - b) for a, b in zip(one.data[0].embedding, other.data[0].embedding)) < 1e-6


@check("openai: responses, kept, gone on from and deleted")
def _():
    first = ai.responses.create(model=MODEL, input="My number is 7.", max_output_tokens=16)
    assert first.status in ("completed", "incomplete") and first.output_text
    then = ai.responses.create(model=MODEL, input="Which number?", previous_response_id=first.id, max_output_tokens=16)
    assert then.usage.input_tokens > first.usage.input_tokens
    assert ai.responses.retrieve(first.id).output_text == first.output_text
    ai.responses.delete(first.id)
    refused(openai.NotFoundError, lambda: ai.responses.retrieve(first.id))


@check("openai: responses, streamed and parsed")
def _():
    with ai.responses.stream(model=MODEL, input="Say hi.", temperature=0, max_output_tokens=300) as stream:
        kinds = [event.type for event in stream]
        assert kinds[0] == "response.created" and stream.get_final_response().output_text
    parsed = ai.responses.parse(model=MODEL, input="Ada, 36, writes C++.", text_format=Person)
    assert isinstance(parsed.output_parsed, Person)


@check("openai: the client that does not block, several at once")
def _():
    async def many():
        async with openai.AsyncOpenAI(base_url=URL + "/v1", api_key="none", max_retries=0) as client:
            answers = await asyncio.gather(*(client.chat.completions.create(
                model=MODEL, messages=HELLO, max_completion_tokens=8) for _ in range(4)))
            assert all(a.choices[0].message.content for a in answers)
    asyncio.run(many())


@check("openai: faults have their classes")
def _():
    refused(openai.NotFoundError, lambda: ai.chat.completions.create(model="nowhere", messages=HELLO))
    fault = refused(openai.BadRequestError, lambda: ai.chat.completions.create(model=MODEL, messages=HELLO,
                                                                               temperature=9))
    assert fault.param == "temperature"
    refused(openai.BadRequestError, lambda: ai.chat.completions.create(model=MODEL, messages=[]))
    shut = openai.OpenAI(base_url=KEYED + "/v1", api_key="wrong", max_retries=0)
    refused(openai.AuthenticationError, lambda: shut.models.list())
    assert list(openai.OpenAI(base_url=KEYED + "/v1", api_key="sesame").models.list())


@check("anthropic: lists and retrieves models")
def _():
    assert MODEL in [m.id for m in claude.models.list()]
    assert claude.models.retrieve(MODEL).type == "model"


@check("anthropic: a message with its usage")
def _():
    answer = claude.messages.create(model=MODEL, max_tokens=16, system="Be brief.", messages=HELLO,
                                    extra_body=GREEDY)
    assert answer.content[0].text and answer.stop_reason in ("end_turn", "max_tokens")
    assert answer.usage.output_tokens > 0
    counted = claude.messages.count_tokens(model=MODEL, system="Be brief.", messages=HELLO)
    assert counted.input_tokens == answer.usage.input_tokens + (answer.usage.cache_read_input_tokens or 0)


@check("anthropic: the streaming helper says what the whole answer says")
def _():
    ask = dict(model=MODEL, max_tokens=16, messages=HELLO, extra_body=GREEDY)
    whole = claude.messages.create(**ask).content[0].text
    with claude.messages.stream(**ask) as stream:
        assert "".join(stream.text_stream) == whole
        assert stream.get_final_message().usage.output_tokens > 0


@check("anthropic: a stop sequence ends it")
def _():
    answer = claude.messages.create(model=MODEL, max_tokens=64, stop_sequences=["4"], extra_body=GREEDY,
                                    messages=[{"role": "user", "content": "Count from 1 to 9, only digits."}])
    assert answer.stop_reason == "stop_sequence" and answer.stop_sequence == "4" and "4" not in answer.content[0].text


@check("anthropic: a tool is called and its result taken")
def _():
    tool = {"name": "weather", "description": "The weather in a city", "input_schema": CITY}
    question = {"role": "user", "content": "What is the weather in Oslo?"}
    answer = claude.messages.create(model=MODEL, max_tokens=64, tools=[tool], messages=[question],
                                    tool_choice={"type": "tool", "name": "weather"})
    call = next(block for block in answer.content if block.type == "tool_use")
    assert answer.stop_reason == "tool_use" and call.input["city"] in ("Oslo", "北京")
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain, 4 degrees"}]}
    after = claude.messages.create(model=MODEL, max_tokens=32, tools=[tool],
                                   messages=[question, {"role": "assistant", "content": answer.content}, result])
    assert after.content


@check("anthropic: faults have their classes")
def _():
    refused(anthropic.NotFoundError, lambda: claude.messages.create(model="nowhere", max_tokens=8, messages=HELLO))
    refused(anthropic.BadRequestError, lambda: claude.messages.create(model=MODEL, max_tokens=0, messages=HELLO))
    shut = anthropic.Anthropic(base_url=KEYED, api_key="wrong", max_retries=0)
    refused(anthropic.AuthenticationError, lambda: shut.models.list())
    assert list(anthropic.Anthropic(base_url=KEYED, api_key="sesame").models.list())


for name, function in checks:
    try:
        function()
        print(f"ok      {name}", flush=True)
    except Exception:
        print(f"FAILED  {name}: " + " | ".join(traceback.format_exc().splitlines()[-4:])[:900], flush=True)
print(f"# {len(checks)} checks", flush=True)
