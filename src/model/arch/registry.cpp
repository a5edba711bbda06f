#include <algorithm>
#include <array>

#include "model/architecture.hpp"

namespace tenon::model {

extern const Architecture llama;
extern const Architecture qwen2;
extern const Architecture qwen3;
extern const Architecture gemma;
extern const Architecture gemma2;
extern const Architecture gemma3;
extern const Architecture bert;

namespace {
constexpr std::array<const Architecture*, 7> all{
    &llama, &qwen2, &qwen3, &gemma, &gemma2, &gemma3, &bert,
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
