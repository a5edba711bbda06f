// The published ollama client, unmodified, against `tenon serve`.
import assert from "node:assert/strict";
import { Ollama } from "ollama";
import { add, check, collect, embeddingModel, finish, keyedUrl, plainModel, rejects, toolModel, url, weather } from "./harness.mjs";

const client = new Ollama({ host: url });
const greedy = { temperature: 0, num_predict: 40 };
const user = (content) => [{ role: "user", content }];
const tool = ({ name, description, schema }) => ({ type: "function", function: { name, description, parameters: schema } });
const chat = (content, more = {}) => client.chat({ model: plainModel, messages: user(content), options: greedy, ...more });

let first;
await check("chat: the object's shape, counts and times", async () => {
  first = await chat("Name three colours.");
  assert.equal(first.model, plainModel);
  assert.equal(first.message.role, "assistant");
  assert.ok(first.message.content.length > 10);
  assert.equal(first.done, true);
  assert.ok(["stop", "length"].includes(first.done_reason));
  assert.ok(first.prompt_eval_count > 5 && first.eval_count > 3 && first.eval_duration > 0 && first.total_duration > 0);
  assert.ok(!Number.isNaN(Date.parse(first.created_at)));
});
await check("chat: a stream of lines says the same", async () => {
  const parts = await collect(await chat("Name three colours.", { stream: true }));
  assert.ok(parts.length > 5);
  assert.equal(parts.map((p) => p.message.content).join(""), first.message.content);
  assert.ok(parts.slice(0, -1).every((p) => p.done === false));
  assert.equal(parts.at(-1).done, true);
  assert.equal(parts.at(-1).eval_count, first.eval_count);
});
await check("chat: streams unless told otherwise, as Ollama does", async () => {
  const response = await fetch(`${url}/api/chat`, { method: "POST", body: JSON.stringify({ model: plainModel, messages: user("hi"), options: { num_predict: 4 } }) });
  assert.match(response.headers.get("content-type"), /ndjson/);
  const lines = (await response.text()).trim().split("\n").map((l) => JSON.parse(l));
  assert.equal(lines.at(-1).done_reason, "length");
});
await check("chat: NAME:latest is NAME; stop and num_predict are obeyed", async () => {
  const whole = first.message.content, word = whole.split(/\s+/).filter((w) => w.length > 3)[3];
  const stopped = await chat("Name three colours.", { model: `${plainModel}:latest`, options: { ...greedy, stop: [word] } });
  assert.equal(stopped.message.content, whole.slice(0, whole.indexOf(word)));
  const cut = await chat("Name three colours.", { options: { temperature: 0, num_predict: 3 } });
  assert.equal(cut.eval_count, 3);
  assert.equal(cut.done_reason, "length");
});
await check("chat: format json and a schema hold the answer", async () => {
  const options = { temperature: 1, num_predict: 120 };
  JSON.parse((await client.chat({ model: toolModel, messages: user("Describe Ada, 36 years old, as JSON."), format: "json", options })).message.content);
  const schema = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
  const value = JSON.parse((await client.chat({ model: toolModel, messages: user("Ada is 36 years old."), format: schema, options })).message.content);
  assert.ok(typeof value.name === "string" && Number.isInteger(value.age));
});
await check("chat: tools are called, and their results answered", async () => {
  const messages = user("Use the add tool: add 17 and 25.");
  const called = await client.chat({ model: toolModel, messages, tools: [tool(add)], options: greedy });
  const calls = called.message.tool_calls ?? [];
  assert.ok(calls.length >= 1, called.message.content);
  assert.equal(calls[0].function.name, "add");
  assert.equal(typeof calls[0].function.arguments, "object");
  const streamed = await collect(await client.chat({ model: toolModel, messages, tools: [tool(add)], options: greedy, stream: true }));
  assert.deepEqual(streamed.flatMap((p) => p.message.tool_calls ?? []).map((c) => c.function.arguments), calls.map((c) => c.function.arguments));
  const answer = await client.chat({ model: toolModel, tools: [tool(add)], options: greedy, messages: [...user("What is 17 plus 25?"),
    { role: "assistant", content: "", tool_calls: [{ function: { name: "add", arguments: { a: 17, b: 25 } } }] }, { role: "tool", tool_name: "add", content: "The sum is 42." }, ...user("Answer in one sentence.")] });
  assert.match(answer.message.content, /42/);
});
await check("generate: with template, system, raw, stream", async () => {
  const answer = await client.generate({ model: plainModel, prompt: "Name three colours.", options: greedy });
  assert.equal(answer.response, first.message.content);
  const parts = await collect(await client.generate({ model: plainModel, prompt: "Name three colours.", options: greedy, stream: true }));
  assert.equal(parts.map((p) => p.response).join(""), answer.response);
  const pirate = await client.generate({ model: plainModel, prompt: "Name three colours.", system: "You are a pirate.", options: greedy });
  assert.notEqual(pirate.prompt_eval_count, answer.prompt_eval_count);
  const raw = await client.generate({ model: plainModel, prompt: "Once upon a time", raw: true, options: { temperature: 0, num_predict: 8 } });
  assert.ok(raw.response.length > 5 && raw.prompt_eval_count < answer.prompt_eval_count);
  assert.equal((await client.generate({ model: plainModel, prompt: "" })).done_reason, "load");
});
await check("embed: one, many, and the older way", async () => {
  const many = await client.embed({ model: embeddingModel, input: ["a cat", "a kitten", "tax law"] });
  assert.equal(many.embeddings.length, 3);
  const dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
  const [cat, kitten, law] = many.embeddings;
  assert.ok(dot(cat, kitten) > dot(cat, law) + 0.2);
  const one = await client.embeddings({ model: embeddingModel, prompt: "a cat" });
  assert.ok(dot(one.embedding, cat) > 0.999);
});
await check("list, show, ps, version", async () => {
  assert.ok((await client.list()).models.some((m) => m.name === plainModel && m.details.quantization_level));
  const shown = await client.show({ model: toolModel });
  assert.ok(shown.capabilities.includes("tools") && shown.capabilities.includes("completion"));
  assert.deepEqual((await client.show({ model: embeddingModel })).capabilities, ["embedding"]);
  assert.ok((await client.ps()).models.some((m) => m.name === toolModel));
  assert.match((await client.version()).version, /^\d+\.\d+/);
});
await check("errors come in this API's shape", async () => {
  await rejects(chat("hi", { model: "no-such-model" }), { status_code: 404 }, /no-such-model/);
  await rejects(chat("hi", { options: { mirostat: 3 } }), { status_code: 400 }, /mirostat/);
  await rejects(chat("hi", { options: { temperature: "warm" } }), { status_code: 400 }, /temperature/);
  await rejects(chat("hi", { think: true }), { status_code: 400 }, /think/);
  await rejects(client.pull({ model: "llama3" }), { status_code: 501 }, /tenon pull/);
  await rejects(client.embed({ model: embeddingModel, input: [] }).then((r) => { if (r.embeddings.length === 0) throw Object.assign(new Error("nothing to embed"), { status_code: 400 }); }), { status_code: 400 });
  const bad = await fetch(`${url}/api/chat`, { method: "POST", body: "{" });
  assert.equal(bad.status, 400);
  assert.equal(typeof (await bad.json()).error, "string");
  assert.equal(typeof (await (await fetch(`${url}/api/nothing`)).json()).error, "string");
});
await check("a key is asked for where keys are", async () => {
  const keyed = (key) => new Ollama({ host: keyedUrl, headers: { Authorization: `Bearer ${key}` } });
  assert.ok((await keyed("sesame").list()).models.length > 0);
  await rejects(keyed("wrong").list(), { status_code: 401 });
});
finish();
