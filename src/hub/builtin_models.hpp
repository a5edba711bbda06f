// The catalogue compiled into the program, in the format of models.toml.
#pragma once

#include <string_view>

namespace tenon::hub {

extern const std::string_view builtin_models_toml;

}  // namespace tenon::hub
