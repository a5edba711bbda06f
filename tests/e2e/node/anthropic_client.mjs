// The published @anthropic-ai/sdk client, unmodified, against `tenon serve`.
import assert from "node:assert/strict";
import Anthropic from "@anthropic-ai/sdk";
import { add, check, collect, finish, keyedUrl, plainModel, rejects, toolModel, url, weather } from "./harness.mjs";

const client = new Anthropic({ baseURL: url, apiKey: "unused", maxRetries: 0, timeout: 90_000 });
const plain = { model: plainModel, max_tokens: 40, temperature: 0 };
const withTools = { model: toolModel, max_tokens: 80, temperature: 0 };
const user = (content) => [{ role: "user", content }];
const tool = ({ name, description, schema }) => ({ name, description, input_schema: schema });
const say = (content, more = {}) => client.messages.create({ ...plain, messages: user(content), ...more });
const textOf = (message) => message.content.filter((b) => b.type === "text").map((b) => b.text).join("");

let first;
await check("messages: the object's shape and usage", async () => {
  first = await say("Name three colours.");
  assert.equal(first.type, "message");
  assert.equal(first.role, "assistant");
  assert.equal(first.model, plainModel);
  assert.match(first.id, /^msg_/);
  assert.ok(textOf(first).length > 10);
  assert.ok(["end_turn", "max_tokens"].includes(first.stop_reason));
  assert.equal(first.stop_sequence, null);
  assert.ok(first.usage.input_tokens + first.usage.cache_read_input_tokens > 5 && first.usage.output_tokens > 3);
  assert.ok(first._request_id, "no request-id");
});
await check("messages: max_tokens cuts, and says so", async () => {
  const cut = await say("Tell me a long story about a lighthouse.", { max_tokens: 5 });
  assert.equal(cut.stop_reason, "max_tokens");
  assert.equal(cut.usage.output_tokens, 5);
});
await check("messages: a huge max_tokens is brought down to the server's", async () => {
  assert.ok((await say("Say yes.", { max_tokens: 64_000, stop_sequences: ["e"] })).content);
});
await check("messages: system as text and as blocks; content blocks are their text", async () => {
  const a = await say("Name three colours.", { system: "You are a pirate." });
  const b = await say([{ type: "text", text: "Name three " }, { type: "text", text: "colours." }], { system: [{ type: "text", text: "You are a pirate.", cache_control: { type: "ephemeral" } }] });
  assert.notEqual(textOf(a), "");
  assert.equal(textOf(a), textOf(b));
  assert.notEqual(a.usage.input_tokens + a.usage.cache_read_input_tokens, first.usage.input_tokens + first.usage.cache_read_input_tokens);
});
await check("messages: stop sequences end the text and are named", async () => {
  const whole = textOf(first), word = whole.split(/\s+/).filter((w) => w.length > 3)[3];
  const stopped = await say("Name three colours.", { stop_sequences: ["\u0001never", word] });
  assert.equal(stopped.stop_reason, "stop_sequence");
  assert.equal(stopped.stop_sequence, word);
  assert.equal(textOf(stopped), whole.slice(0, whole.indexOf(word)));
});
await check("stream: events in order, and the same text as the whole", async () => {
  const events = await collect(await client.messages.create({ ...plain, messages: user("Name three colours."), stream: true }));
  const kinds = events.map((e) => e.type);
  assert.equal(kinds[0], "message_start");
  assert.equal(kinds[1], "content_block_start");
  assert.deepEqual(kinds.slice(-3), ["content_block_stop", "message_delta", "message_stop"]);
  assert.ok(kinds.filter((k) => k === "content_block_delta").length > 5, "the text did not come piece by piece");
  assert.equal(events.map((e) => e.delta?.text ?? "").join(""), textOf(first));
  assert.equal(events.at(-2).usage.output_tokens, first.usage.output_tokens);
});
await check("stream helper: text events, finalMessage, finalText", async () => {
  let deltas = "";
  const stream = client.messages.stream({ ...plain, messages: user("Name three colours.") }).on("text", (t) => { deltas += t; });
  const message = await stream.finalMessage();
  assert.equal(textOf(message), textOf(first));
  assert.equal(deltas, textOf(first));
  assert.equal(await stream.finalText(), textOf(first));
  assert.equal(message.usage.output_tokens, first.usage.output_tokens);
});
await check("stream helper: abort ends it", async () => {
  const stream = client.messages.stream({ ...plain, max_tokens: 2000, messages: user("Write a very long story.") });
  stream.on("text", () => stream.abort());
  await rejects(stream.finalMessage(), {}, /abort/i);
});

await check("tools: auto calls the tool or answers; arguments fit the schema", async () => {
  const answer = await client.messages.create({ ...withTools, tools: [tool(weather)], messages: user("What is the weather in Paris in celsius? Use the tool.") });
  const calls = answer.content.filter((b) => b.type === "tool_use");
  if (calls.length > 0) {
    assert.equal(answer.stop_reason, "tool_use");
    for (const call of calls) { assert.equal(call.name, "get_weather"); assert.equal(typeof call.input, "object"); }
  } else {
    assert.ok(textOf(answer).length > 0);
  }
});
let called;
await check("tools: any must call", async () => {
  called = await client.messages.create({ ...withTools, tools: [tool(weather), tool(add)], tool_choice: { type: "any" }, messages: user("What is the weather in Paris in celsius?") });
  assert.equal(called.stop_reason, "tool_use");
  const calls = called.content.filter((b) => b.type === "tool_use");
  assert.ok(calls.length >= 1 && calls.every((c) => c.id));
  for (const call of calls) (call.name === "add" ? add : weather).fits(call.input);
});
await check("tools: a named one must be called, whatever was asked", async () => {
  const answer = await client.messages.create({ ...withTools, tools: [tool(weather), tool(add)], tool_choice: { type: "tool", name: "add", disable_parallel_tool_use: true }, messages: user("What is the weather in Paris?") });
  const calls = answer.content.filter((b) => b.type === "tool_use");
  assert.equal(calls.length, 1);
  assert.equal(calls[0].name, "add");
  add.fits(calls[0].input);
});
await check("tools: none calls nothing", async () => {
  const answer = await client.messages.create({ ...withTools, max_tokens: 30, tools: [tool(weather)], tool_choice: { type: "none" }, messages: user("What is the weather in Paris?") });
  assert.equal(answer.content.filter((b) => b.type === "tool_use").length, 0);
});
await check("tools: a stream gives the same call, its input in pieces", async () => {
  const params = { ...withTools, tools: [tool(weather)], tool_choice: { type: "any" }, messages: user("What is the weather in Paris in celsius?") };
  const whole = (await client.messages.create(params)).content.find((b) => b.type === "tool_use");
  const stream = client.messages.stream(params);
  let json = "";
  stream.on("inputJson", (piece) => { json += piece; });
  const message = await stream.finalMessage();
  const call = message.content.find((b) => b.type === "tool_use");
  assert.deepEqual(call.input, whole.input);
  assert.deepEqual(JSON.parse(json), whole.input);
  assert.equal(message.stop_reason, "tool_use");
});
await check("tools: results go back, and the model answers from them", async () => {
  const call = called.content.find((b) => b.type === "tool_use");
  const answer = await client.messages.create({ ...withTools, tools: [tool(weather)], messages: [...user("What is the weather in Paris in celsius?"),
    { role: "assistant", content: called.content },
    { role: "user", content: [{ type: "tool_result", tool_use_id: call.id, content: [{ type: "text", text: "{\"temperature\": 31, \"sky\": \"clear\"}" }] }, { type: "text", text: "Answer in one sentence." }] }] });
  assert.match(textOf(answer), /31/);
});
await check("tool runner: the sdk's own loop over our server", async () => {
  const ran = [];
  const runner = client.beta.messages.toolRunner({ ...withTools, max_iterations: 2, tool_choice: { type: "any", disable_parallel_tool_use: true }, messages: user("Add 17 and 25."),
    tools: [{ ...tool(add), type: "custom", run: async (input) => { ran.push(input); return `The sum is ${input.a + input.b}.`; }, parse: (input) => input }] });
  const final = await runner.runUntilDone();
  assert.ok(ran.length >= 1, `the tool did not run: ${JSON.stringify(final.content)}`);
  ran.forEach(add.fits);
  assert.ok(runner.params.messages.some((m) => JSON.stringify(m).includes("The sum is")), "its result did not go back");
});
await check("structured: output_config.format holds the answer to the schema", async () => {
  const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
  const answer = await client.messages.create({ ...withTools, temperature: 1, output_config: { format: { type: "json_schema", schema } }, messages: user("Ada is 36 years old. Describe her as JSON.") });
  const value = JSON.parse(textOf(answer));
  assert.ok(typeof value.name === "string" && Number.isInteger(value.age), JSON.stringify(value));
});
await check("count_tokens says what the answer's usage says", async () => {
  const counted = await client.messages.countTokens({ model: plainModel, messages: user("Name three colours.") });
  assert.equal(counted.input_tokens, first.usage.input_tokens + first.usage.cache_read_input_tokens + first.usage.cache_creation_input_tokens);
  const more = await client.messages.countTokens({ model: toolModel, tools: [tool(weather)], messages: user("Name three colours.") });
  assert.ok(more.input_tokens > counted.input_tokens + 20);
});
await check("models: list and retrieve in this API's shape", async () => {
  const models = await collect(client.models.list());
  assert.ok(models.some((m) => m.id === plainModel && m.type === "model"));
  assert.equal((await client.models.retrieve(toolModel)).id, toolModel);
  const page = await client.models.list({ limit: 1 });
  assert.equal(page.data.length, 1);
  assert.equal(page.has_more, true);
  await rejects(client.models.retrieve("no-such-model"), { status: 404, type: "not_found_error" });
});
await check("errors come in this API's shape", async () => {
  await rejects(say("hi", { model: "no-such-model" }), { status: 404, type: "not_found_error" }, /no-such-model/);
  await rejects(say("hi", { temperature: 7 }), { status: 400, type: "invalid_request_error" }, /temperature/);
  await rejects(client.messages.create({ model: plainModel, max_tokens: 5, messages: [] }), { status: 400 }, /messages/);
  await rejects(say("hi", { nonsense: 1 }), { status: 400 }, /nonsense/);
  await rejects(say("hi", { tools: [{ type: "web_search_20250305", name: "web_search" }] }), { status: 400 }, /web_search/);
  await rejects(say("hi", { thinking: { type: "enabled", budget_tokens: 2000 } }), { status: 400 }, /think/);
  await rejects(client.messages.create({ ...plain, messages: [...user("hi"), { role: "assistant", content: "I say" }] }), { status: 400 }, /end with/);
  await rejects(say([{ type: "image", source: { type: "base64", media_type: "image/png", data: "AAAA" } }]), { status: 400 }, /text only|images/);
  const bad = await fetch(`${url}/v1/messages`, { method: "POST", headers: { "anthropic-version": "2023-06-01" }, body: "{\"model\": " });
  assert.equal(bad.status, 400);
  assert.equal((await bad.json()).type, "error");
});
await check("x-api-key is asked for where keys are", async () => {
  const keyed = (apiKey) => new Anthropic({ baseURL: keyedUrl, apiKey, maxRetries: 0 });
  assert.ok((await keyed("sesame").models.list()).data.length > 0);
  await rejects(keyed("wrong").messages.create({ ...plain, messages: user("hi") }), { status: 401, type: "authentication_error" });
});
finish();
