#include "rag/answer/confidence.hpp"

#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Similarity is known only where the embedder reads the language; without it the others carry its part.
    const double near = s.similarity > 0 ? 1.4 * s.similarity : 3.0;
    const double z = -7.3 + 5.8 * s.coverage + 9.2 * s.retrieval + near - 0.7 * s.missing;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
