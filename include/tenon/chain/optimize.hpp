// Better prompts by measurement: examples a teacher answered well, and instructions a model proposes, tried on data
// against a metric.
//
// The ideas are DSPy's (Khattab et al. 2023; Opsahl-Ong et al. 2024, MIPRO): demonstrations are bootstrapped from
// traces that the metric accepts, instructions are proposed from the task's data and failures, and pairs of both are
// searched. Here the search is successive halving on the development set. The same seed, data and answers give the same
// result.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tenon/chain/few_shot.hpp"

namespace tenon::chain {

/// What is searched for: the system message, and questions with their answers before the question.
struct PromptCandidate {
    std::string instruction;
    std::vector<std::pair<std::string, std::string>> demonstrations;
};

struct OptimizeOptions {
    std::uint64_t seed = 1;
    std::size_t max_demonstrations = 4;
    std::size_t demonstration_sets = 4;  ///< besides: none, and labelled examples as they are
    std::size_t instructions = 4;        ///< proposals, besides the one given
    double accept = 1;                   ///< the metric a teacher's answer needs to become a demonstration
    std::size_t max_calls = 2000;        ///< of all models together; the search ends in time to stay within
    std::size_t first_round = 8;         ///< development examples of the first round; doubled from round to round
    std::size_t max_answer_tokens = 256;
    std::size_t concurrency = 4;
    /// Every answer is kept here, a line of JSON each; a search begun again with the same file goes on where it
    /// stopped. Empty: nothing is kept.
    std::filesystem::path journal{};
};

struct Trial {
    PromptCandidate candidate;
    double score = 0;          ///< mean of the metric
    std::size_t examples = 0;  ///< of the development set it was tried on
};

struct Optimized {
    PromptCandidate best;
    double score = 0;        ///< on the whole development set
    double start_score = 0;  ///< of the prompt as it was given
    std::vector<Trial> trials;
    std::size_t calls = 0;     ///< asked for now
    std::size_t replayed = 0;  ///< answered by the journal
    bool budget_spent = false;
};

namespace detail {

/// The work with its types forgotten: questions are rendered, the metric knows its examples by index.
struct OptimizeWork {
    std::vector<std::pair<std::string, std::string>> train, development;  ///< question, expected answer
    std::function<double(bool development, std::size_t index, const std::string& answer)> metric;
    std::string instruction;
    llm::ChatModelPtr student, teacher, proposer;
    OptimizeOptions options;
};
[[nodiscard]] task<Result<Optimized>> optimize(std::shared_ptr<const OptimizeWork> work, Context context);

}  // namespace detail

/// `metric(example, answer)` says how good an answer is, 0 to 1; it may be called from several threads. The teacher and
/// the proposer are the student itself when null. Errors: those of the models, of rendering, of the journal;
/// invalid_argument (no data).
template <TemplateInput In, class Metric>
[[nodiscard]] task<Result<Optimized>> optimize_prompt(Prompt<In> question, std::string instruction,
                                                      std::vector<Example<In>> train,
                                                      std::vector<Example<In>> development, Metric metric,
                                                      llm::ChatModelPtr student, llm::ChatModelPtr teacher,
                                                      llm::ChatModelPtr proposer, OptimizeOptions options,
                                                      Context context) {
    auto work = std::make_shared<detail::OptimizeWork>();
    const auto render = [&](const std::vector<Example<In>>& from, auto& to) -> Result<void> {
        for (const auto& e : from) {
            TENON_TRY(auto asked, question.render(e.input));
            to.emplace_back(std::move(asked), e.answer);
        }
        return {};
    };
    TENON_CO_CHECK(render(train, work->train));
    TENON_CO_CHECK(render(development, work->development));
    work->metric = [metric = std::move(metric), train = std::move(train), development = std::move(development)](
                       bool dev, std::size_t i, const std::string& answer) -> double {
        return metric(dev ? development[i] : train[i], answer);
    };
    work->instruction = std::move(instruction);
    work->teacher = teacher ? std::move(teacher) : student;
    work->proposer = proposer ? std::move(proposer) : student;
    work->student = std::move(student);
    work->options = std::move(options);
    auto result = co_await detail::optimize(std::move(work), std::move(context));
    co_return result;
}

/// The answer as the metric: equal after `normalise_answer` of what `extract_answer` finds.
[[nodiscard]] double exact_answer(const std::string& expected, const std::string& answer);

/// As a request: instruction, demonstrations, question.
[[nodiscard]] llm::ChatRequest request_of(const PromptCandidate& candidate, std::string question);
/// As a prompt file around a question template in braces, to be put into a registry.
[[nodiscard]] std::string document_of(const PromptCandidate& candidate, const std::string& question_template,
                                      const std::string& description);

}  // namespace tenon::chain
