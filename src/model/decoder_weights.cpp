#include "model/decoder_weights.hpp"

#include <fmt/format.h>

namespace tenon::model {
namespace {

/// A tensor's two names within its block, without ".weight" or ".bias".
struct Name {
    std::string_view gguf, hf;
};

Result<void> read_vector(const ModelSource& source, const std::string& gguf_name, const std::string& hf_name,
                         std::size_t size, bool needed, std::vector<float>& into) {
    if (!needed && source.find(gguf_name, hf_name) == nullptr) return {};
    TENON_TRY(const TensorRecord* record, source.tensor(gguf_name, hf_name, {size}));
    TENON_TRY(into, record->floats());
    return {};
}

/// Loads one decoder's tensors; matrices are only noted until the loader runs.
class Reader {
  public:
    Reader(const ModelSource& source, const DecoderSpec& spec, WeightLoader& loader)
        : source_(source),
          spec_(spec),
          names_(spec.names),
          loader_(loader),
          transposed_(spec.names.transposed && !source.is_gguf()) {}

    [[nodiscard]] Result<void> read_ends(DecoderWeights& into);
    /// Sizes come from the file: each layer's tensors must be there before memory is taken for all.
    [[nodiscard]] Result<void> check_layers() const;
    [[nodiscard]] Result<void> read_layer(std::size_t index, DecoderLayer& into);

  private:
    struct Part {
        Name name;
        std::size_t rows;
        Projection* into;
    };

    [[nodiscard]] std::string gguf(Name name, std::string_view kind) const {
        return fmt::format("blk.{}.{}.{}", index_, name.gguf, kind);
    }
    [[nodiscard]] std::string hf(Name name, std::string_view kind) const {
        return name.hf.empty() ? std::string() : fmt::format("{}.{}.{}.{}", names_.block, index_, name.hf, kind);
    }
    [[nodiscard]] bool has(Name name) const {
        return source_.find(gguf(name, "weight"), hf(name, "weight")) != nullptr;
    }
    [[nodiscard]] Result<void> read_block_norm(Name name, NormWeights& into) const;
    [[nodiscard]] Result<void> read_head_norm(Name name, std::size_t heads, std::vector<float>& into) const;
    [[nodiscard]] Result<const TensorRecord*> matrix(Name name, std::size_t rows, std::size_t columns) const;
    void note(const TensorRecord& record, Rows rows, tensor::Weight& into);
    [[nodiscard]] Result<void> read_matrix(Name name, std::size_t rows, std::size_t columns, Projection& into);
    /// Matrices over the same input: rows of the fused one where the first has no tensor of its own.
    [[nodiscard]] Result<void> read_matrices(Name fused, std::size_t columns, std::span<const Part> parts);
    [[nodiscard]] Result<void> read_network(Name gate, Name up, Name gate_up, Name down, std::size_t hidden,
                                            Network& into);
    [[nodiscard]] Result<void> read_experts(DecoderLayer& into);

    const ModelSource& source_;
    const DecoderSpec& spec_;
    const FolderNames& names_;
    WeightLoader& loader_;
    bool transposed_;
    std::size_t index_ = 0;
};

Result<void> Reader::read_block_norm(Name name, NormWeights& into) const {
    if (name.hf.empty()) return {};
    return read_norm(source_, spec_, fmt::format("blk.{}.{}", index_, name.gguf),
                     fmt::format("{}.{}.{}", names_.block, index_, name.hf), into);
}

Result<void> Reader::read_head_norm(Name name, std::size_t heads, std::vector<float>& into) const {
    const TensorRecord* record = source_.find(gguf(name, "weight"), hf(name, "weight"));
    if (record == nullptr) return {};
    const bool whole = record->elements() != spec_.head_dim;
    TENON_CHECK(read_vector(source_, gguf(name, "weight"), hf(name, "weight"),
                            whole ? heads * spec_.head_dim : spec_.head_dim, true, into));
    for (float& w : into) w += spec_.norm_offset;
    return {};
}

Result<const TensorRecord*> Reader::matrix(Name name, std::size_t rows, std::size_t columns) const {
    if (transposed_) std::swap(rows, columns);
    return source_.tensor(gguf(name, "weight"), hf(name, "weight"), {rows, columns});
}

void Reader::note(const TensorRecord& record, Rows rows, tensor::Weight& into) {
    if (transposed_)
        loader_.add_transposed(record, rows, into);
    else
        loader_.add(record, rows, into);
}

Result<void> Reader::read_matrix(Name name, std::size_t rows, std::size_t columns, Projection& into) {
    TENON_TRY(const TensorRecord* record, matrix(name, rows, columns));
    note(*record, {0, rows}, into.weight);
    return read_vector(source_, gguf(name, "bias"), hf(name, "bias"), rows, false, into.bias);
}

Result<void> Reader::read_matrices(Name fused, std::size_t columns, std::span<const Part> parts) {
    if (has(parts.front().name) || !has(fused)) {
        for (const Part& part : parts) TENON_CHECK(read_matrix(part.name, part.rows, columns, *part.into));
        return {};
    }
    std::size_t all = 0;
    for (const Part& part : parts) all += part.rows;
    TENON_TRY(const TensorRecord* record, matrix(fused, all, columns));
    std::vector<float> biases;
    TENON_CHECK(read_vector(source_, gguf(fused, "bias"), hf(fused, "bias"), all, false, biases));
    std::size_t at = 0;
    for (const Part& part : parts) {
        note(*record, {at, part.rows}, part.into->weight);
        if (!biases.empty()) {
            const auto own = std::span(biases).subspan(at, part.rows);
            part.into->bias.assign(own.begin(), own.end());
        }
        at += part.rows;
    }
    return {};
}

Result<void> Reader::read_layer(std::size_t index, DecoderLayer& into) {
    index_ = index;
    const std::size_t q_size = spec_.heads * spec_.head_dim;
    const std::size_t kv_size = spec_.kv_heads * spec_.head_dim;
    if (const Name norm{"attn_norm", names_.attention_norm}; !names_.attention_norm_optional || has(norm))
        TENON_CHECK(read_block_norm(norm, into.attention_norm));
    TENON_CHECK(
        read_block_norm({names_.gguf_attention_post_norm, names_.attention_post_norm}, into.attention_post_norm));
    TENON_CHECK(read_block_norm({"ffn_norm", names_.feed_forward_norm}, into.feed_forward_norm));
    TENON_CHECK(read_block_norm({names_.gguf_feed_forward_post_norm, names_.feed_forward_post_norm},
                                into.feed_forward_post_norm));
    const Part qkv[] = {{{"attn_q", names_.q}, q_size, &into.q},
                        {{"attn_k", names_.k}, kv_size, &into.k},
                        {{"attn_v", names_.v}, kv_size, &into.v}};
    TENON_CHECK(read_matrices({"attn_qkv", names_.qkv}, spec_.width, qkv));
    TENON_CHECK(read_head_norm({"attn_q_norm", names_.q_norm}, spec_.heads, into.q_norm));
    TENON_CHECK(read_head_norm({"attn_k_norm", names_.k_norm}, spec_.kv_heads, into.k_norm));
    TENON_CHECK(read_matrix({"attn_output", names_.o}, spec_.width, q_size, into.o));
    if (spec_.experts.count != 0 && has({"ffn_gate_inp", names_.router})) return read_experts(into);
    return read_network({"ffn_gate", names_.gate}, {"ffn_up", names_.up}, {"ffn_up", names_.gate_up},
                        {"ffn_down", names_.down}, spec_.hidden, into.feed_forward);
}

Result<void> Reader::read_network(Name gate, Name up, Name gate_up, Name down, std::size_t hidden, Network& into) {
    const Part parts[] = {{gate, hidden, &into.gate}, {up, hidden, &into.up}};
    if (spec_.gated)
        TENON_CHECK(read_matrices(gate_up, spec_.width, parts));
    else
        TENON_CHECK(read_matrix(up, hidden, spec_.width, into.up));
    return read_matrix(down, spec_.width, hidden, into.down);
}

Result<void> Reader::read_experts(DecoderLayer& into) {
    const ExpertSpec& experts = spec_.experts;
    const std::size_t hidden = experts.hidden;
    TENON_TRY(const TensorRecord* router, matrix({"ffn_gate_inp", names_.router}, experts.count, spec_.width));
    loader_.add(*router, into.router);
    into.experts = std::vector<Network>(experts.count);
    const auto stacked = [&](std::string_view name, std::size_t rows, std::size_t columns,
                             Projection Network::*part) -> Result<void> {
        TENON_TRY(const TensorRecord* record,
                  source_.tensor(gguf({name, {}}, "weight"), "", {experts.count, rows, columns}));
        for (std::size_t e = 0; e < experts.count; ++e)
            loader_.add(*record, {e * rows, rows}, (into.experts[e].*part).weight);
        return {};
    };
    if (source_.is_gguf()) {
        TENON_CHECK(stacked("ffn_gate_exps", hidden, spec_.width, &Network::gate));
        TENON_CHECK(stacked("ffn_up_exps", hidden, spec_.width, &Network::up));
        TENON_CHECK(stacked("ffn_down_exps", spec_.width, hidden, &Network::down));
    } else {
        for (std::size_t e = 0; e < experts.count; ++e) {
            const auto name = [&](std::string_view part) { return fmt::format("{}.{}.{}", names_.experts, e, part); };
            const std::string gate = name(names_.expert_gate), up = name(names_.expert_up);
            TENON_CHECK(read_matrix({{}, gate}, hidden, spec_.width, into.experts[e].gate));
            TENON_CHECK(read_matrix({{}, up}, hidden, spec_.width, into.experts[e].up));
            TENON_CHECK(read_matrix({{}, name(names_.expert_down)}, spec_.width, hidden, into.experts[e].down));
        }
    }
    if (experts.shared_hidden == 0) return {};
    const auto shared = [&](std::string_view part) { return fmt::format("{}.{}", names_.shared, part); };
    const std::string gate = shared(names_.expert_gate), up = shared(names_.expert_up);
    TENON_CHECK(read_network({"ffn_gate_shexp", gate}, {"ffn_up_shexp", up}, {},
                             {"ffn_down_shexp", shared(names_.expert_down)}, experts.shared_hidden, into.feed_forward));
    const Name shared_gate{"ffn_gate_inp_shexp", names_.shared_gate};
    const TensorRecord* record = source_.find(gguf(shared_gate, "weight"), hf(shared_gate, "weight"));
    if (record == nullptr) return {};
    if (record->elements() != spec_.width)
        return fail(ErrorCode::corrupt,
                    fmt::format("tensor {} has {} elements, not {}", record->name, record->elements(), spec_.width));
    TENON_TRY(into.shared_gate, record->floats());
    return {};
}

Result<void> Reader::check_layers() const {
    for (std::size_t i = 0; i < spec_.layers; ++i)
        if (source_.find(fmt::format("blk.{}.attn_output.weight", i),
                         fmt::format("{}.{}.{}.weight", names_.block, i, names_.o)) == nullptr)
            return fail(ErrorCode::corrupt,
                        fmt::format("{} promises {} layers, but holds {}", source_.path().string(), spec_.layers, i));
    return {};
}

Result<void> Reader::read_ends(DecoderWeights& into) {
    const std::string embedding_name = fmt::format("{}.weight", names_.embedding);
    TENON_TRY(const TensorRecord* embedding,
              source_.tensor("token_embd.weight", embedding_name, {spec_.vocabulary, spec_.width}));
    TENON_TRY(into.embedding, embedding->matrix());
    if (!names_.positions.empty()) {
        const std::string positions_name = fmt::format("{}.weight", names_.positions);
        TENON_TRY(const TensorRecord* positions,
                  source_.tensor("position_embd.weight", positions_name, {spec_.info.context_length, spec_.width}));
        TENON_TRY(into.positions, positions->floats());
    }
    TENON_CHECK(read_norm(source_, spec_, "output_norm", names_.output_norm, into.output_norm));
    // The norm is linear: what scales the logits may scale its weights.
    for (std::vector<float>* values : {&into.output_norm.weight, &into.output_norm.bias})
        for (float& value : *values) value *= spec_.logit_scale;
    const bool tied = source_.is_gguf() ? source_.find("output.weight", "") == nullptr : spec_.tied;
    const TensorRecord* output = embedding;
    if (!tied) {
        TENON_TRY(output, source_.tensor("output.weight", "lm_head.weight", {spec_.vocabulary, spec_.width}));
    }
    loader_.add(*output, into.output);
    return {};
}

}  // namespace

Result<void> read_norm(const ModelSource& source, const DecoderSpec& spec, std::string_view gguf_stem,
                       std::string_view hf_stem, NormWeights& into) {
    const auto name = [](std::string_view stem, std::string_view part) { return fmt::format("{}.{}", stem, part); };
    TENON_CHECK(read_vector(source, name(gguf_stem, "weight"), name(hf_stem, "weight"), spec.width, true, into.weight));
    for (float& w : into.weight) w += spec.norm_offset;
    if (spec.norm == NormKind::rms) return {};
    TENON_CHECK(read_vector(source, name(gguf_stem, "bias"), name(hf_stem, "bias"), spec.width, false, into.bias));
    into.bias.resize(spec.width);
    return {};
}

Result<void> read_layers(const ModelSource& source, const DecoderSpec& spec, WeightLoader& loader,
                         std::vector<DecoderLayer>& into) {
    Reader reader(source, spec, loader);
    TENON_CHECK(reader.check_layers());
    into = std::vector<DecoderLayer>(spec.layers);
    for (std::size_t i = 0; i < spec.layers; ++i) TENON_CHECK(reader.read_layer(i, into[i]));
    return {};
}

Result<void> DecoderWeights::load(const ModelSource& source, const DecoderSpec& spec, const LoadOptions& options) {
    WeightLoader loader(options);
    Reader reader(source, spec, loader);
    TENON_CHECK(reader.read_ends(*this));
    TENON_CHECK(read_layers(source, spec, loader, layers));
    TENON_CHECK(loader.run());
    copies = loader.take_copies();
    return {};
}

}  // namespace tenon::model
