// The published openai client, unmodified: responses, and tools and forms of chat completions, against `tenon serve`.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import OpenAI from "openai";
import { zodFunction, zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { add, check, collect, finish, keyedUrl, plainModel, rejects, toolModel, url, weather } from "./harness.mjs";

const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, timeout: 90_000 });
const plain = { model: plainModel, max_output_tokens: 40, temperature: 0 };
const withTools = { model: toolModel, max_output_tokens: 80, temperature: 0 };
const tool = ({ name, description, schema }, strict = true) => ({ type: "function", name, description, parameters: schema, strict });
const chatTool = ({ name, description, schema }) => ({ type: "function", function: { name, description, parameters: schema } });
const user = (content) => [{ role: "user", content }];

// ---- responses ----
let first;
await check("responses: the object's shape, output_text and usage", async () => {
  first = await client.responses.create({ ...plain, input: "Name three colours.", metadata: { topic: "colours" } });
  assert.equal(first.object, "response");
  assert.match(first.id, /^resp_/);
  assert.equal(first.model, plainModel);
  assert.ok(["completed", "incomplete"].includes(first.status));
  assert.equal(first.output[0].type, "message");
  assert.equal(first.output[0].role, "assistant");
  assert.ok(first.output_text.length > 10);
  assert.deepEqual(first.metadata, { topic: "colours" });
  assert.equal(first.temperature, 0);
  assert.ok(first.usage.input_tokens > 5 && first.usage.output_tokens > 3);
  assert.equal(first.usage.total_tokens, first.usage.input_tokens + first.usage.output_tokens);
});
await check("responses: instructions, and input as items", async () => {
  const answer = await client.responses.create({ ...plain, instructions: "You are a pirate.", input: [{ role: "user", content: [{ type: "input_text", text: "Name three colours." }] }] });
  assert.ok(answer.usage.input_tokens !== first.usage.input_tokens);
  assert.equal(answer.instructions, "You are a pirate.");
});
await check("responses: max_output_tokens cuts, and says so", async () => {
  const cut = await client.responses.create({ ...plain, input: "Tell me a long story.", max_output_tokens: 5 });
  assert.equal(cut.status, "incomplete");
  assert.equal(cut.incomplete_details.reason, "max_output_tokens");
  assert.equal(cut.usage.output_tokens, 5);
});
await check("responses: a stream has every event in order and the same text", async () => {
  const events = await collect(await client.responses.create({ ...plain, input: "Name three colours.", stream: true }));
  const kinds = events.map((e) => e.type);
  assert.deepEqual(kinds.slice(0, 4), ["response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"]);
  assert.deepEqual(kinds.slice(-4, -1), ["response.output_text.done", "response.content_part.done", "response.output_item.done"]);
  assert.ok(["response.completed", "response.incomplete"].includes(kinds.at(-1)));
  assert.deepEqual(events.map((e) => e.sequence_number), events.map((_, i) => i));
  const text = events.filter((e) => e.type === "response.output_text.delta").map((e) => e.delta).join("");
  assert.equal(text, first.output_text);
  assert.equal(events.at(-1).response.output_text ?? text, text);
  assert.equal(events.at(-1).response.usage.output_tokens, first.usage.output_tokens);
});
await check("responses: the client's stream helper", async () => {
  let deltas = "";
  const stream = client.responses.stream({ ...plain, input: "Name three colours." }).on("response.output_text.delta", (e) => { deltas += e.delta; });
  const final = await stream.finalResponse();
  assert.equal(final.output_text, first.output_text);
  assert.equal(deltas, first.output_text);
});
await check("responses: previous_response_id goes on with the conversation", async () => {
  const one = await client.responses.create({ ...plain, input: "My name is Ada." });
  const two = await client.responses.create({ ...plain, input: "What is my name?", previous_response_id: one.id });
  const alone = await client.responses.create({ ...plain, input: "What is my name?" });
  assert.equal(two.previous_response_id, one.id);
  assert.ok(two.usage.input_tokens >= alone.usage.input_tokens + one.usage.output_tokens, `${two.usage.input_tokens} and ${alone.usage.input_tokens}`);
  const three = await client.responses.create({ ...plain, input: "And yours?", previous_response_id: two.id });
  assert.ok(three.usage.input_tokens > two.usage.input_tokens);
  await rejects(client.responses.create({ ...plain, input: "hi", previous_response_id: "resp_none" }), { status: 400, code: "previous_response_not_found" });
});
await check("responses: retrieve, input items, delete", async () => {
  const kept = await client.responses.retrieve(first.id);
  assert.equal(kept.output_text, first.output_text);
  assert.deepEqual(kept.usage, first.usage);
  const items = await collect(client.responses.inputItems.list(first.id));
  assert.equal(items.length, 1);
  assert.equal(items[0].content[0].text, "Name three colours.");
  const input = ["one", "two", "three"].map((content) => ({ role: "user", content }));
  const many = await client.responses.create({ ...plain, input, max_output_tokens: 2 });
  const said = (await collect(client.responses.inputItems.list(many.id, { limit: 2, order: "asc" }))).map((i) => i.content);
  assert.deepEqual(said, ["one", "two", "three"]);
  await rejects(client.responses.cancel(first.id), { status: 400 }, /background/);
  await client.responses.delete(first.id);
  await rejects(client.responses.retrieve(first.id), { status: 404 });
  await rejects(client.responses.delete(first.id), { status: 404 });
});
await check("responses: store false keeps nothing", async () => {
  const answer = await client.responses.create({ ...plain, input: "hi", store: false, max_output_tokens: 4 });
  assert.equal(answer.store, false);
  await rejects(client.responses.retrieve(answer.id), { status: 404 });
});
await check("responses: what is kept outlives the server, and belongs to its key", async () => {
  const answer = await client.responses.create({ ...plain, input: "hi", max_output_tokens: 4 });
  const other = new OpenAI({ baseURL: `${keyedUrl}/v1`, apiKey: "sesame", maxRetries: 0 });  // the same home, another key
  await rejects(other.responses.retrieve(answer.id), { status: 404 });
  const server = spawn(process.env.TENON, ["serve", "--port", "0", "--quiet"], { stdio: ["ignore", "pipe", "ignore"] });
  try {
    let text = "";
    for await (const piece of server.stdout) { text += piece; if (/serving on \S+/.test(text)) break; }
    const again = new OpenAI({ baseURL: `${text.match(/serving on (\S+)/)[1]}/v1`, apiKey: "unused", maxRetries: 0 });
    assert.equal((await again.responses.retrieve(answer.id)).output_text, answer.output_text);
  } finally { server.kill("SIGTERM"); }
});
await check("responses: item references stand for what is kept", async () => {
  const one = await client.responses.create({ ...plain, input: "My name is Ada.", max_output_tokens: 10 });
  const two = await client.responses.create({ ...plain, max_output_tokens: 4, input: [{ role: "user", content: "My name is Ada." }, { type: "item_reference", id: one.output[0].id }, { role: "user", content: "Bye." }] });
  const spelt = await client.responses.create({ ...plain, max_output_tokens: 4, input: [{ role: "user", content: "My name is Ada." }, one.output[0], { role: "user", content: "Bye." }] });
  assert.equal(two.usage.input_tokens, spelt.usage.input_tokens);
  await rejects(client.responses.create({ ...plain, input: [{ type: "item_reference", id: "msg_none" }] }), { status: 404 }, /msg_none/);
});

let called;
await check("responses: required tools are called, with arguments that fit", async () => {
  called = await client.responses.create({ ...withTools, tools: [tool(weather), tool(add)], tool_choice: "required", input: "What is the weather in Paris in celsius?" });
  const calls = called.output.filter((i) => i.type === "function_call");
  assert.ok(calls.length >= 1);
  for (const call of calls) { assert.ok(call.call_id && call.id); (call.name === "add" ? add : weather).fits(JSON.parse(call.arguments)); }
});
await check("responses: a named tool, none, and one of the allowed", async () => {
  const ask = (tool_choice) => client.responses.create({ ...withTools, tools: [tool(weather), tool(add)], tool_choice, input: "What is the weather in Paris?" });
  const calls = (r) => r.output.filter((i) => i.type === "function_call");
  const [named] = calls(await ask({ type: "function", name: "add" }));
  assert.equal(named.name, "add");
  add.fits(JSON.parse(named.arguments));
  assert.equal(calls(await ask("none")).length, 0);
  const allowed = calls(await ask({ type: "allowed_tools", mode: "required", tools: [{ type: "function", name: "add" }] }));
  assert.ok(allowed.length >= 1 && allowed.every((c) => c.name === "add"));
});
await check("responses: a stream gives the arguments in pieces", async () => {
  const stream = client.responses.stream({ ...withTools, tools: [tool(weather)], tool_choice: "required", input: "What is the weather in Paris in celsius?" });
  let pieces = "";
  stream.on("response.function_call_arguments.delta", (e) => { pieces += e.delta; });
  const final = await stream.finalResponse();
  const call = final.output.find((i) => i.type === "function_call");
  assert.equal(pieces, call.arguments);
  weather.fits(JSON.parse(call.arguments));
});
await check("responses: outputs of calls go back through previous_response_id", async () => {
  const call = called.output.find((i) => i.type === "function_call");
  const answer = await client.responses.create({ ...withTools, previous_response_id: called.id, tools: [tool(weather)], input: [{ type: "function_call_output", call_id: call.call_id, output: "{\"temperature\": 31, \"sky\": \"clear\"}" }, { role: "user", content: "Answer in one sentence." }] });
  assert.match(answer.output_text, /31/);
});
const Person = z.object({ name: z.string(), age: z.number().int() });
await check("responses.parse: structured output as the client's own object", async () => {
  const answer = await client.responses.parse({ ...withTools, temperature: 1, input: "Ada is 36 years old.", text: { format: zodTextFormat(Person, "person") } });
  assert.ok(Person.safeParse(answer.output_parsed).success, answer.output_text);
});
await check("responses: input tokens are counted beforehand", async () => {
  const counted = await client.responses.inputTokens.count({ model: plainModel, input: "Name three colours." });
  assert.equal(counted.input_tokens, first.usage.input_tokens);
});
await check("responses: what cannot be done is refused, by name", async () => {
  const ask = (more) => client.responses.create({ ...plain, input: "hi", ...more });
  await rejects(ask({ model: "no-such-model" }), { status: 404, code: "model_not_found" });
  await rejects(ask({ temperature: 9 }), { status: 400, param: "temperature" });
  await rejects(ask({ background: true }), { status: 400, param: "background" });
  await rejects(ask({ tools: [{ type: "web_search" }] }), { status: 400, param: "tools[0].type" });
  await rejects(ask({ reasoning: { effort: "high" } }), { status: 400 }, /think/);
  await rejects(ask({ nonsense: 1 }), { status: 400, param: "nonsense" });
  await rejects(ask({ input: [{ type: "image_generation_call", id: "x" }] }), { status: 400 });
  await rejects(ask({ input: [{ role: "user", content: [{ type: "input_image", image_url: "data:image/png;base64,AAAA" }] }] }), { status: 400 }, /text only|images/);
});

// ---- chat completions ----
const chatTools = { model: toolModel, max_tokens: 80, temperature: 0 };
const callsOf = (answer) => answer.choices[0].message.tool_calls ?? [];
await check("chat tools: required, named and none", async () => {
  const ask = (tool_choice) => client.chat.completions.create({ ...chatTools, tools: [chatTool(weather), chatTool(add)], tool_choice, messages: user("What is the weather in Paris in celsius?") });
  const required = await ask("required");
  assert.equal(required.choices[0].finish_reason, "tool_calls");
  assert.ok(callsOf(required).length >= 1);
  for (const call of callsOf(required)) (call.function.name === "add" ? add : weather).fits(JSON.parse(call.function.arguments));
  const named = callsOf(await ask({ type: "function", function: { name: "add" } }));
  assert.ok(named.length >= 1 && named.every((c) => c.function.name === "add"));
  add.fits(JSON.parse(named[0].function.arguments));
  assert.equal(callsOf(await ask("none")).length, 0);
});
await check("chat tools: parallel calls keep apart in a stream", async () => {
  const stream = client.chat.completions.stream({ ...chatTools, max_tokens: 200, temperature: 0, tools: [chatTool(add)], tool_choice: "required", parallel_tool_calls: true, messages: user("Call add twice: once with a=1, b=2, and once with a=3, b=4.") });
  const final = await stream.finalChatCompletion();
  const calls = callsOf(final);
  assert.ok(calls.length >= 1);
  for (const call of calls) add.fits(JSON.parse(call.function.arguments));
  assert.equal(new Set(calls.map((c) => c.id)).size, calls.length);
  const single = await client.chat.completions.create({ ...chatTools, tools: [chatTool(add)], tool_choice: "required", parallel_tool_calls: false, messages: user("Call add twice: once with a=1, b=2, and once with a=3, b=4.") });
  assert.equal(callsOf(single).length, 1);
});
await check("chat.parse: structured output as the client's own object", async () => {
  const answer = await client.chat.completions.parse({ ...chatTools, temperature: 1, messages: user("Ada is 36 years old."), response_format: zodResponseFormat(Person, "person") });
  assert.ok(Person.safeParse(answer.choices[0].message.parsed).success, answer.choices[0].message.content);
});
await check("chat: strict tools are parsed by the client", async () => {
  const answer = await client.chat.completions.parse({ ...chatTools, tool_choice: "required", messages: user("Add 17 and 25."), tools: [zodFunction({ name: "add", description: "Adds two whole numbers", parameters: z.object({ a: z.number().int(), b: z.number().int() }) })] });
  const [call] = callsOf(answer);
  add.fits(call.function.parsed_arguments);
});
await check("runTools: the client's own loop over our server", async () => {
  const ran = [];
  const loop = (tool_choice, max) => client.chat.completions.runTools({ ...chatTools, tool_choice, messages: user("Add 17 and 25."),
    tools: [{ type: "function", function: { name: add.name, description: add.description, parameters: add.schema, parse: JSON.parse, function: (args) => { ran.push(args); return `The sum is ${args.a + args.b}.`; } } }] }, { maxChatCompletions: max });
  await loop({ type: "function", function: { name: "add" } }, 1).done();
  assert.equal(ran.length, 1);
  const runner = loop("required", 2);
  await runner.done();
  ran.forEach(add.fits);
  const roles = runner.messages.map((m) => m.role);
  assert.deepEqual(roles.slice(0, 4), ["user", "assistant", "tool", "assistant"]);
});
finish();
