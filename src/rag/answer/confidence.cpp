#include "rag/answer/confidence.hpp"

#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Two fits: where similarity is known it tells most, also of a question in other words than the documents'.
    const double z = s.similarity > 0
                         ? -14.2 + 3.9 * s.coverage + 9.3 * s.retrieval + 13.5 * s.similarity - 0.14 * s.missing
                         : -4.2 + 5.7 * s.coverage + 7.8 * s.retrieval - 0.5 * s.missing;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
