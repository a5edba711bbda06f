// Somebody's SQLite database, asked with SQL that somebody else wrote.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/base/error.hpp"

namespace tenon::store {

struct SqlLimits {
    bool read_only = true;
    std::size_t max_rows = 200;
    std::size_t max_cell_bytes = 2000;      ///< the rest of a longer value is cut
    std::chrono::milliseconds time{5'000};  ///< of one statement
};

struct SqlTable {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;  ///< NULL is "NULL", a blob its size
    bool more = false;                           ///< there were more rows than the limit
    std::int64_t changed = 0;                    ///< rows a statement wrote
};

/// One statement at a time; ATTACH, extensions, and pragmas that change anything are refused, and with `read_only`
/// everything that writes. Thread-safe: calls take turns.
class SqlDatabase {
  public:
    /// Errors: not_found, corrupt, permission_denied, io.
    [[nodiscard]] static Result<std::shared_ptr<SqlDatabase>> open(const std::filesystem::path& file,
                                                                   SqlLimits limits = {});
    virtual ~SqlDatabase() = default;
    /// Blocks. Errors: invalid_argument (what SQLite says of the statement; several statements), permission_denied,
    /// deadline_exceeded, cancelled, resource_exhausted, io.
    [[nodiscard]] virtual Result<SqlTable> query(std::string_view statement, std::stop_token stop = {}) = 0;
    /// The CREATE statements of its tables and views.
    [[nodiscard]] virtual Result<std::string> schema() = 0;
};

}  // namespace tenon::store
