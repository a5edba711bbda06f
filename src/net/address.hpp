// Which addresses belong to the public Internet.
#pragma once

#include <sys/socket.h>

namespace tenon::net {

/// False for loopback, private, link-local, shared, documentation, benchmarking, multicast and reserved addresses (IANA
/// special-purpose registries; RFC 6890), for IPv6 forms that carry such an IPv4 address (mapped, 6to4, NAT64), and for
/// other families.
[[nodiscard]] bool is_public(const sockaddr& address) noexcept;

}  // namespace tenon::net
