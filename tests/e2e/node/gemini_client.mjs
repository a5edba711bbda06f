// The published @google/genai client, unmodified, against `tenon serve`.
import assert from "node:assert/strict";
import { FunctionCallingConfigMode, GoogleGenAI, Type } from "@google/genai";
import { add, check, collect, embeddingModel, finish, keyedUrl, plainModel, rejects, toolModel, url, weather } from "./harness.mjs";

const open = (baseUrl, apiKey) => new GoogleGenAI({ apiKey, httpOptions: { baseUrl } });
const client = open(url, "unused");
const greedy = { temperature: 0, maxOutputTokens: 40 };
const ask = (contents, config = {}, model = plainModel) => client.models.generateContent({ model, contents, config: { ...greedy, ...config } });
const declared = ({ name, description, schema }) => ({ name, description, parametersJsonSchema: schema });

let first;
await check("generateContent: the object's shape, text and counts", async () => {
  first = await ask("Name three colours.");
  assert.ok(first.text.length > 10);
  assert.equal(first.candidates[0].content.role, "model");
  assert.ok(["STOP", "MAX_TOKENS"].includes(first.candidates[0].finishReason));
  assert.equal(first.modelVersion, plainModel);
  assert.ok(first.responseId);
  const u = first.usageMetadata;
  assert.ok(u.promptTokenCount > 5 && u.candidatesTokenCount > 3);
  assert.equal(u.totalTokenCount, u.promptTokenCount + u.candidatesTokenCount);
});
await check("generateContentStream: piece by piece, the same text", async () => {
  const parts = await collect(await client.models.generateContentStream({ model: plainModel, contents: "Name three colours.", config: greedy }));
  assert.ok(parts.length > 5);
  assert.equal(parts.map((p) => p.text ?? "").join(""), first.text);
  assert.equal(parts.at(-1).usageMetadata.candidatesTokenCount, first.usageMetadata.candidatesTokenCount);
});
await check("streamGenerateContent without alt=sse is one JSON array", async () => {
  const response = await fetch(`${url}/v1beta/models/${plainModel}:streamGenerateContent?key=unused`, { method: "POST", body: JSON.stringify({ contents: [{ parts: [{ text: "Name three colours." }] }], generationConfig: greedy }) });
  const all = await response.json();
  assert.equal(all.map((p) => p.candidates[0].content.parts.map((x) => x.text).join("")).join(""), first.text);
});
await check("system instruction, stop sequences, max tokens", async () => {
  const pirate = await ask("Name three colours.", { systemInstruction: "You are a pirate." });
  assert.notEqual(pirate.usageMetadata.promptTokenCount, first.usageMetadata.promptTokenCount);
  const word = first.text.split(/\s+/).filter((w) => w.length > 3)[3];
  assert.equal((await ask("Name three colours.", { stopSequences: [word] })).text, first.text.slice(0, first.text.indexOf(word)));
  const cut = await ask("Tell me a long story.", { maxOutputTokens: 3 });
  assert.equal(cut.candidates[0].finishReason, "MAX_TOKENS");
  assert.equal(cut.usageMetadata.candidatesTokenCount, 3);
});
await check("chats: the client's own conversation", async () => {
  const chat = client.chats.create({ model: plainModel, config: greedy });
  await chat.sendMessage({ message: "My name is Ada." });
  const answer = await chat.sendMessage({ message: "What is my name?" });
  const alone = await ask("What is my name?");
  assert.ok(answer.usageMetadata.promptTokenCount > alone.usageMetadata.promptTokenCount + 10);
});
await check("response schemas, old and new, hold the answer", async () => {
  const config = { temperature: 1, maxOutputTokens: 120, responseMimeType: "application/json" };
  const older = { type: Type.OBJECT, properties: { name: { type: Type.STRING }, age: { type: Type.INTEGER } }, required: ["name", "age"] };
  const newer = { type: "object", properties: { name: { type: "string" }, age: { type: "integer" } }, required: ["name", "age"], additionalProperties: false };
  for (const form of [{ responseSchema: older }, { responseJsonSchema: newer }]) {
    const value = JSON.parse((await ask("Ada is 36 years old.", { ...config, ...form }, toolModel)).text);
    assert.ok(typeof value.name === "string" && Number.isInteger(value.age), JSON.stringify(value));
  }
  JSON.parse((await ask("Ada is 36 years old. Describe her as JSON.", config, toolModel)).text);
});
const calling = (mode, allowedFunctionNames) => ({ tools: [{ functionDeclarations: [declared(weather), declared(add)] }], toolConfig: { functionCallingConfig: { mode, allowedFunctionNames } }, maxOutputTokens: 80 });
let called;
await check("functions: ANY, one allowed, NONE", async () => {
  called = await ask("What is the weather in Paris in celsius?", calling(FunctionCallingConfigMode.ANY), toolModel);
  assert.ok(called.functionCalls.length >= 1);
  for (const call of called.functionCalls) (call.name === "add" ? add : weather).fits(call.args);
  const one = await ask("What is the weather in Paris?", calling(FunctionCallingConfigMode.ANY, ["add"]), toolModel);
  assert.ok(one.functionCalls.every((c) => c.name === "add"));
  add.fits(one.functionCalls[0].args);
  assert.equal((await ask("What is the weather in Paris?", calling(FunctionCallingConfigMode.NONE), toolModel)).functionCalls, undefined);
});
await check("functions: a stream gives the same call, and its response is answered", async () => {
  const question = "What is the weather in Paris in celsius?";
  const parts = await collect(await client.models.generateContentStream({ model: toolModel, contents: question, config: { ...greedy, ...calling(FunctionCallingConfigMode.ANY) } }));
  assert.deepEqual(parts.flatMap((p) => p.functionCalls ?? []).map((c) => c.args), called.functionCalls.map((c) => c.args));
  const [call] = called.functionCalls;
  const contents = [{ role: "user", parts: [{ text: question }] }, { role: "model", parts: [{ functionCall: call }] },
    { role: "user", parts: [{ functionResponse: { id: call.id, name: call.name, response: { output: "31 degrees, clear sky" } } }, { text: "Answer in one sentence." }] }];
  assert.match((await ask(contents, { tools: calling("AUTO").tools, maxOutputTokens: 60 }, toolModel)).text, /31/);
});
await check("countTokens, embedContent of one and of many", async () => {
  assert.equal((await client.models.countTokens({ model: plainModel, contents: "Name three colours." })).totalTokens, first.usageMetadata.promptTokenCount);
  const many = await client.models.embedContent({ model: embeddingModel, contents: ["a cat", "a kitten", "tax law"] });
  const [cat, kitten, law] = many.embeddings.map((e) => e.values);
  const dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
  assert.ok(dot(cat, kitten) > dot(cat, law) + 0.2);
  const one = await (await fetch(`${url}/v1beta/models/${embeddingModel}:embedContent`, { method: "POST", body: JSON.stringify({ content: { parts: [{ text: "a cat" }] }, outputDimensionality: 16 }) })).json();
  assert.equal(one.embedding.values.length, 16);
});
await check("models: list and get", async () => {
  const models = await collect(await client.models.list({ config: { pageSize: 1 } }));
  assert.ok(models.some((m) => m.name === `models/${plainModel}`) && models.length >= 3);
  assert.equal((await client.models.get({ model: toolModel })).name, `models/${toolModel}`);
});
await check("errors come in this API's shape", async () => {
  await rejects(ask("hi", {}, "no-such-model"), { status: 404 }, /NOT_FOUND/);
  await rejects(ask("hi", { temperature: 9 }), { status: 400 }, /INVALID_ARGUMENT.*|temperature/);
  await rejects(ask("hi", { tools: [{ googleSearch: {} }] }), { status: 400 }, /googleSearch/);
  await rejects(ask("hi", { candidateCount: 2 }), { status: 400 }, /candidate/);
  await rejects(ask("hi", { thinkingConfig: { thinkingBudget: 1000 } }), { status: 400 }, /think/);
  const nothing = await fetch(`${url}/v1beta/models/${plainModel}:fly`, { method: "POST", body: "{}" });
  assert.equal((await nothing.json()).error.status, "NOT_FOUND");
});
await check("x-goog-api-key and ?key= are asked for where keys are", async () => {
  assert.ok((await open(keyedUrl, "sesame").models.get({ model: plainModel })).name);
  await rejects(open(keyedUrl, "wrong").models.get({ model: plainModel }), { status: 401 }, /UNAUTHENTICATED/);
  assert.equal((await fetch(`${keyedUrl}/v1beta/models?key=sesame`)).status, 200);
  assert.equal((await fetch(`${keyedUrl}/v1beta/models?key=wrong`)).status, 401);
});
finish();
