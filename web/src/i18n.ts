// The console's words, in English and Chinese.
import { createContext } from "preact";
import { useContext } from "preact/hooks";

const en = {
  ask: "Ask", chat: "Chat", documents: "Documents",
  askPlaceholder: "Ask a question about these documents…", chatPlaceholder: "Say something…",
  send: "Send", stop: "Stop", knowledgeBase: "Knowledge base", model: "Model", newBase: "New knowledge base", create: "Create", cancel: "Cancel",
  baseName: "Name", dropHere: "Drop files here, or click to choose", dropHint: "Text, Markdown, HTML, PDF, Word, CSV, JSON, source code",
  uploading: "Uploading", indexing: "Indexing", indexed: (n: number, c: number) => `${n} ${n === 1 ? "document" : "documents"} indexed, ${c} ${c === 1 ? "passage" : "passages"}`,
  unchanged: (n: number) => `${n} unchanged`, noBases: "No documents yet.", noBasesHint: "Make a knowledge base and drop some files into it.",
  noDocuments: "This knowledge base is empty.", remove: "Remove", removeSure: (n: string) => `Remove “${n}”?`, passages: "passages",
  sources: "Sources", notAnswerable: "Not in the documents", page: "page", line: "line", lines: "lines", close: "Close", loading: "Loading…",
  thinking: "Reading the documents…", askIntro: "Ask your documents", askIntroHint: "Answers come from a model on this machine and cite the passages they stand on.",
  chatIntro: "Plain chat", chatIntroHint: "Talk to the model without documents.", clear: "Clear", theme: "Light or dark", language: "中文",
  keyNeeded: "This server asks for an API key.", save: "Save", error: "Error", seconds: (s: string) => `${s} s`, stopped: "Stopped", noModels: "No chat model is installed: run tenon pull qwen2.5-coder-0.5b", menu: "Menu",
};
type Words = typeof en;
const zh: Words = {
  ask: "提问", chat: "聊天", documents: "文档",
  askPlaceholder: "就这些文档提一个问题……", chatPlaceholder: "说点什么……",
  send: "发送", stop: "停止", knowledgeBase: "知识库", model: "模型", newBase: "新建知识库", create: "创建", cancel: "取消",
  baseName: "名称", dropHere: "把文件拖到这里，或点击选择", dropHint: "文本、Markdown、HTML、PDF、Word、CSV、JSON、源代码",
  uploading: "正在上传", indexing: "正在索引", indexed: (n, c) => `已索引 ${n} 个文档，${c} 个段落`,
  unchanged: (n) => `${n} 个未变化`, noBases: "还没有文档。", noBasesHint: "新建一个知识库，再把文件拖进去。",
  noDocuments: "这个知识库是空的。", remove: "删除", removeSure: (n) => `要删除“${n}”吗？`, passages: "个段落",
  sources: "出处", notAnswerable: "文档中没有", page: "第", line: "第", lines: "第", close: "关闭", loading: "加载中……",
  thinking: "正在阅读文档……", askIntro: "向你的文档提问", askIntroHint: "答案由本机上的模型给出，并注明所依据的段落。",
  chatIntro: "普通聊天", chatIntroHint: "不用文档，直接与模型对话。", clear: "清空", theme: "浅色或深色", language: "English",
  keyNeeded: "此服务器需要 API 密钥。", save: "保存", error: "错误", seconds: (s) => `${s} 秒`, stopped: "已停止", noModels: "还没有安装聊天模型：请运行 tenon pull qwen2.5-coder-0.5b", menu: "菜单",
};

export type Language = "en" | "zh";
export const words: Record<Language, Words> = { en, zh };
export const LanguageContext = createContext<Language>("en");
export const useWords = () => words[useContext(LanguageContext)];

/** "page 3", "lines 4–9"; "第 3 页", "第 4–9 行". */
export function place(language: Language, c: { page: number; start_line: number; end_line: number }): string {
  if (c.page > 0) return language === "zh" ? `第 ${c.page} 页` : `page ${c.page}`;
  if (c.start_line <= 0) return "";
  const range = c.end_line > c.start_line ? `${c.start_line}–${c.end_line}` : `${c.start_line}`;
  if (language === "zh") return `第 ${range} 行`;
  return c.end_line > c.start_line ? `lines ${range}` : `line ${range}`;
}
