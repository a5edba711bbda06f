#include "engine/scheduler.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace tenon::engine {
namespace {

using model::kv_page_tokens;

constexpr std::size_t scored_chunk = 32;  // rows of logits are large: 32 of 150,000 are 19 MB
constexpr std::size_t cheap_rows = 32;
/// A request waits for another's prompt when that saves at least this much of its own.
constexpr std::size_t worth_waiting = 16;

}  // namespace

Scheduler::Scheduler(std::shared_ptr<model::KvPool> pool, std::size_t batch, const EngineOptions& options)
    : pool_(std::move(pool)), prefixes_(pool_), batch_(batch), options_(options) {}

void Scheduler::add(SequencePtr sequence) { waiting_.push_back(std::move(sequence)); }

void Scheduler::drop_ended(std::chrono::steady_clock::time_point now) {
    const auto look = [&](Sequence& s) {
        if (s.cancelled())
            s.finish(FinishReason::cancelled);
        else if (s.expired(now))
            s.finish(FinishReason::deadline);
    };
    const auto look_at_group = [&](Sequence& leader) {
        look(leader);
        for (const auto& follower : leader.followers()) look(*follower);
    };
    for (const auto& s : running_) look_at_group(*s);
    for (const auto& s : waiting_) look_at_group(*s);
}

// Who finds no place goes on later, as after a preemption.
void Scheduler::fork(Sequence& leader, std::span<const float> logits) {
    for (auto& follower : leader.take_followers()) {
        follower->follow(leader, logits);
        if (running_.size() < options_.max_sequences || follower->finished()) {
            running_.push_back(std::move(follower));
        } else {
            follower->cache().truncate(0);
            waiting_.push_front(std::move(follower));
        }
    }
}

std::size_t Scheduler::waiting_count() const {
    std::size_t count = waiting_.size();
    for (const auto& s : waiting_) count += s->followers().size();
    for (const auto& s : running_) count += s->followers().size();
    return count;
}

// What of the prompt is computed already: by a finished request, or by one that runs.
Scheduler::Reuse Scheduler::reusable(const Sequence& sequence) {
    Reuse reuse;
    if (sequence.scores_prompt()) return reuse;
    const auto tokens = sequence.tokens();
    // All but the last token, or whole blocks with one to spare.
    const std::size_t block = std::max<std::size_t>(1, options_.prefix_block);
    const std::size_t before = tokens.size() - 1;
    const std::size_t most = block == 1 ? before : before / block > 0 ? (before / block - 1) * block : 0;
    const auto wanted = tokens.first(most);
    auto match = prefixes_.match(sequence.adapter(), wanted);
    reuse.length = match.length;
    reuse.pages = std::move(match.pages);
    std::size_t promised = 0;
    for (const auto& other : running_) {
        if (other->finished() || other->adapter() != sequence.adapter()) continue;
        const std::size_t common = common_prefix(other->tokens(), wanted);
        const std::size_t there = std::min(common, other->cache().length());
        if (there > reuse.length) {
            reuse.length = there;
            reuse.pages.assign(other->cache().pages().begin(), other->cache().pages().end());
        }
        if (other->in_prompt() && !other->scores_prompt()) promised = std::max(promised, common);
    }
    reuse.length -= reuse.length % block;
    reuse.soon = promised - promised % block >= reuse.length + worth_waiting;
    return reuse;
}

// The most urgent; among equals, one whose group has fewest requests running; among these, the first that came.
std::deque<Scheduler::SequencePtr>::iterator Scheduler::next_candidate() {
    const auto in_group = [&](const Sequence& s) {
        return std::ranges::count_if(running_, [&](const auto& r) { return r->request().group == s.request().group; });
    };
    auto best = waiting_.end();
    std::ptrdiff_t best_running = 0;
    for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
        if (std::ranges::find(postponed_, it->get()) != postponed_.end() || (*it)->finished()) continue;
        const int priority = (*it)->request().priority;
        if (best != waiting_.end() && priority > (*best)->request().priority) continue;
        const std::ptrdiff_t busy = in_group(**it);
        if (best != waiting_.end() && priority == (*best)->request().priority && busy >= best_running) continue;
        best = it;
        best_running = busy;
    }
    return best;
}

void Scheduler::admit() {
    postponed_.clear();
    while (running_.size() < options_.max_sequences) {
        const auto candidate = next_candidate();
        if (candidate == waiting_.end()) return;
        Sequence& sequence = **candidate;
        const Reuse reuse = reusable(sequence);
        if (reuse.soon) {
            postponed_.push_back(&sequence);
            continue;
        }
        // Pages for all that is known of it, and one to write into; those it shares are held before others make room.
        sequence.cache().share(reuse.pages, reuse.length);
        const std::size_t needed = sequence.cache().pages_needed(sequence.tokens().size() - reuse.length) + 1;
        if (!running_.empty() && needed > pool_->free_pages() + prefixes_.evictable()) {
            sequence.cache().truncate(0);
            Sequence& victim = *least_entitled();
            if (victim.request().priority <= sequence.request().priority)
                return;  // nobody overtakes it: it would wait for ever
            preempt(victim);
            continue;
        }
        sequence.start(reuse.length);
        running_.push_back(std::move(*candidate));
        waiting_.erase(candidate);
    }
}

bool Scheduler::make_room(std::size_t pages) {
    if (pool_->free_pages() < pages) prefixes_.evict(pages);
    return pool_->free_pages() >= pages;
}

// Whose place another may take: the least urgent, and of those the last that came.
Sequence* Scheduler::least_entitled() const {
    Sequence* last = nullptr;
    for (const auto& s : running_)
        if (last == nullptr || s->request().priority >= last->request().priority) last = s.get();
    return last;
}

Result<void> Scheduler::keep_prefix(std::span<const text::TokenId> tokens, std::span<const std::byte> bytes) {
    const std::size_t count = bytes.size() / pool_->page_bytes();
    if (!make_room(count))
        return fail(
            ErrorCode::resource_exhausted,
            fmt::format("the text needs {} pages of the cache, but {} are free; give a larger context or kv_tokens",
                        count, pool_->free_pages()));
    std::vector<model::KvPage> pages(count);
    for (std::size_t i = 0; i < count; ++i) {
        (void)pool_->take(pages[i]);  // there is room
        std::memcpy(pool_->page(pages[i]).data(), bytes.data() + i * pool_->page_bytes(), pool_->page_bytes());
    }
    prefixes_.insert({}, tokens, pages);
    for (const auto page : pages) pool_->release(page);
    return {};
}

void Scheduler::give_back(Sequence& sequence) {
    const auto& cache = sequence.cache();
    prefixes_.insert(sequence.adapter(), sequence.tokens().first(cache.length()), cache.pages());
    sequence.cache().truncate(0);
}

// Its tokens stay; what was computed for them stays as a prefix for as long as nobody needs the pages.
void Scheduler::preempt(Sequence& sequence) {
    ++preemptions_;
    std::erase_if(parts_, [&](const Part& part) { return part.sequence == &sequence; });
    sequence.drop_guesses();
    give_back(sequence);
    const auto at = std::ranges::find(running_, &sequence, &SequencePtr::get);
    waiting_.push_front(std::move(*at));
    running_.erase(at);
}

// One token for everyone who is decoding; gives how many tokens the pass may still hold.
std::size_t Scheduler::plan_decoding(std::size_t room) {
    std::vector<Sequence*> decoding;
    for (std::size_t i = 0; i < running_.size(); ++i) {
        Sequence* const s = running_[(i + turn_) % running_.size()].get();
        if (!s->finished() && !s->in_prompt()) decoding.push_back(s);
    }
    std::ranges::stable_sort(decoding, {}, [](const Sequence* s) { return s->request().priority; });
    for (Sequence* const s : decoding) {
        if (room == 0) break;
        const auto runs = [&] { return std::ranges::find(running_, s, &SequencePtr::get) != running_.end(); };
        while (runs() && (!make_room(s->cache().pages_needed(1)) || !s->cache().reserve(1))) preempt(*least_entitled());
        if (!runs()) continue;
        parts_.push_back({s, 1, model::Logits::last});
        --room;
    }
    return room - plan_guesses(room);
}

// Guesses take what memory is free, and only as many rows as a pass computes for little more than one.
std::size_t Scheduler::plan_guesses(std::size_t room) {
    std::size_t left = std::min(room, cheap_rows - std::min(cheap_rows, parts_.size()));
    const std::size_t all = left;
    for (Part& part : parts_) {
        Sequence& s = *part.sequence;
        std::size_t count = std::min(s.guesses().size(), left);
        while (count > 0 && (!make_room(s.cache().pages_needed(1 + count)) || !s.cache().reserve(1 + count)))
            count /= 2;
        if (count == 0) {
            s.drop_guesses();
            continue;
        }
        part.count = 1 + count;
        part.logits = model::Logits::all;
        left -= count;
    }
    return all - left;
}

// The rest is shared evenly by the prompts, and who comes first rotates, so that a short one never waits for a long
// one to end.
void Scheduler::plan_prompts(std::size_t room) {
    std::vector<Sequence*> prompts;
    for (std::size_t i = 0; i < running_.size(); ++i) {
        Sequence* const s = running_[(i + turn_) % running_.size()].get();
        if (!s->finished() && s->in_prompt()) prompts.push_back(s);
    }
    std::ranges::stable_sort(prompts, {}, [](const Sequence* s) { return s->request().priority; });
    for (std::size_t i = 0; i < prompts.size() && room > 0; ++i) {
        Sequence* const s = prompts[i];
        const std::size_t others = prompts.size() - i;
        const bool scored = s->scores_prompt();
        std::size_t count = std::min(s->pending().size(), (room + others - 1) / others);
        if (scored) count = std::min(count, scored_chunk);
        while (count > 0 && (!make_room(s->cache().pages_needed(count)) || !s->cache().reserve(count))) count /= 2;
        if (count == 0) continue;  // no memory in this round
        const bool whole = count == s->pending().size();
        parts_.push_back({s, count, scored ? model::Logits::all : (whole ? model::Logits::last : model::Logits::none)});
        room -= count;
    }
}

std::span<const Part> Scheduler::plan() {
    parts_.clear();
    ++turn_;
    for (;;) {
        const std::size_t room = plan_decoding(std::max<std::size_t>(1, batch_));
        plan_prompts(std::min(room, std::max<std::size_t>(1, options_.prompt_chunk)));
        if (!parts_.empty() || running_.size() < 2) break;
        preempt(*least_entitled());  // every prompt waits for pages that the others hold
    }
    // Those of one adapter are computed together.
    if (std::ranges::all_of(parts_, [](const Part& part) { return part.sequence->adapter().adapter == nullptr; }))
        return parts_;
    std::ranges::stable_sort(parts_, {}, [](const Part& part) {
        const model::AdapterUse use = part.sequence->adapter();
        return std::pair(use.adapter == nullptr ? 0 : use.adapter->id(), use.scale);
    });
    return parts_;
}

// The finished among those that wait for `leader`; when it has finished itself, the first of the others leads.
void Scheduler::part_group(Sequence& leader, std::vector<SequencePtr>& done, std::vector<SequencePtr>& heirs) {
    if (leader.followers().empty()) return;
    std::vector<SequencePtr> going;
    for (auto& follower : leader.take_followers()) (follower->finished() ? done : going).push_back(std::move(follower));
    if (!leader.finished()) return leader.lead(std::move(going));
    if (going.empty()) return;
    SequencePtr heir = std::move(going.front());
    going.erase(going.begin());
    heir->lead(std::move(going));
    heirs.push_back(std::move(heir));
}

std::vector<Scheduler::SequencePtr> Scheduler::retire() {
    std::vector<SequencePtr> done, heirs;
    for (auto& s : running_) {
        part_group(*s, done, heirs);
        if (!s->finished()) continue;
        give_back(*s);
        done.push_back(std::move(s));
    }
    std::erase(running_, nullptr);
    for (auto& s : waiting_) {
        part_group(*s, done, heirs);
        if (s->finished()) done.push_back(std::move(s));
    }
    std::erase(waiting_, nullptr);
    for (auto& heir : heirs) waiting_.push_front(std::move(heir));
    return done;
}

std::vector<Scheduler::SequencePtr> Scheduler::clear() {
    std::vector<SequencePtr> all = std::move(running_);
    running_.clear();
    std::move(waiting_.begin(), waiting_.end(), std::back_inserter(all));
    waiting_.clear();
    for (std::size_t i = 0, leaders = all.size(); i < leaders; ++i)
        for (auto& follower : all[i]->take_followers()) all.push_back(std::move(follower));
    return all;
}

}  // namespace tenon::engine
