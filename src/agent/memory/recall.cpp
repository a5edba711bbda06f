// Memories that are looked up: by nearness, and as facts.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <iterator>
#include <span>

#include "agent/memory/notes.hpp"
#include "tenon/json/json.hpp"

namespace tenon::agent {
namespace {

double cosine(std::span<const float> a, std::span<const float> b) {
    if (a.size() != b.size()) return -1;
    double dot = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        dot += static_cast<double>(a[i]) * b[i];
        aa += static_cast<double>(a[i]) * a[i];
        bb += static_cast<double>(b[i]) * b[i];
    }
    return aa > 0 && bb > 0 ? dot / std::sqrt(aa * bb) : 0;
}

class VectorMemory final : public NotebookMemory {
  public:
    VectorMemory(std::shared_ptr<store::Notebook> notebook, llm::EmbedderPtr embedder, std::size_t count, double least)
        : NotebookMemory(std::move(notebook)), embedder_(std::move(embedder)), count_(count), least_(least) {}

    task<Result<Recollection>> recall(std::string user, std::string question, chain::Context context) override {
        Recollection out;
        TENON_CO_TRY(const auto notes, notebook().list(user, "memory"));
        if (notes.empty()) co_return out;
        std::vector<std::string> asked(1, std::move(question));
        TENON_CO_TRY(const auto query,
                     co_await embedder_->embed(std::move(asked), llm::EmbedKind::query, context.options));
        std::vector<std::pair<double, const store::Note*>> near;
        for (const auto& note : notes)
            if (const double s = cosine(note.vector, query.values); s >= least_) near.emplace_back(s, &note);
        std::ranges::stable_sort(near, std::ranges::greater{}, [](const auto& n) { return n.first; });
        if (near.size() > count_) near.resize(count_);
        for (const auto& [s, note] : near)
            out.notes += (out.notes.empty() ? "From earlier conversations:\n" : "") + note->text + "\n";
        co_return out;
    }
    task<Result<void>> record(std::string user, std::vector<llm::Message> exchange, chain::Context context) override {
        std::string text;
        for (const auto& said : spoken(exchange))
            text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", llm::to_string(said.role), said.text());
        if (text.empty()) co_return Result<void>{};
        std::vector<std::string> texts(1, text);
        TENON_CO_TRY(auto vector,
                     co_await embedder_->embed(std::move(texts), llm::EmbedKind::passage, context.options));
        store::Note note;
        note.owner = user;
        note.kind = "memory";
        note.text = std::move(text);
        note.vector = std::move(vector.values);
        TENON_CO_CHECK(notebook().add(std::move(note)));
        co_return Result<void>{};
    }

  private:
    llm::EmbedderPtr embedder_;
    std::size_t count_;
    double least_;
};

std::string_view trim(std::string_view s) {
    const auto begin = s.find_first_not_of(" \t\r-*`");
    return begin == std::string_view::npos ? std::string_view{}
                                           : s.substr(begin, s.find_last_not_of(" \t\r`") + 1 - begin);
}

class FactMemory final : public NotebookMemory {
  public:
    FactMemory(std::shared_ptr<store::Notebook> notebook, llm::ChatModelPtr model, std::size_t max)
        : NotebookMemory(std::move(notebook)), model_(std::move(model)), max_(max) {}

    task<Result<Recollection>> recall(std::string user, std::string, chain::Context) override {
        Recollection out;
        TENON_CO_TRY(const auto facts, notebook().list(user, "fact", max_));
        for (const auto& fact : facts)
            out.notes +=
                fmt::format("{}- {}: {}\n", out.notes.empty() ? "Known about the user:\n" : "", fact.key, fact.text);
        co_return out;
    }
    task<Result<void>> record(std::string user, std::vector<llm::Message> exchange, chain::Context context) override {
        std::string said;
        for (const auto& message : spoken(exchange))
            if (message.role == llm::Role::user) said += message.text() + "\n";
        if (said.empty()) co_return Result<void>{};
        llm::ChatRequest ask;
        ask.messages.push_back(llm::Message::system(
            "List the lasting facts about the user that the text states: name, place, work, tastes, plans, people. One "
            "on each line, as `what: value`, in the language of the text. Write `none` when there are none."));
        ask.messages.push_back(llm::Message::user(std::move(said)));
        ask.settings.temperature = 0;
        TENON_CO_TRY(const auto listed, co_await model_->generate(std::move(ask), context.options));
        const std::string text = listed.message.text();
        for (std::size_t at = 0; at < text.size();) {
            const std::size_t line_end = std::min(text.find('\n', at), text.size());
            TENON_CO_CHECK(keep(user, std::string_view(text).substr(at, line_end - at)));
            at = line_end + 1;
        }
        co_return Result<void>{};
    }

  private:
    Result<void> keep(const std::string& user, std::string_view line) {
        constexpr std::string_view wide_colon = "：";
        auto colon = line.find(':');
        std::size_t width = 1;
        if (const auto wide = line.find(wide_colon); wide < colon) {
            colon = wide;
            width = wide_colon.size();
        }
        if (colon == std::string_view::npos) return {};
        const auto what = trim(line.substr(0, colon)), value = trim(line.substr(colon + width));
        if (what.empty() || value.empty() || what.size() > 80 || value.size() > 500) return {};
        store::Note note;
        note.owner = user;
        note.kind = "fact";
        note.key = std::string(what);
        note.text = std::string(value);
        TENON_TRY([[maybe_unused]] const auto id, notebook().put(std::move(note)));
        return {};
    }

    llm::ChatModelPtr model_;
    std::size_t max_;
};

class Several final : public Memory {
  public:
    explicit Several(std::vector<MemoryPtr> all) : all_(std::move(all)) {}
    task<Result<Recollection>> recall(std::string user, std::string question, chain::Context context) override {
        Recollection out;
        for (const auto& memory : all_) {
            TENON_CO_TRY(auto one, co_await memory->recall(user, question, context));
            if (!one.notes.empty()) out.notes += (out.notes.empty() ? "" : "\n") + one.notes;
            std::ranges::move(one.turns, std::back_inserter(out.turns));
        }
        co_return out;
    }
    task<Result<void>> record(std::string user, std::vector<llm::Message> exchange, chain::Context context) override {
        for (const auto& memory : all_) TENON_CO_CHECK(co_await memory->record(user, exchange, context));
        co_return Result<void>{};
    }
    Result<std::string> export_user(std::string_view user) override {
        json::Array out;
        for (const auto& memory : all_) {
            TENON_TRY(const auto text, memory->export_user(user));
            TENON_TRY(auto part, json::parse(text));
            if (!part.is_array()) continue;
            // Memories that share a notebook know the same notes.
            for (auto& item : part.get_array())
                if (std::ranges::find(out, item) == out.end()) out.push_back(std::move(item));
        }
        return json::dump(json::Value(std::move(out)));
    }
    Result<void> erase_user(std::string_view user) override {
        for (const auto& memory : all_) TENON_CHECK(memory->erase_user(user));
        return {};
    }

  private:
    std::vector<MemoryPtr> all_;
};

}  // namespace

MemoryPtr vector_memory(std::shared_ptr<store::Notebook> notebook, llm::EmbedderPtr embedder, std::size_t count,
                        double least) {
    return std::make_shared<VectorMemory>(std::move(notebook), std::move(embedder), count, least);
}
MemoryPtr fact_memory(std::shared_ptr<store::Notebook> notebook, llm::ChatModelPtr model, std::size_t max) {
    return std::make_shared<FactMemory>(std::move(notebook), std::move(model), max);
}
MemoryPtr memories(std::vector<MemoryPtr> all) { return std::make_shared<Several>(std::move(all)); }

}  // namespace tenon::agent
