// Answers kept as the events they came in.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "tenon/gateway/gateway.hpp"

namespace tenon::gateway {

/// What makes two questions the same.
struct Fingerprint {
    std::string whole;    ///< of everything
    std::string context;  ///< of everything but the last question's text; empty when it is not the user's text alone
    std::string question;
};

/// Thread-safe.
class AnswerCache {
  public:
    using Events = std::shared_ptr<const std::vector<llm::ChatEvent>>;

    AnswerCache(CachePolicy policy, Clocks clocks) : policy_(std::move(policy)), clocks_(std::move(clocks)) {}

    [[nodiscard]] bool on() const noexcept { return policy_.max_entries != 0; }
    [[nodiscard]] const CachePolicy& policy() const noexcept { return policy_; }
    /// Nullopt: a request that must not be cached.
    [[nodiscard]] std::optional<Fingerprint> fingerprint(const std::string& alias, const llm::ChatRequest& request,
                                                         const Key* key) const;
    /// Null: none.
    [[nodiscard]] Events find(const Fingerprint& question);
    /// The nearest question of the same context, if it is similar enough. `vector` has unit length.
    [[nodiscard]] Events find_similar(const Fingerprint& question, const std::vector<float>& vector);
    /// `vector` is empty without a semantic cache.
    void put(const Fingerprint& question, std::vector<float> vector, std::vector<llm::ChatEvent> events);
    /// Entries and bytes.
    [[nodiscard]] std::pair<std::size_t, std::size_t> size();

  private:
    struct Entry {
        std::string whole, context;
        std::vector<float> vector;
        Events events;
        std::size_t bytes = 0;
        Clock::time_point until;
    };
    using Place = std::list<Entry>::iterator;

    void remove(Place place);
    [[nodiscard]] Events use(Place place);

    CachePolicy policy_;
    Clocks clocks_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // most recently used first
    std::unordered_map<std::string, Place> by_whole_;
    std::unordered_multimap<std::string, Place> by_context_;
    std::size_t bytes_ = 0;
};

/// The user's last question as a vector of unit length. Errors: the embedder's.
[[nodiscard]] task<Result<std::vector<float>>> embed_question(llm::EmbedderPtr embedder, std::string question,
                                                              CallOptions options);
/// How much room an answer takes.
[[nodiscard]] std::size_t bytes_of(const llm::ChatEvent& event);

}  // namespace tenon::gateway
