#include "mcp/wire/seal.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <random>

#include "tenon/base/base64.hpp"
#include "tenon/base/hash.hpp"

namespace tenon::mcp {
namespace {

std::string bytes_of(const std::string& hex) {
    const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
    std::string out;
    for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
        out += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
    return out;
}

}  // namespace

std::string random_token() {
    std::random_device random;
    std::string out;
    for (int i = 0; i < 4; ++i) out += fmt::format("{:08x}", static_cast<std::uint32_t>(random()));
    return out;
}

std::string hmac_hex(std::string_view key, std::string_view text) {
    std::string block(key);
    if (block.size() > 64) block = bytes_of(sha256_hex(block));
    block.resize(64, '\0');
    std::string inner = block;
    std::string outer = block;
    for (auto& c : inner) c = static_cast<char>(c ^ 0x36);
    for (auto& c : outer) c = static_cast<char>(c ^ 0x5C);
    return sha256_hex(outer + bytes_of(sha256_hex(inner.append(text))));
}

bool equal_in_constant_time(std::string_view a, std::string_view b) noexcept {
    if (a.size() != b.size()) return false;
    unsigned difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        difference |= static_cast<unsigned>(static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
    return difference == 0;
}

std::string seal(std::string_view key, std::string_view purpose, std::string_view text,
                 std::chrono::system_clock::time_point until) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(until.time_since_epoch()).count();
    const auto body = fmt::format("{}.{}", seconds, base64_encode(text));
    return fmt::format("{}.{}", body, hmac_hex(key, fmt::format("{}\n{}", purpose, body)));
}

std::optional<std::string> unseal(std::string_view key, std::string_view purpose, std::string_view sealed,
                                  std::chrono::system_clock::time_point now) {
    const auto first = sealed.find('.');
    const auto last = sealed.rfind('.');
    if (first == std::string_view::npos || last == first) return std::nullopt;
    const auto body = sealed.substr(0, last);
    if (!equal_in_constant_time(hmac_hex(key, fmt::format("{}\n{}", purpose, body)), sealed.substr(last + 1)))
        return std::nullopt;
    std::int64_t seconds = 0;
    if (std::from_chars(sealed.data(), sealed.data() + first, seconds).ec != std::errc()) return std::nullopt;
    if (now > std::chrono::system_clock::time_point(std::chrono::seconds(seconds))) return std::nullopt;
    auto text = base64_decode(sealed.substr(first + 1, last - first - 1));
    if (!text) return std::nullopt;
    return std::move(*text);
}

}  // namespace tenon::mcp
