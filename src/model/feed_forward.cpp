#include "model/feed_forward.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "tenon/tensor/ops.hpp"

namespace tenon::model {

Result<void> FeedForward::reserve(const DecoderSpec& spec, std::size_t tokens) {
    width_ = spec.width;
    hidden_ = spec.hidden;
    experts_ = spec.experts;
    activation_ = spec.activation;
    gated_ = spec.gated;
    const std::size_t rows = tokens * experts_.used;
    const std::size_t values = std::max({tokens * hidden_, tokens * experts_.shared_hidden, rows * experts_.hidden});
    TENON_CHECK(up_.reserve_floats(values));
    if (gated_) TENON_CHECK(gate_.reserve_floats(values));
    if (experts_.count == 0) return {};
    TENON_CHECK(scores_.reserve_floats(tokens * experts_.count));
    TENON_CHECK(gathered_.reserve_floats(std::max(rows, tokens) * width_));
    TENON_CHECK(outputs_.reserve_floats(rows * width_));
    routing_.expert = std::make_unique<std::uint32_t[]>(rows);
    routing_.row_of = std::make_unique<std::uint32_t[]>(rows);
    routing_.begin = std::make_unique<std::uint32_t[]>(experts_.count + 1);
    routing_.weight = std::make_unique<float[]>(rows);
    return {};
}

void FeedForward::compute(tensor::Worker& worker, const DecoderLayer& layer, const LoraLayer& lora, const float* x,
                          std::size_t tokens, float* out, bool accumulate,
                          std::span<std::byte> scratch) const noexcept {
    if (layer.experts.empty())
        dense(worker, layer.feed_forward, lora, hidden_, x, tokens, out, accumulate, scratch);
    else
        mixture(worker, layer, x, tokens, out, accumulate, scratch);
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

namespace {

tensor::LinearArgs product(const Projection& projection, const float* x, std::size_t tokens, float* y) noexcept {
    return {.weight = &projection.weight,
            .x = x,
            .x_stride = projection.weight.columns(),
            .tokens = tokens,
            .y = y,
            .y_stride = projection.weight.rows(),
            .bias = projection.bias_or_null(),
            .accumulate = false};
}

}  // namespace

void FeedForward::dense(tensor::Worker& worker, const Network& network, const LoraLayer& lora, std::size_t hidden,
                        const float* x, std::size_t tokens, float* out, bool accumulate,
                        Scratch scratch) const noexcept {
    const tensor::LinearArgs up = product(network.up, x, tokens, up_.floats());
    if (gated_) {
        const tensor::LinearArgs both[] = {product(network.gate, x, tokens, gate_.floats()), up};
        tensor::linear_many(worker, both, scratch);
    } else {
        tensor::linear(worker, up, scratch);
    }
    worker.barrier();
    const LoraBatch::Product gate_and_up[] = {{LoraTarget::up, up_.floats(), hidden},
                                              {LoraTarget::gate, gate_.floats(), hidden}};
    lora.apply(worker, std::span(gate_and_up).first(gated_ ? 2 : 1), x, width_, scratch);
    activate(worker, tokens * hidden);
    worker.barrier();
    tensor::LinearArgs down = product(network.down, up_.floats(), tokens, out);
    down.accumulate = accumulate;
    tensor::linear(worker, down, scratch);
    worker.barrier();
    const LoraBatch::Product output[] = {{LoraTarget::down, out, width_}};
    lora.apply(worker, output, up_.floats(), hidden, scratch);
}

/// The likeliest experts by descending score, of equals the first; softmax over all scores.
void FeedForward::choose(const float* scores, std::uint32_t* expert, float* weight) const noexcept {
    const float peak = *std::max_element(scores, scores + experts_.count);
    float all = 0;
    for (std::size_t e = 0; e < experts_.count; ++e) all += std::exp(scores[e] - peak);
    float chosen = 0;
    for (std::size_t j = 0; j < experts_.used; ++j) {
        std::uint32_t best = 0;
        float best_score = -std::numeric_limits<float>::infinity();
        for (std::uint32_t e = 0; e < experts_.count; ++e)
            if (scores[e] > best_score && std::find(expert, expert + j, e) == expert + j) {
                best = e;
                best_score = scores[e];
            }
        expert[j] = best;
        weight[j] = std::exp(scores[best] - peak) / all;
        chosen += weight[j];
    }
    if (!experts_.normalise) return;
    for (std::size_t j = 0; j < experts_.used; ++j) weight[j] /= chosen;
}

void FeedForward::order_by_expert(std::size_t tokens) const noexcept {
    const std::size_t rows = tokens * experts_.used;
    std::uint32_t* const begin = routing_.begin.get();
    std::fill(begin, begin + experts_.count + 1, 0U);
    for (std::size_t i = 0; i < rows; ++i) ++begin[routing_.expert[i]];
    std::uint32_t before = 0;
    for (std::size_t e = 0; e <= experts_.count; ++e) before += std::exchange(begin[e], before);
    for (std::size_t i = 0; i < rows; ++i) routing_.row_of[i] = begin[routing_.expert[i]]++;
    // Each begin has run on to its end, which is the next one's begin.
    for (std::size_t e = experts_.count; e > 0; --e) begin[e] = begin[e - 1];
    begin[0] = 0;
}

void FeedForward::up_projections(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens,
                                 Scratch scratch) const noexcept {
    const auto pair = [&](std::size_t e, const float* input, std::size_t count) {
        const std::size_t at = routing_.begin[e] * experts_.hidden;
        return std::array{product(layer.experts[e].gate, input, count, gate_.floats() + at),
                          product(layer.experts[e].up, input, count, up_.floats() + at)};
    };
    if (tokens == 1) {  // one input for all of its experts
        std::array<tensor::LinearArgs, 2 * max_experts_used> products;
        std::size_t count = 0;
        for (std::size_t e = 0; e < experts_.count; ++e) {
            if (routing_.begin[e] == routing_.begin[e + 1]) continue;
            for (const tensor::LinearArgs& one : pair(e, x, 1)) products[count++] = one;
        }
        tensor::linear_many(worker, std::span(products).first(count), scratch);
        worker.barrier();
        return;
    }
    const auto [first, last] = worker.share(tokens * experts_.used);
    for (std::size_t i = first; i < last; ++i)
        std::memcpy(gathered_.floats() + routing_.row_of[i] * width_, x + i / experts_.used * width_,
                    width_ * sizeof(float));
    worker.barrier();
    for (std::size_t e = 0; e < experts_.count; ++e) {
        const std::size_t count = routing_.begin[e + 1] - routing_.begin[e];
        if (count == 0) continue;
        tensor::linear_many(worker, pair(e, gathered_.floats() + routing_.begin[e] * width_, count), scratch);
        worker.barrier();
    }
}

void FeedForward::add_shared(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens,
                             float* out, Scratch scratch) const noexcept {
    dense(worker, layer.feed_forward, {}, experts_.shared_hidden, x, tokens, gathered_.floats(), false, scratch);
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t) {
        float gate = 1;
        if (!layer.shared_gate.empty())
            gate = 1 / (1 + std::exp(-tensor::dot(layer.shared_gate.data(), x + t * width_, width_)));
        for (std::size_t i = t * width_; i < (t + 1) * width_; ++i) out[i] += gate * gathered_.floats()[i];
    }
    worker.barrier();
}

void FeedForward::mixture(tensor::Worker& worker, const DecoderLayer& layer, const float* x, std::size_t tokens,
                          float* out, bool accumulate, Scratch scratch) const noexcept {
    const std::size_t used = experts_.used;
    tensor::linear(worker,
                   {.weight = &layer.router,
                    .x = x,
                    .x_stride = width_,
                    .tokens = tokens,
                    .y = scores_.floats(),
                    .y_stride = experts_.count},
                   scratch);
    worker.barrier();
    const auto [first, last] = worker.share(tokens);
    for (std::size_t t = first; t < last; ++t)
        choose(scores_.floats() + t * experts_.count, &routing_.expert[t * used], &routing_.weight[t * used]);
    worker.barrier();
    if (worker.rank() == 0) order_by_expert(tokens);
    worker.barrier();
    up_projections(worker, layer, x, tokens, scratch);
    activate(worker, tokens * used * experts_.hidden);
    worker.barrier();
    for (std::size_t e = 0; e < experts_.count; ++e) {
        const std::size_t row = routing_.begin[e];
        const std::size_t count = routing_.begin[e + 1] - row;
        if (count == 0) continue;
        tensor::linear(worker,
                       product(layer.experts[e].down, up_.floats() + row * experts_.hidden, count,
                               outputs_.floats() + row * width_),
                       scratch);
        worker.barrier();
    }
    for (std::size_t t = first; t < last; ++t) {
        float* const to = out + t * width_;
        if (!accumulate) std::fill(to, to + width_, 0.0F);
        for (std::size_t j = t * used; j < (t + 1) * used; ++j) {
            const float* const from = outputs_.floats() + routing_.row_of[j] * width_;
            for (std::size_t i = 0; i < width_; ++i) to[i] += routing_.weight[j] * from[i];
        }
    }
    worker.barrier();
    if (experts_.shared_hidden != 0) add_shared(worker, layer, x, tokens, out, scratch);
}

}  // namespace tenon::model
