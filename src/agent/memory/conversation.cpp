// What was said before, brought back as turns.
#include <algorithm>

#include "agent/memory/notes.hpp"

namespace tenon::agent {
namespace {

class Conversation final : public NotebookMemory {
  public:
    Conversation(std::shared_ptr<store::Notebook> notebook, llm::ChatModelPtr model, ConversationOptions options)
        : NotebookMemory(std::move(notebook)), model_(std::move(model)), options_(options) {}

    task<Result<Recollection>> recall(std::string user, std::string, chain::Context) override {
        Recollection out;
        TENON_CO_TRY(const auto turns, notebook().list(user, "turn", options_.max_messages));
        TENON_CO_TRY(const auto summary, notebook().list(user, "summary", 1));
        std::uint64_t taken = 0;
        std::size_t first = turns.size();
        while (first > 0) {
            taken += tokens(turns[first - 1].text) + 4;
            if (options_.max_tokens > 0 && taken > options_.max_tokens) break;
            --first;
        }
        // A conversation that goes on begins with what a user said.
        while (first < turns.size() && turns[first].key != "user") ++first;
        for (std::size_t i = first; i < turns.size(); ++i)
            out.turns.push_back(turns[i].key == "user" ? llm::Message::user(turns[i].text)
                                                       : llm::Message::assistant(turns[i].text));
        if (!summary.empty()) out.notes = "Earlier in this conversation: " + summary.back().text;
        co_return out;
    }

    task<Result<void>> record(std::string user, std::vector<llm::Message> exchange, chain::Context context) override {
        std::vector<store::Note> notes;
        for (const auto& said : spoken(exchange)) {
            store::Note note;
            note.owner = user;
            note.kind = "turn";
            note.key = std::string(llm::to_string(said.role));
            note.text = said.text();
            notes.push_back(std::move(note));
        }
        TENON_CO_CHECK(notebook().add_all(notes));
        if (options_.summarise && model_) TENON_CO_CHECK(co_await summarise(user, context));
        co_return Result<void>{};
    }

  private:
    std::uint64_t tokens(std::string_view text) const {
        return model_ ? model_->count_tokens(text) : (text.size() + 3) / 4;
    }

    /// Turns that no longer fit go into the summary, and away.
    task<Result<void>> summarise(std::string user, chain::Context context) {
        TENON_CO_TRY(const auto turns, notebook().list(user, "turn"));
        std::uint64_t taken = 0;
        std::size_t first = turns.size();
        while (first > 0 && taken + tokens(turns[first - 1].text) <= options_.max_tokens &&
               (options_.max_messages == 0 || turns.size() - first < options_.max_messages))
            taken += tokens(turns[--first].text);
        if (first == 0) co_return Result<void>{};
        TENON_CO_TRY(const auto known, notebook().list(user, "summary", 1));
        std::string text = known.empty() ? "" : "Summary so far: " + known.back().text + "\n";
        for (std::size_t i = 0; i < first; ++i) text += turns[i].key + ": " + turns[i].text + "\n";
        llm::ChatRequest ask;
        ask.messages.push_back(llm::Message::system(
            "Bring the summary of a conversation up to date. Keep names, numbers, decisions and open questions. Answer "
            "with the summary only, in the language of the conversation."));
        ask.messages.push_back(llm::Message::user(std::move(text)));
        ask.settings.temperature = 0;
        TENON_CO_TRY(const auto summary, co_await model_->generate(std::move(ask), context.options));
        store::Note note;
        note.owner = user;
        note.kind = "summary";
        note.key = "conversation";
        note.text = summary.message.text();
        TENON_CO_CHECK(notebook().put(std::move(note)));
        for (std::size_t i = 0; i < first; ++i) TENON_CO_CHECK(notebook().remove(turns[i].id));
        co_return Result<void>{};
    }

    llm::ChatModelPtr model_;
    ConversationOptions options_;
};

}  // namespace

MemoryPtr conversation_memory(std::shared_ptr<store::Notebook> notebook, llm::ChatModelPtr model,
                              ConversationOptions options) {
    return std::make_shared<Conversation>(std::move(notebook), std::move(model), options);
}

}  // namespace tenon::agent
