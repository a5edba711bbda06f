#include <algorithm>
#include <cmath>

#include "rag/answer/confidence.hpp"
#include "rag/answer/evidence.hpp"
#include "rag/answer/passages.hpp"
#include "rag/answer/prompt.hpp"
#include "rag/answer/verify.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/rag/answer.hpp"
#include "tenon/store/analyzer.hpp"

namespace tenon::rag {
namespace {

double milliseconds_since(Clock::time_point t) {
    return std::chrono::duration<double, std::milli>(Clock::now() - t).count();
}

/// Where in the document a stretch of a chunk stands.
Citation locate(const store::Hit& hit, std::size_t begin, std::size_t end) {
    const std::string_view text = hit.chunk.text;
    const auto lines = [&](std::size_t to) {
        return static_cast<std::size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    };
    Citation c;
    c.source = hit.source;
    c.title = hit.title;
    c.heading = hit.chunk.heading;
    c.text = std::string(text.substr(begin, end - begin));
    c.page = hit.chunk.page;
    c.start_line = hit.chunk.start_line + lines(begin);
    c.end_line = hit.chunk.start_line + lines(end);
    c.start_char = hit.chunk.start_char + utf8::length(text.substr(0, begin));
    c.end_char = c.start_char + utf8::length(text.substr(begin, end - begin));
    c.document_id = hit.document_id;
    c.chunk_id = hit.chunk_id;
    return c;
}

/// Runs of white space become one space.
std::string on_one_line(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
        if (!space)
            out += c;
        else if (!out.empty() && out.back() != ' ')
            out += ' ';
    }
    return out;
}

/// The words of the question in Latin letters and digits that search heeds and the documents found have: what a
/// translation must keep.
std::vector<std::string> names_in(std::string_view question, std::span<const store::Hit> hits) {
    std::vector<std::string> heeded, out;
    for (auto& term : store::analyze_query(question)) heeded.push_back(std::move(term.text));
    const auto part = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("/._-+@").find(c) != std::string_view::npos;
    };
    for (std::size_t i = 0; i < question.size();) {
        std::size_t end = i;
        while (end < question.size() && part(question[end])) ++end;
        std::string word(question.substr(i, end - i));
        i = std::max(end, i + 1);
        while (!word.empty() && word.back() == '.') word.pop_back();
        if (word.size() < 2) continue;
        const bool found = std::ranges::any_of(hits, [&](const auto& h) { return h.chunk.text.contains(word); });
        const auto terms = store::analyze(word).terms;
        if (found && std::ranges::any_of(
                         terms, [&](const auto& t) { return std::ranges::find(heeded, t.text) != heeded.end(); }))
            out.push_back(std::move(word));
    }
    return out;
}

class AnswerStream final : public Stream<AnswerEvent> {
  public:
    AnswerStream(std::shared_ptr<const Retriever> retriever, llm::ChatModelPtr model, std::string question,
                 AnswerOptions options, CallOptions call)
        : retriever_(std::move(retriever)),
          model_(std::move(model)),
          question_(std::move(question)),
          options_(std::move(options)),
          call_(std::move(call)) {}

    task<Result<std::optional<AnswerEvent>>> next() override {
        if (over_) co_return std::nullopt;
        if (!started_) {
            started_ = true;
            TENON_CO_TRY(const bool go_on, co_await prepare());
            if (!go_on) co_return refuse();
        }
        for (;;) {
            TENON_CO_TRY(auto event, co_await events_->next());
            if (!event || event->finish) {
                if (event) {
                    pending_ += event->text;
                    count(event->usage, event->timings);
                }
                co_return finish();
            }
            pending_ += event->text;
            // Whole sentences are checked, then shown.
            const auto ranges = text::sentences(pending_);
            if (ranges.size() < 2) continue;
            const std::size_t cut = ranges[ranges.size() - 1].begin;
            std::string ready = pending_.substr(0, cut);
            pending_.erase(0, cut);
            if (std::string shown = accept(ready); !shown.empty())
                co_return AnswerEvent{std::move(shown), std::nullopt};
        }
    }

  private:
    /// Retrieves, judges whether the documents answer at all, chooses passages, asks the model. False: refuse.
    task<Result<bool>> prepare() {
        RetrieveOptions how;
        how.top_k = options_.top_k;
        asked_ = search_query();
        TENON_CO_TRY(auto found, co_await retriever_->retrieve(asked_, how, call_));
        for (auto& passage : found.passages) hits_.push_back(std::move(passage.hit));
        TENON_CO_TRY(const bool foreign, co_await translate());
        if (foreign) {
            TENON_CO_TRY(auto again, co_await retriever_->retrieve(asked_, how, call_));
            foreign_ = true;
            found = std::move(again);
            hits_.clear();
            for (auto& passage : found.passages) hits_.push_back(std::move(passage.hit));
        }
        if (hits_.empty()) {
            answer_.timings.retrieve_ms = milliseconds_since(began_);
            co_return false;
        }
        auto units = find_units(hits_);
        auto order = rank_units(units, hits_, found.terms);
        TENON_CO_CHECK(co_await compare_sentences(units, order, found));
        for (const auto& unit : units) answer_.signals.coverage = std::max(answer_.signals.coverage, unit.coverage);
        for (const auto& hit : hits_)
            answer_.signals.retrieval = std::max(answer_.signals.retrieval, hit.bm25_share.value_or(0));
        answer_.signals.chunks = found.chunks;
        answer_.signals.missing = rarest_missing(question_, found.terms, hits_);

        const auto tokens = [this](std::string_view t) { return model_->count_tokens(t); };
        PassageOptions limits;
        limits.max_tokens = options_.passage_tokens;
        if (const auto window = model_->capabilities().context_length; window > 0) {
            const std::size_t taken = options_.max_tokens + 200 + tokens(question_);
            if (window <= taken + 40)
                co_return fail(ErrorCode::resource_exhausted, "the question does not fit the model's context of " +
                                                                  std::to_string(window) +
                                                                  " tokens; ask a shorter one");
            limits.max_tokens = std::min<std::size_t>(limits.max_tokens, window - taken);
        }
        passages_ = choose_passages(units, order, hits_, limits, tokens);
        evidence_ = choose_evidence(units, order, hits_, found.terms);
        verifier_ = std::make_unique<Verifier>(question_, passages_);
        answer_.timings.retrieve_ms = milliseconds_since(began_);

        const Prompt prompt = make_prompt(question_, passages_, hits_, foreign_);
        if (options_.verify) {
            answer_.confidence = estimate_confidence(answer_.signals);
            if (answer_.confidence < refuse_below) co_return false;
        } else {
            answer_.confidence = 1;
        }
        llm::ChatRequest request;
        request.messages.push_back(llm::Message::system(prompt.system));
        request.messages.push_back(llm::Message::user(prompt.ask));
        request.settings.temperature = options_.temperature;
        request.settings.max_tokens = options_.max_tokens;
        TENON_CO_TRY(events_, co_await model_->stream(std::move(request), call_));
        co_return true;
    }

    /// Puts the question into the language of the documents when that is another one and the embedder does not bridge
    /// the two. Names and numbers of the question are kept: a small model may lose them. False: nothing to translate.
    task<Result<bool>> translate() {
        const auto& embedder = retriever_->embedder();
        if (embedder && languages_of_embedder(embedder->name()) == ModelLanguages::multilingual) co_return false;
        if (hits_.empty() ? prompt_language(question_) != PromptLanguage::chinese : !is_foreign(question_, hits_))
            co_return false;
        const Prompt prompt = make_translation_prompt(question_);
        llm::ChatRequest request;
        request.messages.push_back(llm::Message::system(prompt.system));
        request.messages.push_back(llm::Message::user(prompt.ask));
        request.settings.temperature = 0;
        request.settings.max_tokens = 80;
        TENON_CO_TRY(const auto said, co_await model_->generate(std::move(request), call_));
        count(said.usage, said.timings);
        std::string translated = said.message.text();
        if (prompt_language(translated) == prompt_language(question_)) co_return false;
        for (const auto& name : names_in(question_, hits_))
            if (translated.find(name) == std::string::npos) translated += " " + name;
        asked_ = std::move(translated);
        co_return true;
    }

    void count(const llm::Usage& usage, const llm::Timings& timings) {
        answer_.usage.input_tokens += usage.input_tokens;
        answer_.usage.output_tokens += usage.output_tokens;
        answer_.usage.cached_input_tokens += usage.cached_input_tokens;
        answer_.timings.prompt_ms += timings.prompt_ms;
        answer_.timings.decode_ms += timings.decode_ms;
    }

    /// A follow-up that says little by itself is searched together with the question before it.
    std::string search_query() const {
        if (options_.history.empty()) return question_;
        if (store::analyze_query(question_).size() >= 5) return question_;
        for (auto turn = options_.history.rbegin(); turn != options_.history.rend(); ++turn)
            if (turn->role == llm::Role::user) return turn->text() + "\n" + question_;
        return question_;
    }

    /// Cosines of the most promising units with the question, when the embedder knows the language.
    task<Result<void>> compare_sentences(std::vector<Unit>& units, std::vector<std::size_t>& order,
                                         const Retrieval& found) {
        const auto& embedder = retriever_->embedder();
        if (!embedder) co_return Result<void>{};
        const auto knows = languages_of_embedder(embedder->name());
        if (knows == ModelLanguages::english && prompt_language(asked_) == PromptLanguage::chinese)
            co_return Result<void>{};
        // Every family of embedders has a scale of its own (unrelated texts: 0.1 here, 0.7 with E5): the estimate of
        // confidence was fitted on this one.
        const std::string name = embedder->name();
        const bool scaled = name.contains("minilm") || name.contains("MiniLM");
        constexpr std::size_t most = 32;
        std::vector<std::string> texts;
        std::vector<std::size_t> which(order.begin(),
                                       order.begin() + static_cast<std::ptrdiff_t>(std::min(most, order.size())));
        std::ranges::sort(which);
        for (const std::size_t i : which) {
            const auto& u = units[i];
            texts.push_back(hits_[u.hit].chunk.text.substr(u.begin, std::min<std::size_t>(u.end - u.begin, 600)));
            texts.back() = utf8::sanitize(texts.back());
        }
        std::vector<std::string> asked(1, asked_);
        TENON_CO_TRY(const auto query, co_await embedder->embed(std::move(asked), llm::EmbedKind::query, call_));
        TENON_CO_TRY(const auto rows, co_await embedder->embed(std::move(texts), llm::EmbedKind::passage, call_));
        for (std::size_t n = 0; n < which.size() && n < rows.count(); ++n) {
            double dot = 0, a = 0, b = 0;
            for (std::size_t d = 0; d < rows.dimension; ++d) {
                const double x = query.values[d], y = rows.values[n * rows.dimension + d];
                dot += x * y;
                a += x * x;
                b += y * y;
            }
            units[which[n]].similarity = a > 0 && b > 0 ? dot / std::sqrt(a * b) : 0;
            if (scaled) answer_.signals.similarity = std::max(answer_.signals.similarity, units[which[n]].similarity);
        }
        order = rank_units(units, hits_, found.terms);
        co_return Result<void>{};
    }

    /// Text of one or more whole sentences; gives what may be shown, with its marks.
    std::string accept(std::string_view text) {
        std::string out;
        for (const auto& range : text::sentences(text)) {
            const auto sentence = text.substr(range.begin, range.end - range.begin);
            if (says_unknown(sentence)) {
                model_refused_ = true;
                continue;
            }
            const Support support = verifier_->check(sentence);
            ++sentences_;
            // Words of another language cannot be looked up in the passages; names and numbers can.
            const bool borne_out = foreign_ || (support.share >= min_support && !support.passages.empty() &&
                                                (support.novelty >= min_novelty || is_yes_or_no(sentence)));
            if (options_.verify && (!support.facts_found || !borne_out || contradicts(sentence))) {
                ++withheld_;
                continue;
            }
            supported_ += support.share;
            std::string_view body = sentence;
            while (!body.empty() && (body.back() == '\n' || body.back() == ' ')) body.remove_suffix(1);
            const bool joined =
                (!answer_.text.empty() || !out.empty()) && prompt_language(question_) == PromptLanguage::english;
            if (joined) out += ' ';
            out += body;
            for (std::size_t k = 0; k < support.passages.size() && !foreign_; ++k)
                out += cite(support.passages[k], sentence, support.shares[k]);
            if (foreign_ && !evidence_.empty()) out += cite(evidence_.front(), support.share);
        }
        answer_.text += out;
        return out;
    }

    /// Of a question that wants yes or no: whether the sentence denies and the best evidence does not, or the other way
    /// round. Then the evidence alone is shown.
    bool contradicts(std::string_view sentence) const {
        if (evidence_.empty() || foreign_ || !asks_yes_or_no(question_)) return false;
        const auto& e = evidence_.front();
        const auto text = std::string_view(hits_[e.hit].chunk.text).substr(e.begin, e.end - e.begin);
        return denies(sentence) != denies(text);
    }

    std::string cite(std::size_t passage, std::string_view sentence, double share) {
        const auto& p = passages_[passage];
        const auto quote = verifier_->quote(passage, sentence);
        return cite({p.hit, p.begin + quote.begin, p.begin + quote.end}, share);
    }

    /// The mark of a stretch. One that overlaps a stretch cited before widens that citation.
    std::string cite(Evidence where, double share) {
        std::size_t n = 0;
        while (n < cited_.size() &&
               (cited_[n].hit != where.hit || where.end <= cited_[n].begin || cited_[n].end <= where.begin))
            ++n;
        if (n == cited_.size()) {
            cited_.push_back(where);
            answer_.citations.emplace_back();
        } else {
            cited_[n].begin = std::min(cited_[n].begin, where.begin);
            cited_[n].end = std::max(cited_[n].end, where.end);
            share = std::max(share, answer_.citations[n].score);
        }
        answer_.citations[n] = locate(hits_[where.hit], cited_[n].begin, cited_[n].end);
        answer_.citations[n].index = n + 1;
        answer_.citations[n].score = share;
        return " [" + std::to_string(n + 1) + "]";
    }

    std::optional<AnswerEvent> finish() {
        std::string shown = accept(pending_);
        pending_.clear();
        if (answer_.text.empty()) {
            // The model said nothing that the passages bear out. Where the evidence is strong, it speaks for itself; in
            // a small base the model is asked sooner, but evidence does not grow stronger.
            auto signals = answer_.signals;
            signals.chunks = 0;
            const double strength = options_.verify ? estimate_confidence(signals) : 1;
            if (evidence_.empty() || strength < (model_refused_ ? quote_refused : quote_withheld)) return refuse();
            shown = quote_evidence();
            supported_ = 1;
            sentences_ = 1;
        } else if (options_.quote) {
            shown += quote_evidence();
        }
        answer_.answerable = true;
        answer_.signals.support = sentences_ > 0 ? supported_ / static_cast<double>(sentences_) : 0;
        return end(std::move(shown));
    }

    /// The evidence in its own words, as far as it says more than the answer: a small model drops the half that
    /// matters, or takes the wrong sentence.
    std::string quote_evidence() {
        const std::string before = answer_.text;
        const Passage said{0, 0, before.size(), before, 0};
        const Verifier known("", {&said, 1});
        std::string quotes;
        for (const auto& e : evidence_) {
            const auto text = std::string_view(hits_[e.hit].chunk.text).substr(e.begin, e.end - e.begin);
            if (!before.empty()) {
                const Support repeated = known.check(text);
                if (repeated.share > 0.95 && repeated.facts_found) continue;
            }
            if (!quotes.empty()) quotes += '\n';
            quotes += "“" + on_one_line(text) + "”" + cite(e, 1);
        }
        if (quotes.empty()) return {};
        const bool chinese = prompt_language(question_) == PromptLanguage::chinese;
        std::string out =
            (before.empty() ? "" : "\n\n") + std::string(chinese ? "原文：" : "In the documents: ") + quotes;
        answer_.text += out;
        return out;
    }

    std::optional<AnswerEvent> refuse() {
        answer_.text = refusal(question_);
        answer_.citations.clear();
        cited_.clear();
        answer_.answerable = false;
        return end(answer_.text);
    }

    std::optional<AnswerEvent> end(std::string shown) {
        over_ = true;
        answer_.timings.total_ms = milliseconds_since(began_);
        return AnswerEvent{std::move(shown), std::move(answer_)};
    }

    std::shared_ptr<const Retriever> retriever_;
    llm::ChatModelPtr model_;
    std::string question_;
    std::string asked_;  // what was searched: the question, with its context, in the language of the documents
    AnswerOptions options_;
    CallOptions call_;
    Clock::time_point began_ = Clock::now();
    std::vector<store::Hit> hits_;
    std::vector<Passage> passages_;
    std::vector<Evidence> evidence_;
    std::vector<Evidence> cited_;  // where each citation stands
    bool foreign_ = false;         // the documents are in another language than the question
    std::unique_ptr<Verifier> verifier_;
    StreamPtr<llm::ChatEvent> events_;
    std::string pending_;
    Answer answer_;
    std::size_t sentences_ = 0, withheld_ = 0;
    double supported_ = 0;
    bool started_ = false, over_ = false, model_refused_ = false;
};

}  // namespace

Answerer::Answerer(std::shared_ptr<const Retriever> retriever, llm::ChatModelPtr model)
    : retriever_(std::move(retriever)), model_(std::move(model)) {}

task<Result<StreamPtr<AnswerEvent>>> Answerer::stream(std::string question, AnswerOptions options,
                                                      CallOptions call) const {
    if (question.find_first_not_of(" \t\r\n") == std::string::npos)
        co_return fail(ErrorCode::invalid_argument, "the question is empty");
    co_return StreamPtr<AnswerEvent>(
        std::make_unique<AnswerStream>(retriever_, model_, std::move(question), std::move(options), std::move(call)));
}

task<Result<Answer>> Answerer::answer(std::string question, AnswerOptions options, CallOptions call) const {
    TENON_CO_TRY(const auto events, co_await stream(std::move(question), std::move(options), std::move(call)));
    for (;;) {
        TENON_CO_TRY(auto event, co_await events->next());
        if (!event) co_return fail(ErrorCode::internal, "the answer ended without its last event");
        if (event->answer) co_return std::move(*event->answer);
    }
}

}  // namespace tenon::rag
