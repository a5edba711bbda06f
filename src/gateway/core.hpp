// What the calls of one gateway share.
#pragma once

#include <map>
#include <mutex>
#include <random>
#include <string>

#include "gateway/answer_cache.hpp"
#include "gateway/board.hpp"
#include "gateway/keys.hpp"
#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

struct Gateway::Core {
    explicit Core(Options chosen)
        : options(std::move(chosen)),
          limiter(options.clocks),
          board(limiter, options.breaker),
          keys(limiter, options.ledger),
          cache(options.cache, options.clocks) {}

    Options options;
    std::vector<Route> routes;
    Limiter limiter;
    Board board;
    KeyRing keys;
    AnswerCache cache;

    std::mutex mutex;  // of what follows
    std::map<std::pair<std::string, std::string>, Counts::Calls> calls;
    Counts counts;
    std::minstd_rand random{std::random_device{}()};

    /// Errors: permission_denied.
    [[nodiscard]] Result<void> may_use(const Key* key, std::string_view name) const;
    void count(const std::string& alias, const std::string& deployment, auto change) {
        const std::scoped_lock lock(mutex);
        auto& calls_of = calls[{alias, deployment}];
        change(calls_of);
    }
    void count(std::uint64_t Counts::*what) {
        const std::scoped_lock lock(mutex);
        ++(counts.*what);
    }
    double uniform() {
        const std::scoped_lock lock(mutex);
        return std::uniform_real_distribution<double>(0.0, 1.0)(random);
    }
};
using CorePtr = std::shared_ptr<Gateway::Core>;

}  // namespace tenon::gateway
