// Ranking candidates by both their scores.
#pragma once

#include <string_view>

#include "tenon/rag/retriever.hpp"

namespace tenon::rag {

/// Constants of the ranking, chosen on questions over English and Chinese manuals.
struct FusionParameters {
    double vector_weight = 0.4;      ///< of similarity, where the embedding model reads question and passages well
    double unreadable_weight = 0.0;  ///< the same where it does not
    double rank_constant = 60;       ///< of reciprocal rank fusion
    double rank_share = 0.3;         ///< of the score that reciprocal ranks make; the rest, scores themselves
    double proximity_weight = 0.3;
    double coverage_weight = 0.3;
};

/// How much the similarity says, 0 … 1: `model` and the writing of the question and of the passage.
[[nodiscard]] double readability(ModelLanguages model, std::string_view text);

/// Scores, sorts and de-duplicates; `mode` text and vector use one score only.
[[nodiscard]] Retrieval fuse(std::string_view query, store::Candidates candidates, const RetrieveOptions& options,
                             ModelLanguages model, const FusionParameters& parameters = {});

}  // namespace tenon::rag
