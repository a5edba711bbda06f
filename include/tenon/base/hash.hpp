// Hashing of contents.
#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon {

/// SHA-256 (FIPS 180-4), incremental. Not safe for concurrent use of one object.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    void update(std::span<const std::byte> bytes);
    void update(std::string_view bytes);
    /// 64 lower-case hexadecimal digits. The object is spent afterwards.
    [[nodiscard]] std::string hex_digest();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

[[nodiscard]] std::string sha256_hex(std::string_view bytes);
[[nodiscard]] Result<std::string> sha256_file(const std::filesystem::path& path);

}  // namespace tenon
