// What an agent remembers from one run to the next.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/chain/context.hpp"
#include "tenon/llm/model.hpp"

namespace tenon::agent {

struct Recollection {
    std::string notes;                  ///< added to the system message
    std::vector<llm::Message> turns{};  ///< put before the conversation
};

/// Thread-safe; one object serves all users. `user` names whose memory it is: one session of one person, or one person.
class Memory {
  public:
    virtual ~Memory() = default;
    /// What matters for a question.
    [[nodiscard]] virtual task<Result<Recollection>> recall(std::string user, std::string question,
                                                            chain::Context context) = 0;
    /// A finished exchange: the question, what was called and found, the answer.
    [[nodiscard]] virtual task<Result<void>> record(std::string user, std::vector<llm::Message> exchange,
                                                    chain::Context context) = 0;
    /// All that is known of a user, as JSON text. Errors: io.
    [[nodiscard]] virtual Result<std::string> export_user(std::string_view user) = 0;
    /// Forgets a user for good. Errors: io.
    [[nodiscard]] virtual Result<void> erase_user(std::string_view user) = 0;
};
using MemoryPtr = std::shared_ptr<Memory>;

}  // namespace tenon::agent
