// Texts kept under a key for a while: stored answers, and whatever else goes away by itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::store {

struct Record {
    std::string key;
    std::string owner;  ///< whose it is; others do not see it
    std::string text;
    std::int64_t created_at = 0;  ///< milliseconds since 1970, given by `put`
};

struct RecordLimits {
    std::chrono::seconds keep = std::chrono::hours(24 * 30);  ///< then it is gone
    std::size_t most = 100'000;                               ///< of all; the oldest go first
    std::uint64_t most_bytes = std::uint64_t{1} << 30;        ///< of all their texts; the oldest go first
};

/// One SQLite file; several processes may use it. Thread-safe; calls block. What `put` returned for is there after
/// kill -9.
class Records {
  public:
    virtual ~Records() = default;
    /// Errors: corrupt, permission_denied, io; unsupported (written by a newer Tenon).
    [[nodiscard]] static Result<std::shared_ptr<Records>> open(const std::filesystem::path& file,
                                                               RecordLimits limits = {});
    /// Gone with the object.
    [[nodiscard]] static Result<std::shared_ptr<Records>> temporary(RecordLimits limits = {});

    /// All of them or none; a record of the same owner and key is replaced. Then what is too old or too much goes.
    /// Errors: resource_exhausted (disk full), io.
    [[nodiscard]] virtual Result<void> put(std::span<const Record> records) = 0;
    /// Nothing when it is not there, too old or somebody else's.
    [[nodiscard]] virtual Result<std::optional<Record>> get(std::string_view owner, std::string_view key) = 0;
    /// Whether it was there.
    [[nodiscard]] virtual Result<bool> remove(std::string_view owner, std::string_view key) = 0;
    [[nodiscard]] virtual Result<std::size_t> size() = 0;
};

}  // namespace tenon::store
