#include "store/pool.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

namespace tenon::store {
namespace {
constexpr std::size_t max_idle = 8;
}

Result<ConnectionPool::Lease> ConnectionPool::acquire() {
    struct stat found {};
    std::vector<std::unique_ptr<Connection>> outdated;
    std::uint64_t epoch = 0;
    {
        const std::lock_guard lock(mutex_);
        if (::stat(file_.c_str(), &found) != 0) {
            outdated.swap(idle_);
            inode_ = 0;
            return fail(ErrorCode::not_found, fmt::format("the knowledge base {} was removed", file_.stem().string()));
        }
        if (found.st_dev != device_ || found.st_ino != inode_) {
            outdated.swap(idle_);
            device_ = found.st_dev;
            inode_ = found.st_ino;
            ++epoch_;
        }
        epoch = epoch_;
        if (!idle_.empty()) {
            auto connection = std::move(idle_.back());
            idle_.pop_back();
            return Lease(*this, std::move(connection), epoch);
        }
    }
    TENON_TRY(auto connection, Connection::open(file_, Connection::Mode::read_write));
    return Lease(*this, std::move(connection), epoch);
}

void ConnectionPool::give_back(std::unique_ptr<Connection> connection, std::uint64_t epoch) {
    const std::lock_guard lock(mutex_);
    if (epoch == epoch_ && idle_.size() < max_idle) idle_.push_back(std::move(connection));
}

}  // namespace tenon::store
