#include "tenon/chain/optimize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>

#include "chain/journal.hpp"
#include "tenon/chain/cached.hpp"
#include "tenon/chain/map.hpp"
#include "tenon/chain/thought.hpp"

namespace tenon::chain {
namespace detail {
namespace {

/// SplitMix64: the same numbers on every machine.
class Dice {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}
    std::size_t below(std::size_t n) {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return static_cast<std::size_t>((z ^ (z >> 31)) % n);
    }
    std::vector<std::size_t> order(std::size_t n) {
        std::vector<std::size_t> all(n);
        std::iota(all.begin(), all.end(), std::size_t{0});
        for (std::size_t i = n; i > 1; --i) std::swap(all[i - 1], all[below(i)]);
        return all;
    }

  private:
    std::uint64_t state_;
};

constexpr std::string_view tips[] = {
    "Say plainly what the answer must look like.",
    "Be brief: one or two sentences.",
    "Name the mistake that is made most easily, and how to avoid it.",
    "Describe the role of an expert who does this task well.",
    "Break the task into steps.",
    "Be exact about the form of the answer and forbid everything else.",
};

class Search {
  public:
    Search(std::shared_ptr<const OptimizeWork> work, Context context, std::unique_ptr<Journal> journal)
        : work_(std::move(work)),
          context_(std::move(context)),
          journal_(std::move(journal)),
          dice_(work_->options.seed) {}

    task<Result<Optimized>> run() {
        const auto& o = work_->options;
        PromptCandidate start{work_->instruction, {}};
        auto first = co_await score(start, work_->development.size());
        if (!first) co_return std::unexpected(std::move(first).error());
        result_.best = start;
        result_.score = result_.start_score = *first;

        auto sets = co_await demonstration_sets();
        if (!sets) co_return std::unexpected(std::move(sets).error());
        auto instructions = co_await propose();
        if (!instructions) co_return std::unexpected(std::move(instructions).error());

        std::vector<PromptCandidate> field;
        for (const auto& instruction : *instructions)
            for (const auto& set : *sets) field.push_back({instruction, set});
        std::erase_if(field,
                      [&](const auto& c) { return c.instruction == start.instruction && c.demonstrations.empty(); });
        std::size_t examples = std::min(std::max<std::size_t>(o.first_round, 1), work_->development.size());
        while (!field.empty()) {
            std::vector<std::pair<double, std::size_t>> ranked;
            for (std::size_t i = 0; i < field.size(); ++i) {
                if (spent(examples)) break;
                auto mean = co_await score(field[i], examples);
                if (!mean) co_return std::unexpected(std::move(mean).error());
                ranked.emplace_back(*mean, i);
                if (examples == work_->development.size() && *mean > result_.score) {
                    result_.score = *mean;
                    result_.best = field[i];
                }
            }
            if (examples == work_->development.size() || ranked.empty()) break;
            std::ranges::stable_sort(ranked, std::greater{}, &std::pair<double, std::size_t>::first);
            ranked.resize((ranked.size() + 1) / 2);
            std::vector<PromptCandidate> kept;
            for (const auto& [mean, i] : ranked) kept.push_back(std::move(field[i]));
            field = std::move(kept);
            examples = std::min(examples * 2, work_->development.size());
        }
        result_.calls = calls_;
        result_.replayed = replayed_;
        co_return std::move(result_);
    }

  private:
    /// Whether that many calls more would go beyond the budget. Answers the journal has cost what they did cost, so
    /// that a search begun again takes the same way.
    bool spent(std::size_t more) {
        if (calls_ + replayed_ + more <= work_->options.max_calls) return false;
        result_.budget_spent = true;
        return true;
    }

    task<Result<std::string>> ask(llm::ChatModelPtr model, llm::ChatRequest request, std::string salt) {
        const std::string key = model->name() + "#" + salt + "#" + cache_key(request);
        if (auto known = journal_->find(key)) {
            ++replayed_;
            co_return std::move(*known);
        }
        ++calls_;
        auto answer = co_await model->generate(std::move(request), context_.options);
        if (!answer) co_return std::unexpected(std::move(answer).error());
        std::string text = answer->message.text();
        if (auto kept = journal_->put(key, text); !kept) co_return std::unexpected(std::move(kept).error());
        co_return text;
    }

    /// The mean of the metric on the first `examples` of the development set.
    task<Result<double>> score(PromptCandidate candidate, std::size_t examples) {
        std::vector<std::size_t> indices(examples);
        std::iota(indices.begin(), indices.end(), std::size_t{0});
        const auto one = [this, &candidate](std::size_t i) -> task<Result<double>> {
            auto request = request_of(candidate, work_->development[i].first);
            request.settings.temperature = 0;
            request.settings.max_tokens = work_->options.max_answer_tokens;
            auto answer = co_await ask(work_->student, std::move(request), "student");
            if (!answer) co_return std::unexpected(std::move(answer).error());
            co_return work_->metric(true, i, *answer);
        };
        const auto each = map(one, work_->options.concurrency);
        auto scores = co_await each(std::move(indices), context_);
        if (!scores) co_return std::unexpected(std::move(scores).error());
        const double mean =
            examples == 0 ? 0 : std::accumulate(scores->begin(), scores->end(), 0.0) / static_cast<double>(examples);
        failures_of(candidate, *scores);
        result_.trials.push_back({std::move(candidate), mean, examples});
        co_return mean;
    }

    /// The prompt as it was given is the first to be tried: what it gets wrong goes to whoever proposes instructions.
    void failures_of(const PromptCandidate&, const std::vector<double>& scores) {
        if (!result_.trials.empty()) return;
        for (std::size_t i = 0; i < scores.size() && failures_.size() < 3; ++i)
            if (scores[i] < work_->options.accept) failures_.push_back(i);
    }

    task<Result<std::vector<std::vector<std::pair<std::string, std::string>>>>> demonstration_sets() {
        const auto& o = work_->options;
        std::vector<std::vector<std::pair<std::string, std::string>>> sets(1);  // none
        if (o.max_demonstrations == 0 || work_->train.empty()) co_return sets;
        const auto order = dice_.order(work_->train.size());
        auto& labelled = sets.emplace_back();
        for (std::size_t k = 0; k < order.size() && k < o.max_demonstrations; ++k)
            labelled.push_back(work_->train[order[k]]);

        // The teacher sees the labelled examples but the one it is asked.
        std::vector<std::pair<std::string, std::string>> traces;
        const std::size_t wanted = o.max_demonstrations * std::max<std::size_t>(o.demonstration_sets, 1);
        for (const std::size_t i : order) {
            if (o.demonstration_sets == 0 || traces.size() == wanted || spent(1)) break;
            PromptCandidate teaching{work_->instruction, labelled};
            std::erase(teaching.demonstrations, work_->train[i]);
            auto request = request_of(teaching, work_->train[i].first);
            request.settings.temperature = 0;
            request.settings.max_tokens = work_->options.max_answer_tokens;
            auto answer = co_await ask(work_->teacher, std::move(request), "teacher");
            if (!answer) co_return std::unexpected(std::move(answer).error());
            if (work_->metric(false, i, *answer) >= o.accept)
                traces.emplace_back(work_->train[i].first, std::move(*answer));
        }
        for (std::size_t s = 0; s < o.demonstration_sets && !traces.empty(); ++s) {
            const auto chosen = dice_.order(traces.size());
            const std::size_t most = std::min(o.max_demonstrations, traces.size());
            const std::size_t size = s == 0 ? most : 1 + dice_.below(most);
            std::vector<std::pair<std::string, std::string>> set;
            for (std::size_t k = 0; k < size; ++k) set.push_back(traces[chosen[k]]);
            if (std::ranges::find(sets, set) == sets.end()) sets.push_back(std::move(set));
        }
        co_return sets;
    }

    task<Result<std::vector<std::string>>> propose() {
        std::vector<std::string> all(1, work_->instruction);
        std::string data;
        const auto order = dice_.order(work_->train.size());
        for (std::size_t k = 0; k < order.size() && k < 4; ++k)
            data += fmt::format("Question: {}\nGood answer: {}\n\n", work_->train[order[k]].first,
                                work_->train[order[k]].second);
        for (const std::size_t i : failures_)
            data += fmt::format("Answered wrongly so far: {}\nGood answer: {}\n\n", work_->development[i].first,
                                work_->development[i].second);
        for (std::size_t n = 0; n < work_->options.instructions && !spent(1); ++n) {
            llm::ChatRequest request;
            request.messages.push_back(llm::Message::system(
                "You write instructions for a language model. Reply with one instruction and nothing else."));
            request.messages.push_back(llm::Message::user(fmt::format(
                "The instruction so far:\n{}\n\n{}Write a better instruction for this task, in the language of the "
                "questions. {}",
                work_->instruction.empty() ? "(none)" : work_->instruction, data, tips[n % std::size(tips)])));
            request.settings.temperature = 0.7;
            request.settings.seed = work_->options.seed + n;
            request.settings.max_tokens = 300;
            auto text = co_await ask(work_->proposer, std::move(request), fmt::format("propose{}", n));
            if (!text) co_return std::unexpected(std::move(text).error());
            auto instruction = cleaned(*text);
            if (!instruction.empty() && std::ranges::find(all, instruction) == all.end())
                all.push_back(std::move(instruction));
        }
        co_return all;
    }

    static std::string cleaned(std::string_view text) {
        constexpr std::string_view around = " \t\r\n\"`*";
        const auto from = text.find_first_not_of(around);
        if (from == std::string_view::npos) return {};
        text = text.substr(from, text.find_last_not_of(around) - from + 1);
        constexpr std::string_view label = "Instruction:";
        if (text.starts_with(label)) text.remove_prefix(label.size());
        return std::string(text.substr(std::min(text.find_first_not_of(around), text.size())));
    }

    std::shared_ptr<const OptimizeWork> work_;
    Context context_;
    std::unique_ptr<Journal> journal_;
    Dice dice_;
    std::vector<std::size_t> failures_;
    Optimized result_;
    std::atomic<std::size_t> calls_ = 0, replayed_ = 0;
};

}  // namespace

task<Result<Optimized>> optimize(std::shared_ptr<const OptimizeWork> work, Context context) {
    if (work->development.empty())
        co_return fail(ErrorCode::invalid_argument, "a prompt is optimised on examples: give some to develop on");
    auto journal = Journal::open(work->options.journal);
    if (!journal) co_return std::unexpected(std::move(journal).error());
    Search search(std::move(work), std::move(context), std::move(*journal));
    auto result = co_await search.run();
    co_return result;
}

}  // namespace detail

double exact_answer(const std::string& expected, const std::string& answer) {
    return normalise_answer(expected) == normalise_answer(extract_answer(answer)) ? 1 : 0;
}

llm::ChatRequest request_of(const PromptCandidate& candidate, std::string question) {
    llm::ChatRequest request;
    if (!candidate.instruction.empty()) request.messages.push_back(llm::Message::system(candidate.instruction));
    for (const auto& [asked, answer] : candidate.demonstrations) {
        request.messages.push_back(llm::Message::user(asked));
        request.messages.push_back(llm::Message::assistant(answer));
    }
    request.messages.push_back(llm::Message::user(std::move(question)));
    return request;
}

std::string document_of(const PromptCandidate& candidate, const std::string& question_template,
                        const std::string& description) {
    const auto text = [](std::string_view plain) {
        // A line that begins with @ would begin a message.
        std::string out;
        for (bool start = true; const char c : escape_braces(plain)) {
            if (start && c == '@') out += '@';
            out += c;
            start = c == '\n';
        }
        return out;
    };
    std::string quoted;
    for (const char c : description) quoted += c == '"' || c == '\\' || c == '\n' ? ' ' : c;
    std::string out = fmt::format("+++\ndescription = \"{}\"\n+++\n", quoted);
    if (!candidate.instruction.empty()) out += "@system\n" + text(candidate.instruction) + "\n";
    for (const auto& [asked, answer] : candidate.demonstrations)
        out += "@user\n" + text(asked) + "\n@assistant\n" + text(answer) + "\n";
    return out + "@user\n" + question_template + "\n";
}

}  // namespace tenon::chain
