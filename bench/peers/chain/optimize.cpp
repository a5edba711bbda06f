// One real search of optimize_prompt with a small local model: what the prompt scored before and after.
// Usage: chain_optimize MODEL.gguf [JOURNAL]
#include <boost/describe/class.hpp>
#include <cstdio>
#include <string>

#include "tenon/async/runtime.hpp"
#include "tenon/chain/optimize.hpp"
#include "tenon/provider/local.hpp"

using namespace tenon;

struct Review {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(Review, (), (text))

namespace {

std::vector<chain::Example<Review>> train() {
    return {{{"The soup was cold and the waiter rude."}, "negative"},
            {{"I have never slept better; we will come back."}, "positive"},
            {{"它坏了两次，客服也不理人。"}, "negative"},
            {{"Works as promised, arrived a day early."}, "positive"},
            {{"包装精美，孩子很喜欢。"}, "positive"},
            {{"A waste of money."}, "negative"},
            {{"The plot drags and nobody can act."}, "negative"},
            {{"声音清楚，电池耐用。"}, "positive"}};
}
std::vector<chain::Example<Review>> development() {
    return {{{"The screen cracked on the first day."}, "negative"},
            {{"Best coffee in town."}, "positive"},
            {{"味道一般，还很贵，不会再来。"}, "negative"},
            {{"She explains everything patiently."}, "positive"},
            {{"Too loud, too small, too dear."}, "negative"},
            {{"质量很好，超出预期。"}, "positive"},
            {{"I returned it the same afternoon."}, "negative"},
            {{"The garden alone is worth the trip."}, "positive"},
            {{"用了一周就掉漆了。"}, "negative"},
            {{"Easy to set up, and it just runs."}, "positive"},
            {{"They lost my luggage and shrugged."}, "negative"},
            {{"物流很快，客服热情。"}, "positive"},
            {{"My favourite film of the year."}, "positive"},
            {{"The app crashes whenever I open it."}, "negative"},
            {{"Fresh bread every morning, lovely hosts."}, "positive"},
            {{"Do not buy this."}, "negative"}};
}

double label(const chain::Example<Review>& example, const std::string& answer) {
    std::string text;
    for (const char c : answer) text += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    const bool positive = text.find("positive") != std::string::npos,
               negative = text.find("negative") != std::string::npos;
    if (positive == negative) return 0;
    return (example.answer == "positive") == positive ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 2;
    const auto model = provider::LocalChatModel::load(argv[1]);
    if (!model) {
        std::fprintf(stderr, "%s\n", model.error().describe().c_str());
        return 1;
    }
    chain::OptimizeOptions options;
    options.max_calls = 600;
    options.concurrency = 2;
    options.max_answer_tokens = 12;
    if (argc > 2) options.journal = argv[2];
    Runtime runtime(2);
    const auto found =
        sync_wait(runtime, chain::optimize_prompt(chain::prompt<Review>("{text}"), "Is the review good?", train(),
                                                  development(), label, *model, nullptr, nullptr, options, {}));
    if (!found) {
        std::fprintf(stderr, "%s\n", found.error().describe().c_str());
        return 1;
    }
    for (const auto& t : found->trials)
        std::fprintf(stderr, "%.2f on %2zu, %zu demonstrations: %.70s\n", t.score, t.examples,
                     t.candidate.demonstrations.size(), t.candidate.instruction.c_str());
    std::printf("before %.3f, after %.3f; %zu calls, %zu replayed%s\n%s", found->start_score, found->score,
                found->calls, found->replayed, found->budget_spent ? ", budget spent" : "",
                chain::document_of(found->best, "{text}", "reviews").c_str());
    return 0;
}
