// Answers with citations: retrieve, choose the passages, ask the model, check what it said.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tenon/async/stream.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/rag/retriever.hpp"

namespace tenon::rag {

struct AnswerOptions {
    std::size_t top_k = 8;  ///< chunks that passages are chosen from
    std::size_t passage_tokens =
        240;                       ///< of the prompt, by the model's tokenizer; cut further when the window is small
    std::size_t max_tokens = 256;  ///< of the answer
    double temperature = 0;
    std::vector<llm::Message> history;  ///< earlier turns, for follow-up questions
    bool quote = true;   ///< below the answer, the one or two stretches of the documents it should rest on
    bool verify = true;  ///< withhold what the passages do not support
};

/// A passage the answer stands on. Ranges are those of the document's text.
struct Citation {
    std::size_t index = 0;  ///< 1-based, as written in the answer
    std::string source, title, heading;
    std::string text;                          ///< the sentences cited
    int page = 0;                              ///< 0: the format has no pages
    std::size_t start_line = 0, end_line = 0;  ///< 1-based, inclusive
    std::size_t start_char = 0, end_char = 0;  ///< code points, end exclusive
    std::int64_t document_id = 0, chunk_id = 0;
    double score = 0;  ///< share of the answer's words this passage supports
};

struct AnswerTimings {
    double retrieve_ms = 0, prompt_ms = 0, decode_ms = 0, total_ms = 0;
};

/// What `confidence` was computed from, for whoever wants to look or to tune.
struct AnswerSignals {
    double coverage = 0;   ///< share of the question's terms, by rarity, in the best single passage
    double retrieval = 0;  ///< best BM25 as a share of what a passage with every term would have
    /// best cosine between question and sentence by a MiniLM; 0 with other embedders and languages it does not know
    double similarity = 0;
    double missing = 0;      ///< idf of the question's rarest name that stands in nothing found; 0: all names do
    double support = 0;      ///< share of the answer's words found in the passages
    std::size_t chunks = 0;  ///< searched; 0: not known
};

struct Answer {
    std::string text;                 ///< in the language of the question; when not answerable, says so
    std::vector<Citation> citations;  ///< empty when not answerable
    bool answerable = false;
    double confidence = 0;  ///< 0…1: the estimate behind `answerable`
    AnswerSignals signals;
    llm::Usage usage;
    AnswerTimings timings;
};

struct AnswerEvent {
    std::string text;              ///< next piece of the answer
    std::optional<Answer> answer;  ///< on the last event: the whole
};

/// Thread-safe; any number of questions at once.
class Answerer {
  public:
    Answerer(std::shared_ptr<const Retriever> retriever, llm::ChatModelPtr model);

    /// Errors: invalid_argument (empty question), the retriever's and the model's.
    [[nodiscard]] task<Result<StreamPtr<AnswerEvent>>> stream(std::string question, AnswerOptions options,
                                                              CallOptions call) const;
    [[nodiscard]] task<Result<Answer>> answer(std::string question, AnswerOptions options, CallOptions call) const;

  private:
    std::shared_ptr<const Retriever> retriever_;
    llm::ChatModelPtr model_;
};

/// "the documents do not say", in the language of the question.
[[nodiscard]] std::string refusal(std::string_view question);

}  // namespace tenon::rag
