// A document with the cited passage highlighted.
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import { api, Citation, DocumentText } from "./api";
import { LanguageContext, place, useWords } from "./i18n";

/** Character ranges count code points; JavaScript strings count UTF-16 units. */
function unitOffset(text: string, codePoints: number): number {
  let unit = 0;
  for (let n = 0; n < codePoints && unit < text.length; n++) unit += text.codePointAt(unit)! > 0xffff ? 2 : 1;
  return unit;
}

export function Viewer({ base, citation, close }: { base: string; citation: Citation; close: () => void }) {
  const w = useWords();
  const language = useContext(LanguageContext);
  const [doc, setDoc] = useState<DocumentText | null>(null);
  const [error, setError] = useState("");
  const mark = useRef<HTMLElement>(null);
  useEffect(() => {
    let here = true;
    setDoc(null);
    setError("");
    api.document(base, citation.source).then((d) => here && setDoc(d), (e) => here && setError(e.message));
    return () => { here = false; };
  }, [base, citation.source]);
  useEffect(() => { mark.current?.scrollIntoView({ block: "center" }); }, [doc, citation]);
  useEffect(() => {
    const key = (e: KeyboardEvent) => { if (e.key === "Escape") close(); };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [close]);

  let body = null;
  if (doc) {
    const from = unitOffset(doc.text, citation.start_char);
    const to = from + unitOffset(doc.text.slice(from), citation.end_char - citation.start_char);
    // Of a very long document only the neighbourhood is drawn.
    const reach = 60_000;
    const begin = Math.max(0, from - reach), end = Math.min(doc.text.length, to + reach);
    body = (
      <pre class="document">
        {begin > 0 && "…"}{doc.text.slice(begin, from)}<mark ref={mark}>{doc.text.slice(from, to)}</mark>{doc.text.slice(to, end)}{end < doc.text.length && "…"}
      </pre>
    );
  }
  return (
    <aside class="viewer" role="dialog" aria-label={citation.source}>
      <div class="bar">
        <div class="where"><b>{citation.title || citation.source.split("/").pop()}</b><small>{citation.source} · {place(language, citation)}</small></div>
        <button class="plain icon" onClick={close} aria-label={w.close} title={w.close}>✕</button>
      </div>
      <div class="scroll">{error ? <p class="bad">{error}</p> : body ?? <p class="muted">{w.loading}</p>}</div>
    </aside>
  );
}
