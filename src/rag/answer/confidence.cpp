#include "rag/answer/confidence.hpp"

#include <algorithm>
#include <cmath>

#include "tenon/store/knowledge_base.hpp"

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Two fits: where similarity is known it tells most, also of a question in other words than the documents'.
    const double z = s.similarity > 0
                         ? -8.3 + 2.4 * s.coverage + 5.0 * s.retrieval + 8.2 * s.similarity - 0.3 * s.missing
                         : -2.6 + 2.3 * s.coverage + 8.9 * s.retrieval - 0.5 * s.missing;
    // The fits are of bases of thousands of chunks. The best of few is less often good by chance.
    const auto few = static_cast<double>(std::clamp<std::size_t>(s.chunks, 1, store::typical_chunks));
    const double less_chance = s.chunks == 0 ? 0 : 0.15 * std::log(static_cast<double>(store::typical_chunks) / few);
    return 1 / (1 + std::exp(-z - less_chance));
}

}  // namespace tenon::rag
