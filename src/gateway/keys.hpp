// The keys a gateway knows, from its options and from the ledger, with the subjects their limits hold.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "gateway/limiter.hpp"
#include "tenon/store/ledger.hpp"

namespace tenon::gateway {

/// Thread-safe.
class KeyRing {
  public:
    KeyRing(Limiter& limiter, std::shared_ptr<store::Ledger> ledger) : limiter_(limiter), ledger_(std::move(ledger)) {}

    /// Once, before anything else. Errors: invalid_argument, those of the ledger.
    [[nodiscard]] Result<void> fill(std::vector<Team> teams, std::vector<Key> keys, bool recover);
    [[nodiscard]] Result<KeyPtr> find(std::string_view key);
    [[nodiscard]] bool empty();
    /// The key and its team; none for no key.
    [[nodiscard]] std::vector<SubjectPtr> subjects(const Key* key);

  private:
    /// Reads the ledger's keys again when another process has changed them; looks at most five times a second.
    void refresh();
    [[nodiscard]] Result<void> read_ledger();
    [[nodiscard]] Result<void> add(Key key, bool fixed);
    [[nodiscard]] Result<void> load_spending(const std::string& key);

    Limiter& limiter_;
    std::shared_ptr<store::Ledger> ledger_;
    std::mutex mutex_;
    std::unordered_map<std::string, KeyPtr> by_hash_;
    std::unordered_map<std::string, KeyPtr> fixed_;  // of the options, by hash
    std::unordered_map<std::string, SubjectPtr> keys_, teams_;
    std::int64_t version_ = -1;
    Clock::time_point looked_{};
};

}  // namespace tenon::gateway
