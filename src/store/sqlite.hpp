// SQLite behind Result: connections, statements, transactions, and what its errors mean to a user.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "tenon/base/error.hpp"

namespace tenon::store {

class Statement;

/// One connection, used by one thread at a time.
class Connection {
  public:
    enum class Mode : std::uint8_t {
        read_only,   ///< errors when the file is missing
        read_write,  ///< errors when the file is missing; falls back to reading where writing is not allowed
        create,
    };
    /// Errors: not_found, permission_denied, corrupt, io.
    [[nodiscard]] static Result<std::unique_ptr<Connection>> open(const std::filesystem::path& file, Mode mode);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] Result<void> execute(const char* sql);
    [[nodiscard]] Result<Statement> prepare(std::string_view sql);
    [[nodiscard]] Result<std::int64_t> integer(std::string_view sql);
    [[nodiscard]] std::int64_t last_insert_id() const noexcept;
    [[nodiscard]] std::int64_t changes() const noexcept;
    [[nodiscard]] bool read_only() const noexcept;
    /// The error of the last call that failed, with the file's name and what to do.
    [[nodiscard]] Error error(std::string_view action) const;

  private:
    friend class Statement;
    Connection(sqlite3* handle, std::filesystem::path file) : handle_(handle), file_(std::move(file)) {}
    sqlite3* handle_;
    std::filesystem::path file_;
};

/// A prepared statement. Parameters are numbered from 1, columns from 0. Bound text and blobs must outlive the next
/// step.
class Statement {
  public:
    Statement(Connection& connection, sqlite3_stmt* statement) : connection_(&connection), statement_(statement) {}
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    Statement& bind(int index, std::int64_t value);
    Statement& bind(int index, std::string_view text);
    Statement& bind_blob(int index, std::span<const std::byte> bytes);
    /// True: a row is there. False: no more rows.
    [[nodiscard]] Result<bool> step();
    /// Runs a statement that gives no rows, and makes it ready for other parameters.
    [[nodiscard]] Result<void> run();
    void reset();

    [[nodiscard]] std::int64_t integer(int column) const;
    /// Valid until the next step.
    [[nodiscard]] std::string_view text(int column) const;
    [[nodiscard]] std::span<const std::byte> blob(int column) const;

  private:
    Connection* connection_;
    sqlite3_stmt* statement_;
    bool failed_ = false;
};

/// Rolls back when it dies uncommitted.
class Transaction {
  public:
    enum class Kind : std::uint8_t { read, write };
    [[nodiscard]] static Result<Transaction> begin(Connection& connection, Kind kind);
    Transaction(Transaction&& other) noexcept : connection_(std::exchange(other.connection_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();
    [[nodiscard]] Result<void> commit();

  private:
    explicit Transaction(Connection& connection) : connection_(&connection) {}
    Connection* connection_;
};

}  // namespace tenon::store
