// The codebooks of the IQ types. An entry packs the places of its values among the levels of its type: eight of two
// bits (IQ1, IQ2) or four of three bits (IQ3), the first value lowest.
#pragma once

#include <cstdint>

namespace tenon::tensor {

extern const std::uint16_t iq2_xxs_codebook[256];
extern const std::uint16_t iq2_xs_codebook[512];
extern const std::uint16_t iq2_s_codebook[1024];
extern const std::uint16_t iq3_xxs_codebook[256];
extern const std::uint16_t iq3_s_codebook[512];
extern const std::uint16_t iq1_codebook[2048];

inline constexpr std::uint8_t iq2_levels[4]{8, 25, 43, 0};
inline constexpr std::uint8_t iq3_xxs_levels[8]{4, 12, 20, 28, 36, 44, 52, 62};
inline constexpr std::uint8_t iq3_s_levels[8]{1, 3, 5, 7, 9, 11, 13, 15};

/// The sixteen values of IQ4_NL and IQ4_XS, and those of MXFP4, doubled.
inline constexpr std::int8_t iq4_levels[16]{-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};
inline constexpr std::int8_t mxfp4_levels[16]{0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace tenon::tensor
