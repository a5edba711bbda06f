#include "tenon/store/sql.hpp"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <mutex>

namespace tenon::store {
namespace {

using Clock = std::chrono::steady_clock;

/// What may be done (https://www.sqlite.org/c3ref/set_authorizer.html).
int authorize(void* limits, int action, const char* first, const char* second, const char*, const char*) {
    const bool read_only = static_cast<const SqlLimits*>(limits)->read_only;
    switch (action) {
        case SQLITE_SELECT:
        case SQLITE_READ:
        case SQLITE_RECURSIVE:
            return SQLITE_OK;
        case SQLITE_FUNCTION: {
            const std::string_view name = second != nullptr ? second : "";
            return name == "load_extension" || name == "readfile" || name == "writefile" || name == "edit" ? SQLITE_DENY
                                                                                                           : SQLITE_OK;
        }
        case SQLITE_PRAGMA: {
            // Those that only tell.
            constexpr std::array told{"table_info", "table_xinfo",      "table_list",   "index_list",
                                      "index_info", "foreign_key_list", "database_list"};
            return first != nullptr && std::ranges::find(told, std::string_view(first)) != told.end() ? SQLITE_OK
                                                                                                      : SQLITE_DENY;
        }
        case SQLITE_ATTACH:
        case SQLITE_DETACH:
            return SQLITE_DENY;
        default:
            return read_only ? SQLITE_DENY : SQLITE_OK;
    }
}

struct Watch {
    Clock::time_point until;
    std::stop_token stop;
    bool late = false;
};
int on_progress(void* watch) {
    auto* w = static_cast<Watch*>(watch);
    w->late = Clock::now() >= w->until;
    return w->late || w->stop.stop_requested() ? 1 : 0;
}

class Database final : public SqlDatabase {
  public:
    Database(sqlite3* handle, SqlLimits limits) : handle_(handle), limits_(limits) {
        sqlite3_set_authorizer(handle_, authorize, &limits_);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
        sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, 64 << 20);
        sqlite3_limit(handle_, SQLITE_LIMIT_SQL_LENGTH, 100'000);
        sqlite3_busy_timeout(handle_, 2000);
    }
    ~Database() override { sqlite3_close_v2(handle_); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Result<SqlTable> query(std::string_view text, std::stop_token stop) override {
        const std::scoped_lock lock(mutex_);
        sqlite3_stmt* raw = nullptr;
        const char* tail = nullptr;
        const int prepared = sqlite3_prepare_v2(handle_, text.data(), static_cast<int>(text.size()), &raw, &tail);
        const std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> statement(raw, sqlite3_finalize);
        if (prepared == SQLITE_AUTH)
            return fail(ErrorCode::permission_denied,
                        fmt::format("this statement is not allowed: {}{}", sqlite3_errmsg(handle_),
                                    limits_.read_only ? "; the database is open for reading only" : ""));
        if (prepared != SQLITE_OK) return fail(ErrorCode::invalid_argument, sqlite3_errmsg(handle_));
        if (raw == nullptr) return fail(ErrorCode::invalid_argument, "the statement is empty");
        const std::string_view left(tail, static_cast<std::size_t>(text.data() + text.size() - tail));
        if (left.find_first_not_of(" \t\r\n;") != std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "one statement at a time, please");
        Watch watch{Clock::now() + limits_.time, std::move(stop)};
        sqlite3_progress_handler(handle_, 1000, on_progress, &watch);
        auto table = rows(raw, watch);
        sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
        return table;
    }

    Result<std::string> schema() override {
        TENON_TRY(
            const auto table,
            query("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY name",
                  {}));
        std::string out;
        for (const auto& row : table.rows) out += row[0] + ";\n";
        return out;
    }

  private:
    Result<SqlTable> rows(sqlite3_stmt* statement, const Watch& watch) {
        SqlTable out;
        const int columns = sqlite3_column_count(statement);
        for (int c = 0; c < columns; ++c) {
            const char* name = sqlite3_column_name(statement, c);
            out.columns.emplace_back(name != nullptr ? name : "");
        }
        const auto before = sqlite3_total_changes(handle_);
        for (;;) {
            const int code = sqlite3_step(statement);
            if (code == SQLITE_DONE) break;
            if (code == SQLITE_INTERRUPT)
                return watch.late ? fail(ErrorCode::deadline_exceeded,
                                         fmt::format("the statement took longer than {} ms", limits_.time.count()))
                                  : fail(ErrorCode::cancelled, "cancelled by the caller");
            if (code == SQLITE_CORRUPT || code == SQLITE_NOTADB)
                return fail(ErrorCode::corrupt, "the file is damaged, or no SQLite database");
            if (code == SQLITE_NOMEM || code == SQLITE_TOOBIG || code == SQLITE_FULL)
                return fail(ErrorCode::resource_exhausted, sqlite3_errmsg(handle_));
            if (code == SQLITE_READONLY || code == SQLITE_AUTH)
                return fail(ErrorCode::permission_denied, sqlite3_errmsg(handle_));
            if (code != SQLITE_ROW) return fail(ErrorCode::invalid_argument, sqlite3_errmsg(handle_));
            if (out.rows.size() == limits_.max_rows) {
                out.more = true;
                break;
            }
            std::vector<std::string> row;
            for (int c = 0; c < columns; ++c) row.push_back(cell(statement, c));
            out.rows.push_back(std::move(row));
        }
        out.changed = sqlite3_total_changes(handle_) - before;
        return out;
    }

    [[nodiscard]] std::string cell(sqlite3_stmt* statement, int column) const {
        const int type = sqlite3_column_type(statement, column);
        if (type == SQLITE_NULL) return "NULL";
        if (type == SQLITE_BLOB) return fmt::format("({} bytes)", sqlite3_column_bytes(statement, column));
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
        std::string out(text != nullptr ? text : "",
                        text != nullptr ? static_cast<std::size_t>(sqlite3_column_bytes(statement, column)) : 0);
        if (out.size() <= limits_.max_cell_bytes) return out;
        std::size_t cut = limits_.max_cell_bytes;
        while (cut > 0 && (static_cast<unsigned char>(out[cut]) & 0xC0) == 0x80) --cut;
        out.resize(cut);
        return out + "…";
    }

    std::mutex mutex_;
    sqlite3* handle_;
    SqlLimits limits_;
};

}  // namespace

Result<std::shared_ptr<SqlDatabase>> SqlDatabase::open(const std::filesystem::path& file, SqlLimits limits) {
    std::error_code ec;
    if (!std::filesystem::is_regular_file(file, ec))
        return fail(ErrorCode::not_found, fmt::format("there is no database {}", file.string()));
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(
        file.c_str(), &handle, (limits.read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) | SQLITE_OPEN_NOMUTEX,
        nullptr);
    if (code != SQLITE_OK) {
        sqlite3_close_v2(handle);
        return fail(code == SQLITE_PERM || code == SQLITE_CANTOPEN ? ErrorCode::permission_denied : ErrorCode::io,
                    fmt::format("cannot open {}: {}", file.string(), sqlite3_errstr(code)));
    }
    auto database = std::make_shared<Database>(handle, limits);
    // SQLite looks at a file only when it is asked something.
    if (auto schema = database->schema(); !schema)
        return fail(ErrorCode::corrupt, fmt::format("{} is damaged, or no SQLite database", file.string()),
                    schema.error());
    return std::shared_ptr<SqlDatabase>(std::move(database));
}

}  // namespace tenon::store
