#include "net/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace tenon::net {
namespace {

struct Block4 {
    std::uint32_t base;
    int bits;
};
constexpr std::array special4{
    Block4{0x00000000, 8},  Block4{0x0A000000, 8},  Block4{0x64400000, 10}, Block4{0x7F000000, 8},
    Block4{0xA9FE0000, 16}, Block4{0xAC100000, 12}, Block4{0xC0000000, 24}, Block4{0xC0000200, 24},
    Block4{0xC0586300, 24}, Block4{0xC0A80000, 16}, Block4{0xC6120000, 15}, Block4{0xC6336400, 24},
    Block4{0xCB007100, 24}, Block4{0xE0000000, 4},  Block4{0xF0000000, 4},
};

bool is_public4(std::uint32_t address) {
    for (const auto& block : special4)
        if ((address ^ block.base) >> (32 - block.bits) == 0) return false;
    return true;
}

std::uint32_t four(const std::uint8_t* bytes) {
    return static_cast<std::uint32_t>(bytes[0]) << 24 | static_cast<std::uint32_t>(bytes[1]) << 16 |
           static_cast<std::uint32_t>(bytes[2]) << 8 | bytes[3];
}

bool is_public6(const std::uint8_t* a) {
    static constexpr std::array<std::uint8_t, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    static constexpr std::array<std::uint8_t, 12> nat64{0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0};
    if (std::memcmp(a, mapped.data(), mapped.size()) == 0 || std::memcmp(a, nat64.data(), nat64.size()) == 0)
        return is_public4(four(a + 12));
    if (a[0] == 0x20 && a[1] == 0x02) return is_public4(four(a + 2));
    // Only 2000::/3 is given out; of it, 2001::/23 (protocols) and 2001:db8::/32, 3fff::/20 (documentation) are not.
    if ((a[0] & 0xE0) != 0x20) return false;
    if (a[0] == 0x20 && a[1] == 0x01 && (a[2] < 0x02 || (a[2] == 0x0D && a[3] == 0xB8))) return false;
    return !(a[0] == 0x3F && a[1] == 0xFF && a[2] < 0x10);
}

}  // namespace

bool is_public(const sockaddr& address) noexcept {
    if (address.sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, &address, sizeof in);
        return is_public4(ntohl(in.sin_addr.s_addr));
    }
    if (address.sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, &address, sizeof in);
        return is_public6(in.sin6_addr.s6_addr);
    }
    return false;
}

}  // namespace tenon::net
