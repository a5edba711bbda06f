// A provider of OpenAI's protocol on a free port, which misbehaves by the model's name. Prints its address.
//   good: answers, 100 tokens in and 50 out    dear: the same    broken: 500    busy: 429    cut: half a stream
import { createServer } from "node:http";

const usage = { prompt_tokens: 100, completion_tokens: 50, total_tokens: 150 };
const calls = {};

createServer((request, response) => {
  let body = "";
  request.on("data", (piece) => (body += piece));
  request.on("end", () => {
    if (request.url === "/calls") return response.end(JSON.stringify(calls));
    const asked = JSON.parse(body || "{}");
    calls[asked.model] = (calls[asked.model] ?? 0) + 1;
    const fail = (status, message, headers = {}) => {
      response.writeHead(status, { "Content-Type": "application/json", ...headers });
      response.end(JSON.stringify({ error: { message, type: "error", param: null, code: null } }));
    };
    if (asked.model === "broken") return fail(500, "out of order");
    if (asked.model === "busy") return fail(429, "slow down", { "Retry-After": "600" });
    if (request.url.endsWith("/embeddings")) {
      const data = asked.input.map((_, index) => ({ object: "embedding", index, embedding: [0.6, 0.8] }));
      response.writeHead(200, { "Content-Type": "application/json" });
      return response.end(JSON.stringify({ object: "list", model: asked.model, data, usage: { prompt_tokens: 100, total_tokens: 100 } }));
    }
    const chunk = (delta, more = {}) =>
      `data: ${JSON.stringify({ id: "c1", object: "chat.completion.chunk", created: 1, model: asked.model, choices: [{ index: 0, delta, finish_reason: null }], ...more })}\n\n`;
    response.writeHead(200, { "Content-Type": "text/event-stream" });
    response.write(chunk({ role: "assistant", content: "" }));
    for (const word of ["Hello ", "from ", asked.model]) response.write(chunk({ content: word }));
    if (asked.model === "cut") return response.destroy();
    response.write(chunk({}, { choices: [{ index: 0, delta: {}, finish_reason: "stop" }] }));
    response.write(chunk({}, { choices: [], usage }));
    response.end("data: [DONE]\n\n");
  });
}).listen(0, "127.0.0.1", function () {
  console.log(`http://127.0.0.1:${this.address().port}`);
});
