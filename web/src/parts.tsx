// Small pieces that several pages use.
import { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Model } from "./api";
import { useWords } from "./i18n";

export function ModelPicker({ models, model, setModel }: { models: Model[]; model: string; setModel: (m: string) => void }) {
  const w = useWords();
  return (
    <label class="pick">
      <span>{w.model}</span>
      <select value={model || models[0]?.id} onChange={(e) => setModel(e.currentTarget.value)} disabled={models.length === 0}>
        {models.map((m) => <option key={m.id} value={m.id}>{m.id}</option>)}
      </select>
    </label>
  );
}

export function Composer({ placeholder, busy, disabled, onSend, onStop }: {
  placeholder: string; busy: boolean; disabled?: boolean; onSend: (text: string) => void; onStop: () => void;
}) {
  const w = useWords();
  const [text, setText] = useState("");
  const box = useRef<HTMLTextAreaElement>(null);
  const send = () => {
    const value = text.trim();
    if (!value || busy || disabled) return;
    setText("");
    onSend(value);
  };
  useEffect(() => {
    const el = box.current!;
    el.style.height = "";
    if (el.scrollHeight === 0) return;  // on a page that is away nothing has a height: one row will do
    el.style.height = `${Math.min(el.scrollHeight + el.offsetHeight - el.clientHeight, 180)}px`;
  }, [text]);
  return (
    <form class="composer" onSubmit={(e) => { e.preventDefault(); send(); }}>
      <textarea ref={box} rows={1} value={text} placeholder={placeholder} aria-label={placeholder} disabled={disabled}
        onInput={(e) => setText(e.currentTarget.value)}
        onKeyDown={(e) => { if (e.key === "Enter" && !e.shiftKey && !e.isComposing) { e.preventDefault(); send(); } }} />
      {busy ? <button type="button" class="primary stop" onClick={onStop}>{w.stop}</button>
            : <button class="primary" disabled={disabled || !text.trim()}>{w.send}</button>}
    </form>
  );
}

/** Text of a model: paragraphs, fenced code, `code`, **bold** and [n] marks. Built from text nodes only, so nothing in it can run. */
export function Prose({ text, mark }: { text: string; mark?: (index: number) => ComponentChildren }) {
  const blocks: ComponentChildren[] = [];
  const inline = (line: string) => line.split(/(`[^`\n]+`|\*\*[^*\n]+\*\*|\[\d{1,2}\])/g).map((part) => {
    if (/^`.+`$/.test(part)) return <code>{part.slice(1, -1)}</code>;
    if (/^\*\*.+\*\*$/.test(part)) return <strong>{part.slice(2, -2)}</strong>;
    if (mark && /^\[\d+\]$/.test(part)) return mark(Number(part.slice(1, -1)));
    return part;
  });
  text.split(/```/).forEach((piece, i) => {
    if (i % 2 === 1) blocks.push(<pre><code>{piece.replace(/^[\w+-]*\n/, "")}</code></pre>);
    else for (const paragraph of piece.split(/\n{2,}/)) if (paragraph.trim()) blocks.push(<p>{inline(paragraph.trim())}</p>);
  });
  return <div class="prose">{blocks}</div>;
}

/** Scrolls to the end while content grows, unless the reader has scrolled up. */
export function useFollow<T>(content: T) {
  const ref = useRef<HTMLDivElement>(null);
  const near = useRef(true);
  useEffect(() => {
    const el = ref.current;
    if (el && near.current) el.scrollTop = el.scrollHeight;
  }, [content]);
  return { ref, onScroll: () => { const el = ref.current!; near.current = el.scrollHeight - el.scrollTop - el.clientHeight < 80; } };
}
