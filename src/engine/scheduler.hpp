// Who runs: admission by memory, what each forward pass computes, and who gives way when pages run out.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "engine/prefix_tree.hpp"
#include "engine/sequence.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {

/// What one forward pass does for one sequence.
struct Part {
    Sequence* sequence = nullptr;
    std::size_t count = 0;  ///< of its pending tokens and guesses
    model::Logits logits = model::Logits::last;
};

/// A state machine over sequences and pages: it computes nothing and waits for nothing. Used by one thread.
/// A round is drop_ended, admit, plan, the forward pass and Sequence::advance of every part, retire.
class Scheduler {
  public:
    using SequencePtr = std::unique_ptr<Sequence>;

    /// `batch`: most tokens of one forward pass.
    Scheduler(std::shared_ptr<model::KvPool> pool, std::size_t batch, const EngineOptions& options);

    void add(SequencePtr sequence);
    /// Finishes what was cancelled or is late, waiting or running.
    void drop_ended(std::chrono::steady_clock::time_point now);
    void admit();
    /// Valid until the next call. Empty only when nothing runs.
    [[nodiscard]] std::span<const Part> plan();
    /// The leader has computed the prompt, with these logits after it: who waits for that begins.
    void fork(Sequence& leader, std::span<const float> logits);
    /// Takes away what has finished, and gives its pages back.
    [[nodiscard]] std::vector<SequencePtr> retire();
    /// All there is, whatever its state; for the end.
    [[nodiscard]] std::vector<SequencePtr> clear();

    /// What is kept of the beginning of `tokens`; as PrefixTree::match.
    [[nodiscard]] PrefixTree::Match find_prefix(std::span<const text::TokenId> tokens) {
        return prefixes_.match({}, tokens);
    }
    /// Keeps these pages' bytes as a prefix. Errors: resource_exhausted.
    [[nodiscard]] Result<void> keep_prefix(std::span<const text::TokenId> tokens, std::span<const std::byte> bytes);

    [[nodiscard]] std::span<const SequencePtr> running() const noexcept { return running_; }
    [[nodiscard]] const std::deque<SequencePtr>& waiting() const noexcept { return waiting_; }
    /// With those that wait for a leader.
    [[nodiscard]] std::size_t waiting_count() const;
    [[nodiscard]] bool idle() const noexcept { return running_.empty() && waiting_.empty(); }
    [[nodiscard]] const model::KvPool& pool() const noexcept { return *pool_; }
    [[nodiscard]] const PrefixTree& prefixes() const noexcept { return prefixes_; }
    [[nodiscard]] std::uint64_t preemptions() const noexcept { return preemptions_; }

  private:
    struct Reuse {
        std::size_t length = 0;
        std::vector<model::KvPage> pages;
        bool soon = false;  ///< a running prompt is about to have more of it
    };
    [[nodiscard]] Reuse reusable(const Sequence& sequence);
    [[nodiscard]] std::deque<SequencePtr>::iterator next_candidate();
    [[nodiscard]] bool make_room(std::size_t pages);
    [[nodiscard]] Sequence* least_entitled() const;
    void preempt(Sequence& sequence);
    void give_back(Sequence& sequence);
    static void part_group(Sequence& leader, std::vector<SequencePtr>& done, std::vector<SequencePtr>& heirs);
    [[nodiscard]] std::size_t plan_decoding(std::size_t room);
    [[nodiscard]] std::size_t plan_guesses(std::size_t room);
    void plan_prompts(std::size_t room);

    std::shared_ptr<model::KvPool> pool_;
    PrefixTree prefixes_;
    std::size_t batch_;
    EngineOptions options_;
    std::deque<SequencePtr> waiting_;   // in order of arrival
    std::vector<SequencePtr> running_;  // in order of admission
    std::vector<Part> parts_;
    std::vector<const Sequence*> postponed_;  // of this round
    std::size_t turn_ = 0;                    // rotates who comes first, when not all fit into one pass
    std::uint64_t preemptions_ = 0;
};

}  // namespace tenon::engine
