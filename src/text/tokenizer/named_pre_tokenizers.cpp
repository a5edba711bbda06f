// The pre-tokenizers that GGUF files name, and the patterns they stand for.
#include <fmt/format.h>

#include <array>
#include <span>

#include "text/tokenizer/pre_tokenizers.hpp"

namespace tenon::text::tok {
namespace {

constexpr std::string_view gpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view llama3 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view qwen2 =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view gpt4o =
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|)"
    R"(\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view tekken = R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|)"
                                    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|)"
                                    R"(\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::array<std::string_view, 1> gpt2_steps{gpt2};
constexpr std::array<std::string_view, 1> llama3_steps{llama3};
constexpr std::array<std::string_view, 1> qwen2_steps{qwen2};
constexpr std::array<std::string_view, 1> gpt4o_steps{gpt4o};
constexpr std::array<std::string_view, 1> tekken_steps{tekken};
constexpr std::array<std::string_view, 2> digits_then_gpt2{R"(\p{N})", gpt2};
constexpr std::array<std::string_view, 3> deepseek3{
    R"(\p{N}{1,3})", R"([一-龥぀-ゟ゠-ヿ]+)",
    R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
// DeepSeek's first tokenizers list the cased letters one by one; \p{L&} are the same.
constexpr std::array<std::string_view, 6> deepseek_llm{
    R"([\r\n])", R"(\s?[\p{Lu}\p{Ll}\p{Lt}]+)", R"(\s?[!-/:-~！-／：-～‘-‟　-。]+)",
    R"(\s+$)",   R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N}+)"};
constexpr std::array<std::string_view, 5> deepseek_coder{R"([\r\n])", R"(\s?\p{L}+)", R"(\s?\p{P}+)",
                                                         R"([一-龥ࠀ-一가-퟿]+)", R"(\p{N})"};
constexpr std::array<std::string_view, 3> falcon{R"([\p{P}\$\+<=>\^~\|`]+)", gpt2, "[0-9][0-9][0-9]"};
constexpr std::array<std::string_view, 4> fallback{R"([\p{P}\$\+<=>\^~\|]+)", gpt2, R"(\p{N}+)", "[0-9][0-9][0-9]"};

struct Named {
    std::string_view name;
    std::span<const std::string_view> steps;
    bool ignore_merges = false;
};

constexpr std::array names{
    Named{"gpt-2", gpt2_steps},
    Named{"gpt2", gpt2_steps},
    Named{"phi-2", gpt2_steps},
    Named{"jina-es", gpt2_steps},
    Named{"jina-de", gpt2_steps},
    Named{"jina-v1-en", gpt2_steps},
    Named{"jina-v2-es", gpt2_steps},
    Named{"jina-v2-de", gpt2_steps},
    Named{"jina-v2-code", gpt2_steps},
    Named{"roberta-bpe", gpt2_steps},
    Named{"mpt", gpt2_steps},
    Named{"olmo", gpt2_steps},
    Named{"a.x-4.0", gpt2_steps},
    Named{"mellum", gpt2_steps},
    Named{"gigachat", gpt2_steps},
    Named{"exaone4", gpt2_steps},
    Named{"smollm", digits_then_gpt2},
    Named{"starcoder", digits_then_gpt2},
    Named{"refact", digits_then_gpt2},
    Named{"command-r", digits_then_gpt2},
    Named{"codeshell", digits_then_gpt2},
    Named{"exaone", digits_then_gpt2},
    Named{"minerva-7b", digits_then_gpt2},
    Named{"llama3", llama3_steps, true},
    Named{"llama-v3", llama3_steps, true},
    Named{"llama-bpe", llama3_steps, true},
    Named{"falcon3", llama3_steps, true},
    Named{"falcon-h1", llama3_steps, true},
    Named{"pixtral", llama3_steps, true},
    Named{"midm-2.0", llama3_steps, true},
    Named{"lfm2", llama3_steps, true},
    Named{"dbrx", llama3_steps},
    Named{"smaug-bpe", llama3_steps},
    Named{"chatglm-bpe", llama3_steps},
    Named{"glm4", llama3_steps},
    Named{"qwen2", qwen2_steps},
    Named{"stablelm2", qwen2_steps},
    Named{"deepseek-r1-qwen", qwen2_steps},
    Named{"hunyuan", qwen2_steps},
    Named{"megrez", qwen2_steps},
    Named{"kormo", qwen2_steps},
    Named{"gpt-4o", gpt4o_steps},
    Named{"llama4", gpt4o_steps},
    Named{"tekken", tekken_steps, true},
    Named{"deepseek-v3", deepseek3},
    Named{"hunyuan-dense", deepseek3},
    Named{"deepseek-llm", deepseek_llm},
    Named{"deepseek-coder", deepseek_coder},
    Named{"falcon", falcon},
    Named{"default", fallback},
    Named{"", fallback},
};

}  // namespace

Result<PreTokenizerPtr> named_pre_tokenizer(std::string_view name) {
    for (const Named& named : names) {
        if (named.name != name) continue;
        std::vector<PreTokenizerPtr> parts;
        for (const std::string_view step : named.steps) {
            TENON_TRY(PreTokenizerPtr part, split_pre_tokenizer(step, SplitBehavior::isolated, false));
            parts.push_back(std::move(part));
        }
        return pre_tokenizer_sequence(std::move(parts));
    }
    std::string known;
    for (const Named& named : names) {
        if (!named.name.empty()) known += fmt::format("{}{}", known.empty() ? "" : ", ", named.name);
    }
    return fail(ErrorCode::unsupported,
                fmt::format("the pre-tokenizer \"{}\" is not known; known are {}", name.substr(0, 100), known));
}

bool name_ignores_merges(std::string_view name) {
    for (const Named& named : names) {
        if (named.name == name) return named.ignore_merges;
    }
    return false;
}

}  // namespace tenon::text::tok
