#include "rag/answer/confidence.hpp"

#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Similarity is known only where the embedder reads the language; without it the others carry its part.
    const double near = s.similarity > 0 ? 2.6 * s.similarity : 1.9;
    const double z = -5.7 + 4.8 * s.coverage + 8.3 * s.retrieval + near - 0.46 * s.missing;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
