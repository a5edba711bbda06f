// Any bytes at all: the reader of session files answers with tokens and pages, or an error. The checksum is made to
// hold, or nothing would ever get past it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "engine/session_file.hpp"
#include "tenon/base/hash.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const tenon::engine::SessionOwner owner{std::string(64, 'a'), tenon::model::KvType::f16, 64, 320};
    std::string text(reinterpret_cast<const char*>(data), size);
    text += tenon::sha256_hex(text);
    const auto session = tenon::engine::parse_session(std::as_bytes(std::span(text)), owner);
    if (!session) return 0;
    unsigned sum = static_cast<unsigned>(session->tokens.back());
    for (const std::byte byte : session->pages) sum += std::to_integer<unsigned>(byte);
    volatile unsigned sink = sum;
    (void)sink;
    return 0;
}
