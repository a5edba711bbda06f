#include "mcp/auth/turns.hpp"

#include <algorithm>

namespace tenon::mcp::auth {

task<Result<Turns::Turn>> Turns::take(CallOptions call) {
    const auto self = shared_from_this();
    const auto mine = std::make_shared<Signal>();
    bool at_once = false;
    {
        const std::scoped_lock lock(mutex_);
        at_once = !busy_;
        busy_ = true;
        if (!at_once) waiting_.push_back(mine);
    }
    if (!at_once) {
        auto rung = co_await mine->wait(std::move(call));
        if (!rung) {
            bool given = false;  // the turn came in the same moment
            {
                const std::scoped_lock lock(mutex_);
                given = std::erase(waiting_, mine) == 0;
            }
            if (given) pass();
            co_return std::unexpected(std::move(rung).error());
        }
    }
    co_return Turn(self);
}

void Turns::pass() {
    std::shared_ptr<Signal> next;
    {
        const std::scoped_lock lock(mutex_);
        busy_ = !waiting_.empty();
        if (busy_) {
            next = std::move(waiting_.front());
            waiting_.pop_front();
        }
    }
    if (next) next->ring();
}

}  // namespace tenon::mcp::auth
