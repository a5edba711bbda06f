import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, DocumentSummary, IndexProgress, IndexSummary, KnowledgeBase } from "./api";
import { useWords } from "./i18n";

export function DocumentsPage(p: { bases: KnowledgeBase[] | null; base: string; setBase: (b: string) => void; refresh: () => Promise<void> }) {
  const w = useWords();
  const [documents, setDocuments] = useState<DocumentSummary[]>([]);
  const [naming, setNaming] = useState<string | null>(null);
  const [over, setOver] = useState(false);
  const [sent, setSent] = useState<number | null>(null);
  const [progress, setProgress] = useState<IndexProgress | null>(null);
  const [summary, setSummary] = useState<IndexSummary | null>(null);
  const [error, setError] = useState("");
  const chooser = useRef<HTMLInputElement>(null);
  const stop = useRef<AbortController>();
  const busy = sent !== null;

  const reload = useCallback(async () => {
    if (!p.base) { setDocuments([]); return; }
    try { setDocuments(await api.documents(p.base)); setError(""); } catch (e) { setError((e as Error).message); }
  }, [p.base]);
  useEffect(() => { void reload(); setSummary(null); }, [reload]);

  const attempt = async (work: () => Promise<void>) => {
    setError("");
    try { await work(); } catch (e) { if ((e as Error).name !== "AbortError") setError((e as Error).message); }
  };
  const create = () => attempt(async () => {
    const name = naming!.trim();
    if (!name) return;
    await api.createBase(name);
    setNaming(null);
    await p.refresh();
    p.setBase(name);
  });
  const upload = (files: File[]) => attempt(async () => {
    if (files.length === 0 || busy) return;
    let base = p.base;
    if (!base) {
      base = "documents";
      await api.createBase(base);
    }
    setSummary(null);
    setSent(0);
    stop.current = new AbortController();
    try {
      setSummary(await api.upload(base, files, setSent, setProgress, stop.current.signal));
    } finally {
      setSent(null);
      setProgress(null);
      await p.refresh();
      p.setBase(base);
      await reload();
    }
  });
  const share = progress && progress.files_total > 0 ? progress.files_done / progress.files_total : sent ?? 0;
  return (
    <section class="documents">
      <div class="bar">
        <label class="pick">
          <span>{w.knowledgeBase}</span>
          <select value={p.base} onChange={(e) => p.setBase(e.currentTarget.value)} disabled={!p.bases?.length || busy}>
            {p.bases?.map((b) => <option key={b.name} value={b.name}>{b.name} · {b.documents}</option>)}
          </select>
        </label>
        {naming === null ? <button class="plain" onClick={() => setNaming("")}>＋ {w.newBase}</button> : (
          <form class="inline" onSubmit={(e) => { e.preventDefault(); void create(); }}>
            <input autofocus placeholder={w.baseName} aria-label={w.baseName} value={naming} onInput={(e) => setNaming(e.currentTarget.value)} />
            <button class="primary">{w.create}</button>
            <button type="button" class="plain" onClick={() => setNaming(null)}>{w.cancel}</button>
          </form>
        )}
        {p.base && naming === null && (
          <button class="plain danger" disabled={busy} onClick={() => confirm(w.removeSure(p.base)) && attempt(async () => { await api.removeBase(p.base); await p.refresh(); })}>{w.remove}</button>
        )}
      </div>
      <div class="scroll">
        <div class={over ? "drop over" : "drop"} role="button" tabIndex={0} onClick={() => chooser.current!.click()}
          onKeyDown={(e) => { if (e.key === "Enter") chooser.current!.click(); }}
          onDragOver={(e) => { e.preventDefault(); setOver(true); }} onDragLeave={() => setOver(false)}
          onDrop={(e) => { e.preventDefault(); setOver(false); void upload([...e.dataTransfer!.files]); }}>
          <strong>{w.dropHere}</strong>
          <small>{w.dropHint}</small>
          <input ref={chooser} type="file" multiple hidden onChange={(e) => { void upload([...(e.currentTarget.files ?? [])]); e.currentTarget.value = ""; }} />
        </div>
        {busy && (
          <div class="progress" role="progressbar" aria-valuenow={Math.round(share * 100)}>
            <div class="fill" style={{ width: `${Math.round(share * 100)}%` }} />
            <span>{progress ? `${w.indexing} ${progress.files_done}/${progress.files_total} ${progress.current.split("/").pop() ?? ""}` : `${w.uploading} ${Math.round((sent ?? 0) * 100)}%`}</span>
            <button class="plain" onClick={() => stop.current?.abort()}>{w.stop}</button>
          </div>
        )}
        {summary && (
          <div class="banner good">
            {w.indexed(summary.added + summary.replaced, summary.chunks)}{summary.unchanged > 0 && `, ${w.unchanged(summary.unchanged)}`}
            {summary.failed.map((f) => <div class="bad">{f.source}: {f.error}</div>)}
          </div>
        )}
        {error && <div class="banner bad" role="alert">{error}</div>}
        {documents.length === 0 ? <p class="muted center">{w.noDocuments}</p> : (
          <ul class="list">
            {documents.map((d) => (
              <li key={d.source}>
                <div class="where"><b>{d.title || d.source.split("/").pop()}</b><small>{d.source}</small></div>
                <small class="muted">{d.chunks} {w.passages}</small>
                <button class="plain danger" aria-label={`${w.remove} ${d.source}`} onClick={() => confirm(w.removeSure(d.source)) && attempt(async () => { await api.removeDocument(p.base, d.source); await reload(); await p.refresh(); })}>{w.remove}</button>
              </li>
            ))}
          </ul>
        )}
      </div>
    </section>
  );
}
