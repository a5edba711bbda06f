// Somebody's SQLite or PostgreSQL database, asked with SQL that somebody else wrote.
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
    /// Blocks. Errors: invalid_argument (what the database says of the statement; several statements),
    /// permission_denied, deadline_exceeded, cancelled, resource_exhausted, io.
    [[nodiscard]] virtual Result<SqlTable> query(std::string_view statement, std::stop_token stop = {}) = 0;
    /// The CREATE statements of its tables and views.
    [[nodiscard]] virtual Result<std::string> schema() = 0;
};

/// A PostgreSQL database, by a URL (`postgresql://user@host/db`) or a connection string of libpq's; what it leaves out
/// comes from where libpq looks (PGPASSWORD, ~/.pgpass and so on).
///
/// With `read_only` a statement is SELECT, VALUES, TABLE or WITH: it is run by a cursor in a READ ONLY transaction that
/// is rolled back, in a session that reads only by default. What the role may do through functions (a superuser's
/// pg_read_file, say) is not fenced in: give it a role that can do no harm. Without `read_only` each statement is a
/// transaction. A connection that was lost is made again by the next statement.
///
/// Errors: invalid_argument (the connection string), unavailable (no server, no such database, the password).
[[nodiscard]] Result<std::shared_ptr<SqlDatabase>> open_postgres(const std::string& connection, SqlLimits limits = {});

}  // namespace tenon::store
