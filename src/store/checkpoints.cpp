#include "tenon/store/checkpoints.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

#include "store/sqlite.hpp"

namespace tenon::store {
namespace {

std::int64_t now_ms() {
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

Error no_run(std::string_view run) { return {ErrorCode::not_found, fmt::format("there is no run named '{}'", run)}; }
Error no_checkpoint(std::string_view run, std::int64_t id) {
    return {ErrorCode::not_found, fmt::format("the run '{}' has no checkpoint {}", run, id)};
}

class InMemory final : public Checkpoints {
  public:
    Result<std::int64_t> save(Checkpoint checkpoint) override {
        const std::scoped_lock lock(mutex_);
        checkpoint.id = ++last_;
        checkpoint.created_at = now_ms();
        auto& run = runs_[checkpoint.run];
        run.push_back(std::move(checkpoint));
        return last_;
    }
    Result<Checkpoint> latest(std::string_view run) override {
        const std::scoped_lock lock(mutex_);
        const auto at = runs_.find(run);
        if (at == runs_.end()) return std::unexpected(no_run(run));
        return at->second.back();
    }
    Result<Checkpoint> load(std::string_view run, std::int64_t id) override {
        const std::scoped_lock lock(mutex_);
        const auto at = runs_.find(run);
        if (at == runs_.end()) return std::unexpected(no_run(run));
        const auto found = std::ranges::find(at->second, id, &Checkpoint::id);
        if (found == at->second.end()) return std::unexpected(no_checkpoint(run, id));
        return *found;
    }
    Result<std::vector<Checkpoint>> history(std::string_view run) override {
        const std::scoped_lock lock(mutex_);
        const auto at = runs_.find(run);
        if (at == runs_.end()) return std::unexpected(no_run(run));
        std::vector<Checkpoint> out;
        for (const auto& c : at->second) out.push_back({c.run, c.id, c.parent, c.label, {}, c.created_at});
        return out;
    }
    Result<std::vector<Run>> runs() override {
        const std::scoped_lock lock(mutex_);
        std::vector<Run> out;
        for (const auto& [name, all] : runs_)
            out.push_back({name, static_cast<std::int64_t>(all.size()), all.back().created_at});
        std::ranges::stable_sort(out, std::ranges::greater{}, &Run::updated_at);
        return out;
    }
    Result<std::int64_t> erase(std::string_view run, std::size_t keep) override {
        const std::scoped_lock lock(mutex_);
        const auto at = runs_.find(run);
        if (at == runs_.end()) return 0;
        const std::size_t gone = at->second.size() - std::min(keep, at->second.size());
        at->second.erase(at->second.begin(), at->second.begin() + static_cast<std::ptrdiff_t>(gone));
        if (at->second.empty()) runs_.erase(at);
        return static_cast<std::int64_t>(gone);
    }

  private:
    std::mutex mutex_;
    std::map<std::string, std::vector<Checkpoint>, std::less<>> runs_;
    std::int64_t last_ = 0;
};

constexpr std::int64_t format_version = 1;

class InFile final : public Checkpoints {
  public:
    explicit InFile(std::unique_ptr<Connection> connection) : connection_(std::move(connection)) {}

    Result<void> prepare() {
        TENON_TRY(const auto version, connection_->integer("PRAGMA user_version"));
        if (version > format_version)
            return fail(ErrorCode::unsupported, "the checkpoints were written by a newer Tenon; use that one");
        TENON_CHECK(connection_->execute("PRAGMA journal_mode=WAL"));
        // Moving the log into the file waits for the disk, so it is done for 16 MB at a time.
        TENON_CHECK(connection_->execute("PRAGMA wal_autocheckpoint=4000"));
        if (version == 0)
            TENON_CHECK(connection_->execute(
                "BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS checkpoint (id INTEGER PRIMARY KEY AUTOINCREMENT, run "
                "TEXT NOT NULL,"
                " parent INTEGER NOT NULL, label TEXT NOT NULL, created_at INTEGER NOT NULL, state TEXT NOT NULL);"
                "CREATE INDEX IF NOT EXISTS checkpoint_run ON checkpoint (run, id); PRAGMA user_version = 1; COMMIT"));
        TENON_TRY(auto insert,
                  connection_->prepare(
                      "INSERT INTO checkpoint (run, parent, label, created_at, state) VALUES (?, ?, ?, ?, ?)"));
        insert_ = std::make_unique<Statement>(std::move(insert));
        return {};
    }

    Result<std::int64_t> save(Checkpoint c) override {
        const std::scoped_lock lock(mutex_);
        insert_->bind(1, c.run).bind(2, c.parent).bind(3, c.label).bind(4, now_ms()).bind(5, c.state);
        TENON_CHECK(insert_->run());
        return connection_->last_insert_id();
    }
    Result<Checkpoint> latest(std::string_view run) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s,
                  connection_->prepare("SELECT id, parent, label, created_at, state FROM checkpoint WHERE run = ? "
                                       "ORDER BY id DESC LIMIT 1"));
        s.bind(1, run);
        return one(s, run, no_run(run));
    }
    Result<Checkpoint> load(std::string_view run, std::int64_t id) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare(
                              "SELECT id, parent, label, created_at, state FROM checkpoint WHERE run = ? AND id = ?"));
        s.bind(1, run).bind(2, id);
        return one(s, run, no_checkpoint(run, id));
    }
    Result<std::vector<Checkpoint>> history(std::string_view run) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare(
                              "SELECT id, parent, label, created_at, '' FROM checkpoint WHERE run = ? ORDER BY id"));
        s.bind(1, run);
        std::vector<Checkpoint> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) break;
            out.push_back(read(s, run));
        }
        if (out.empty()) return std::unexpected(no_run(run));
        return out;
    }
    Result<std::vector<Run>> runs() override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("SELECT run, count(*), max(created_at) FROM checkpoint GROUP BY run "
                                               "ORDER BY max(id) DESC"));
        std::vector<Run> out;
        for (;;) {
            TENON_TRY(const bool row, s.step());
            if (!row) return out;
            out.push_back({std::string(s.text(0)), s.integer(1), s.integer(2)});
        }
    }
    Result<std::int64_t> erase(std::string_view run, std::size_t keep) override {
        const std::scoped_lock lock(mutex_);
        TENON_TRY(auto s, connection_->prepare("DELETE FROM checkpoint WHERE run = ?1 AND id NOT IN "
                                               "(SELECT id FROM checkpoint WHERE run = ?1 ORDER BY id DESC LIMIT ?2)"));
        s.bind(1, run).bind(2, static_cast<std::int64_t>(keep));
        TENON_CHECK(s.run());
        return connection_->changes();
    }

  private:
    static Checkpoint read(const Statement& s, std::string_view run) {
        return {std::string(run),       s.integer(0),           s.integer(1),
                std::string(s.text(2)), std::string(s.text(4)), s.integer(3)};
    }
    static Result<Checkpoint> one(Statement& s, std::string_view run, Error missing) {
        TENON_TRY(const bool row, s.step());
        if (!row) return std::unexpected(std::move(missing));
        return read(s, run);
    }

    std::mutex mutex_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Statement> insert_;  // after the connection: it goes first
};

}  // namespace

std::shared_ptr<Checkpoints> Checkpoints::in_memory() { return std::make_shared<InMemory>(); }

Result<std::shared_ptr<Checkpoints>> Checkpoints::open(const std::filesystem::path& file) {
    TENON_TRY(auto connection, Connection::open(file, Connection::Mode::create));
    auto store = std::make_shared<InFile>(std::move(connection));
    TENON_CHECK(store->prepare());
    return store;
}

}  // namespace tenon::store
