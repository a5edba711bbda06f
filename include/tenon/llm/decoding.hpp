// Decoding options that servers of open models have in common, under the names llama.cpp and vLLM gave them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::llm {

/// Unset: the model's default. What each means and its neutral value: engine::SamplingParams,
/// engine::GenerationRequest. The local engine and OpenAI-compatible servers take them; for a provider that has none of
/// them they are an error.
struct DecodingSettings {
    std::optional<double> typical_p{}, top_n_sigma{}, xtc_probability{}, xtc_threshold{}, dynatemp_range{},
        dynatemp_exponent{}, dry_multiplier{}, dry_base{}, mirostat_tau{}, mirostat_eta{};
    std::optional<int> dry_allowed_length{}, dry_penalty_last_n{}, mirostat{}, repeat_last_n{}, min_keep{},
        min_tokens{}, draft_max{};
    std::optional<bool> ignore_eos{}, include_stop_str_in_output{}, skip_special_tokens{};
    std::optional<std::vector<std::string>> dry_sequence_breakers{}, samplers{}, bad_words{};
    std::optional<std::vector<std::int32_t>> stop_token_ids{};

    [[nodiscard]] bool empty() const;
    /// The name of one that is set; empty when none is.
    [[nodiscard]] std::string_view first_set() const;
    /// Where `own` says something, that.
    void update(const DecodingSettings& own);
};

/// Calls `field(name, member)` for each, in one order. The members are std::optional.
template <class Settings, class Field>
    requires std::is_same_v<std::remove_const_t<Settings>, DecodingSettings>
void for_each_field(Settings& s, Field field) {
    field("typical_p", s.typical_p);
    field("top_n_sigma", s.top_n_sigma);
    field("xtc_probability", s.xtc_probability);
    field("xtc_threshold", s.xtc_threshold);
    field("dynatemp_range", s.dynatemp_range);
    field("dynatemp_exponent", s.dynatemp_exponent);
    field("dry_multiplier", s.dry_multiplier);
    field("dry_base", s.dry_base);
    field("dry_allowed_length", s.dry_allowed_length);
    field("dry_penalty_last_n", s.dry_penalty_last_n);
    field("dry_sequence_breakers", s.dry_sequence_breakers);
    field("mirostat", s.mirostat);
    field("mirostat_tau", s.mirostat_tau);
    field("mirostat_eta", s.mirostat_eta);
    field("repeat_last_n", s.repeat_last_n);
    field("min_keep", s.min_keep);
    field("samplers", s.samplers);
    field("speculative.n_max", s.draft_max);
    field("ignore_eos", s.ignore_eos);
    field("min_tokens", s.min_tokens);
    field("stop_token_ids", s.stop_token_ids);
    field("bad_words", s.bad_words);
    field("include_stop_str_in_output", s.include_stop_str_in_output);
    field("skip_special_tokens", s.skip_special_tokens);
}

/// For providers that take none. Errors: unsupported, naming the first that is set.
[[nodiscard]] Result<void> refuse(const DecodingSettings& settings);

}  // namespace tenon::llm
