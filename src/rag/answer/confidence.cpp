#include "rag/answer/confidence.hpp"

#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Two fits: where similarity is known it tells most, also of a question in other words than the documents'.
    const double z = s.similarity > 0
                         ? -8.3 + 2.4 * s.coverage + 5.0 * s.retrieval + 8.2 * s.similarity - 0.3 * s.missing
                         : -2.6 + 2.3 * s.coverage + 8.9 * s.retrieval - 0.5 * s.missing;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
