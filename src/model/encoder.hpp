// What sentence-transformers' configuration files say about turning token vectors into one vector.
#pragma once

#include <string>

#include "model/source.hpp"

namespace tenon::model {

struct EmbeddingSettings {
    Pooling pooling = Pooling::mean;
    bool normalise = false;
    bool lowercase = false;      ///< the text, before the tokenizer
    std::size_t max_tokens = 0;  ///< 0: not said
    std::string query_prefix, passage_prefix;
};

/// From modules.json, 1_Pooling/config.json, sentence_bert_config.json and config_sentence_transformers.json of a
/// folder, or from GGUF's pooling_type. A folder without modules.json is pooled by mean and not normalised, as
/// sentence-transformers does; GGUF vectors are normalised, as llama.cpp does. Prefixes that no file gives are known
/// for two families by name: E5 ("query: ", "passage: "; its "instruct" models get the retrieval instruction) and BGE
/// v1/v1.5 (an instruction for queries, English or Chinese). Errors: unsupported (other modules or poolings, named),
/// corrupt.
[[nodiscard]] Result<EmbeddingSettings> read_embedding_settings(const ModelSource& source);

}  // namespace tenon::model
