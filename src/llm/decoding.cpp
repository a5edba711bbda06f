#include "tenon/llm/decoding.hpp"

#include <fmt/format.h>

namespace tenon::llm {

std::string_view DecodingSettings::first_set() const {
    std::string_view found;
    for_each_field(*this, [&](std::string_view name, const auto& value) {
        if (found.empty() && value) found = name;
    });
    return found;
}

bool DecodingSettings::empty() const { return first_set().empty(); }

void DecodingSettings::update(const DecodingSettings& own) {
    DecodingSettings& to = *this;
    DecodingSettings from = own;
    for_each_field(from, [&](std::string_view name, auto& value) {
        if (!value) return;
        for_each_field(to, [&](std::string_view other, auto& target) {
            if constexpr (std::is_same_v<decltype(target), decltype(value)>)
                if (name == other) target = value;
        });
    });
}

Result<void> refuse(const DecodingSettings& settings) {
    if (settings.empty()) return {};
    return fail(ErrorCode::unsupported, fmt::format("this provider takes no {}", settings.first_set()));
}

}  // namespace tenon::llm
