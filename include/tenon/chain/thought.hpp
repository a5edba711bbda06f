// Thinking before answering, and asking more than once.
//
// Chain of thought: Wei et al. 2022 (worked examples), Kojima et al. 2022 (the zero-shot sentence). Self-consistency:
// Wang et al. 2022: several thoughts, the answer most of them end with.
#pragma once

#include <boost/describe/class.hpp>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tenon/chain/map.hpp"
#include "tenon/chain/model.hpp"

namespace tenon::chain {

struct Thought {
    std::string reasoning, answer;
};
BOOST_DESCRIBE_STRUCT(Thought, (), (reasoning, answer))

/// The answer a text ends with: what follows the last "Answer:", "the answer is", "答案：", "####" or stands in the
/// last \boxed{}; else the last line that is not empty. Marks of emphasis, quotes and a closing full stop are taken
/// off.
[[nodiscard]] std::string extract_answer(std::string_view text);
/// The last number of a text, without thousands separators; empty when there is none.
[[nodiscard]] std::string extract_number(std::string_view text);
/// How answers are compared: without case, blanks, emphasis and final punctuation, full-width forms as ASCII, and
/// numbers by value ("1,000.0" is "1000").
[[nodiscard]] std::string normalise_answer(std::string_view answer);

/// Worked reasoning as the answer of an example, in the form `extract_answer` reads.
[[nodiscard]] std::string worked(std::string_view reasoning, std::string_view answer);

/// Asks the last user message's reader to think first and to end with a line "Answer: …"; in Chinese when the message
/// is Chinese. For a model without reasoning of its own.
class ThinkFirst {
  public:
    using input_type = ModelInput;
    using output_type = llm::ChatRequest;
    [[nodiscard]] std::string_view name() const { return "think_first"; }
    [[nodiscard]] Result<llm::ChatRequest> call(ModelInput&& in, const Context& context) const;
};
[[nodiscard]] inline ThinkFirst think_first() { return {}; }

/// The model's answer as thought and answer; the reasoning a model reports apart comes first.
class ToThought {
  public:
    using input_type = llm::ChatResponse;
    using output_type = Thought;
    [[nodiscard]] std::string_view name() const { return "to_thought"; }
    [[nodiscard]] Result<Thought> call(llm::ChatResponse&& answer, const Context& context) const;
};
[[nodiscard]] inline ToThought to_thought() { return {}; }

struct Votes {
    std::string answer;  ///< as the first sample of the majority wrote it
    std::size_t votes = 0, samples = 0;
    /// Every answer with its votes, most first; equals in the order they came.
    std::vector<std::pair<std::string, std::size_t>> tally;
    std::vector<Thought> thoughts;  ///< of the samples that succeeded, in order
    [[nodiscard]] double share() const {
        return samples == 0 ? 0 : static_cast<double>(votes) / static_cast<double>(samples);
    }
};

struct ConsistencyOptions {
    std::size_t samples = 5;
    std::size_t concurrency = 5;
    std::function<std::string(std::string_view)> normalise = normalise_answer;
};

/// Counts. Nothing to count gives no answer and no votes.
[[nodiscard]] Votes majority(std::vector<Thought> thoughts,
                             const std::function<std::string(std::string_view)>& normalise = normalise_answer);

/// The step several times on one value, and a vote. The step gives a Thought or text; sample k runs with
/// Context::sample k, which moves a seed that is set: choose a temperature above 0. Samples that fail have no vote;
/// when all fail, the first error is the outcome.
template <IsStep S>
class SelfConsistency {
  public:
    using input_type = typename S::input_type;
    using output_type = Votes;
    static_assert(std::same_as<typename S::output_type, Thought> || std::same_as<typename S::output_type, std::string>,
                  "self_consistency wants a step that gives a Thought or text");

    SelfConsistency(S step, ConsistencyOptions options) : sampled_(std::move(step)), options_(std::move(options)) {}
    [[nodiscard]] std::string_view name() const { return "self_consistency"; }
    [[nodiscard]] task<Result<Votes>> operator()(input_type in, Context context) const {
        std::vector<Sample> samples;
        for (std::size_t k = 0; k < options_.samples; ++k) samples.push_back({in, context.sample + k});
        auto outcomes = co_await batch(sampled_, std::move(samples), options_.concurrency, std::move(context));
        std::vector<Thought> thoughts;
        std::optional<Error> error;
        for (auto& o : outcomes) {
            if (!o) {
                if (!error) error = std::move(o).error();
            } else if constexpr (std::same_as<typename S::output_type, Thought>) {
                thoughts.push_back(std::move(*o));
            } else {
                std::string answer = extract_answer(*o);
                thoughts.push_back({std::move(*o), std::move(answer)});
            }
        }
        if (thoughts.empty() && error) co_return std::unexpected(std::move(*error));
        co_return majority(std::move(thoughts), options_.normalise);
    }

  private:
    struct Sample {
        input_type value;
        std::uint64_t number;
    };
    struct Sampled {
        using input_type = Sample;
        using output_type = typename S::output_type;
        explicit Sampled(S s) : step(std::move(s)) {}
        [[nodiscard]] std::string_view name() const { return "sample"; }
        [[nodiscard]] task<Result<output_type>> operator()(Sample sample, Context context) const {
            context.sample = sample.number;
            return invoke(step, std::move(sample.value), std::move(context));
        }
        S step;
    };
    Sampled sampled_;
    ConsistencyOptions options_;
};

template <class T>
[[nodiscard]] auto self_consistency(T asked, ConsistencyOptions options = {}) {
    auto inner = step(std::move(asked));
    return SelfConsistency<decltype(inner)>(std::move(inner), std::move(options));
}

}  // namespace tenon::chain
