#include "tenon/engine/sampling.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "engine/sampler.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t most_breakers = 64, most_steps = 32;

Result<void> in_range(std::string_view name, float value, float low, float high) {
    if (value >= low && value <= high) return {};
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is {}; give a value from {} to {}", name, value, low, high));
}

}  // namespace

std::optional<SamplerStep> sampler_step_from(std::string_view name) {
    using Step = SamplerStep;
    constexpr std::array<std::pair<std::string_view, Step>, 13> names{{{"penalties", Step::penalties},
                                                                       {"dry", Step::dry},
                                                                       {"top_n_sigma", Step::top_n_sigma},
                                                                       {"top_k", Step::top_k},
                                                                       {"typ_p", Step::typical_p},
                                                                       {"typical_p", Step::typical_p},
                                                                       {"typical", Step::typical_p},
                                                                       {"top_p", Step::top_p},
                                                                       {"min_p", Step::min_p},
                                                                       {"xtc", Step::xtc},
                                                                       {"temperature", Step::temperature},
                                                                       {"temp", Step::temperature},
                                                                       {"dynatemp", Step::temperature}}};
    const auto found = std::ranges::find(names, name, [](const auto& n) { return n.first; });
    return found == names.end() ? std::nullopt : std::optional(found->second);
}

Result<void> validate(const SamplingParams& p, std::size_t vocabulary) {
    constexpr float most = std::numeric_limits<float>::max();
    TENON_CHECK(in_range("temperature", p.temperature, 0, 100));
    TENON_CHECK(in_range("top_p", p.top_p, 0, 1));
    TENON_CHECK(in_range("min_p", p.min_p, 0, 1));
    TENON_CHECK(in_range("repetition_penalty", p.repetition_penalty, std::numeric_limits<float>::min(), 100));
    TENON_CHECK(in_range("presence_penalty", p.presence_penalty, -100, 100));
    TENON_CHECK(in_range("frequency_penalty", p.frequency_penalty, -100, 100));
    TENON_CHECK(in_range("typical_p", p.typical_p, 0, 1));
    TENON_CHECK(in_range("top_n_sigma", p.top_n_sigma, 0, 1000));
    TENON_CHECK(in_range("xtc_probability", p.xtc_probability, 0, 1));
    TENON_CHECK(in_range("xtc_threshold", p.xtc_threshold, 0, 1));
    TENON_CHECK(in_range("dynatemp_range", p.dynatemp_range, 0, 100));
    TENON_CHECK(in_range("dynatemp_exponent", p.dynatemp_exponent, 0, 100));
    TENON_CHECK(in_range("dry_multiplier", p.dry_multiplier, 0, 100));
    TENON_CHECK(in_range("dry_base", p.dry_base, 1, 100));
    TENON_CHECK(in_range("dry_allowed_length", static_cast<float>(p.dry_allowed_length), 0, 1e6F));
    TENON_CHECK(in_range("mirostat", static_cast<float>(p.mirostat), 0, 2));
    TENON_CHECK(in_range("mirostat_tau", p.mirostat_tau, 0, 100));
    TENON_CHECK(in_range("mirostat_eta", p.mirostat_eta, 0, 1));
    if (p.dry_penalty_last_n < -1)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("dry_penalty_last_n is {}; give -1 (all), 0 (none) or more", p.dry_penalty_last_n));
    if (p.dry_sequence_breakers.size() > most_breakers)
        return fail(ErrorCode::invalid_argument, fmt::format("dry_sequence_breakers has {} strings; give at most {}",
                                                             p.dry_sequence_breakers.size(), most_breakers));
    if (p.steps.size() > most_steps)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("samplers has {} steps; give at most {}", p.steps.size(), most_steps));
    if (p.top_k < 0)
        return fail(ErrorCode::invalid_argument, fmt::format("top_k is {}; give 0 (all) or more", p.top_k));
    if (p.penalty_window < -1)
        return fail(ErrorCode::invalid_argument,
                    fmt::format("penalty_window is {}; give -1 (all), 0 (none) or more", p.penalty_window));
    for (const auto& [token, bias] : p.logit_bias) {
        if (token < 0 || static_cast<std::size_t>(token) >= vocabulary)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("logit_bias names token {}; the model's tokens are 0 to {}", token, vocabulary - 1));
        if (bias != -infinity) TENON_CHECK(in_range("logit_bias", bias, -most, most));
    }
    return {};
}

}  // namespace tenon::engine
