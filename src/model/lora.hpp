// Adapters of a decoder's matrices, and the rows of a forward pass that they change.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "model/buffer.hpp"
#include "model/decoder.hpp"
#include "tenon/model/lora.hpp"
#include "tenon/tensor/ops.hpp"
#include "tenon/tensor/weight.hpp"

namespace tenon::model {

/// The matrices of a decoder's block that an adapter may change.
enum class LoraTarget : std::uint8_t { q, k, v, o, gate, up, down };
inline constexpr std::size_t lora_targets = 7;

/// y += scale * up(down(x)); down is [rank, inputs], up [outputs, rank].
struct LoraPair {
    tensor::Weight down, up;
    float scale = 1;
};

class DecoderLora final : public LoraAdapter {
  public:
    using Layer = std::array<std::optional<LoraPair>, lora_targets>;

    /// For a model that `spec` describes and `source` holds. Errors: as CausalModel::load_adapter.
    [[nodiscard]] static Result<std::shared_ptr<const DecoderLora>> load(const std::filesystem::path& path,
                                                                         const ModelSource& source,
                                                                         const DecoderSpec& spec,
                                                                         const CausalModel* model);

    [[nodiscard]] const LoraInfo& info() const noexcept override { return info_; }
    [[nodiscard]] std::uint64_t id() const noexcept override { return id_; }
    [[nodiscard]] const CausalModel* model() const noexcept override { return model_; }
    [[nodiscard]] const Layer& layer(std::size_t index) const noexcept { return layers_[index]; }
    [[nodiscard]] const LoraPair* output() const noexcept { return output_ ? &*output_ : nullptr; }

  private:
    friend class LoraReader;
    DecoderLora() = default;

    LoraInfo info_;
    std::uint64_t id_ = 0;
    const CausalModel* model_ = nullptr;
    std::vector<Layer> layers_;
    std::optional<LoraPair> output_;
};

/// Which rows of one forward pass are changed by which adapter.
class LoraBatch {
  public:
    void clear() noexcept { ranges_.clear(); }
    /// Rows [begin, begin + rows) use it; a neighbour of the last such range joins it.
    void add(const DecoderLora& adapter, float scale, std::size_t begin, std::size_t rows);
    /// To be called after the last `add`. Errors: resource_exhausted.
    [[nodiscard]] Result<void> reserve();
    [[nodiscard]] bool empty() const noexcept { return ranges_.empty(); }

    /// A product that was computed from the same x as its neighbours in the list.
    struct Product {
        LoraTarget target = LoraTarget::q;
        float* y = nullptr;  ///< of the pass's first row
        std::size_t y_stride = 0;
    };
    /// Adds what the adapters of these rows change. Every member of the team calls it, all having passed a barrier
    /// since x and the ys were written; ends with a barrier, unless there is nothing to do.
    void apply(tensor::Worker& worker, std::size_t layer, std::span<const Product> products, const float* x,
               std::size_t x_stride, std::span<std::byte> scratch) const noexcept;
    /// The same for the output matrix, whose rows are those of the pass that `rows` lists, one after another.
    void apply_output(tensor::Worker& worker, std::span<const std::size_t> rows, const float* x, std::size_t x_stride,
                      float* y, std::size_t y_stride, std::span<std::byte> scratch) const noexcept;

  private:
    struct Range {
        const DecoderLora* adapter;
        float scale;
        std::size_t begin, rows;
    };
    struct Job {
        const LoraPair* pair;
        float* y;
        std::size_t y_stride;
    };
    void run(tensor::Worker& worker, std::span<const Job> jobs, float scale, std::size_t rows, const float* x,
             std::size_t x_stride, std::span<std::byte> scratch) const noexcept;

    std::vector<Range> ranges_;
    Buffer middle_;  // what the first matrices gave
};

/// Where a block's halves find theirs.
struct LoraLayer {
    const LoraBatch* batch = nullptr;  ///< null: no row has an adapter
    std::size_t index = 0;

    void apply(tensor::Worker& worker, std::span<const LoraBatch::Product> products, const float* x,
               std::size_t x_stride, std::span<std::byte> scratch) const noexcept {
        if (batch != nullptr) batch->apply(worker, index, products, x, x_stride, scratch);
    }
};

}  // namespace tenon::model
