#include "model/rope.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <numbers>

namespace tenon::model {
namespace {

/// Scaling parameters under one name each, whatever the format calls them.
struct Scaling {
    std::string type = "default";
    double factor = 1;
    double original = 0;  // trained context
    std::optional<double> attention_factor;
    double beta_fast = 32, beta_slow = 1;
    double low_frequency = 1, high_frequency = 4;
    double mscale = 0, mscale_all = 0;
    bool truncate = true;
};

Scaling scaling_of_gguf(const ModelSource& source) {
    Scaling out;
    out.factor = source.number("rope.scaling.factor", "").value_or(0);
    if (out.factor == 0) out.factor = source.number("rope.scale_linear", "").value_or(1);
    out.type = source.text("rope.scaling.type", "").value_or(out.factor == 1 ? "default" : "linear");
    if (out.type == "none") out.type = "default";
    out.original = source.number("rope.scaling.original_context_length", "")
                       .value_or(source.number("context_length", "").value_or(0));
    // llama.cpp multiplies the paper's magnitude by attn_factor, and for LongRoPE takes it as it is.
    double magnitude = out.factor > 1 ? 0.1 * std::log(out.factor) + 1 : 1;
    if (source.find("rope_factors_long.weight", "") != nullptr) {
        out.type = "longrope";
        magnitude = 1;
    }
    out.attention_factor = magnitude * source.number("rope.scaling.attn_factor", "").value_or(1);
    out.beta_fast = source.number("rope.scaling.yarn_beta_fast", "").value_or(32);
    out.beta_slow = source.number("rope.scaling.yarn_beta_slow", "").value_or(1);
    return out;
}

Scaling scaling_of_config(const json::Value& parameters, const ModelSource& source) {
    Scaling out;
    out.type = json::string_or(parameters, "rope_type", json::string_or(parameters, "type", "default"));
    if (json::find(parameters, "long_factor") != nullptr) out.type = "longrope";  // Phi-3 has called it yarn
    const double longest = source.number("", "max_position_embeddings").value_or(0);
    // Phi-3 writes the trained length beside its scaling, not in it.
    const double trained = source.number("", "original_max_position_embeddings").value_or(longest);
    out.original = json::number_or(parameters, "original_max_position_embeddings", trained);
    const bool relative = out.type == "yarn" || out.type == "longrope" || out.type == "su";
    out.factor = json::number_or(parameters, "factor", relative && out.original > 0 ? longest / out.original : 1);
    out.beta_fast = json::number_or(parameters, "beta_fast", 32);
    out.beta_slow = json::number_or(parameters, "beta_slow", 1);
    out.low_frequency = json::number_or(parameters, "low_freq_factor", 1);
    out.high_frequency = json::number_or(parameters, "high_freq_factor", 4);
    out.mscale = json::number_or(parameters, "mscale", 0);
    out.mscale_all = json::number_or(parameters, "mscale_all_dim", 0);
    out.truncate = json::bool_or(parameters, "truncate", true);
    if (const json::Value* given = json::find(parameters, "attention_factor"); given != nullptr && given->is_number())
        out.attention_factor = json::number_or(parameters, "attention_factor", 1);
    return out;
}

double magnitude_of(double factor, double mscale) { return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1; }

void plain_frequencies(double base, std::span<float> out) {
    const auto half = static_cast<double>(out.size());
    for (std::size_t i = 0; i < out.size(); ++i)
        out[i] = static_cast<float>(1.0 / std::pow(base, static_cast<double>(i) / half));
}

void scale_llama3(const Scaling& scaling, std::span<float> frequencies) {
    const double low_wave = scaling.original / scaling.low_frequency;
    const double high_wave = scaling.original / scaling.high_frequency;
    for (float& f : frequencies) {
        const double wave = 2 * std::numbers::pi / f;
        if (wave < high_wave) continue;
        if (wave > low_wave) {
            f = static_cast<float>(f / scaling.factor);
            continue;
        }
        const double smooth =
            (scaling.original / wave - scaling.low_frequency) / (scaling.high_frequency - scaling.low_frequency);
        f = static_cast<float>((1 - smooth) * f / scaling.factor + smooth * f);
    }
}

void scale_yarn(const Scaling& scaling, double base, std::span<float> frequencies) {
    const auto dimension = static_cast<double>(2 * frequencies.size());
    const auto turning_point = [&](double rotations) {
        return dimension * std::log(scaling.original / (rotations * 2 * std::numbers::pi)) / (2 * std::log(base));
    };
    double low = turning_point(scaling.beta_fast);
    double high = turning_point(scaling.beta_slow);
    if (scaling.truncate) {
        low = std::floor(low);
        high = std::ceil(high);
    }
    low = std::max(low, 0.0);
    high = std::min(high, dimension - 1);
    if (low == high) high += 0.001;
    for (std::size_t i = 0; i < frequencies.size(); ++i) {
        const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        const double f = frequencies[i];
        frequencies[i] = static_cast<float>(f / scaling.factor * ramp + f * (1 - ramp));
    }
}

/// The part of config.json that describes one embedding, in either of its two ages; null: none.
const json::Value* parameters_of(const json::Value& config, bool local) {
    const json::Value* found = json::find(config, "rope_parameters");
    const bool current = found != nullptr && found->is_object();
    if (current)
        if (const json::Value* nested = json::find(*found, local ? "sliding_attention" : "full_attention");
            nested != nullptr && nested->is_object())
            return nested;
    if (current) return found;
    if (local) return nullptr;  // scaling of old is not for it
    found = json::find(config, "rope_scaling");
    return found != nullptr && found->is_object() ? found : nullptr;
}

}  // namespace

Result<void> Rope::read_long_factors(const ModelSource& source, const json::Value* parameters,
                                     const RopeOptions& options, double original, double factor,
                                     std::optional<double> attention_factor) {
    const double longest = options.context != 0
                               ? static_cast<double>(options.context)
                               : source.number("context_length", "max_position_embeddings").value_or(original);
    const bool is_long = longest > original;
    std::vector<float> divisors;
    const std::string name = is_long ? "rope_factors_long.weight" : "rope_factors_short.weight";
    if (const TensorRecord* record = source.find(name, "")) {
        TENON_TRY(divisors, record->floats());
    } else if (parameters != nullptr) {
        const json::Value* list = json::find(*parameters, is_long ? "long_factor" : "short_factor");
        if (list != nullptr && list->is_array())
            for (const json::Value& one : list->get_array())
                if (one.is_number()) divisors.push_back(one.to_number<float>());
    }
    if (divisors.size() != frequencies_.size())
        return fail(ErrorCode::corrupt,
                    fmt::format("longrope scaling has {} factors, not {}", divisors.size(), frequencies_.size()));
    for (std::size_t i = 0; i < divisors.size(); ++i) {
        if (!(divisors[i] > 0)) return fail(ErrorCode::corrupt, "longrope scaling has an impossible factor");
        frequencies_[i] /= divisors[i];
    }
    if (!attention_factor) attention_factor = factor <= 1 ? 1 : std::sqrt(1 + std::log(factor) / std::log(original));
    if (!std::isfinite(*attention_factor))
        return fail(ErrorCode::corrupt, "longrope scaling of an impossible context length");
    magnitude_ = static_cast<float>(*attention_factor);
    return {};
}

Result<Rope> Rope::read(const ModelSource& source, std::size_t head_dim, tensor::RopeStyle style,
                        const RopeOptions& options) {
    Rope rope;
    rope.style_ = style;
    Scaling scaling;
    const json::Value* parameters = nullptr;
    double part = 1;
    if (source.is_gguf()) {
        rope.base_ = options.local ? source.number("rope.freq_base_swa", "").value_or(options.base)
                                   : source.number("rope.freq_base", "").value_or(options.base);
        if (!options.local) scaling = scaling_of_gguf(source);
    } else {
        parameters = parameters_of(source.config(), options.local);
        if (parameters != nullptr) scaling = scaling_of_config(*parameters, source);
        rope.base_ = options.base;
        constexpr std::array local_keys{"rope_local_base_freq", "local_rope_theta"};
        constexpr std::array global_keys{"rope_theta", "global_rope_theta"};
        for (const char* key : options.local ? local_keys : global_keys)
            rope.base_ = source.number("", key).value_or(rope.base_);
        part = source.number("", "partial_rotary_factor").value_or(1);
        if (parameters != nullptr) {
            rope.base_ = json::number_or(*parameters, "rope_theta", rope.base_);
            part = json::number_or(*parameters, "partial_rotary_factor", part);
        }
    }
    if (!(part > 0) || part > 1) return fail(ErrorCode::corrupt, "partial_rotary_factor is no part of a head");
    const auto whole = static_cast<std::int64_t>(static_cast<double>(head_dim) * part);
    const std::int64_t dimension = source.integer("rope.dimension_count", "").value_or(whole);
    if (dimension < 2 || dimension % 2 != 0 || static_cast<std::uint64_t>(dimension) > head_dim)
        return fail(ErrorCode::corrupt,
                    fmt::format("a rotary dimension of {} does not fit heads of {}", dimension, head_dim));
    if (!(rope.base_ > 1) || !(scaling.factor > 0) || !std::isfinite(rope.base_) || !std::isfinite(scaling.factor))
        return fail(ErrorCode::corrupt, "the rotary embedding's base or factor is impossible");
    rope.dimension_ = static_cast<std::size_t>(dimension);
    rope.frequencies_.resize(rope.dimension_ / 2);
    plain_frequencies(rope.base_, rope.frequencies_);

    const auto needs_original = [&]() -> Result<void> {
        if (scaling.original >= 1) return {};
        return fail(ErrorCode::corrupt,
                    fmt::format("rope scaling '{}' without the original context length", scaling.type));
    };
    if (scaling.type == "linear") {
        for (float& f : rope.frequencies_) f = static_cast<float>(f / scaling.factor);
    } else if (scaling.type == "llama3") {
        TENON_CHECK(needs_original());
        if (!(scaling.low_frequency > 0) || !(scaling.high_frequency > scaling.low_frequency))
            return fail(ErrorCode::corrupt, "llama3 rope scaling with impossible frequency factors");
        scale_llama3(scaling, rope.frequencies_);
    } else if (scaling.type == "yarn") {
        TENON_CHECK(needs_original());
        scale_yarn(scaling, rope.base_, rope.frequencies_);
        const bool both = scaling.mscale != 0 && scaling.mscale_all != 0;
        rope.magnitude_ = static_cast<float>(scaling.attention_factor.value_or(
            both ? magnitude_of(scaling.factor, scaling.mscale) / magnitude_of(scaling.factor, scaling.mscale_all)
                 : magnitude_of(scaling.factor, 1)));
    } else if (scaling.type == "dynamic") {
        rope.dynamic_factor_ = scaling.factor;
        rope.trained_length_ =
            static_cast<std::size_t>(source.number("context_length", "max_position_embeddings").value_or(0));
        if (rope.trained_length_ == 0 || rope.dimension_ <= 2)
            return fail(ErrorCode::corrupt, "dynamic rope scaling without a context length");
    } else if (scaling.type == "longrope" || scaling.type == "su") {
        TENON_CHECK(needs_original());
        TENON_CHECK(rope.read_long_factors(source, parameters, options, scaling.original, scaling.factor,
                                           scaling.attention_factor));
    } else if (scaling.type != "default") {
        return fail(ErrorCode::unsupported,
                    fmt::format("rope scaling '{}'; supported: default, linear, dynamic, llama3, yarn, longrope",
                                scaling.type));
    }
    if (const TensorRecord* divisors = source.find("rope_freqs.weight", "")) {
        TENON_TRY(const std::vector<float> values, divisors->floats());
        if (values.size() != rope.frequencies_.size())
            return fail(ErrorCode::corrupt, fmt::format("rope_freqs.weight has {} values, not {}", values.size(),
                                                        rope.frequencies_.size()));
        for (std::size_t i = 0; i < values.size(); ++i) rope.frequencies_[i] /= values[i];
    }
    return rope;
}

void Rope::cosines_and_sines(std::size_t position, std::size_t length, float* cosines, float* sines) const noexcept {
    const auto at = static_cast<float>(position);
    double grown = 0;
    if (dynamic_factor_ > 0 && length > trained_length_) {
        const auto dimension = static_cast<double>(dimension_);
        const double stretch = dynamic_factor_ * static_cast<double>(length) / static_cast<double>(trained_length_) -
                               (dynamic_factor_ - 1);
        grown = base_ * std::pow(stretch, dimension / (dimension - 2));
    }
    for (std::size_t i = 0; i < frequencies_.size(); ++i) {
        const float frequency =
            grown == 0
                ? frequencies_[i]
                : static_cast<float>(1 / std::pow(grown, static_cast<double>(2 * i) / static_cast<double>(dimension_)));
        const float angle = at * frequency;
        cosines[i] = std::cos(angle) * magnitude_;
        sines[i] = std::sin(angle) * magnitude_;
    }
}

}  // namespace tenon::model
