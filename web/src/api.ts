// The server's endpoints, typed. Every call takes an AbortSignal: leaving a page or pressing Stop ends the work on the server too.

export interface KnowledgeBase { name: string; documents: number; chunks: number; embedding_model: string; bytes: number; updated_at: number }
export interface DocumentSummary { source: string; title: string; media_type: string; chunks: number; characters: number; indexed_at: number }
export interface DocumentText { source: string; title: string; media_type: string; text: string }
export interface Citation {
  index: number; source: string; title: string; heading: string; text: string; page: number;
  start_line: number; end_line: number; start_char: number; end_char: number;
}
export interface Answer {
  answer: string; citations: Citation[]; answerable: boolean;
  usage: { input_tokens: number; output_tokens: number };
  timings: { total_ms: number };
}
export interface Model { id: string; role: string; loaded: boolean }
export interface Turn { role: "user" | "assistant"; content: string }
export interface IndexProgress { files_done: number; files_total: number; chunks: number; current: string }
export interface IndexSummary { added: number; replaced: number; unchanged: number; chunks: number; failed: { source: string; error: string }[] }

const keyName = "tenon.key";
export const apiKey = { get: () => localStorage.getItem(keyName) ?? "", set: (k: string) => localStorage.setItem(keyName, k) };

function headers(extra: Record<string, string> = {}): Record<string, string> {
  const key = apiKey.get();
  return key ? { ...extra, Authorization: `Bearer ${key}` } : extra;
}

export class ApiError extends Error {
  constructor(message: string, readonly status: number) { super(message); }
}

async function check(response: Response): Promise<Response> {
  if (response.ok) return response;
  let message = `${response.status} ${response.statusText}`;
  try { message = (await response.json()).error.message ?? message; } catch { /* not JSON: the status says enough */ }
  throw new ApiError(message, response.status);
}

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await check(await fetch(path, { headers: headers(), signal }))).json();
}

async function post(path: string, body: unknown, signal?: AbortSignal): Promise<Response> {
  return check(await fetch(path, { method: "POST", headers: headers({ "Content-Type": "application/json" }), body: JSON.stringify(body), signal }));
}

/** Server-sent events of a response: the data of each. */
async function* events(response: Response): AsyncGenerator<{ event: string; data: string }> {
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    rest += value;
    for (let end; (end = rest.indexOf("\n\n")) >= 0; rest = rest.slice(end + 2)) {
      let event = "message";
      const data: string[] = [];
      for (const line of rest.slice(0, end).split("\n")) {
        if (line.startsWith("event:")) event = line.slice(6).trim();
        if (line.startsWith("data:")) data.push(line.slice(5).replace(/^ /, ""));
      }
      if (data.length) yield { event, data: data.join("\n") };
    }
  }
}

export const api = {
  models: async () => (await get<{ data: Model[] }>("/v1/models")).data,
  bases: async () => (await get<{ data: KnowledgeBase[] }>("/v1/knowledge_bases")).data,
  createBase: async (name: string) => { await post("/v1/knowledge_bases", { name }); },
  removeBase: async (name: string) => {
    await check(await fetch(`/v1/knowledge_bases/${encodeURIComponent(name)}`, { method: "DELETE", headers: headers() }));
  },
  documents: async (base: string) => (await get<{ data: DocumentSummary[] }>(`/v1/knowledge_bases/${encodeURIComponent(base)}/documents`)).data,
  removeDocument: async (base: string, source: string) => {
    await check(await fetch(`/v1/knowledge_bases/${encodeURIComponent(base)}/documents?source=${encodeURIComponent(source)}`, { method: "DELETE", headers: headers() }));
  },
  document: (base: string, source: string) =>
    get<DocumentText>(`/v1/knowledge_bases/${encodeURIComponent(base)}/document?source=${encodeURIComponent(source)}`),

  async ask(question: string, base: string, model: string, history: Turn[], onText: (text: string) => void, signal: AbortSignal): Promise<Answer> {
    const response = await post("/v1/ask", { question, from: base, model: model || undefined, history, stream: true }, signal);
    for await (const { event, data } of events(response)) {
      if (data === "[DONE]") break;
      const value = JSON.parse(data);
      if (event === "error" || value.error) throw new ApiError(value.error?.message ?? "error", 500);
      if (event === "answer") return value;
      if (typeof value.text === "string") onText(value.text);
    }
    throw new ApiError("the answer was cut off", 0);
  },

  async chat(model: string, messages: Turn[], onText: (text: string) => void, signal: AbortSignal): Promise<void> {
    const response = await post("/v1/chat/completions", { model: model || undefined, messages, stream: true }, signal);
    for await (const { data } of events(response)) {
      if (data === "[DONE]") return;
      const value = JSON.parse(data);
      if (value.error) throw new ApiError(value.error.message, 500);
      const text = value.choices?.[0]?.delta?.content;
      if (text) onText(text);
    }
  },

  /** Uploads files; `onSent` hears of bytes, `onProgress` of the indexing that follows. */
  upload(base: string, files: File[], onSent: (share: number) => void, onProgress: (p: IndexProgress) => void, signal: AbortSignal): Promise<IndexSummary> {
    return new Promise((resolve, reject) => {
      const form = new FormData();
      for (const file of files) form.append("file", file, (file as File & { webkitRelativePath?: string }).webkitRelativePath || file.name);
      const request = new XMLHttpRequest();
      let read = 0;
      let summary: IndexSummary | undefined;
      const drain = () => {
        const text = request.responseText;
        for (let end; (end = text.indexOf("\n\n", read)) >= 0; read = end + 2) {
          let event = "message", data = "";
          for (const line of text.slice(read, end).split("\n")) {
            if (line.startsWith("event:")) event = line.slice(6).trim();
            if (line.startsWith("data:")) data += line.slice(5);
          }
          if (!data) continue;
          const value = JSON.parse(data);
          if (event === "error") reject(new ApiError(value.error.message, 500));
          else if (event === "summary") summary = value;
          else onProgress(value);
        }
      };
      request.open("POST", `/v1/knowledge_bases/${encodeURIComponent(base)}/documents`);
      for (const [k, v] of Object.entries(headers({ Accept: "text/event-stream" }))) request.setRequestHeader(k, v);
      request.upload.onprogress = (e) => { if (e.lengthComputable) onSent(e.loaded / e.total); };
      request.onprogress = () => { if (request.status === 200) drain(); };
      request.onload = () => {
        if (request.status !== 200) {
          let message = `${request.status} ${request.statusText}`;
          try { message = JSON.parse(request.responseText).error.message; } catch { /* keep the status */ }
          reject(new ApiError(message, request.status));
          return;
        }
        drain();
        summary ? resolve(summary) : reject(new ApiError("the upload was cut off", 0));
      };
      request.onerror = () => reject(new ApiError("the server cannot be reached", 0));
      request.onabort = () => reject(new DOMException("aborted", "AbortError"));
      signal.addEventListener("abort", () => request.abort());
      request.send(form);
    });
  },
};
