#include <algorithm>
#include <array>

#include "model/architecture.hpp"

namespace tenon::model {

extern const Architecture llama;
extern const Architecture mixtral;
extern const Architecture smollm3;
extern const Architecture qwen2;
extern const Architecture qwen2moe;
extern const Architecture qwen3;
extern const Architecture qwen3moe;
extern const Architecture gemma;
extern const Architecture gemma2;
extern const Architecture gemma3;
extern const Architecture phi3;
extern const Architecture granite;
extern const Architecture olmo2;
extern const Architecture gpt2;
extern const Architecture bert;
extern const Architecture nomic_bert;
extern const Architecture modernbert;

namespace {
constexpr std::array<const Architecture*, 17> all{
    &llama,  &mixtral, &smollm3, &qwen2, &qwen2moe, &qwen3, &qwen3moe,   &gemma,      &gemma2,
    &gemma3, &phi3,    &granite, &olmo2, &gpt2,     &bert,  &nomic_bert, &modernbert,
};
}  // namespace

const Architecture* find_architecture(std::string_view name) noexcept {
    for (const Architecture* one : all)
        if (std::ranges::find(one->names, name) != one->names.end()) return one;
    return nullptr;
}

std::string supported_architectures() {
    std::string out;
    for (const Architecture* one : all)
        for (const std::string_view name : one->names) out.append(out.empty() ? "" : ", ").append(name);
    return out;
}

}  // namespace tenon::model
