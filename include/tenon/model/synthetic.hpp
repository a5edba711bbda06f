// Models without meaning in the shapes of real ones: speed can be measured without a download.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <string_view>

#include "tenon/base/error.hpp"
#include "tenon/model/quantize.hpp"

namespace tenon::model {

/// "135m" (SmolLM2), "0.5b" (Qwen2.5), "1b" and "3b" (Llama 3.2).
[[nodiscard]] std::span<const std::string_view> synthetic_shapes() noexcept;

/// Writes a GGUF file with random weights (the same every time) that this project and llama.cpp read. `quantisation`
/// is a name that `quantize_model` takes: Q4_0, Q8_0, Q4_K_M, F16, … Needs room for the model in 16 bits while it
/// works. Errors: invalid_argument (an unknown shape or quantisation), io, resource_exhausted.
[[nodiscard]] Result<void> write_synthetic(std::string_view shape, std::string_view quantisation,
                                           const std::filesystem::path& path,
                                           const std::function<void(const ExportProgress&)>& progress = {});

}  // namespace tenon::model
