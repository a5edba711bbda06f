#include "tenon/store/notebook.hpp"

#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>

#include "store/sqlite.hpp"
#include "tenon/base/file.hpp"

namespace tenon::store {
namespace {

constexpr std::int64_t format_version = 1;
constexpr std::string_view columns = "SELECT id, owner, kind, key, text, vector, created_at FROM note ";

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

class SqliteNotebook final : public Notebook {
  public:
    SqliteNotebook(std::unique_ptr<Connection> connection, std::optional<TemporaryDirectory> folder)
        : folder_(std::move(folder)), connection_(std::move(connection)) {}

    Result<void> prepare() {
        TENON_TRY(const auto version, connection_->integer("PRAGMA user_version"));
        if (version > format_version)
            return fail(ErrorCode::unsupported, "the notebook was written by a newer Tenon; use that one");
        TENON_CHECK(connection_->execute("PRAGMA journal_mode=WAL"));
        TENON_CHECK(connection_->execute("PRAGMA secure_delete=ON"));
        if (version == 0)
            TENON_CHECK(connection_->execute(
                "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT "
                "NOT NULL,"
                " kind TEXT NOT NULL, key TEXT NOT NULL, text TEXT NOT NULL, vector BLOB, created_at INTEGER NOT NULL);"
                "CREATE INDEX IF NOT EXISTS note_owner ON note (owner, kind, id); PRAGMA user_version = 1; COMMIT"));
        return {};
    }

    Result<std::int64_t> add(Note note) override {
        const std::scoped_lock lock(mutex_);
        return insert(note);
    }
    Result<void> add_all(std::span<const Note> notes) override {
        const std::scoped_lock lock(mutex_);
        TENON_CHECK(connection_->execute("BEGIN IMMEDIATE"));
        for (const auto& note : notes) {
            if (auto added = insert(note); !added) {
                (void)connection_->execute("ROLLBACK");
                return std::unexpected(added.error());
            }
        }
        return connection_->execute("COMMIT");
    }
    Result<std::int64_t> put(Note note) override {
        const std::scoped_lock lock(mutex_);
        TENON_CHECK(connection_->execute("BEGIN IMMEDIATE"));
        auto replaced = [&]() -> Result<std::int64_t> {
            TENON_TRY(auto s, connection_->prepare("DELETE FROM note WHERE owner = ? AND kind = ? AND key = ?"));
            s.bind(1, note.owner).bind(2, note.kind).bind(3, note.key);
            TENON_CHECK(s.run());
            return insert(note);
        }();
        if (!replaced) {
            (void)connection_->execute("ROLLBACK");
            return replaced;
        }
        TENON_CHECK(connection_->execute("COMMIT"));
        return replaced;
    }
    Result<std::vector<Note>> list(std::string_view owner, std::string_view kind, std::size_t last) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(
            auto s,
            connection_->prepare(
                std::string(columns) +
                "WHERE id IN (SELECT id FROM note WHERE owner = ? AND kind = ? ORDER BY id DESC LIMIT ?) ORDER BY id"));
        s.bind(1, owner).bind(2, kind).bind(3, last == 0 ? std::int64_t{-1} : static_cast<std::int64_t>(last));
        return all(s);
    }
    Result<bool> remove(std::int64_t id) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("DELETE FROM note WHERE id = ?"));
        s.bind(1, id);
        TENON_CHECK(s.run());
        return connection_->changes() > 0;
    }
    Result<std::int64_t> erase(std::string_view owner) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("DELETE FROM note WHERE owner = ?"));
        s.bind(1, owner);
        TENON_CHECK(s.run());
        const auto gone = connection_->changes();
        // What the log still holds of it goes too.
        TENON_CHECK(connection_->execute("PRAGMA wal_checkpoint(TRUNCATE)"));
        return gone;
    }
    Result<std::vector<Note>> everything(std::string_view owner) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare(std::string(columns) + "WHERE owner = ? ORDER BY id"));
        s.bind(1, owner);
        return all(s);
    }
    Result<std::vector<std::string>> owners() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("SELECT DISTINCT owner FROM note ORDER BY owner"));
        std::vector<std::string> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) return out;
            out.emplace_back(s.text(0));
        }
    }

  private:
    Result<std::int64_t> insert(const Note& note) {
        TENON_TRY(auto s,
                  connection_->prepare(
                      "INSERT INTO note (owner, kind, key, text, vector, created_at) VALUES (?, ?, ?, ?, ?, ?)"));
        s.bind(1, note.owner).bind(2, note.kind).bind(3, note.key).bind(4, note.text);
        s.bind_blob(5, std::as_bytes(std::span(note.vector))).bind(6, now_ms());
        TENON_CHECK(s.run());
        return connection_->last_insert_id();
    }
    static Result<std::vector<Note>> all(Statement& s) {
        std::vector<Note> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) return out;
            Note note{s.integer(0),
                      std::string(s.text(1)),
                      std::string(s.text(2)),
                      std::string(s.text(3)),
                      std::string(s.text(4)),
                      {},
                      s.integer(6)};
            const auto bytes = s.blob(5);
            note.vector.resize(bytes.size() / sizeof(float));
            if (!note.vector.empty()) std::memcpy(note.vector.data(), bytes.data(), note.vector.size() * sizeof(float));
            out.push_back(std::move(note));
        }
    }

    std::optional<TemporaryDirectory> folder_;  // before the connection: it goes last
    std::mutex mutex_;
    std::unique_ptr<Connection> connection_;
};

}  // namespace

Result<std::shared_ptr<Notebook>> Notebook::open(const std::filesystem::path& file) {
    TENON_TRY(auto connection, Connection::open(file, Connection::Mode::create));
    auto book = std::make_shared<SqliteNotebook>(std::move(connection), std::nullopt);
    TENON_CHECK(book->prepare());
    return book;
}

Result<std::shared_ptr<Notebook>> Notebook::temporary() {
    TENON_TRY(auto folder, TemporaryDirectory::create("tenon-notebook-"));
    TENON_TRY(auto connection, Connection::open(folder.path() / "notes.db", Connection::Mode::create));
    auto book = std::make_shared<SqliteNotebook>(std::move(connection), std::move(folder));
    TENON_CHECK(book->prepare());
    return book;
}

}  // namespace tenon::store
