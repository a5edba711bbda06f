// What an error means for the choice of another deployment.
#pragma once

#include <cstdint>

#include "tenon/base/error.hpp"

namespace tenon::gateway {

enum class Failure : std::uint8_t {
    gone,        ///< the caller has stopped, or its time is up: nothing more is tried
    caller,      ///< the request is wrong wherever it goes
    incapable,   ///< this deployment cannot do it, another may
    context,     ///< too long for it
    content,     ///< it refuses the subject
    deployment,  ///< it is failing
};

[[nodiscard]] Failure classify(const Error& error);

}  // namespace tenon::gateway
