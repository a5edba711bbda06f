#include "model/feed_forward.hpp"

#include "tenon/tensor/ops.hpp"

namespace tenon::model {

Result<void> FeedForward::reserve(const DecoderSpec& spec, std::size_t tokens) {
    width_ = spec.width;
    hidden_ = spec.hidden;
    activation_ = spec.activation;
    gated_ = spec.gated;
    TENON_CHECK(up_.reserve_floats(tokens * spec.hidden));
    if (spec.gated) TENON_CHECK(gate_.reserve_floats(tokens * spec.hidden));
    return {};
}

void FeedForward::activate(tensor::Worker& worker, std::size_t values) const noexcept {
    const bool tanh = activation_ == Activation::gelu_tanh;
    if (!gated_)
        tensor::gelu(worker, up_.floats(), values, tanh, up_.floats());
    else if (activation_ == Activation::silu)
        tensor::silu_mul(worker, gate_.floats(), up_.floats(), values, up_.floats());
    else
        tensor::gelu_mul(worker, gate_.floats(), up_.floats(), values, tanh, up_.floats());
}

void FeedForward::compute(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens,
                          float* out, bool accumulate, std::span<std::byte> scratch) const noexcept {
    const auto project = [&](const Projection& projection, const Buffer& into) {
        return tensor::LinearArgs{.weight = &projection.weight,
                                  .x = x,
                                  .x_stride = width_,
                                  .tokens = tokens,
                                  .y = into.floats(),
                                  .y_stride = hidden_,
                                  .bias = projection.bias_or_null(),
                                  .accumulate = false};
    };
    const tensor::LinearArgs projections[] = {project(layer.up, up_), project(layer.gate, gate_)};
    tensor::linear_many(worker, std::span(projections).first(gated_ ? 2 : 1), scratch);
    worker.barrier();
    activate(worker, tokens * hidden_);
    worker.barrier();
    tensor::linear(worker,
                   {.weight = &layer.down.weight,
                    .x = up_.floats(),
                    .x_stride = hidden_,
                    .tokens = tokens,
                    .y = out,
                    .y_stride = width_,
                    .bias = layer.down.bias_or_null(),
                    .accumulate = accumulate},
                   scratch);
    worker.barrier();
}

}  // namespace tenon::model
