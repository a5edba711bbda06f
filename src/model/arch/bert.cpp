// BERT and (XLM-)RoBERTa encoders: learned positions, post-norm, GELU. MiniLM, BGE, E5, GTE (base), BGE-M3, and the
// cross-encoders made of them.
#include <algorithm>
#include <array>

#include "model/encoder_stack.hpp"

namespace tenon::model {
namespace {

constexpr std::array<std::string_view, 3> names{"bert", "xlm-roberta", "roberta"};

Result<EncoderSpec> read(const ModelSource& source) {
    TENON_TRY(EncoderSpec spec, EncoderSpec::read(source, bert_names()));
    // RoBERTa counts positions from the padding id + 1; converters to GGUF drop the rows before.
    if (!source.is_gguf() && source.architecture() != "bert")
        spec.skipped_positions = static_cast<std::size_t>(std::clamp<std::int64_t>(
                                     source.integer("", "pad_token_id").value_or(1), 0, 1 << 20)) +
                                 1;
    return spec;
}

}  // namespace

extern const Architecture bert;
const Architecture bert{.names = names, .role = ModelRole::encoder, .read_encoder = read};

}  // namespace tenon::model
