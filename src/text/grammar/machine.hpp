// The network made deterministic while it runs.
//
// A set is the states of one or more rules reached with one and the same stack. A frame is an entry of the stacks: the
// set to go on with when the callee ends, and the frame below. A configuration is every (frame, set) a text can have
// led to. Sets, frames and configurations are interned: equal ones are one object, so a configuration's transitions,
// once found, are a table look-up.
#pragma once

#include <array>
#include <deque>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "text/grammar/network.hpp"

namespace tenon::text::grammar {

using SetId = std::uint32_t;
using FrameId = std::uint32_t;
inline constexpr SetId dead_set = 0;
inline constexpr FrameId bottom_frame = 0;   ///< below it the text ends
inline constexpr FrameId unknown_frame = 1;  ///< below it anything may stand

struct Entry {
    FrameId frame;
    SetId set;
    bool operator==(const Entry&) const = default;
    auto operator<=>(const Entry&) const = default;
};

struct Configuration {
    std::vector<Entry> kernel;               ///< before calls were entered
    std::vector<Entry> all;                  ///< with the calls entered; those that can read a byte
    bool may_end = false;                    ///< the bottom frame was left: the text is complete
    bool left = false;                       ///< the unknown frame was left
    bool stored = false;                     ///< in the table; others live as long as who made them
    std::array<Configuration*, 256> next{};  ///< when stored: found transitions
    TokenMask mask;                          ///< when stored: found mask
    [[nodiscard]] bool dead() const noexcept { return all.empty() && !may_end && !left; }
};

class Machine {
  public:
    explicit Machine(std::shared_ptr<const Grammar::Network> network);

    /// Configurations that did not fit into the table; keep them as long as they are used.
    using Overflow = std::vector<std::unique_ptr<Configuration>>;

    [[nodiscard]] Configuration* start() noexcept { return start_; }
    [[nodiscard]] Configuration* step(Configuration* from, std::uint8_t byte, Overflow& overflow) {
        if (Configuration* found = from->next[byte]) return found;
        return find_step(from, byte, overflow);
    }
    /// One set on top of an unknown stack.
    [[nodiscard]] Configuration* alone(SetId set, Overflow& overflow);
    /// Far enough from the greatest depth that no token reaches it.
    [[nodiscard]] bool shallow(const Configuration& at) const noexcept;
    /// Too many configurations at once, or too many stacks: what follows is not to be trusted.
    [[nodiscard]] bool overwhelmed() const noexcept { return overwhelmed_; }
    /// Near its limits: better begin again.
    [[nodiscard]] bool crowded() const noexcept;

  private:
    struct Call {
        RuleId rule;
        SetId back;
        bool tail;  ///< nothing is left to do after it
    };
    struct Set {
        std::vector<NodeId> nodes;  // byte, call and accept nodes, sorted
        bool accepting = false;
        bool reads = false;  // has byte nodes
        bool expanded = false;
        std::vector<Call> calls;
        std::unique_ptr<std::array<SetId, 256>> next;  // no_set: not known
    };
    struct Frame {
        SetId back;
        FrameId below;
        std::uint32_t depth;
    };
    struct VectorHash {
        std::size_t operator()(const std::vector<std::uint32_t>& v) const noexcept;
    };

    [[nodiscard]] Configuration* find_step(Configuration* from, std::uint8_t byte, Overflow& overflow);
    [[nodiscard]] Configuration* finish(std::vector<Entry> kernel, bool may_end, bool left, Overflow& overflow);
    [[nodiscard]] SetId intern(std::vector<NodeId> nodes);
    [[nodiscard]] SetId closed(const std::vector<NodeId>& from, bool without_end);
    [[nodiscard]] SetId united(SetId a, SetId b);
    [[nodiscard]] SetId step_set(SetId set, std::uint8_t byte);
    [[nodiscard]] SetId start_set(RuleId rule);
    [[nodiscard]] FrameId frame(SetId back, FrameId below);
    void expand(SetId set);

    std::shared_ptr<const Grammar::Network> network_;
    std::deque<Set> sets_;
    std::unordered_map<std::vector<std::uint32_t>, SetId, VectorHash> set_ids_;
    std::unordered_map<std::uint64_t, SetId> unions_;
    std::vector<SetId> start_sets_;
    std::vector<Frame> frames_;
    std::unordered_map<std::uint64_t, FrameId> frame_ids_;
    std::unordered_map<std::vector<std::uint32_t>, std::unique_ptr<Configuration>, VectorHash> table_;
    std::vector<bool> mark_;
    Configuration* start_ = nullptr;
    Configuration* dead_ = nullptr;
    std::size_t set_nodes_ = 0;
    bool overwhelmed_ = false;
};

}  // namespace tenon::text::grammar
