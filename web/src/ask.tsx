import { useRef, useState } from "preact/hooks";
import { useContext } from "preact/hooks";
import { Answer, api, Citation, KnowledgeBase, Model, Turn } from "./api";
import { LanguageContext, place, useWords } from "./i18n";
import { Composer, ModelPicker, Prose, useFollow } from "./parts";
import { Viewer } from "./viewer";

interface Exchange { question: string; text: string; answer?: Answer; error?: string; stopped?: boolean; base: string }

export function AskPage(p: {
  bases: KnowledgeBase[] | null; base: string; setBase: (b: string) => void; models: Model[]; model: string; setModel: (m: string) => void; openDocuments: () => void;
}) {
  const w = useWords();
  const language = useContext(LanguageContext);
  const [exchanges, setExchanges] = useState<Exchange[]>([]);
  const [busy, setBusy] = useState(false);
  const [open, setOpen] = useState<{ base: string; citation: Citation } | null>(null);
  const stop = useRef<AbortController>();
  const follow = useFollow(exchanges);

  const change = (f: (e: Exchange) => Exchange) => setExchanges((all) => [...all.slice(0, -1), f(all[all.length - 1])]);
  const send = async (question: string) => {
    const history: Turn[] = exchanges.slice(-3).filter((e) => e.answer?.answerable)
      .flatMap((e) => [{ role: "user" as const, content: e.question }, { role: "assistant" as const, content: e.answer!.answer }]);
    setExchanges((all) => [...all, { question, text: "", base: p.base }]);
    setBusy(true);
    stop.current = new AbortController();
    try {
      const answer = await api.ask(question, p.base, p.model, history, (t) => change((e) => ({ ...e, text: e.text + t })), stop.current.signal);
      change((e) => ({ ...e, text: answer.answer, answer }));
    } catch (error) {
      if ((error as Error).name === "AbortError") change((e) => ({ ...e, stopped: true }));
      else change((e) => ({ ...e, error: (error as Error).message }));
    } finally {
      setBusy(false);
    }
  };
  const marker = (e: Exchange) => (n: number) => {
    const citation = e.answer?.citations.find((c) => c.index === n);
    return citation ? <button class="cite" onClick={() => setOpen({ base: e.base, citation })}>{n}</button> : `[${n}]`;
  };
  return (
    <div class={open ? "split" : "split whole"}>
      <section class="conversation">
        <div class="bar">
          <label class="pick">
            <span>{w.knowledgeBase}</span>
            <select value={p.base} onChange={(e) => p.setBase(e.currentTarget.value)} disabled={!p.bases?.length}>
              {p.bases?.map((b) => <option key={b.name} value={b.name}>{b.name} · {b.documents}</option>)}
            </select>
          </label>
          <ModelPicker models={p.models} model={p.model} setModel={p.setModel} />
          {exchanges.length > 0 && <button class="plain" onClick={() => setExchanges([])} disabled={busy}>{w.clear}</button>}
        </div>
        <div class="scroll" ref={follow.ref} onScroll={follow.onScroll}>
          {exchanges.length === 0 && (
            <div class="intro">
              <h1>{w.askIntro}</h1>
              <p>{p.bases && p.bases.length === 0 ? w.noBases : w.askIntroHint}</p>
              {p.bases && p.bases.length === 0 && <button class="primary" onClick={p.openDocuments}>{w.noBasesHint}</button>}
              {p.bases && p.bases.length > 0 && p.models.length === 0 && <p class="bad">{w.noModels}</p>}
            </div>
          )}
          {exchanges.map((e, i) => (
            <article key={i} class="exchange">
              <div class="question">{e.question}</div>
              <div class="answer" aria-live="polite" aria-busy={busy && i === exchanges.length - 1}>
                {e.answer && !e.answer.answerable && <div class="badge">{w.notAnswerable}</div>}
                {e.text ? <Prose text={e.text} mark={marker(e)} /> : !e.error && !e.stopped && <p class="muted pulse">{w.thinking}</p>}
                {e.stopped && <p class="muted">{w.stopped}</p>}
                {e.error && <p class="bad" role="alert">{w.error}: {e.error}</p>}
                {e.answer && e.answer.citations.length > 0 && (
                  <div class="sources">
                    <h2>{w.sources}</h2>
                    <ol>
                      {e.answer.citations.map((c) => (
                        <li key={c.index}>
                          <button class={open?.citation === c ? "source on" : "source"} onClick={() => setOpen({ base: e.base, citation: c })}>
                            <span class="number">{c.index}</span>
                            <span class="where"><b>{c.source.split("/").pop()}</b> <small>{[c.heading, place(language, c)].filter(Boolean).join(" · ")}</small></span>
                            <span class="quote">{c.text}</span>
                          </button>
                        </li>
                      ))}
                    </ol>
                    <small class="muted">{w.seconds((e.answer.timings.total_ms / 1000).toFixed(1))}</small>
                  </div>
                )}
              </div>
            </article>
          ))}
        </div>
        <Composer placeholder={w.askPlaceholder} busy={busy} disabled={!p.base || p.models.length === 0} onSend={send} onStop={() => stop.current?.abort()} />
      </section>
      {open && <Viewer base={open.base} citation={open.citation} close={() => setOpen(null)} />}
    </div>
  );
}
