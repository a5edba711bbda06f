// The ai package with its providers, and langchain, unmodified: each speaks another protocol to one `tenon serve`.
import assert from "node:assert/strict";
import { createAnthropic } from "@ai-sdk/anthropic";
import { createGoogleGenerativeAI } from "@ai-sdk/google";
import { createOpenAI } from "@ai-sdk/openai";
import { tool as langchainTool } from "@langchain/core/tools";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { embedMany, generateText, Output, stepCountIs, streamText, tool } from "ai";
import { createAgent } from "langchain";
import { createOllama } from "ollama-ai-provider-v2";
import { z } from "zod";
import { add, check, embeddingModel, finish, plainModel, toolModel, url } from "./harness.mjs";

const apiKey = "unused";
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey });
const anthropic = createAnthropic({ baseURL: `${url}/v1`, apiKey });
const google = createGoogleGenerativeAI({ baseURL: `${url}/v1beta`, apiKey });
const ollama = createOllama({ baseURL: `${url}/api` });
const makers = { "openai chat": (m) => openai.chat(m), "openai responses": (m) => openai.responses(m), anthropic: (m) => anthropic(m), google: (m) => google(m), ollama: (m) => ollama(m) };
// (The provider of ollama takes its settings in a place of its own.)
const greedy = { temperature: 0, maxOutputTokens: 24, maxRetries: 0, providerOptions: { ollama: { options: { temperature: 0, num_predict: 24 } } } };

let same;
for (const [name, make] of Object.entries(makers)) {
  await check(`ai with ${name}: generateText and streamText say the same`, async () => {
    const whole = await generateText({ ...greedy, model: make(plainModel), prompt: "Name three colours." });
    assert.ok(whole.text.length > 5);
    same ??= whole.text;
    assert.equal(whole.text, same, "another protocol, another answer");
    let streamed = "";
    for await (const piece of streamText({ ...greedy, model: make(plainModel), prompt: "Name three colours." }).textStream) streamed += piece;
    assert.equal(streamed, whole.text);
    assert.ok(whole.usage.outputTokens > 3, JSON.stringify(whole.usage));
  });
  if (name === "ollama") continue;  // its API cannot force a tool
  await check(`ai with ${name}: a forced tool runs and its result goes back`, async () => {
    const ran = [];
    const result = await generateText({ ...greedy, maxOutputTokens: 80, model: make(toolModel), prompt: "Add 17 and 25.", stopWhen: stepCountIs(2), toolChoice: "required",
      tools: { add: tool({ description: add.description, inputSchema: z.object({ a: z.number().int(), b: z.number().int() }), execute: async (args) => { ran.push(args); return { sum: args.a + args.b }; } }) } });
    assert.ok(ran.length >= 1);
    ran.forEach(add.fits);
    assert.equal(result.steps.length, 2);
  });
}
for (const name of ["openai chat", "openai responses", "google"])
  await check(`ai with ${name}: an object of a schema`, async () => {
    const { output } = await generateText({ ...greedy, maxOutputTokens: 120, model: makers[name](toolModel), output: Output.object({ schema: z.object({ name: z.string(), age: z.number().int() }) }), prompt: "Ada is 36 years old." });
    assert.ok(typeof output.name === "string" && Number.isInteger(output.age));
  });
await check("ai: embeddings", async () => {
  const { embeddings } = await embedMany({ model: openai.textEmbeddingModel(embeddingModel), values: ["a cat", "tax law"], maxRetries: 0 });
  assert.equal(embeddings.length, 2);
});

const model = (more = {}) => new ChatOpenAI({ model: toolModel, apiKey, temperature: 0, maxTokens: 80, maxRetries: 0, configuration: { baseURL: `${url}/v1` }, ...more });
await check("langchain: invoke, stream and structured output", async () => {
  const answer = await model().invoke("Name three colours.");
  assert.ok(answer.text.length > 5 && answer.usage_metadata.output_tokens > 3);
  let streamed = "";
  for await (const piece of await model().stream("Name three colours.")) streamed += piece.text;
  assert.equal(streamed, answer.text);
  const person = await model().withStructuredOutput(z.object({ name: z.string(), age: z.number().int() })).invoke("Ada is 36 years old.");
  assert.ok(typeof person.name === "string" && Number.isInteger(person.age));
});
await check("langchain: embeddings", async () => {
  const [cat, kitten, law] = await new OpenAIEmbeddings({ model: embeddingModel, apiKey, maxRetries: 0, configuration: { baseURL: `${url}/v1` } }).embedDocuments(["a cat", "a kitten", "tax law"]);
  const dot = (a, b) => a.reduce((s, x, i) => s + x * b[i], 0);
  assert.ok(dot(cat, kitten) > dot(cat, law) + 0.2);
});
for (const useResponsesApi of [false, true])
  await check(`langchain: an agent with a tool over ${useResponsesApi ? "responses" : "chat completions"}`, async () => {
    const ran = [];
    const sum = langchainTool(({ a, b }) => { ran.push({ a, b }); return `The sum is ${a + b}.`; }, { name: add.name, description: add.description, schema: z.object({ a: z.number().int(), b: z.number().int() }), returnDirect: true });
    const agent = createAgent({ model: model({ useResponsesApi }), tools: [sum] });
    const result = await agent.invoke({ messages: [{ role: "user", content: "Use the add tool: add 17 and 25." }] }, { recursionLimit: 8 });
    assert.ok(ran.length >= 1, `no tool was called: ${result.messages.at(-1).text}`);
    assert.match(JSON.stringify(result.messages.at(-1).content), /sum is 42/);
  });
finish();
