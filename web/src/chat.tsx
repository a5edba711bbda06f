import { useRef, useState } from "preact/hooks";
import { api, Model, Turn } from "./api";
import { useWords } from "./i18n";
import { Composer, ModelPicker, Prose, useFollow } from "./parts";

export function ChatPage(p: { models: Model[]; model: string; setModel: (m: string) => void }) {
  const w = useWords();
  const [turns, setTurns] = useState<Turn[]>([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState("");
  const stop = useRef<AbortController>();
  const follow = useFollow(turns);
  const send = async (content: string) => {
    const messages: Turn[] = [...turns.filter((t) => t.content), { role: "user", content }];
    setTurns([...messages, { role: "assistant", content: "" }]);
    setBusy(true);
    setError("");
    stop.current = new AbortController();
    try {
      await api.chat(p.model || p.models[0]?.id, messages,
        (t) => setTurns((all) => [...all.slice(0, -1), { role: "assistant", content: all[all.length - 1].content + t }]), stop.current.signal);
    } catch (e) {
      if ((e as Error).name !== "AbortError") setError((e as Error).message);
    } finally {
      setBusy(false);
    }
  };
  return (
    <section class="conversation">
      <div class="bar">
        <ModelPicker models={p.models} model={p.model} setModel={p.setModel} />
        {turns.length > 0 && <button class="plain" onClick={() => setTurns([])} disabled={busy}>{w.clear}</button>}
      </div>
      <div class="scroll" ref={follow.ref} onScroll={follow.onScroll}>
        {turns.length === 0 && <div class="intro"><h1>{w.chatIntro}</h1><p>{p.models.length ? w.chatIntroHint : w.noModels}</p></div>}
        {turns.map((t, i) => t.role === "user" ? <div key={i} class="question">{t.content}</div>
          : <div key={i} class="answer" aria-live="polite">{t.content ? <Prose text={t.content} /> : busy && <p class="muted pulse">…</p>}</div>)}
        {error && <p class="bad" role="alert">{w.error}: {error}</p>}
      </div>
      <Composer placeholder={w.chatPlaceholder} busy={busy} disabled={p.models.length === 0} onSend={send} onStop={() => stop.current?.abort()} />
    </section>
  );
}
