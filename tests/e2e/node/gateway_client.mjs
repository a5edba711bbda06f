// The published openai client, unmodified, against the gateway of `tenon serve`.
// Environment: TENON_URL; UPSTREAM; TENON_ALICE, TENON_BOB, TENON_POOR, TENON_NARROW: keys; the owner's is "owner".
import assert from "node:assert/strict";
import OpenAI from "openai";

const url = process.env.TENON_URL;
const as = (apiKey) => new OpenAI({ baseURL: `${url}/v1`, apiKey, maxRetries: 0, timeout: 60_000 });
const owner = as("owner"), alice = as(process.env.TENON_ALICE), bob = as(process.env.TENON_BOB), poor = as(process.env.TENON_POOR),
      narrow = as(process.env.TENON_NARROW);
const ask = (client, model, content, more = {}) => client.chat.completions.create({ model, messages: [{ role: "user", content }], max_tokens: 100, ...more });
const upstream = async () => (await fetch(`${process.env.UPSTREAM}/calls`)).json();
let failed = 0;

async function check(name, work) {
  try {
    await work();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed++;
    console.log(`FAILED  ${name}\n${String(error?.stack ?? error).split("\n").slice(0, 12).map((l) => `        ${l}`).join("\n")}`);
  }
}
async function rejects(promise, kind, status, code) {
  let error;
  try { await promise; } catch (e) { error = e; }
  assert(error instanceof kind, `expected ${kind.name}, not ${error?.constructor?.name}: ${error?.message}`);
  assert.equal(error.status, status);
  if (code !== undefined) assert.equal(error.code, code);
  return error;
}

await check("aliases are models", async () => {
  const ids = [];
  for await (const model of alice.models.list()) ids.push(model.id);
  for (const id of ["smart", "plain", "vectors"]) assert(ids.includes(id), `${ids}`);
  assert.equal((await alice.models.retrieve("smart")).id, "smart");
});
await check("a broken deployment is mended by its fallback", async () => {
  const answer = await ask(alice, "smart", "Who are you?");
  assert.equal(answer.choices[0].message.content, "Hello from good");
  assert.equal(answer.usage.total_tokens, 150);
  assert((await upstream()).broken >= 1);
});
await check("and its breaker leaves it alone after a while", async () => {
  for (let i = 0; i < 4; i++) await ask(alice, "smart", `Again ${i}?`);
  const before = (await upstream()).broken;
  await ask(alice, "smart", "Once more?");
  assert.equal((await upstream()).broken, before);
});
await check("answers stream through", async () => {
  const stream = await ask(alice, "plain", "Stream!", { stream: true, stream_options: { include_usage: true } });
  let text = "", usage, pieces = 0;
  for await (const chunk of stream) {
    if (chunk.choices[0]?.delta?.content) text += chunk.choices[0].delta.content, pieces++;
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, "Hello from good");
  assert(pieces >= 3);
  assert.equal(usage.total_tokens, 150);
});
await check("a cut stream is an error, not a short answer", async () => {
  await assert.rejects(async () => {
    for await (const chunk of await ask(alice, "cutting", "?", { stream: true })) void chunk;
  });
});
await check("the same question is answered from the cache", async () => {
  const first = await ask(alice, "plain", "Twice?"), before = (await upstream()).good;
  const again = await ask(alice, "plain", "Twice?");
  assert.equal(again.choices[0].message.content, first.choices[0].message.content);
  assert.equal((await upstream()).good, before);
});
await check("several answers to one question are several calls", async () => {
  const before = (await upstream()).good;
  assert.equal((await ask(alice, "plain", "Thrice?", { n: 3 })).choices.length, 3);
  assert.equal((await upstream()).good, before + 3);
});
await check("embeddings", async () => {
  const rows = await alice.embeddings.create({ model: "vectors", input: ["a", "b"], encoding_format: "float" });
  assert.deepEqual(rows.data.map((row) => row.embedding.length), [2, 2]);
});
await check("answers tell what is left", async () => {
  const { response } = await ask(bob, "plain", "First?").withResponse();
  assert.equal(response.headers.get("x-ratelimit-limit-requests"), "2");
  assert.equal(response.headers.get("x-ratelimit-remaining-requests"), "1");
  assert.match(response.headers.get("x-ratelimit-reset-requests"), /^\d+(\.\d+)?(ms|s|m)/);
});
await check("a rate is held, and says when to come back", async () => {
  await ask(bob, "plain", "Second?");
  const error = await rejects(ask(bob, "plain", "Third?"), OpenAI.RateLimitError, 429);
  const wait = Number(error.headers.get("retry-after"));
  assert(wait > 0 && wait <= 61, `${wait}`);
});
await check("a budget is held, and is not tried again", async () => {
  // $0.006 in all: an answer costs $0.002, and can cost $0.003 and a little for the question.
  await ask(poor, "plain", "One?");
  await ask(poor, "plain", "Two?");
  const error = await rejects(ask(poor, "plain", "Three?"), OpenAI.RateLimitError, 429, "insufficient_quota");
  assert.equal(error.headers.get("x-should-retry"), "false");
  assert.match(error.message, /budget of the key 'poor'/);
});
await check("keys are held to their models", async () => {
  assert.equal((await ask(narrow, "plain", "May I?")).choices[0].message.content, "Hello from good");
  await rejects(ask(narrow, "smart", "May I?"), OpenAI.PermissionDeniedError, 403);
  await rejects(ask(narrow, "openai:dear", "May I?"), OpenAI.NotFoundError, 404, "model_not_found");
  await rejects(ask(alice, "no-such-model", "?"), OpenAI.NotFoundError, 404, "model_not_found");
});
await check("unknown keys and none are refused", async () => {
  await rejects(ask(as("sk-tenon-wrong"), "plain", "?"), OpenAI.AuthenticationError, 401);
  assert.equal((await fetch(`${url}/v1/models`)).status, 401);
});
await check("keys of the gateway do not manage the server", async () => {
  const with_key = (key, path, method = "GET") => fetch(url + path, { method, headers: { Authorization: `Bearer ${key}` } });
  assert.equal((await with_key(process.env.TENON_ALICE, "/v1/knowledge_bases/x", "DELETE")).status, 403);
  assert.equal((await with_key(process.env.TENON_ALICE, "/metrics")).status, 403);
  assert.equal((await with_key("owner", "/metrics")).status, 200);
});
await check("the owner has no limits", async () => {
  for (let i = 0; i < 4; i++) await ask(owner, "plain", `Owner ${i}?`);
});
await check("a hundred at once never pass a limit", async () => {
  const many = as(process.env.TENON_MANY);
  const all = await Promise.allSettled(Array.from({ length: 100 }, (_, i) => ask(many, "plain", `Many ${i}?`)));
  const done = all.filter((one) => one.status === "fulfilled").length;
  assert(done > 0 && done <= 25, `${done}`);  // $0.05 at $0.002 each
  for (const one of all) if (one.status === "rejected") assert.equal(one.reason.status, 429, one.reason.message);
});
process.exit(failed === 0 ? 0 : 1);
