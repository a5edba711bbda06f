// What an architecture is to the rest: a name, and how to load it. Each lives in one file of src/model/arch/ and has
// one line in src/model/arch/registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "model/source.hpp"
#include "tenon/model/model.hpp"

namespace tenon::model {

using SourcePtr = std::shared_ptr<const ModelSource>;

struct EncoderSpec;

struct Architecture {
    /// Names in GGUF's general.architecture and in config.json's model_type.
    std::span<const std::string_view> names;
    ModelRole role = ModelRole::causal;
    /// One of the two is set, by role.
    Result<std::unique_ptr<CausalModel>> (*load_causal)(const SourcePtr&, const LoadOptions&) = nullptr;
    Result<EncoderSpec> (*read_encoder)(const ModelSource&) = nullptr;
};

/// Null when unknown.
[[nodiscard]] const Architecture* find_architecture(std::string_view name) noexcept;
/// "llama, qwen2, bert, …": for messages.
[[nodiscard]] std::string supported_architectures();

}  // namespace tenon::model
