#include "tenon/store/ledger.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>
#include <random>

#include "store/sqlite.hpp"
#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

constexpr std::int64_t format_version = 1;

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t whole(std::uint64_t n) { return static_cast<std::int64_t>(std::min<std::uint64_t>(n, INT64_MAX)); }
std::uint64_t natural(std::int64_t n) { return n < 0 ? 0 : static_cast<std::uint64_t>(n); }

constexpr const char* schema =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS spending (day TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, model TEXT NOT "
    "NULL, requests INTEGER NOT NULL, input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL,"
    " picodollars INTEGER NOT NULL, PRIMARY KEY (day, key, team, model)) WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS hold (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL, recovered INTEGER NOT "
    "NULL DEFAULT 0, day TEXT NOT NULL, key TEXT NOT NULL, team TEXT NOT NULL, model TEXT NOT NULL, requests INTEGER "
    "NOT NULL, input INTEGER NOT NULL, cached INTEGER NOT NULL, output INTEGER NOT NULL, picodollars INTEGER NOT NULL);"
    "CREATE TABLE IF NOT EXISTS key (id TEXT PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE, team TEXT NOT NULL, settings "
    "TEXT NOT NULL, created_at INTEGER NOT NULL, revoked_at INTEGER NOT NULL);"
    "PRAGMA user_version = 1; COMMIT";

// Sums stop at the largest number: SQLite would turn them into floating point.
constexpr std::string_view add_sql =
    "INSERT INTO spending (day, key, team, model, requests, input, cached, output, picodollars) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO UPDATE SET requests = requests + ?5, "
    "input = input + ?6, cached = cached + ?7, output = output + ?8, picodollars = CASE WHEN picodollars > "
    "9223372036854775807 - ?9 THEN 9223372036854775807 ELSE picodollars + ?9 END";
constexpr std::string_view hold_sql =
    "INSERT INTO hold (day, key, team, model, requests, input, cached, output, picodollars, owner) "
    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
/// Takes a hold that `recover` has counted back out of the sums.
constexpr std::string_view undo_sql =
    "UPDATE spending SET requests = spending.requests - h.requests, input = spending.input - h.input, cached = "
    "spending.cached - h.cached, output = spending.output - h.output, picodollars = max(0, spending.picodollars - "
    "h.picodollars)"
    " FROM hold AS h WHERE h.id = ? AND h.recovered = 1 AND spending.day = h.day AND spending.key = h.key"
    " AND spending.team = h.team AND spending.model = h.model";

class SqliteLedger final : public Ledger {
  public:
    SqliteLedger(std::unique_ptr<Connection> connection, std::optional<TemporaryDirectory> folder)
        : folder_(std::move(folder)), connection_(std::move(connection)) {
        std::random_device random;
        owner_ = fmt::format("{:08x}{:08x}", random(), random());
    }

    Result<void> prepare() {
        TENON_TRY(const auto version, connection_->integer("PRAGMA user_version"));
        if (version > format_version)
            return fail(ErrorCode::unsupported, "the ledger was written by a newer Tenon; use that one");
        TENON_CHECK(connection_->execute("PRAGMA journal_mode=WAL"));
        if (version == 0) TENON_CHECK(connection_->execute(schema));
        const auto make = [&](std::unique_ptr<Statement>& out, std::string_view sql) -> Result<void> {
            TENON_TRY(auto statement, connection_->prepare(sql));
            out = std::make_unique<Statement>(std::move(statement));
            return {};
        };
        TENON_CHECK(make(add_, add_sql));
        TENON_CHECK(make(hold_, hold_sql));
        TENON_CHECK(make(undo_, undo_sql));
        return make(drop_, "DELETE FROM hold WHERE id = ?");
    }

    Result<std::int64_t> hold(const Spending& most) override {
        const std::scoped_lock lock(mutex_);
        bind(*hold_, most).bind(10, owner_);
        TENON_CHECK(hold_->run());
        return connection_->last_insert_id();
    }
    Result<void> settle(std::int64_t hold, const Spending& actual) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto transaction, Transaction::begin(*connection_, Transaction::Kind::write));
        TENON_CHECK(close(hold));
        TENON_CHECK(insert(actual));
        return transaction.commit();
    }
    Result<void> release(std::int64_t hold) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto transaction, Transaction::begin(*connection_, Transaction::Kind::write));
        TENON_CHECK(close(hold));
        return transaction.commit();
    }
    Result<void> add(const Spending& spending) override {
        const std::scoped_lock lock(mutex_);
        return insert(spending);
    }
    Result<std::int64_t> recover() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto transaction, Transaction::begin(*connection_, Transaction::Kind::write));
        TENON_TRY(auto gone, connection_->prepare("DELETE FROM hold WHERE recovered = 1 AND owner != ?"));
        gone.bind(1, owner_);
        TENON_CHECK(gone.run());
        std::vector<Spending> left;
        {
            TENON_TRY(auto s,
                      connection_->prepare("SELECT day, key, team, model, requests, input, cached, output, picodollars "
                                           "FROM hold WHERE recovered = 0 AND owner != ?"));
            s.bind(1, owner_);
            TENON_TRY(left, all(s));
        }
        for (const auto& spending : left) TENON_CHECK(insert(spending));
        TENON_TRY(auto mark, connection_->prepare("UPDATE hold SET recovered = 1 WHERE owner != ?"));
        mark.bind(1, owner_);
        TENON_CHECK(mark.run());
        TENON_CHECK(transaction.commit());
        return static_cast<std::int64_t>(left.size());
    }

    Result<std::vector<Spending>> spending(const SpendingFilter& filter) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare(
                              "SELECT day, key, team, model, requests, input, cached, output, picodollars FROM "
                              "spending WHERE (?1 = '' OR day >= ?1) AND (?2 = '' OR day <= ?2) AND (?3 = '' OR key = "
                              "?3) AND (?4 = '' OR team = ?4) AND (?5 = '' OR model = ?5) ORDER BY day, key, model"));
        s.bind(1, filter.since).bind(2, filter.until).bind(3, filter.key).bind(4, filter.team).bind(5, filter.model);
        return all(s);
    }

    Result<void> add_key(KeyRecord key) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto transaction, Transaction::begin(*connection_, Transaction::Kind::write));
        {
            TENON_TRY(auto there, connection_->prepare("SELECT 1 FROM key WHERE id = ? OR sha256 = ?"));
            there.bind(1, key.id).bind(2, key.sha256);
            TENON_TRY(const bool taken, there.step());
            if (taken)
                return fail(ErrorCode::already_exists,
                            fmt::format("there is a key named '{}' already; choose another name", key.id));
        }
        TENON_TRY(auto s, connection_->prepare("INSERT INTO key VALUES (?, ?, ?, ?, ?, 0)"));
        s.bind(1, key.id).bind(2, key.sha256).bind(3, key.team).bind(4, key.settings).bind(5, now_ms());
        TENON_CHECK(s.run());
        ++own_changes_;
        return transaction.commit();
    }
    Result<std::vector<KeyRecord>> keys() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("SELECT id, sha256, team, settings, created_at, revoked_at FROM key "
                                               "ORDER BY created_at, id"));
        std::vector<KeyRecord> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) return out;
            out.push_back({std::string(s.text(0)), std::string(s.text(1)), std::string(s.text(2)),
                           std::string(s.text(3)), s.integer(4), s.integer(5)});
        }
    }
    Result<void> revoke_key(std::string_view id) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("UPDATE key SET revoked_at = ? WHERE id = ? AND revoked_at = 0"));
        s.bind(1, now_ms()).bind(2, id);
        TENON_CHECK(s.run());
        if (connection_->changes() == 0)
            return fail(ErrorCode::not_found, fmt::format("there is no key named '{}' in use", id));
        ++own_changes_;
        return {};
    }
    Result<std::int64_t> version() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(const auto others, connection_->integer("PRAGMA data_version"));
        return others + own_changes_;
    }

  private:
    static Statement& bind(Statement& s, const Spending& p) {
        return s.bind(1, p.day)
            .bind(2, p.key)
            .bind(3, p.team)
            .bind(4, p.model)
            .bind(5, whole(p.requests))
            .bind(6, whole(p.input_tokens))
            .bind(7, whole(p.cached_input_tokens))
            .bind(8, whole(p.output_tokens))
            .bind(9, whole(p.picodollars));
    }
    Result<void> insert(const Spending& spending) {
        bind(*add_, spending);
        return add_->run();
    }
    Result<void> close(std::int64_t hold) {
        undo_->bind(1, hold);
        TENON_CHECK(undo_->run());
        drop_->bind(1, hold);
        return drop_->run();
    }
    static Result<std::vector<Spending>> all(Statement& s) {
        std::vector<Spending> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) return out;
            out.push_back({std::string(s.text(0)), std::string(s.text(1)), std::string(s.text(2)),
                           std::string(s.text(3)), natural(s.integer(4)), natural(s.integer(5)), natural(s.integer(6)),
                           natural(s.integer(7)), natural(s.integer(8))});
        }
    }

    std::optional<TemporaryDirectory> folder_;  // before the connection: it goes last
    std::mutex mutex_;
    std::string owner_;
    std::int64_t own_changes_ = 0;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Statement> add_, hold_, undo_, drop_;  // after the connection: they go first
};

}  // namespace

Result<std::shared_ptr<Ledger>> Ledger::open(const std::filesystem::path& file) {
    TENON_TRY(auto connection, Connection::open(file, Connection::Mode::create));
    auto ledger = std::make_shared<SqliteLedger>(std::move(connection), std::nullopt);
    TENON_CHECK(ledger->prepare());
    return ledger;
}

Result<std::shared_ptr<Ledger>> Ledger::temporary() {
    TENON_TRY(auto folder, TemporaryDirectory::create("tenon-ledger-"));
    TENON_TRY(auto connection, Connection::open(folder.path() / "ledger.db", Connection::Mode::create));
    auto ledger = std::make_shared<SqliteLedger>(std::move(connection), std::move(folder));
    TENON_CHECK(ledger->prepare());
    return ledger;
}

}  // namespace tenon::store
