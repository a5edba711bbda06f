// Shared by the tests with published clients: checks that print one line each, and the counts at the end.
// Environment: TENON_URL, a server with the models below; TENON_KEYED_URL, another one that asks for the key "sesame".
import assert from "node:assert/strict";

export const url = process.env.TENON_URL, keyedUrl = process.env.TENON_KEYED_URL;
export const toolModel = "qwen2.5-coder-0.5b", plainModel = "smollm2-135m", embeddingModel = "minilm";

let passed = 0, failed = 0;
export async function check(name, work) {
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
/** The last line; the exit status says whether all passed. */
export function finish() {
  console.log(`# ${passed} passed, ${failed} failed`);
  process.exit(failed === 0 ? 0 : 1);
}
/** The promise is rejected with an error that has these properties and a message that says something. */
export async function rejects(promise, expected, message = /./) {
  let error;
  try { await promise; } catch (e) { error = e; }
  assert(error, "the call succeeded, but should have been refused");
  for (const [key, value] of Object.entries(expected)) assert.equal(error[key], value, `${key} of: ${error.message}`);
  assert.match(String(error.message), message);
  assert.ok(String(error.message).length > 8 && !/terminate called|\.cpp|0x[0-9a-f]{6}/.test(error.message), error.message);
  return error;
}
export const collect = async (stream) => { const all = []; for await (const item of stream) all.push(item); return all; };
/** A tool for the tests: its JSON Schema, and whether arguments fit it. */
export const weather = {
  name: "get_weather",
  description: "Current weather in a city",
  schema: {
    type: "object",
    properties: { city: { type: "string" }, unit: { type: "string", enum: ["celsius", "fahrenheit"] } },
    required: ["city", "unit"],
    additionalProperties: false,
  },
  fits: (args) => {
    assert.equal(typeof args?.city, "string", JSON.stringify(args));
    assert.ok(["celsius", "fahrenheit"].includes(args.unit), JSON.stringify(args));
    assert.deepEqual(Object.keys(args).filter((k) => k !== "city" && k !== "unit"), []);
  },
};
export const add = {
  name: "add",
  description: "Adds two whole numbers and returns their sum",
  schema: { type: "object", properties: { a: { type: "integer" }, b: { type: "integer" } }, required: ["a", "b"], additionalProperties: false },
  fits: (args) => { assert.ok(Number.isInteger(args?.a) && Number.isInteger(args?.b), JSON.stringify(args)); assert.equal(Object.keys(args).length, 2); },
};
