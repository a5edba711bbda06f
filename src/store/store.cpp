#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "store/sqlite_knowledge_base.hpp"

namespace tenon::store {
namespace {

std::string describe(std::string_view model, std::size_t dimension) {
    if (model.empty()) return "no embedding model";
    return fmt::format("the embedding model {} ({} numbers)", model, dimension);
}

class SqliteStore final : public Store {
  public:
    explicit SqliteStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

    Result<std::shared_ptr<KnowledgeBase>> get(std::string_view name) override {
        TENON_TRY(const auto key, normalized_name(name));
        auto base = open(key);
        if (!base && base.error().code() == ErrorCode::not_found) return std::unexpected(missing(key));
        if (!base) return std::unexpected(base.error());
        return std::shared_ptr<KnowledgeBase>(*base);
    }

    Result<std::shared_ptr<KnowledgeBase>> create(std::string_view name, std::string_view embedding_model,
                                                  std::size_t dimension) override {
        TENON_TRY(const auto key, normalized_name(name));
        if (embedding_model.empty() != (dimension == 0))
            return fail(ErrorCode::invalid_argument,
                        "a knowledge base has an embedding model and the dimension of its vectors, or neither");
        auto base = open(key);
        if (!base && base.error().code() == ErrorCode::not_found) {
            {
                TENON_TRY(auto connection, Connection::open(file(key), Connection::Mode::create));
                TENON_CHECK(create_schema(*connection, {key, std::string(embedding_model), dimension}));
            }
            base = open(key);
        }
        if (!base) return std::unexpected(base.error());
        const Settings& made = (*base)->settings();
        if (made.embedding_model != embedding_model || made.dimension != dimension)
            return fail(
                ErrorCode::invalid_argument,
                fmt::format("the knowledge base {} was made with {}, not with {}; use that one, or remove the base "
                            "(tenon kb remove {}) and index again",
                            key, describe(made.embedding_model, made.dimension), describe(embedding_model, dimension),
                            key));
        return std::shared_ptr<KnowledgeBase>(*base);
    }

    Result<std::vector<KnowledgeBaseInfo>> list() override {
        TENON_TRY(const auto all, names());
        std::vector<KnowledgeBaseInfo> out;
        for (const std::string& name : all) {
            auto base = open(name);
            if (!base && base.error().code() == ErrorCode::not_found) continue;  // being made, or just removed
            auto info = base ? (*base)->info() : Result<KnowledgeBaseInfo>(std::unexpected(base.error()));
            if (info) {
                out.push_back(std::move(*info));
            } else if (info.error().code() != ErrorCode::not_found) {
                KnowledgeBaseInfo& broken = out.emplace_back();
                broken.name = name;
                broken.problem = info.error().describe();
                std::error_code ignored;
                const auto size = std::filesystem::file_size(file(name), ignored);
                if (!ignored) broken.bytes = size;
            }
        }
        return out;
    }

    Result<void> remove(std::string_view name) override {
        TENON_TRY(const auto key, normalized_name(name));
        const auto path = file(key);
        std::error_code error;
        if (!std::filesystem::exists(path, error)) return std::unexpected(missing(key));
        // Holding the write lock, nobody is in the middle of a change; a file too damaged to lock goes anyway.
        auto connection = Connection::open(path, Connection::Mode::read_write);
        std::optional<Transaction> transaction;
        if (connection && !(*connection)->read_only()) {
            auto begun = Transaction::begin(**connection, Transaction::Kind::write);
            if (!begun && begun.error().code() == ErrorCode::unavailable) return std::unexpected(begun.error());
            if (begun) transaction.emplace(std::move(*begun));
        }
        const std::lock_guard lock(mutex_);
        open_.erase(key);
        std::filesystem::remove(path, error);
        if (error)
            return fail(error == std::errc::permission_denied || error == std::errc::operation_not_permitted
                            ? ErrorCode::permission_denied
                            : ErrorCode::io,
                        fmt::format("cannot remove {}: {}", path.string(), error.message()));
        // SQLite ignores a log without its database, so dying here leaves nothing that matters.
        for (const char* suffix : {"-wal", "-shm", "-journal"}) {
            auto part = path;
            part += suffix;
            std::filesystem::remove(part, error);
        }
        return {};
    }

  private:
    [[nodiscard]] std::filesystem::path file(const std::string& name) const {
        return folder_ / (name + std::string(file_extension));
    }

    Result<std::shared_ptr<SqliteKnowledgeBase>> open(const std::string& name) {
        const std::lock_guard lock(mutex_);
        if (const auto found = open_.find(name); found != open_.end()) {
            if (auto base = found->second.lock(); base && base->current()) return base;
            open_.erase(found);
        }
        TENON_TRY(auto base, SqliteKnowledgeBase::open(file(name)));
        open_[name] = base;
        return base;
    }

    Result<std::vector<std::string>> names() const {
        std::vector<std::string> out;
        std::error_code error;
        for (std::filesystem::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error)) {
            const auto& path = it->path();
            if (path.extension() == file_extension && it->is_regular_file(error)) out.push_back(path.stem().string());
        }
        if (error) return fail(ErrorCode::io, fmt::format("cannot list {}: {}", folder_.string(), error.message()));
        std::ranges::sort(out);
        return out;
    }

    Error missing(const std::string& name) const {
        const auto known = names();
        if (!known || known->empty())
            return {ErrorCode::not_found, fmt::format("there is no knowledge base \"{}\", nor any other; make one with "
                                                      "tenon index PATH --into {}",
                                                      name, name)};
        return {ErrorCode::not_found,
                fmt::format("there is no knowledge base \"{}\"; there is: {}", name, fmt::join(*known, ", "))};
    }

    std::filesystem::path folder_;
    std::mutex mutex_;
    std::map<std::string, std::weak_ptr<SqliteKnowledgeBase>, std::less<>> open_;
};

}  // namespace

Result<std::unique_ptr<Store>> Store::open(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error || !std::filesystem::is_directory(folder))
        return fail(error == std::errc::permission_denied || error == std::errc::read_only_file_system
                        ? ErrorCode::permission_denied
                        : ErrorCode::io,
                    fmt::format("cannot make the folder {}: {}", folder.string(),
                                error ? error.message() : std::string("something else has its name")));
    return std::make_unique<SqliteStore>(folder);
}

}  // namespace tenon::store
