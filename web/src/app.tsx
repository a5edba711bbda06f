import { useCallback, useEffect, useState } from "preact/hooks";
import { api, apiKey, ApiError, KnowledgeBase, Model } from "./api";
import { AskPage } from "./ask";
import { ChatPage } from "./chat";
import { DocumentsPage } from "./documents";
import { Language, LanguageContext, words } from "./i18n";

type Page = "ask" | "chat" | "documents";
const stored = <T extends string>(name: string, otherwise: T) => (localStorage.getItem(name) as T) || otherwise;

export function App() {
  const [language, setLanguage] = useState<Language>(stored("tenon.language", navigator.language.startsWith("zh") ? "zh" : "en"));
  const [theme, setTheme] = useState(stored<"light" | "dark">("tenon.theme", matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  const [page, setPage] = useState<Page>((location.hash.slice(1) as Page) || "ask");
  const [bases, setBases] = useState<KnowledgeBase[] | null>(null);
  const [models, setModels] = useState<Model[]>([]);
  const [base, setBase] = useState<string>(stored<string>("tenon.base", ""));
  const [model, setModel] = useState<string>(stored<string>("tenon.model", ""));
  const [error, setError] = useState("");
  const [needsKey, setNeedsKey] = useState(false);
  const [key, setKey] = useState(apiKey.get());
  const w = words[language];

  useEffect(() => {
    document.documentElement.dataset.theme = theme;
    localStorage.setItem("tenon.theme", theme);
  }, [theme]);
  useEffect(() => {
    document.documentElement.lang = language;
    localStorage.setItem("tenon.language", language);
  }, [language]);
  useEffect(() => { if (base) localStorage.setItem("tenon.base", base); }, [base]);
  useEffect(() => { localStorage.setItem("tenon.model", model); }, [model]);
  useEffect(() => {
    const follow = () => setPage((location.hash.slice(1) as Page) || "ask");
    addEventListener("hashchange", follow);
    return () => removeEventListener("hashchange", follow);
  }, []);

  const refresh = useCallback(async () => {
    try {
      const [b, m] = await Promise.all([api.bases(), api.models()]);
      setBases(b);
      setModels(m.filter((x) => x.role !== "embedding"));
      setBase((now) => (b.some((x) => x.name === now) ? now : b[0]?.name ?? ""));
      setModel((now) => (m.some((x) => x.id === now) ? now : ""));
      setError("");
      setNeedsKey(false);
    } catch (e) {
      if (e instanceof ApiError && e.status === 401) setNeedsKey(true);
      else setError(String((e as Error).message ?? e));
    }
  }, []);
  useEffect(() => { void refresh(); }, [refresh]);

  const go = (to: Page) => { location.hash = to; };
  return (
    <LanguageContext.Provider value={language}>
      <header class="top">
        <a class="brand" href="#ask" aria-label="Tenon"><svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><path d="M7 9h18v5h-6v9h-6v-9H7z" /></svg><span>Tenon</span></a>
        <nav role="tablist">
          {(["ask", "chat", "documents"] as Page[]).map((p) => (
            <button key={p} role="tab" aria-selected={page === p} class={page === p ? "tab on" : "tab"} onClick={() => go(p)}>{w[p]}</button>
          ))}
        </nav>
        <div class="tools">
          <button class="plain" onClick={() => setLanguage(language === "en" ? "zh" : "en")}>{w.language}</button>
          <button class="plain icon" title={w.theme} aria-label={w.theme} onClick={() => setTheme(theme === "dark" ? "light" : "dark")}>{theme === "dark" ? "☀" : "☾"}</button>
        </div>
      </header>
      {needsKey && (
        <form class="banner" onSubmit={(e) => { e.preventDefault(); apiKey.set(key); void refresh(); }}>
          <label>{w.keyNeeded} <input type="password" value={key} onInput={(e) => setKey(e.currentTarget.value)} /></label>
          <button class="primary">{w.save}</button>
        </form>
      )}
      {error && <div class="banner bad" role="alert">{error}</div>}
      <main>
        {/* All pages stay mounted, so that a conversation survives a look at the documents. */}
        <div class={page === "ask" ? "page" : "page away"}>
          <AskPage bases={bases} base={base} setBase={setBase} models={models} model={model} setModel={setModel} openDocuments={() => go("documents")} />
        </div>
        <div class={page === "chat" ? "page" : "page away"}><ChatPage models={models} model={model} setModel={setModel} /></div>
        <div class={page === "documents" ? "page" : "page away"}>
          <DocumentsPage bases={bases} base={base} setBase={setBase} refresh={refresh} />
        </div>
      </main>
    </LanguageContext.Provider>
  );
}
