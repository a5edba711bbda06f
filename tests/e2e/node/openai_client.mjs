// The published openai client, unmodified, against `tenon serve`.
// Environment: TENON_URL, TENON_PID; TENON_KEYED_URL: a second server that asks for the key "sesame" and gives a request two seconds.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";

const url = process.env.TENON_URL, chatModel = "smollm2-135m", embeddingModel = "minilm";
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "unused", maxRetries: 0, timeout: 90_000 });
let passed = 0, failed = 0;

async function check(name, work) {
  const begin = performance.now();
  try {
    await work();
    passed++;
    console.log(`ok      ${name} (${Math.round(performance.now() - begin)} ms)`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${String(error?.stack ?? error).split("\n").slice(0, 14).map((l) => `        ${l}`).join("\n")}`);
  }
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const user = (content) => [{ role: "user", content }];
const greedy = { model: chatModel, temperature: 0, max_tokens: 40 };
const chat = (content, more = {}) => client.chat.completions.create({ ...greedy, messages: user(content), ...more });
/** Seconds of processor time the server has used. */
const serverTime = () => {
  const fields = readFileSync(`/proc/${process.env.TENON_PID}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) / 100;
};
/** Waits until the server does nothing; the seconds that took. */
async function idle(limit) {
  const begin = performance.now();
  for (let before = serverTime(); ; ) {
    await sleep(300);
    const now = serverTime();
    const waited = (performance.now() - begin) / 1000;
    if (now - before < 0.06) return waited - 0.3;
    if (waited > limit) throw new Error(`the server still computes ${limit} s later`);
    before = now;
  }
}
async function rejects(promise, kind, expected) {
  let error;
  try { await promise; } catch (e) { error = e; }
  assert(error, `expected ${kind.name}, but the call succeeded`);
  assert(error instanceof kind, `expected ${kind.name}, not ${error?.constructor?.name}: ${error?.message}`);
  for (const [key, value] of Object.entries(expected)) assert.equal(error[key], value, `${key} of: ${error.message}`);
  assert.ok(error.message.length > 8 && !/terminate called|\.cpp|0x[0-9a-f]{6}/.test(error.message), error.message);
  return error;
}
const raw = (path, body, init = {}) => fetch(url + path, { method: "POST", headers: { "Content-Type": "application/json" }, body, ...init });

// ---- models ----
await check("models.list names what is installed", async () => {
  const ids = [];
  for await (const model of client.models.list()) {
    assert.equal(model.object, "model");
    assert.ok(Number.isInteger(model.created) && typeof model.owned_by === "string");
    ids.push(model.id);
  }
  assert.ok(ids.includes(chatModel) && ids.includes(embeddingModel), ids.join());
});
await check("models.retrieve", async () => {
  const model = await client.models.retrieve(chatModel);
  assert.equal(model.id, chatModel);
  assert.equal(model.architecture, "llama");
  assert.ok(model.context_length >= 2048 && model.memory_bytes > 50e6);
});
await check("a model is loaded when a request first names it", async () => {
  await chat("hi", { max_tokens: 1 });
  assert.equal((await client.models.retrieve(chatModel)).loaded, true);
});

// ---- chat ----
let plain;
await check("chat: the object's shape and usage", async () => {
  plain = await chat("Name three colours.");
  assert.equal(plain.object, "chat.completion");
  assert.match(plain.id, /^chatcmpl-/);
  assert.equal(plain.model, chatModel);
  assert.ok(Math.abs(plain.created - Date.now() / 1000) < 60);
  const [choice] = plain.choices;
  assert.equal(choice.index, 0);
  assert.equal(choice.message.role, "assistant");
  assert.ok(choice.message.content.length > 10);
  assert.ok(["stop", "length"].includes(choice.finish_reason));
  assert.equal(choice.logprobs, null);
  const u = plain.usage;
  assert.ok(u.prompt_tokens > 5 && u.completion_tokens > 3);
  assert.equal(u.total_tokens, u.prompt_tokens + u.completion_tokens);
  assert.ok(plain._request_id, "no x-request-id");
});
await check("chat: greedy answers repeat", async () => {
  assert.equal((await chat("Name three colours.")).choices[0].message.content, plain.choices[0].message.content);
});
await check("chat: a stream says the same as the whole answer, with usage last", async () => {
  const stream = await chat("Name three colours.", { stream: true, stream_options: { include_usage: true } });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  assert.ok(chunks.every((c) => c.object === "chat.completion.chunk" && c.id === chunks[0].id));
  assert.equal(chunks[0].choices[0].delta.role, "assistant");
  const text = chunks.map((c) => c.choices[0]?.delta?.content ?? "").join("");
  assert.equal(text, plain.choices[0].message.content);
  assert.ok(chunks.length > 8, "the text did not come piece by piece");
  const last = chunks.at(-1);
  assert.deepEqual(last.choices, []);
  assert.equal(last.usage.completion_tokens, plain.usage.completion_tokens);
  assert.equal(last.usage.prompt_tokens, plain.usage.prompt_tokens);
  assert.ok(chunks.slice(0, -1).every((c) => c.usage === null));
  assert.equal(chunks.at(-2).choices[0].finish_reason, plain.choices[0].finish_reason);
});
await check("chat: without include_usage no chunk has usage", async () => {
  for await (const chunk of await chat("Name a colour.", { stream: true, max_tokens: 4 })) {
    assert.ok(!("usage" in chunk) || chunk.usage == null);
    assert.equal(chunk.choices.length, 1);
  }
});
await check("chat: the client's own stream helper", async () => {
  const run = client.chat.completions.stream({ ...greedy, messages: user("Name three colours.") });
  let deltas = 0;
  run.on("content", () => deltas++);
  assert.equal((await run.finalContent()), plain.choices[0].message.content);
  assert.ok(deltas > 3);
});
await check("chat: tokens come one by one, not at the end", async () => {
  const at = [];
  for await (const chunk of await chat("Write a long story about a horse.", { stream: true, max_tokens: 60 })) if (chunk.choices[0].delta.content) at.push(performance.now());
  assert.ok(at.length > 30, `${at.length} pieces`);
  const spread = at.at(-1) - at[0], first = at[Math.floor(at.length / 2)] - at[0];
  assert.ok(first > spread * 0.2 && first < spread * 0.8, `half of the text after ${first.toFixed()} of ${spread.toFixed()} ms`);
});
await check("chat: stop ends the text before the stop string", async () => {
  const whole = plain.choices[0].message.content;
  const word = whole.split(/\s+/).filter((w) => w.length > 3)[3];
  for (const stop of [word, ["\u0001never", word]]) {
    const answer = await chat("Name three colours.", { stop });
    assert.equal(answer.choices[0].finish_reason, "stop");
    assert.equal(answer.choices[0].message.content, whole.slice(0, whole.indexOf(word)));
  }
  let streamed = "";
  for await (const chunk of await chat("Name three colours.", { stop: word, stream: true })) streamed += chunk.choices[0].delta.content ?? "";
  assert.equal(streamed, whole.slice(0, whole.indexOf(word)), "a stream let a part of the stop string out");
});
await check("chat: a seed makes sampling repeatable", async () => {
  const sample = async (seed) => (await chat("Invent a name for a ship.", { temperature: 1.3, seed, max_tokens: 24 })).choices[0].message.content;
  const a = await sample(7);
  assert.equal(await sample(7), a);
  const others = [await sample(8), await sample(9)];
  assert.ok(others.some((o) => o !== a), "three seeds gave one text");
});
await check("chat: logprobs and top_logprobs", async () => {
  const answer = await chat("Name three colours.", { logprobs: true, top_logprobs: 3, max_tokens: 12 });
  const { content } = answer.choices[0].logprobs;
  assert.equal(content.length, answer.usage.completion_tokens);
  assert.equal(content.map((t) => t.token).join(""), answer.choices[0].message.content);
  for (const t of content) {
    assert.ok(t.logprob <= 0 && Number.isFinite(t.logprob));
    assert.equal(Buffer.from(t.bytes).toString(), t.token);
    assert.equal(t.top_logprobs.length, 3);
    assert.equal(t.top_logprobs[0].token, t.token, "greedy takes the likeliest");
    assert.ok(t.top_logprobs[0].logprob >= t.top_logprobs[1].logprob && t.top_logprobs[1].logprob >= t.top_logprobs[2].logprob);
    assert.ok(t.top_logprobs.reduce((s, x) => s + Math.exp(x.logprob), 0) <= 1.001);
  }
});
await check("chat: n gives that many different answers, repeatably", async () => {
  const ask = () => chat("Invent a name for a ship.", { n: 2, temperature: 1.2, seed: 5, max_tokens: 16 });
  const [a, b] = [await ask(), await ask()];
  assert.deepEqual(a.choices.map((c) => c.index), [0, 1]);
  assert.notEqual(a.choices[0].message.content, a.choices[1].message.content);
  assert.deepEqual(a.choices.map((c) => c.message.content), b.choices.map((c) => c.message.content));
});
await check("chat: n in a stream keeps the answers apart", async () => {
  const texts = ["", ""], finished = new Set();
  for await (const chunk of await chat("Invent a name for a ship.", { n: 2, temperature: 1.2, seed: 5, max_tokens: 16, stream: true })) {
    const c = chunk.choices[0];
    texts[c.index] += c.delta.content ?? "";
    if (c.finish_reason) finished.add(c.index);
  }
  assert.ok(texts[0] && texts[1] && finished.size === 2);
});
await check("chat: max_completion_tokens", async () => {
  const { model, temperature } = greedy;
  const answer = await client.chat.completions.create({ model, temperature, messages: user("Tell me a long story about a lighthouse."), max_completion_tokens: 5 });
  assert.equal(answer.usage.completion_tokens, 5);
  assert.equal(answer.choices[0].finish_reason, "length");
});
await check("chat: content parts are the same as their text", async () => {
  const parts = await chat([{ type: "text", text: "Name three " }, { type: "text", text: "colours." }]);
  assert.equal(parts.choices[0].message.content, plain.choices[0].message.content);
});
await check("chat: system and developer messages are heard", async () => {
  const messages = [{ role: "system", content: "You are a pirate and call everyone matey in every sentence you say." }, ...user("Name three colours.")];
  const answer = await client.chat.completions.create({ ...greedy, messages });
  assert.notEqual(answer.usage.prompt_tokens, plain.usage.prompt_tokens);
  messages[0].role = "developer";
  const developer = await client.chat.completions.create({ ...greedy, messages });
  assert.ok(developer.choices[0].message.content);
});
await check("chat: several turns", async () => {
  const messages = [...user("My name is Ada."), { role: "assistant", content: "Hello Ada." }, { role: "user", content: "What is my name?" }];
  // (What so small a model makes of them is its own affair: that it reads them all shows in the count.)
  const answer = await client.chat.completions.create({ ...greedy, messages });
  const alone = await client.chat.completions.create({ ...greedy, messages: messages.slice(-1) });
  assert.ok(answer.choices[0].message.content.length > 0);
  assert.ok(answer.usage.prompt_tokens >= alone.usage.prompt_tokens + 10);
});
await check("chat: Chinese arrives whole in every chunk", async () => {
  let text = "";
  for await (const chunk of await chat("Repeat exactly: 你好，世界。你好，世界。", { stream: true, max_tokens: 30, temperature: 0.9, seed: 3, logit_bias: {} })) {
    const piece = chunk.choices[0].delta.content ?? "";
    assert.equal(Buffer.from(piece).toString(), piece);
    text += piece;
  }
  assert.ok(text.length > 0);
});
await check("chat: logit_bias forbids a token", async () => {
  const first = (await chat("Name three colours.", { logprobs: true, max_tokens: 1 })).choices[0].message.content;
  const listed = await (await raw("/v1/chat/completions", JSON.stringify({ ...greedy, messages: user("Name three colours."), max_tokens: 1, logit_bias: Object.fromEntries(Array.from({ length: 300 }, (_, i) => [i + 300, -100])) }))).json();
  assert.ok(first && listed.choices, JSON.stringify(listed));
});

// ---- completions ----
await check("completions: goes on from a text; echo puts it in front", async () => {
  const prompt = "The capital of France is";
  const answer = await client.completions.create({ model: chatModel, prompt, max_tokens: 6, temperature: 0 });
  assert.equal(answer.object, "text_completion");
  assert.match(answer.choices[0].text, /Paris/);
  const echoed = await client.completions.create({ model: chatModel, prompt, max_tokens: 6, temperature: 0, echo: true });
  assert.equal(echoed.choices[0].text, prompt + answer.choices[0].text);
  assert.ok(answer.usage.completion_tokens <= 6);
});
await check("completions: a list of prompts", async () => {
  const answer = await client.completions.create({ model: chatModel, prompt: ["The capital of France is", "One, two, three,"], max_tokens: 6, temperature: 0 });
  assert.deepEqual(answer.choices.map((c) => c.index), [0, 1]);
  assert.match(answer.choices[0].text, /Paris/);
  assert.match(answer.choices[1].text, /four/);
});
await check("completions: stream, stop and logprobs", async () => {
  let text = "";
  for await (const chunk of await client.completions.create({ model: chatModel, prompt: "One, two, three,", max_tokens: 20, temperature: 0, stream: true, stop: "six" })) text += chunk.choices[0].text;
  assert.match(text, /four/);
  assert.doesNotMatch(text, /six/);
  const answer = await client.completions.create({ model: chatModel, prompt: "One, two, three,", max_tokens: 4, temperature: 0, logprobs: 2 });
  const { tokens, token_logprobs, top_logprobs, text_offset } = answer.choices[0].logprobs;
  assert.equal(tokens.length, answer.usage.completion_tokens);
  assert.ok(token_logprobs.every((l) => l <= 0) && top_logprobs.every((t) => Object.keys(t).length >= 2) && text_offset.length === tokens.length);
  assert.equal(tokens.join(""), answer.choices[0].text);
});

// ---- embeddings ----
const dot = (a, b) => a.reduce((s, v, i) => s + v * b[i], 0);
await check("embeddings: floats and base64 are the same vectors", async () => {
  const input = "A horse grazes in the meadow.";
  const floats = await client.embeddings.create({ model: embeddingModel, input, encoding_format: "float" });
  assert.equal(floats.object, "list");
  const vector = floats.data[0].embedding;
  assert.equal(vector.length, 384);
  assert.ok(Math.abs(dot(vector, vector) - 1) < 1e-4, "not normalised");
  assert.ok(floats.usage.prompt_tokens > 4 && floats.usage.total_tokens === floats.usage.prompt_tokens);
  const encoded = await client.embeddings.create({ model: embeddingModel, input, encoding_format: "base64" });
  const bytes = Buffer.from(encoded.data[0].embedding, "base64");
  const decoded = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  assert.equal(decoded.length, 384);
  decoded.forEach((v, i) => assert.ok(Math.abs(v - vector[i]) <= 1e-7 + Math.abs(v) * 1e-6, `at ${i}: ${v} and ${vector[i]}`));
  const own = await client.embeddings.create({ model: embeddingModel, input });  // the client asks for base64 and decodes it itself
  assert.ok(Math.abs(dot(own.data[0].embedding, vector) - 1) < 1e-5);
});
await check("embeddings: a list, in order, each as if alone", async () => {
  const input = ["a cat", "a small kitten sleeps on the sofa", "the engine of a lorry", "猫"];
  const all = await client.embeddings.create({ model: embeddingModel, input, encoding_format: "float" });
  assert.deepEqual(all.data.map((d) => d.index), [0, 1, 2, 3]);
  const v = all.data.map((d) => d.embedding);
  assert.ok(dot(v[0], v[1]) > dot(v[0], v[2]) + 0.1);
  const alone = await client.embeddings.create({ model: embeddingModel, input: input[1], encoding_format: "float" });
  assert.ok(dot(alone.data[0].embedding, v[1]) > 0.99999);
});
await check("embeddings: dimensions shortens and normalises", async () => {
  const { data } = await client.embeddings.create({ model: embeddingModel, input: "a cat", dimensions: 64, encoding_format: "float" });
  assert.equal(data[0].embedding.length, 64);
  assert.ok(Math.abs(dot(data[0].embedding, data[0].embedding) - 1) < 1e-4);
});

// ---- errors ----
const { BadRequestError, NotFoundError, AuthenticationError, APIUserAbortError, APIError } = OpenAI;
await check("errors: an unknown model", async () => {
  const expected = { status: 404, code: "model_not_found", param: "model", type: "invalid_request_error" };
  const error = await rejects(chat("hi", { model: "no-such-model" }), NotFoundError, expected);
  assert.match(error.message, /no-such-model/);
  await rejects(client.embeddings.create({ model: "no-such-model", input: "a" }), NotFoundError, expected);
  await rejects(client.completions.create({ model: "no-such-model", prompt: "a" }), NotFoundError, expected);
  await rejects(client.models.retrieve("no-such-model"), NotFoundError, { status: 404, code: "model_not_found" });
});
for (const [param, more] of [["temperature", { temperature: 9 }], ["top_p", { top_p: 2 }], ["n", { n: 0 }], ["seed", { seed: "x" }], ["stop", { stop: 5 }], ["stream", { stream: "yes" }],
  ["presence_penalty", { presence_penalty: -3 }], ["logit_bias", { logit_bias: { x: 1 } }], ["messages", { messages: [] }], ["messages[0].role", { messages: [{ role: "wizard", content: "a" }] }],
  ["messages[0].content", { messages: [{ role: "user", content: 5 }] }], ["top_logprobs", { top_logprobs: 2 }], ["max_completion_tokens", { max_completion_tokens: 1e9, max_tokens: undefined }]])
  await check(`errors: a bad ${param}`, () => rejects(chat("hi", more), BadRequestError, { status: 400, param, type: "invalid_request_error" }));
await check("errors: bad embeddings and completions", async () => {
  await rejects(client.embeddings.create({ model: embeddingModel, input: "" }), BadRequestError, { param: "input" });
  await rejects(client.embeddings.create({ model: embeddingModel, input: "a", dimensions: 5000 }), BadRequestError, { param: "dimensions" });
  await rejects(client.embeddings.create({ model: embeddingModel, input: "a", encoding_format: "hex" }), BadRequestError, { param: "encoding_format" });
  await rejects(client.completions.create({ model: chatModel }), BadRequestError, { param: "prompt" });
});
await check("errors: an embedding model asked to chat", async () => {
  await rejects(chat("hi", { model: embeddingModel }), APIError, { param: "model" });
});
await check("errors: a prompt longer than the window", async () => {
  const words = "one two three four five six seven eight nine ten ".repeat(1200);
  await rejects(chat(words), BadRequestError, { status: 400, code: "context_length_exceeded" });
  await rejects(chat(words, { stream: true }), BadRequestError, { status: 400, code: "context_length_exceeded" });
});
await check("errors: bodies that are not JSON objects", async () => {
  for (const body of ["{\"model\": ", "[]", "", "\xff\xfe", "{\"model\":\"a\"} x", "[".repeat(100_000)]) {
    const response = await raw("/v1/chat/completions", body);
    assert.equal(response.status, 400, body.slice(0, 20));
    const { error } = await response.json();
    assert.equal(error.type, "invalid_request_error");
    assert.equal(error.code, "invalid_json");
  }
});
await check("errors: unknown paths and methods are JSON errors too", async () => {
  for (const [path, method, status] of [["/v1/nothing", "GET", 404], ["/v1/chat/completions", "GET", 405], ["/v1/models", "POST", 405]]) {
    const response = await fetch(url + path, { method });
    assert.equal(response.status, status, path);
    assert.ok((await response.json()).error.message);
  }
});
await check("errors: a path is not the name of a model", async () => {
  for (const model of ["/etc/passwd", "./x.gguf", "file:/etc/passwd"]) {
    const error = await client.chat.completions.create({ model, messages: user("hi"), max_tokens: 2 }).then(() => null, (e) => e);
    assert.equal(error?.status, 404, `${model}: ${error?.message}`);
    assert.equal(error.code, "model_not_found");
  }
});
await check("errors: the number of tokens, by the name that was given", async () => {
  for (const name of ["max_tokens", "max_completion_tokens"]) for (const value of [-1, 0, 1e9]) {
    const error = await client.chat.completions.create({ model: chatModel, messages: user("hi"), [name]: value }).then(() => null, (e) => e);
    assert.equal(error?.status, 400);
    assert.equal(error.param, name);
    assert.doesNotMatch(error.message, /9223372036854775807/);
  }
});
await check("errors: a hostile path", async () => {
  for (const path of ["/v1/models/..%2f..%2fetc%2fpasswd", "/assets/..%2f..%2fetc%2fpasswd", "/%00", "/v1/knowledge_bases/..%2f..%2fx/documents"]) {
    const response = await fetch(url + path);
    assert.ok(response.status === 404 || response.status === 400, `${path}: ${response.status}`);
  }
});

// ---- leaving ----
const clientsGone = async () => Number(/^tenon_http_clients_gone_total\{[^}]*chat[^}]*\} (\d+)/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0);
const metric = async (pattern) => Number(new RegExp(`^${pattern} ([\\d.e+]+)$`, "m").exec(await (await fetch(`${url}/metrics`)).text())?.[1] ?? 0);
const stopped = `tenon_generations_total\\{model="${chatModel}",outcome="stopped"\\}`, running = `tenon_generations_running\\{model="${chatModel}"\\}`;
const written = `tenon_tokens_total\\{model="${chatModel}",kind="output"\\}`;
await check("abort: a client that leaves a stream stops the generation", async () => {
  const before = await clientsGone(), stoppedBefore = await metric(stopped), writtenBefore = await metric(written);
  const stream = await chat("Count from one to a thousand in words.", { stream: true, max_tokens: 1500, stop: undefined });
  let pieces = 0;
  for await (const chunk of stream) if (chunk.choices[0].delta.content && ++pieces === 4) break;  // leaving the loop aborts the request
  assert.equal(pieces, 4);
  const waited = await idle(4);
  assert.ok(waited < 1.5, `it computed for ${waited.toFixed(1)} s more`);
  assert.equal(await clientsGone(), before + 1);
  assert.equal(await metric(stopped), stoppedBefore + 1);
  assert.equal(await metric(running), 0);
  assert.ok((await metric(written)) >= writtenBefore + 4, "what was written for a client that left is not counted");
});
await check("abort: an AbortSignal stops a request without stream", async () => {
  const controller = new AbortController();
  const call = client.chat.completions.create({ ...greedy, messages: user("Tell me a long story about a lighthouse."), max_tokens: 1500 }, { signal: controller.signal });
  setTimeout(() => controller.abort(), 700);
  await rejects(call, APIUserAbortError, {});
  assert.ok((await idle(4)) < 1.5);
});

// ---- at once ----
await check("six requests at once all end well", async () => {
  const questions = ["Name a fruit.", "Name a river.", "Name a city.", "Name a bird.", "Name a metal.", "Name a planet."];
  const answers = await Promise.all(questions.map((q) => chat(q, { max_tokens: 16 })));
  for (const a of answers) assert.ok(a.choices[0].message.content.trim());
  const alone = await chat(questions[0], { max_tokens: 16 });
  assert.equal(answers[0].choices[0].message.content.slice(0, 12), alone.choices[0].message.content.slice(0, 12));
});
await check("a short request does not wait for a long one", async () => {
  const controller = new AbortController();
  let longDone = false;
  const long = client.chat.completions.create({ ...greedy, messages: user("Write a very long story about the sea."), max_tokens: 1500, temperature: 1, seed: 1 }, { signal: controller.signal })
    .then(() => { longDone = true; }, () => {});
  await sleep(400);
  await chat("Name a fruit.", { max_tokens: 4 });
  await client.embeddings.create({ model: embeddingModel, input: "a cat" });
  await client.models.list();
  assert.equal(longDone, false, "the long request was over before: this shows nothing");
  controller.abort();
  await long;
});

// ---- keys, CORS, limits ----
const keyed = process.env.TENON_KEYED_URL;
await check("keys: wanted, wrong, right", async () => {
  const open = (apiKey) => new OpenAI({ baseURL: `${keyed}/v1`, apiKey, maxRetries: 0 });
  await rejects(open("wrong").models.list(), AuthenticationError, { status: 401, code: "invalid_api_key" });
  assert.equal((await fetch(`${keyed}/v1/models`)).status, 401);
  let n = 0;
  for await (const _ of open("sesame").models.list()) n++;
  assert.ok(n > 0);
  assert.equal((await fetch(`${keyed}/health`)).status, 200);
  assert.equal((await fetch(`${keyed}/metrics`)).status, 401);
  assert.equal((await fetch(`${keyed}/v1/knowledge_bases`)).status, 401);
});
await check("CORS: for the named origin only", async () => {
  const preflight = (origin) => fetch(`${keyed}/v1/chat/completions`, { method: "OPTIONS", headers: { Origin: origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type" } });
  const good = await preflight("https://app.example");
  assert.ok(good.ok, `${good.status}`);
  assert.equal(good.headers.get("access-control-allow-origin"), "https://app.example");
  assert.match(good.headers.get("access-control-allow-headers") ?? "", /authorization/i);
  assert.equal((await preflight("https://evil.example")).headers.get("access-control-allow-origin"), null);
  assert.equal((await fetch(`${url}/v1/models`, { headers: { Origin: "https://app.example" } })).headers.get("access-control-allow-origin"), null);
});
await check("limits: a request's time ends it, with or without stream", async () => {
  const impatient = new OpenAI({ baseURL: `${keyed}/v1`, apiKey: "sesame", maxRetries: 0 });
  const body = { model: chatModel, temperature: 1, seed: 1, messages: user("Write a very long story about the sea."), max_tokens: 4000, logit_bias: { 2: -100, 0: -100 } };
  for (const stream of [false, true]) {
    const begin = performance.now();
    const call = (async () => { const r = await impatient.chat.completions.create({ ...body, stream }); if (stream) for await (const _ of r); })();
    await rejects(call, APIError, stream ? {} : { code: "timeout" });
    const raw = impatient.completions.create({ model: chatModel, prompt: "Once upon a time", temperature: 1, seed: 1, max_tokens: 4000, logit_bias: { 2: -100, 0: -100 }, stream });
    if (!stream) await rejects(raw, APIError, { code: "timeout" });
    else await raw.then((r) => r.controller.abort());
    const took = (performance.now() - begin) / 1000;
    assert.ok(took < 12, `after ${took.toFixed(1)} s`);
  }
});
await check("metrics: Prometheus text with tokens and times", async () => {
  const response = await fetch(`${url}/metrics`);
  assert.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of text.split("\n")) assert.match(line, /^(#.*|[a-zA-Z_:][\w:]*(\{.*\})? [-+\d.eInfNa]+)?$/);
  assert.match(text, new RegExp(`tenon_tokens_total\\{[^}]*model="${chatModel}"[^}]*\\} [1-9]`));
  assert.match(text, /tenon_http_request_seconds_bucket\{[^}]*le="\+Inf"[^}]*\} [1-9]/);
});

console.log(`# ${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
