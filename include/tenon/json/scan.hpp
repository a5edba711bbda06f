// Finding JSON in text that goes on after it.
#pragma once

#include <cstddef>
#include <string_view>

namespace tenon::json {

/// Bytes of the object that `text` begins with, its brackets balanced outside of strings; 0: it begins with none, or it
/// is not complete. Says nothing about whether what is inside is JSON.
[[nodiscard]] std::size_t object_length(std::string_view text) noexcept;

}  // namespace tenon::json
