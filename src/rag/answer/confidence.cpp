#include "rag/answer/confidence.hpp"

#include <algorithm>
#include <cmath>

namespace tenon::rag {

double estimate_confidence(const AnswerSignals& s, bool chinese) noexcept {
    const double p = std::clamp(s.self_check, 1e-4, 1 - 1e-4);
    const double self = std::clamp(std::log(p / (1 - p)), -5.0, 5.0);
    const double z = -3.0 + 5.0 * s.coverage + 2.0 * s.retrieval +
                     (s.similarity > 0 ? 2.0 * (s.similarity - 0.5) : 0.0) + (chinese ? 0.3 : 0.4) * self;
    return 1 / (1 + std::exp(-z));
}

}  // namespace tenon::rag
