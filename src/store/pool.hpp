// Connections to one file, shared by threads; notices when the file is removed or replaced.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "store/sqlite.hpp"

namespace tenon::store {

/// Thread-safe.
class ConnectionPool {
  public:
    /// Gives the connection back when it dies.
    class Lease {
      public:
        Lease(ConnectionPool& pool, std::unique_ptr<Connection> connection, std::uint64_t epoch)
            : pool_(&pool), connection_(std::move(connection)), epoch_(epoch) {}
        Lease(Lease&&) noexcept = default;
        Lease& operator=(Lease&&) = delete;
        ~Lease() {
            if (connection_) pool_->give_back(std::move(connection_), epoch_);
        }
        [[nodiscard]] Connection& operator*() const noexcept { return *connection_; }
        [[nodiscard]] Connection* operator->() const noexcept { return connection_.get(); }
        /// Changes when another file took the place of the one opened before.
        [[nodiscard]] std::uint64_t epoch() const noexcept { return epoch_; }

      private:
        ConnectionPool* pool_;
        std::unique_ptr<Connection> connection_;
        std::uint64_t epoch_;
    };

    explicit ConnectionPool(std::filesystem::path file) : file_(std::move(file)) {}
    /// Errors: not_found (the file was removed), those of Connection::open.
    [[nodiscard]] Result<Lease> acquire();
    [[nodiscard]] const std::filesystem::path& file() const noexcept { return file_; }

  private:
    void give_back(std::unique_ptr<Connection> connection, std::uint64_t epoch);

    std::filesystem::path file_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Connection>> idle_;
    dev_t device_ = 0;
    ino_t inode_ = 0;
    std::uint64_t epoch_ = 0;
};

}  // namespace tenon::store
