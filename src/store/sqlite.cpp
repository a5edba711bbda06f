#include "store/sqlite.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace tenon::store {
namespace {

constexpr int busy_timeout_ms = 30'000;

Error make_error(int code, int system_error, std::string_view detail, std::string_view action,
                 const std::filesystem::path& file) {
    const std::string name = file.string();
    switch (code & 0xFF) {
        case SQLITE_FULL:
            return {ErrorCode::resource_exhausted,
                    fmt::format("cannot {} {}: the disk is full; free some space and try again", action, name)};
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
            return {
                ErrorCode::corrupt,
                fmt::format("cannot {} {}: the file is damaged or not a knowledge base ({}); remove it and index again",
                            action, name, detail)};
        case SQLITE_NOMEM:
            return {ErrorCode::resource_exhausted, fmt::format("cannot {} {}: out of memory", action, name)};
        case SQLITE_TOOBIG:
            return {ErrorCode::resource_exhausted,
                    fmt::format("cannot {} {}: a text is too long to store", action, name)};
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
            return {ErrorCode::unavailable,
                    fmt::format("cannot {} {}: another process is writing to it; try again later", action, name)};
        case SQLITE_READONLY:
        case SQLITE_PERM:
        case SQLITE_AUTH:
            return {ErrorCode::permission_denied,
                    fmt::format("cannot {} {}: the file or its folder is read-only", action, name)};
        case SQLITE_CANTOPEN:
            // SQLite forgets why making the file failed when its second attempt, without making it, fails too.
            if (system_error == ENOENT || system_error == 0) {
                const auto folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
                if (::access(folder.c_str(), W_OK) != 0) system_error = errno;
            }
            if (system_error == EACCES || system_error == EPERM || system_error == EROFS)
                return {ErrorCode::permission_denied,
                        fmt::format("cannot {} {}: {}", action, name, std::strerror(system_error))};
            if (system_error == ENOSPC || system_error == EDQUOT)
                return {ErrorCode::resource_exhausted,
                        fmt::format("cannot {} {}: the disk is full; free some space and try again", action, name)};
            break;
        case SQLITE_IOERR:
            if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG)
                return {ErrorCode::resource_exhausted, fmt::format("cannot {} {}: {}; free some space and try again",
                                                                   action, name, std::strerror(system_error))};
            break;
        default:
            break;
    }
    if (system_error != 0)
        return {ErrorCode::io, fmt::format("cannot {} {}: {} ({})", action, name, detail, std::strerror(system_error))};
    return {ErrorCode::io, fmt::format("cannot {} {}: {}", action, name, detail)};
}

/// A file name as SQLite's URI syntax wants it.
std::string uri(const std::filesystem::path& file, std::string_view parameters) {
    std::string out = "file:";
    for (const char c : file.string()) {
        if (c == '%' || c == '?' || c == '#')
            out += fmt::format("%{:02x}", static_cast<unsigned char>(c));
        else
            out += c;
    }
    out += '?';
    out += parameters;
    return out;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const std::filesystem::path& file, Mode mode) {
    std::error_code ignored;
    if (mode != Mode::create && !std::filesystem::exists(file, ignored))
        return fail(ErrorCode::not_found, fmt::format("there is no file {}", file.string()));
    const auto open_with = [&](const std::string& name, int flags) -> Result<std::unique_ptr<Connection>> {
        sqlite3* handle = nullptr;
        const int code = sqlite3_open_v2(name.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_URI, nullptr);
        std::unique_ptr<Connection> connection(new Connection(handle, file));
        if (code != SQLITE_OK) {
            if (handle == nullptr) return fail(ErrorCode::resource_exhausted, "out of memory");
            return std::unexpected(connection->error("open"));
        }
        sqlite3_extended_result_codes(handle, 1);
        sqlite3_busy_timeout(handle, busy_timeout_ms);
        // The first read finds out whether the file is a database at all, and whether its WAL can be used.
        TENON_CHECK(connection->integer("SELECT count(*) FROM sqlite_schema"));
        return connection;
    };
    const std::string plain = uri(file, mode == Mode::create ? "mode=rwc" : "mode=rw");
    if (mode != Mode::read_only) {
        auto connection = open_with(plain, SQLITE_OPEN_READWRITE | (mode == Mode::create ? SQLITE_OPEN_CREATE : 0));
        if (connection) {
            // WAL with synchronous=NORMAL: a killed process loses nothing; after a power cut the last commits may be
            // missing but never torn, and indexing again puts them back. See docs/formats/knowledge_base.md.
            if (!(*connection)->read_only()) TENON_CHECK((*connection)->execute("PRAGMA synchronous=NORMAL"));
            TENON_CHECK((*connection)->execute("PRAGMA foreign_keys=ON"));
            return connection;
        }
        const ErrorCode code = connection.error().code();
        if (mode == Mode::create || (code != ErrorCode::permission_denied && code != ErrorCode::io)) return connection;
    }
    auto connection = open_with(uri(file, "mode=ro"), SQLITE_OPEN_READONLY);
    if (connection || connection.error().code() == ErrorCode::corrupt) return connection;
    // A folder where no WAL can be made, and none is there: nobody can be writing.
    auto wal = file;
    wal += "-wal";
    if (std::filesystem::exists(wal, ignored) && std::filesystem::file_size(wal, ignored) > 0) return connection;
    return open_with(uri(file, "mode=ro&immutable=1"), SQLITE_OPEN_READONLY);
}

Connection::~Connection() { sqlite3_close_v2(handle_); }

Error Connection::error(std::string_view action) const {
    const int last = errno;
    const int code = sqlite3_extended_errcode(handle_);
    // SQLite keeps the system's reason of a failed write, but not that of a failed commit.
    int system_error = sqlite3_system_errno(handle_);
    if (system_error == 0 && (code & 0xFF) == SQLITE_IOERR) system_error = last;
    return make_error(code, system_error, sqlite3_errmsg(handle_), action, file_);
}

Result<void> Connection::execute(const char* sql) {
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return std::unexpected(error("use"));
    return {};
}

Result<Statement> Connection::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()), 0, &statement, nullptr);
    if (code != SQLITE_OK) return std::unexpected(error("read"));
    return Statement(*this, statement);
}

Result<std::int64_t> Connection::integer(std::string_view sql) {
    TENON_TRY(auto statement, prepare(sql));
    TENON_TRY(const bool row, statement.step());
    return row ? statement.integer(0) : 0;
}

std::int64_t Connection::last_insert_id() const noexcept { return sqlite3_last_insert_rowid(handle_); }
std::int64_t Connection::changes() const noexcept { return sqlite3_changes64(handle_); }
bool Connection::read_only() const noexcept { return sqlite3_db_readonly(handle_, "main") == 1; }

Statement::Statement(Statement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)), failed_(other.failed_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::bind(int index, std::int64_t value) {
    failed_ |= sqlite3_bind_int64(statement_, index, value) != SQLITE_OK;
    return *this;
}

Statement& Statement::bind(int index, std::string_view text) {
    const char* data = text.data() == nullptr ? "" : text.data();
    failed_ |= sqlite3_bind_text64(statement_, index, data, text.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK;
    return *this;
}

Statement& Statement::bind_blob(int index, std::span<const std::byte> bytes) {
    const void* data = bytes.data() == nullptr ? static_cast<const void*>("") : bytes.data();
    failed_ |= sqlite3_bind_blob64(statement_, index, data, bytes.size(), SQLITE_STATIC) != SQLITE_OK;
    return *this;
}

Result<bool> Statement::step() {
    if (failed_) return std::unexpected(connection_->error("bind a value for"));
    switch (sqlite3_step(statement_)) {
        case SQLITE_ROW:
            return true;
        case SQLITE_DONE:
            return false;
        default:
            return std::unexpected(connection_->error(sqlite3_stmt_readonly(statement_) != 0 ? "read" : "write"));
    }
}

Result<void> Statement::run() {
    TENON_CHECK(step());
    reset();
    return {};
}

void Statement::reset() {
    sqlite3_reset(statement_);
    failed_ = false;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

std::string_view Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::span<const std::byte> Statement::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
    if (data == nullptr) return {};
    return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

Result<Transaction> Transaction::begin(Connection& connection, Kind kind) {
    const auto started = connection.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
    if (!started) return std::unexpected(started.error());
    return Transaction(connection);
}

Transaction::~Transaction() {
    // After an error SQLite may have rolled back already; then this fails, harmlessly.
    if (connection_ != nullptr) (void)connection_->execute("ROLLBACK");
}

Result<void> Transaction::commit() {
    TENON_CHECK(connection_->execute("COMMIT"));
    connection_ = nullptr;
    return {};
}

}  // namespace tenon::store
