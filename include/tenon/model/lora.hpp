// Low-rank adapters: small matrices that change what a model's own say (Hu et al., "LoRA: Low-Rank Adaptation of Large
// Language Models", 2021).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace tenon::model {

class CausalModel;

struct LoraInfo {
    std::string name;          ///< of its folder or file
    std::string format;        ///< "peft" or "gguf"
    std::string base;          ///< the model it was made for, as the adapter names it; may be empty
    std::size_t rank = 0;      ///< the largest of its matrices
    std::size_t matrices = 0;  ///< of the model that it changes
    std::uint64_t bytes = 0;   ///< in memory
};

/// One adapter, loaded for one model (CausalModel::load_adapter). Immutable; may be used by many sequences at once and
/// must outlive the forward passes that use it, as the model must outlive it.
class LoraAdapter {
  public:
    virtual ~LoraAdapter() = default;
    [[nodiscard]] virtual const LoraInfo& info() const noexcept = 0;
    /// Of all adapters this process has loaded, this one's number, from 1.
    [[nodiscard]] virtual std::uint64_t id() const noexcept = 0;
    /// The model it was loaded for.
    [[nodiscard]] virtual const CausalModel* model() const noexcept = 0;
};

/// An adapter and how strongly it is applied.
struct AdapterUse {
    const LoraAdapter* adapter = nullptr;  ///< null: the model alone
    float scale = 1;                       ///< times the adapter's own (alpha / rank)
    [[nodiscard]] bool operator==(const AdapterUse&) const = default;
};

}  // namespace tenon::model
