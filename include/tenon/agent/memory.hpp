// What an agent remembers from one run to the next.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/async/task.hpp"
#include "tenon/chain/context.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/store/notebook.hpp"

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

struct ConversationOptions {
    std::size_t max_messages = 40;    ///< of the newest turns brought back; 0: no limit
    std::uint64_t max_tokens = 2000;  ///< of them, by `model`'s tokenizer; 0: no limit
    bool summarise = false;           ///< `model` keeps a summary of what no longer fits
};
/// What was said before, as turns: buffer (no limits), window (max_messages), token-bounded (max_tokens), summary. Only
/// what user and assistant said is kept, not the tool calls between. `model` counts tokens and writes summaries; null:
/// four bytes are a token, and nothing is summarised.
[[nodiscard]] MemoryPtr conversation_memory(std::shared_ptr<store::Notebook> notebook,
                                            llm::ChatModelPtr model = nullptr, ConversationOptions options = {});
/// Past exchanges that are near the question, by their vectors; `count` of them at most, as notes.
[[nodiscard]] MemoryPtr vector_memory(std::shared_ptr<store::Notebook> notebook, llm::EmbedderPtr embedder,
                                      std::size_t count = 4, double least_similarity = 0.3);
/// Facts about the user that `model` finds in what they say ("name: Ada", "allergic to: nuts"), the newest of each
/// kind, as notes.
[[nodiscard]] MemoryPtr fact_memory(std::shared_ptr<store::Notebook> notebook, llm::ChatModelPtr model,
                                    std::size_t max_facts = 50);
/// Several together.
[[nodiscard]] MemoryPtr memories(std::vector<MemoryPtr> all);

}  // namespace tenon::agent
