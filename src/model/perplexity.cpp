#include "tenon/model/perplexity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tenon::model {
namespace {

constexpr std::size_t scored_together = 128;  // rows of logits held at a time

/// Minus the logarithm of the probability that `logits` give `token`.
double surprise(std::span<const float> logits, text::TokenId token) {
    const float top = *std::ranges::max_element(logits);
    double sum = 0;
    for (const float v : logits) sum += std::exp(v - top);
    return std::log(sum) - (static_cast<double>(logits[static_cast<std::size_t>(token)]) - top);
}

}  // namespace

Result<Perplexity> perplexity(CausalModel& model, tensor::ThreadTeam& team, std::span<const text::TokenId> tokens,
                              const PerplexityOptions& options) {
    const std::size_t context = options.context;
    if (context < 4) return fail(ErrorCode::invalid_argument, "a perplexity needs a context of at least 4 tokens");
    if (tokens.size() < 2 * context)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the text has {} tokens, but a perplexity over a context of {} needs {}; take a longer "
                                "text or a smaller context",
                                tokens.size(), context, 2 * context));
    const std::size_t pieces = tokens.size() / context;
    Perplexity out;
    out.chunks = options.chunks == 0 ? pieces : std::min(options.chunks, pieces);
    TENON_TRY(const auto cache, model.make_cache(context));
    const text::TokenizerPtr& tokenizer = model.tokenizer();
    const std::vector<text::TokenId> start = tokenizer->encode("", {.add_special = true});
    const std::size_t vocabulary = model.info().vocabulary;
    const std::size_t middle = context / 2;
    std::vector<text::TokenId> piece(context);
    std::vector<double> scores(scored_together);
    double sum = 0;
    double squares = 0;
    for (std::size_t i = 0; i < out.chunks; ++i) {
        std::ranges::copy(tokens.subspan(i * context, context), piece.begin());
        if (!start.empty() && start.front() == tokenizer->spec().bos) piece.front() = start.front();
        cache->truncate(0);
        for (std::size_t at = 0; at < context - 1;) {
            if (options.stop.stop_requested()) return fail(ErrorCode::cancelled, "stopped");
            const bool scored = at >= middle;
            const std::size_t end =
                scored ? std::min(context - 1, at + scored_together) : std::min(middle, at + model.max_batch_tokens());
            const SequenceStep step{cache.get(), std::span(piece).subspan(at, end - at),
                                    scored ? Logits::all : Logits::none};
            TENON_TRY(const std::span<const float> logits, model.forward(team, {&step, 1}));
            if (scored) {
                team.run([&](tensor::Worker& worker) {
                    const auto [first, last] = worker.share(end - at);
                    for (std::size_t t = first; t < last; ++t)
                        scores[t] = surprise(logits.subspan(t * vocabulary, vocabulary), piece[at + t + 1]);
                });
                for (std::size_t t = 0; t < end - at; ++t) sum += scores[t], squares += scores[t] * scores[t];
                out.tokens += end - at;
            }
            at = end;
        }
        if (options.progress) options.progress(i + 1, out.chunks, std::exp(sum / static_cast<double>(out.tokens)));
    }
    const auto count = static_cast<double>(out.tokens);
    const double mean = sum / count;
    const double variance = squares / count - mean * mean;
    out.value = std::exp(mean);
    out.mean_log_likelihood = -mean;
    if (variance > 0 && count > 1) out.error = std::sqrt(variance / (count - 1)) * out.value;
    return out;
}

}  // namespace tenon::model
