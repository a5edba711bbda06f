#include "rag/answer/confidence.hpp"

#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s) noexcept {
    // Similarity is known only where the embedder reads the language; without it the other two carry its part.
    const double near = s.similarity > 0 ? 1.3 * s.similarity : 2.8;
    const double z = -6.8 + 5.5 * s.coverage + 8.8 * s.retrieval + near;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
