// A small model that guesses for a large one.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "engine/prefix_tree.hpp"
#include "engine/sequence.hpp"
#include "tenon/engine/engine.hpp"

namespace tenon::engine {

/// Follows the engine's sequences with caches of its own. Used by the scheduling thread only.
class DraftModel {
  public:
    /// `pool`: made by `model`. `vocabulary`: of the model that checks. `chunk`: most tokens of prompts computed in one
    /// call.
    DraftModel(std::shared_ptr<model::CausalModel> model, std::shared_ptr<model::KvPool> pool, std::size_t vocabulary,
               std::size_t chunk, float p_min);

    struct Wish {
        Sequence* sequence = nullptr;
        std::size_t count = 0;  ///< guesses wanted
    };
    /// Gives guesses to those whose text it has caught up with; the others come closer.
    void guess(tensor::ThreadTeam& team, std::span<const Wish> wishes);
    /// What was computed for all others stays as prefixes only.
    void keep(std::span<const std::unique_ptr<Sequence>> running);

    [[nodiscard]] const PrefixTree& prefixes() const noexcept { return prefixes_; }

  private:
    struct Follower {
        std::unique_ptr<model::KvCache> cache;
        std::vector<text::TokenId> held;  ///< whose keys and values are in the cache
        Sampler sampler;
        bool begun = false;
    };
    struct Draft {
        Wish wish;
        Follower* follower;
        std::vector<text::TokenId> text;  ///< all tokens, then the guesses
        std::vector<Guess> guesses{};
    };
    [[nodiscard]] Follower& follower_of(const Sequence& sequence);
    [[nodiscard]] bool make_room(Follower& follower, std::size_t tokens);
    [[nodiscard]] Result<std::span<const float>> compute(tensor::ThreadTeam& team, std::span<Draft* const> drafts);
    [[nodiscard]] bool extend(Draft& draft, std::span<const float> row);

    std::shared_ptr<model::CausalModel> model_;
    std::shared_ptr<model::KvPool> pool_;
    PrefixTree prefixes_;
    std::size_t vocabulary_, chunk_;
    float p_min_;
    std::map<std::uint64_t, Follower> followers_;  // by the sequence's id
};

}  // namespace tenon::engine
