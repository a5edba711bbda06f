// Calls that wait for their results, for protocols whose results name a tool, or nothing, but no id.
#pragma once

#include <algorithm>
#include <deque>
#include <string>

#include "tenon/llm/message.hpp"

namespace tenon::serve {

class PendingCalls {
  public:
    void add(const llm::ToolCallPart& call) { calls_.push_back({call.id, call.name}); }
    /// Completes id and name of a result from the call it belongs to: the one of its id, else the first of its name,
    /// else the first.
    void settle(llm::ToolResultPart& result) {
        const auto call = std::ranges::find_if(calls_, [&](const Call& one) {
            return !result.call_id.empty() ? one.id == result.call_id : result.name.empty() || one.name == result.name;
        });
        if (call == calls_.end()) return;
        result.call_id = call->id;
        if (result.name.empty()) result.name = call->name;
        calls_.erase(call);
    }

  private:
    struct Call {
        std::string id, name;
    };
    std::deque<Call> calls_;
};

}  // namespace tenon::serve
