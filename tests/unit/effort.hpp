// How many rounds a long test makes.
#pragma once

#include <cstddef>

namespace tenon::test {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif
#else
inline constexpr bool sanitized = false;
#endif

/// `full` rounds; a tenth of them in a build with a sanitizer, which is that much slower and looks for other faults
/// than a rare input.
constexpr std::size_t effort(std::size_t full) { return sanitized ? (full + 9) / 10 : full; }
/// The step through a sequence of which a sanitized build looks at every tenth element.
inline constexpr std::size_t stride = sanitized ? 10 : 1;

}  // namespace tenon::test
