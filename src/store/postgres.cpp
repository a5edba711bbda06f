// PostgreSQL through libpq (www.postgresql.org/docs/current/libpq.html).
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "tenon/base/utf8.hpp"
#include "tenon/store/sql.hpp"

namespace tenon::store {
namespace {

using Clock = std::chrono::steady_clock;

struct CloseConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct ClearResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, CloseConnection>;
using Answer = std::unique_ptr<PGresult, ClearResult>;

std::string one_line(const char* text) {
    std::string out = utf8::sanitize(text != nullptr ? text : "");
    std::ranges::replace(out, '\n', ' ');
    while (out.ends_with(' ')) out.pop_back();
    return out;
}

/// What the server says of a statement (appendix "PostgreSQL Error Codes").
Error error_of(const PGresult* result, const PGconn* connection) {
    const char* state = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view code = state != nullptr ? state : "";
    if (code.empty()) return {ErrorCode::unavailable, "the database is gone: " + one_line(PQerrorMessage(connection))};
    std::string message = one_line(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY));
    if (const char* hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT)) message += "; " + one_line(hint);
    if (code == "25006" || code == "42501") return {ErrorCode::permission_denied, std::move(message)};
    if (code == "57014") return {ErrorCode::deadline_exceeded, std::move(message)};
    if (code.starts_with("53")) return {ErrorCode::resource_exhausted, std::move(message)};
    if (code.starts_with("08") || code.starts_with("57P")) return {ErrorCode::unavailable, std::move(message)};
    return {ErrorCode::invalid_argument, std::move(message)};
}

class Postgres final : public SqlDatabase {
  public:
    /// `options`: what the connection string gives the session besides.
    Postgres(std::string connection, std::string options, SqlLimits limits)
        : where_(std::move(connection)), options_(std::move(options)), limits_(limits) {}

    Result<void> connect() {
        // What the session is told at its beginning is what it falls back to. The application's name shows who asks.
        const std::string options = fmt::format("{} -c statement_timeout={} -c default_transaction_read_only={}",
                                                options_, limits_.time.count(), limits_.read_only ? "on" : "off");
        const char* const names[] = {"dbname",          "options",          "connect_timeout",
                                     "client_encoding", "application_name", nullptr};
        const char* const values[] = {where_.c_str(), options.c_str(), "10", "UTF8", "tenon", nullptr};
        connection_.reset(PQconnectdbParams(names, values, 1));
        if (!connection_) return fail(ErrorCode::resource_exhausted, "there is no memory for a connection");
        if (PQstatus(connection_.get()) != CONNECTION_OK) {
            auto message = one_line(PQerrorMessage(connection_.get()));
            connection_.reset();
            return fail(ErrorCode::unavailable, "cannot connect to the database: " + message);
        }
        PQsetNoticeProcessor(
            connection_.get(), [](void*, const char*) {}, nullptr);
        return {};
    }

    Result<SqlTable> query(std::string_view statement, std::stop_token stop) override {
        const std::scoped_lock lock(mutex_);
        if (statement.find('\0') != std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "the statement holds a NUL character");
        if (statement.find_first_not_of(" \t\r\n;") == std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "there is no statement");
        TENON_CHECK(wake());
        const Patience patience{Clock::now() + limits_.time, std::move(stop)};
        auto table =
            limits_.read_only ? read(std::string(statement), patience) : write(std::string(statement), patience);
        // Nothing of this statement is left behind, whatever it was.
        if (PQstatus(connection_.get()) == CONNECTION_OK && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE)
            (void)run("ROLLBACK", {Clock::now() + std::chrono::seconds(5), {}}, 0);
        if (limits_.read_only && PQstatus(connection_.get()) == CONNECTION_OK)
            (void)run("DISCARD ALL", {Clock::now() + std::chrono::seconds(5), {}}, 0);
        return table;
    }

    Result<std::string> schema() override {
        const std::scoped_lock lock(mutex_);
        TENON_CHECK(wake());
        const Patience patience{Clock::now() + limits_.time, {}};
        TENON_TRY(const auto table, run(R"(
            SELECT CASE WHEN n.nspname = 'public' THEN quote_ident(c.relname)
                        ELSE quote_ident(n.nspname) || '.' || quote_ident(c.relname) END,
                   string_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                              || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END, ', ' ORDER BY a.attnum)
            FROM pg_catalog.pg_class c
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            WHERE c.relkind IN ('r', 'v', 'm', 'f', 'p') AND a.attnum > 0 AND NOT a.attisdropped
              AND n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
              AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
            GROUP BY n.nspname, c.relname ORDER BY n.nspname, c.relname)",
                                        patience, 10'000, std::size_t{64} << 10));
        std::string out;
        for (const auto& row : table.rows) out += fmt::format("CREATE TABLE {}({});\n", row[0], row[1]);
        return out;
    }

  private:
    struct Patience {
        Clock::time_point until;
        std::stop_token stop;
    };

    Result<void> wake() {
        if (connection_ && PQstatus(connection_.get()) == CONNECTION_OK &&
            PQtransactionStatus(connection_.get()) == PQTRANS_IDLE)
            return {};
        return connect();
    }

    /// The cursor's grammar takes nothing but a query, the transaction nothing that writes; and once it has seen data
    /// its access mode cannot be changed any more.
    Result<SqlTable> read(const std::string& statement, const Patience& patience) {
        TENON_CHECK(run("BEGIN READ ONLY", patience, 0));
        TENON_CHECK(run("SELECT 1", patience, 1));
        // The line break ends a comment that the statement may end with.
        auto opened = run("DECLARE tenon_rows NO SCROLL CURSOR FOR\n" + statement + "\n", patience, 0);
        if (!opened) {
            const auto& error = opened.error();
            if (std::exchange(is_syntax_error_, false))
                return fail(error.code(),
                            error.message() + " (reading only, a statement is one SELECT, VALUES, TABLE or WITH)");
            return std::unexpected(error);
        }
        return run(fmt::format("FETCH FORWARD {} FROM tenon_rows", limits_.max_rows + 1), patience, limits_.max_rows);
    }
    Result<SqlTable> write(const std::string& statement, const Patience& patience) {
        TENON_CHECK(run("BEGIN", patience, 0));
        TENON_TRY(auto table, run(statement, patience, limits_.max_rows));
        TENON_CHECK(run("COMMIT", patience, 0));
        return table;
    }

    /// The server stops what it is doing; its answer to the statement is then an error, and is read as any other.
    void interrupt() {
        if (PGcancel* cancel = PQgetCancel(connection_.get())) {
            char message[256];
            PQcancel(cancel, message, sizeof message);
            PQfreeCancel(cancel);
        }
    }

    /// One statement by the extended protocol, which refuses several; rows as they come.
    Result<SqlTable> run(const std::string& statement, const Patience& patience, std::size_t max_rows,
                         std::size_t max_cell = 0) {
        PGconn* const c = connection_.get();
        if (PQsendQueryParams(c, statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0) == 0)
            return std::unexpected(error_of(nullptr, c));
        PQsetSingleRowMode(c);
        SqlTable out;
        std::optional<Error> error;
        bool late = false, stopped = false;
        const auto give_up = [&](bool& why) {
            if (!late && !stopped) interrupt();
            why = true;
        };
        for (;;) {
            while (PQisBusy(c) != 0) {
                if (!late && Clock::now() >= patience.until) give_up(late);
                if (!stopped && patience.stop.stop_requested()) give_up(stopped);
                // A server that does not even end when it is told to is left.
                if (late && Clock::now() >= patience.until + std::chrono::seconds(5)) {
                    connection_.reset();
                    return fail(ErrorCode::deadline_exceeded, "the database does not answer any more");
                }
                pollfd ready{PQsocket(c), POLLIN, 0};
                if (::poll(&ready, 1, 50) > 0 && PQconsumeInput(c) == 0) break;
            }
            const Answer answer(PQgetResult(c));
            if (!answer) break;
            switch (PQresultStatus(answer.get())) {
                case PGRES_SINGLE_TUPLE:
                case PGRES_TUPLES_OK:
                    take(*answer, max_rows, max_cell == 0 ? limits_.max_cell_bytes : max_cell, out);
                    break;
                case PGRES_COMMAND_OK:
                    out.changed = std::atoll(PQcmdTuples(answer.get()));
                    break;
                case PGRES_COPY_IN:
                case PGRES_COPY_OUT:
                case PGRES_COPY_BOTH:
                    // There is no way back from a copy but through it.
                    connection_.reset();
                    return fail(ErrorCode::permission_denied, "COPY is not for here");
                default:
                    if (!error) {
                        error = error_of(answer.get(), c);
                        const char* state = PQresultErrorField(answer.get(), PG_DIAG_SQLSTATE);
                        is_syntax_error_ = state != nullptr && std::string_view(state) == "42601";
                    }
                    break;
            }
            if (PQstatus(c) != CONNECTION_OK) break;
        }
        if (stopped) return fail(ErrorCode::cancelled, "the query was stopped");
        if (late || (error && error->code() == ErrorCode::deadline_exceeded))
            return fail(ErrorCode::deadline_exceeded,
                        fmt::format("the query took longer than {} ms and was stopped", limits_.time.count()));
        if (error) return std::unexpected(std::move(*error));
        if (PQstatus(c) != CONNECTION_OK) return std::unexpected(error_of(nullptr, c));
        return out;
    }

    static void take(const PGresult& answer, std::size_t max_rows, std::size_t max_cell, SqlTable& out) {
        const int columns = PQnfields(&answer);
        if (out.columns.empty())
            for (int i = 0; i < columns; ++i) out.columns.emplace_back(utf8::sanitize(PQfname(&answer, i)));
        for (int row = 0; row < PQntuples(&answer); ++row) {
            if (out.rows.size() >= max_rows) {
                out.more = true;
                return;
            }
            auto& cells = out.rows.emplace_back();
            for (int i = 0; i < columns; ++i) {
                if (PQgetisnull(&answer, row, i) != 0) {
                    cells.emplace_back("NULL");
                    continue;
                }
                std::string cell(PQgetvalue(&answer, row, i), static_cast<std::size_t>(PQgetlength(&answer, row, i)));
                if (cell.size() > max_cell) {
                    std::size_t cut = max_cell;
                    while (cut > 0 && (static_cast<unsigned char>(cell[cut]) & 0xC0) == 0x80) --cut;
                    cell.resize(cut);
                    cell += "…";
                }
                cells.push_back(utf8::sanitize(cell));
            }
        }
    }

    const std::string where_, options_;
    const SqlLimits limits_;
    std::mutex mutex_;
    Connection connection_;
    bool is_syntax_error_ = false;  ///< the last failure
};

}  // namespace

Result<std::shared_ptr<SqlDatabase>> open_postgres(const std::string& connection, SqlLimits limits) {
    char* fault = nullptr;
    auto* parsed = PQconninfoParse(connection.c_str(), &fault);
    if (parsed == nullptr) {
        std::string why = one_line(fault);
        PQfreemem(fault);
        return fail(ErrorCode::invalid_argument, "this is no address of a PostgreSQL database: " + why);
    }
    std::string options;
    for (const auto* o = parsed; o->keyword != nullptr; ++o)
        if (std::string_view(o->keyword) == "options" && o->val != nullptr) options = o->val;
    PQconninfoFree(parsed);
    auto database = std::make_shared<Postgres>(connection, std::move(options), limits);
    TENON_CHECK(database->connect());
    return database;
}

}  // namespace tenon::store
