#include "engine/draft_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tenon/engine/speculation.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t most_padding = 128;  // tokens by which a family's vocabularies differ in size

/// Its own luck, and nothing that learns from what was chosen.
SamplingParams drafting(SamplingParams params) {
    params.mirostat = 0;
    params.dry_multiplier = 0;
    if (params.seed) params.seed = ~*params.seed;
    return params;
}

}  // namespace

Result<void> check_draft(const model::CausalModel& target, const model::CausalModel& draft) {
    const auto& own = *target.tokenizer();
    const auto& other = *draft.tokenizer();
    const auto differ = [&](std::string what) {
        return fail(ErrorCode::invalid_argument,
                    fmt::format("the draft model \"{}\" does not share the vocabulary of \"{}\": {}; take a smaller "
                                "model of the same family",
                                draft.info().name, target.info().name, what));
    };
    const std::size_t size = own.vocabulary_size(), others = other.vocabulary_size();
    if (std::max(size, others) - std::min(size, others) > most_padding)
        return differ(fmt::format("it has {} tokens, not {}", others, size));
    for (std::size_t i = 0; i < std::min(size, others); ++i) {
        const auto id = static_cast<text::TokenId>(i);
        if (own.token_bytes(id) != other.token_bytes(id) || own.is_control(id) != other.is_control(id))
            return differ(fmt::format("token {} is \"{}\", not \"{}\"", i, other.token_bytes(id), own.token_bytes(id)));
    }
    return {};
}

DraftModel::DraftModel(std::shared_ptr<model::CausalModel> model, std::shared_ptr<model::KvPool> pool,
                       std::size_t vocabulary, std::size_t chunk, float p_min)
    : model_(std::move(model)),
      pool_(std::move(pool)),
      prefixes_(pool_),
      vocabulary_(vocabulary),
      chunk_(std::min(std::max<std::size_t>(1, chunk), model_->max_batch_tokens())),
      p_min_(p_min) {}

void DraftModel::keep(std::span<const std::unique_ptr<Sequence>> running) {
    std::erase_if(followers_, [&](auto& entry) {
        if (std::ranges::any_of(running, [&](const auto& s) { return s->id() == entry.first && !s->finished(); }))
            return false;
        prefixes_.insert({}, entry.second.held, entry.second.cache->pages());
        return true;
    });
}

DraftModel::Follower& DraftModel::follower_of(const Sequence& sequence) {
    if (const auto found = followers_.find(sequence.id()); found != followers_.end()) return found->second;
    const std::size_t capacity = std::min(pool_->pages() * model::kv_page_tokens, model_->info().context_length);
    Follower follower{
        std::make_unique<model::KvCache>(pool_, capacity), {}, Sampler(drafting(sequence.request().sampling))};
    const auto known = sequence.tokens().first(sequence.tokens().size() - 1);
    const auto match = prefixes_.match({}, known);
    follower.cache->share(match.pages, match.length);
    follower.held.assign(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(match.length));
    return followers_.emplace(sequence.id(), std::move(follower)).first->second;
}

bool DraftModel::make_room(Follower& follower, std::size_t tokens) {
    auto& cache = *follower.cache;
    if (tokens > cache.capacity() - cache.length()) return false;
    const std::size_t needed = cache.pages_needed(tokens);
    if (pool_->free_pages() < needed) prefixes_.evict(needed);
    return cache.reserve(tokens);
}

// What each draft's cache lacks of its text.
Result<std::span<const float>> DraftModel::compute(tensor::ThreadTeam& team, std::span<Draft* const> drafts) {
    std::vector<model::SequenceStep> steps;
    for (Draft* const d : drafts)
        steps.push_back(
            {d->follower->cache.get(), std::span(d->text).subspan(d->follower->held.size()), model::Logits::last});
    TENON_TRY(const auto logits, model_->forward(team, steps));
    for (Draft* const d : drafts) d->follower->held = d->text;
    return logits;
}

// One guess more; false: it has none it believes in.
bool DraftModel::extend(Draft& draft, std::span<const float> row) {
    const auto best = find_largest(row);
    if (!best || 1 / exp_sums(row, best->logit).weights < static_cast<double>(p_min_)) return false;
    auto guess = draft.follower->sampler.guess(row, draft.text, draft.wish.sequence->prompt_length());
    if (!guess || static_cast<std::size_t>(guess->token) >= vocabulary_) return false;
    draft.text.push_back(guess->token);
    draft.guesses.push_back(std::move(*guess));
    return true;
}

void DraftModel::guess(tensor::ThreadTeam& team, std::span<const Wish> wishes) {
    std::vector<Draft> drafts;
    drafts.reserve(wishes.size());
    std::size_t room = chunk_;
    for (const Wish& wish : wishes) {
        if (room == 0) break;
        const auto tokens = wish.sequence->tokens();
        Follower& follower = follower_of(*wish.sequence);
        const std::size_t common = std::min(common_prefix(follower.held, tokens), tokens.size() - 1);
        follower.cache->truncate(common);
        follower.held.resize(common);
        const std::size_t lacking = tokens.size() - common;
        const std::size_t now = std::min(lacking, room);
        if (!make_room(follower, now < lacking ? now : lacking + wish.count - 1)) {
            followers_.erase(wish.sequence->id());  // no memory for it
            continue;
        }
        room -= now;
        if (now == lacking) {
            drafts.push_back({wish, &follower, {tokens.begin(), tokens.end()}});
            continue;
        }
        const model::SequenceStep step{follower.cache.get(), tokens.subspan(common, now), model::Logits::none};
        if (!model_->forward(team, {&step, 1})) {
            followers_.erase(wish.sequence->id());
            continue;
        }
        follower.held.assign(tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(common + now));
    }
    std::vector<Draft*> active;
    for (auto& draft : drafts) active.push_back(&draft);
    while (!active.empty()) {
        const auto logits = compute(team, active);
        if (!logits) break;
        const std::size_t size = logits->size() / active.size();
        std::vector<Draft*> next;
        for (std::size_t i = 0; i < active.size(); ++i) {
            Draft& draft = *active[i];
            if (!std::exchange(draft.follower->begun, true))  // others may begin alike
                prefixes_.insert({}, draft.follower->held, draft.follower->cache->pages());
            if (extend(draft, logits->subspan(i * size, size)) && draft.guesses.size() < draft.wish.count)
                next.push_back(&draft);
        }
        active = std::move(next);
    }
    for (auto& draft : drafts) draft.wish.sequence->offer(std::move(draft.guesses));
}

}  // namespace tenon::engine
