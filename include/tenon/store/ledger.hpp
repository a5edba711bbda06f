// What was spent, on whose behalf and on which model, day by day; and the keys it was spent with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::store {

/// The sum of some calls.
struct Spending {
    std::string day;  ///< "2026-11-25", UTC
    std::string key, team, model;
    std::uint64_t requests = 0;
    std::uint64_t input_tokens = 0, cached_input_tokens = 0, output_tokens = 0;
    std::uint64_t picodollars = 0;
};

/// Empty fields take everything.
struct SpendingFilter {
    std::string since{}, until{};  ///< days, both included
    std::string key{}, team{}, model{};
};

/// A key as it is kept: never the key itself.
struct KeyRecord {
    std::string id;      ///< what one calls it by; unique
    std::string sha256;  ///< of the key, 64 hexadecimal digits; unique
    std::string team;
    std::string settings;         ///< whatever its maker wants to keep with it
    std::int64_t created_at = 0;  ///< milliseconds since 1970, given by `add_key`
    std::int64_t revoked_at = 0;  ///< 0: it is in use
};

/// One SQLite file (docs/formats/ledger.md), which several processes may use. Thread-safe. What a call returned for is
/// there after kill -9. Calls take some ten microseconds and do not wait for the disk.
class Ledger {
  public:
    virtual ~Ledger() = default;
    /// Errors: corrupt, permission_denied, io; unsupported (written by a newer Tenon).
    [[nodiscard]] static Result<std::shared_ptr<Ledger>> open(const std::filesystem::path& file);
    /// Gone with the object.
    [[nodiscard]] static Result<std::shared_ptr<Ledger>> temporary();

    /// Puts down, before a call, the most it can cost. Gives the hold to `settle` or `release` afterwards with.
    /// Errors of all that write: resource_exhausted (disk full), io.
    [[nodiscard]] virtual Result<std::int64_t> hold(const Spending& most) = 0;
    /// The hold becomes what the call did cost.
    [[nodiscard]] virtual Result<void> settle(std::int64_t hold, const Spending& actual) = 0;
    /// The call cost nothing.
    [[nodiscard]] virtual Result<void> release(std::int64_t hold) = 0;
    /// Spending that no hold was made for.
    [[nodiscard]] virtual Result<void> add(const Spending& spending) = 0;
    /// What other processes held and never settled counts as spent from now on: they were killed in the middle of a
    /// call, and nobody knows what it cost. One that lives after all corrects it when it settles. Returns how many.
    [[nodiscard]] virtual Result<std::int64_t> recover() = 0;

    /// By day, key, team and model, oldest first. Holds are not in it.
    [[nodiscard]] virtual Result<std::vector<Spending>> spending(const SpendingFilter& filter) = 0;

    /// Errors: already_exists.
    [[nodiscard]] virtual Result<void> add_key(KeyRecord key) = 0;
    /// Oldest first, revoked ones too.
    [[nodiscard]] virtual Result<std::vector<KeyRecord>> keys() = 0;
    /// Errors: not_found.
    [[nodiscard]] virtual Result<void> revoke_key(std::string_view id) = 0;
    /// Changes when another process has written: what was read of `keys` may be old.
    [[nodiscard]] virtual Result<std::int64_t> version() = 0;
};

}  // namespace tenon::store
