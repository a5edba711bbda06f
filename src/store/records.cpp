#include "tenon/store/records.hpp"

#include <algorithm>
#include <mutex>

#include "store/sqlite.hpp"
#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

constexpr std::int64_t format_version = 1;

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

class SqliteRecords final : public Records {
  public:
    SqliteRecords(std::unique_ptr<Connection> connection, std::optional<TemporaryDirectory> folder, RecordLimits limits)
        : folder_(std::move(folder)), connection_(std::move(connection)), limits_(limits) {}

    Result<void> prepare() {
        TENON_TRY(const auto version, connection_->integer("PRAGMA user_version"));
        if (version > format_version)
            return fail(ErrorCode::unsupported, "these records were written by a newer Tenon; use that one");
        TENON_CHECK(connection_->execute("PRAGMA journal_mode=WAL"));
        TENON_CHECK(connection_->execute("PRAGMA secure_delete=ON"));
        if (version == 0)
            TENON_CHECK(connection_->execute(
                "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS record (id INTEGER PRIMARY KEY AUTOINCREMENT,"
                " owner TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, bytes INTEGER NOT NULL,"
                " created_at INTEGER NOT NULL, UNIQUE (owner, key)); PRAGMA user_version = 1; COMMIT"));
        return {};
    }

    Result<void> put(std::span<const Record> records) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto transaction, Transaction::begin(*connection_, Transaction::Kind::write));
        {
            TENON_TRY(auto s, connection_->prepare("INSERT OR REPLACE INTO record (owner, key, text, bytes, created_at)"
                                                   " VALUES (?, ?, ?, ?, ?)"));
            for (const auto& record : records) {
                s.bind(1, record.owner).bind(2, record.key).bind(3, record.text);
                s.bind(4, static_cast<std::int64_t>(record.text.size())).bind(5, now_ms());
                TENON_CHECK(s.run());
            }
        }
        TENON_CHECK(trim());
        return transaction.commit();
    }

    Result<std::optional<Record>> get(std::string_view owner, std::string_view key) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare(
                              "SELECT text, created_at FROM record WHERE owner = ? AND key = ? AND created_at >= ?"));
        s.bind(1, owner).bind(2, key).bind(3, oldest());
        TENON_TRY(const bool there, s.step());
        if (!there) return std::nullopt;
        return Record{std::string(key), std::string(owner), std::string(s.text(0)), s.integer(1)};
    }

    Result<bool> remove(std::string_view owner, std::string_view key) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("DELETE FROM record WHERE owner = ? AND key = ?"));
        s.bind(1, owner).bind(2, key);
        TENON_CHECK(s.run());
        return connection_->changes() > 0;
    }

    Result<std::size_t> size() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(const auto count, connection_->integer("SELECT count(*) FROM record"));
        return static_cast<std::size_t>(count);
    }

  private:
    [[nodiscard]] std::int64_t oldest() const {
        return now_ms() - std::chrono::duration_cast<std::chrono::milliseconds>(limits_.keep).count();
    }
    /// Records grow with their ids, so the oldest have the smallest.
    Result<void> trim() {
        {
            TENON_TRY(auto s, connection_->prepare("DELETE FROM record WHERE created_at < ?"));
            s.bind(1, oldest());
            TENON_CHECK(s.run());
        }
        for (;;) {
            TENON_TRY(const auto count, connection_->integer("SELECT count(*) FROM record"));
            TENON_TRY(const auto bytes, connection_->integer("SELECT coalesce(sum(bytes), 0) FROM record"));
            const auto most = static_cast<std::int64_t>(limits_.most);
            const bool heavy = static_cast<std::uint64_t>(bytes) > limits_.most_bytes;
            if (count <= most && (!heavy || count <= 1)) return {};
            // A tenth at a time for the bytes, so that sums are few.
            const auto go = std::max(count - most, heavy ? std::max<std::int64_t>(1, count / 10) : 0);
            TENON_TRY(auto s, connection_->prepare(
                                  "DELETE FROM record WHERE id IN (SELECT id FROM record ORDER BY id LIMIT ?)"));
            s.bind(1, go);
            TENON_CHECK(s.run());
        }
    }

    std::optional<TemporaryDirectory> folder_;  // before the connection: it goes last
    std::mutex mutex_;
    std::unique_ptr<Connection> connection_;
    RecordLimits limits_;
};

}  // namespace

Result<std::shared_ptr<Records>> Records::open(const std::filesystem::path& file, RecordLimits limits) {
    TENON_TRY(auto connection, Connection::open(file, Connection::Mode::create));
    auto records = std::make_shared<SqliteRecords>(std::move(connection), std::nullopt, limits);
    TENON_CHECK(records->prepare());
    return records;
}

Result<std::shared_ptr<Records>> Records::temporary(RecordLimits limits) {
    TENON_TRY(auto folder, TemporaryDirectory::create("tenon-records-"));
    TENON_TRY(auto connection, Connection::open(folder.path() / "records.db", Connection::Mode::create));
    auto records = std::make_shared<SqliteRecords>(std::move(connection), std::move(folder), limits);
    TENON_CHECK(records->prepare());
    return records;
}

}  // namespace tenon::store
