// A cursor over bytes that never leaves them.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "tenon/base/error.hpp"

namespace tenon::model {

class ByteReader {
  public:
    explicit ByteReader(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {}
    [[nodiscard]] std::size_t position() const noexcept { return at_; }
    [[nodiscard]] std::size_t remaining() const noexcept { return bytes_.size() - at_; }
    [[nodiscard]] std::span<const std::byte> between(std::size_t begin, std::size_t end) const noexcept {
        return bytes_.subspan(begin, end - begin);
    }

    [[nodiscard]] Result<std::span<const std::byte>> take(std::uint64_t count, const char* what) {
        if (count > remaining())
            return fail(ErrorCode::corrupt, fmt::format("the file ends inside {} at byte {}", what, at_));
        const auto taken = bytes_.subspan(at_, count);
        at_ += count;
        return taken;
    }

    template <class T>
    [[nodiscard]] Result<T> read(const char* what) {
        TENON_TRY(const auto raw, take(sizeof(T), what));
        T value;
        std::memcpy(&value, raw.data(), sizeof value);
        return value;
    }

  private:
    std::span<const std::byte> bytes_;
    std::size_t at_ = 0;
};

}  // namespace tenon::model
