// The engine: many generation requests share one model.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "tenon/base/error.hpp"
#include "tenon/engine/constraint.hpp"
#include "tenon/engine/sampling.hpp"
#include "tenon/engine/speculation.hpp"
#include "tenon/model/model.hpp"

namespace tenon::engine {

/// Tokens a sequence may have unless somebody says otherwise and if the model can.
inline constexpr std::size_t default_context = 8192;

struct EngineOptions {
    std::size_t threads = 0;         ///< 0: one per physical core
    std::size_t context = 0;         ///< tokens per sequence; 0: the model's, at most default_context
    std::size_t max_sequences = 32;  ///< requests decoded together, as far as memory goes; more wait
    std::size_t kv_tokens = 0;       ///< tokens whose keys and values all requests together may keep; 0: four contexts
    model::KvType kv_type = model::KvType::f16;
    std::size_t prompt_chunk = 256;  ///< prompt tokens computed between two decoding steps: bounds how long others wait
    std::size_t prefix_block = 1;    ///< a reused prefix ends at a multiple of this, a block before the prompt's end:
                                   ///< with 16 a repeated request runs through the same kernels and repeats to the bit
    SpeculationOptions speculation{};
    /// When a text fills the context: false ends the answer (FinishReason::length); true keeps the first `context_keep`
    /// tokens (-1: the prompt), forgets the older half of the rest and goes on, as llama.cpp's context shift does. What
    /// is left is computed again, so that the answer is that of a request with the shorter text; longer prompts are
    /// shortened the same way.
    bool context_shift = false;
    int context_keep = 0;
    std::size_t max_queue = 256;  ///< waiting requests; past it `submit` fails with resource_exhausted

    /// Tokens of the cache of an engine whose sequences hold up to `sequence` tokens.
    [[nodiscard]] std::size_t cache_tokens(std::size_t sequence) const noexcept;
};

struct GenerationRequest {
    std::vector<text::TokenId> prompt;
    SamplingParams sampling;
    std::size_t max_tokens = 0;     ///< 0: until the context is full
    std::vector<std::string> stop;  ///< the answer ends before the first of these
    bool ignore_eos = false;
    std::size_t min_tokens = 0;                ///< before so many, neither the model's end tokens nor `stop_tokens`
    std::vector<text::TokenId> stop_tokens{};  ///< end the answer, as the model's own end tokens do
    std::vector<std::string> bad_words{};      ///< texts the answer never holds
    bool include_stop = false;                 ///< the text of the stop string or stop token belongs to the answer's
    bool skip_special = true;                  ///< control tokens have no text
    std::shared_ptr<Constraint> constraint{};  ///< holds the answer to a form; one object for one request
    int top_logprobs = -1;                     ///< -1: none; 0..20 alternatives per generated token
    int prompt_logprobs = -1;                  ///< 0..20: log-probability of every prompt token, with alternatives
    std::vector<text::TokenId> prediction{};   ///< what the answer may say; guesses follow it ("predicted output")
    std::optional<std::size_t> draft_max{};    ///< guesses checked in one pass; 0: none; unset: the engine's
    std::shared_ptr<const model::LoraAdapter> adapter{};  ///< loaded for the engine's model; null: the model alone
    float adapter_scale = 1;                              ///< how strongly it is applied
    int priority = 0;          ///< smaller runs first, and takes memory from larger when it must
    std::string group{};       ///< among equals, the group with fewest requests running comes first
    std::stop_token cancel{};  ///< looked at between tokens
    std::optional<std::chrono::steady_clock::time_point> deadline;
};

struct TokenLogprob {
    text::TokenId token = text::no_token;
    std::string bytes;
    float logprob = 0;
    std::size_t rank = 0;  ///< of a prompt token: 1 for the likeliest
};

enum class FinishReason : std::uint8_t { stop, length, cancelled, deadline };

struct Usage {
    std::size_t prompt_tokens = 0, cached_tokens = 0, completion_tokens = 0;
    std::size_t drafted_tokens = 0, accepted_tokens = 0;  ///< guesses that were checked, and that were right
};
struct Timings {
    double queue_ms = 0, prompt_ms = 0, decode_ms = 0;
};  ///< wall time

/// One step of a generation, as the sink receives it.
struct GenerationEvent {
    std::string text;                   ///< certain text: whole characters, never part of a stop string
    std::vector<text::TokenId> tokens;  ///< ids behind this event
    struct Step {
        TokenLogprob chosen;
        std::vector<TokenLogprob> top;
    };
    std::vector<Step> logprobs;  ///< when asked for
    /// When asked for, on the first event: [i] tells log p(prompt[i] | before); nothing comes before [0], which says 0.
    std::vector<Step> prompt_logprobs{};
    // Set on the last event only:
    std::optional<FinishReason> finish;
    std::string stop_string;  ///< the one that ended the answer; empty: none did
    std::optional<Error> error;
    Usage usage;
    Timings timings;
    [[nodiscard]] bool last() const noexcept { return finish.has_value() || error.has_value(); }
};

/// Called on the engine's thread, in order, exactly one last event per accepted request. Must return quickly and not
/// throw.
using GenerationSink = std::function<void(GenerationEvent)>;

/// One request of a group.
struct Submission {
    GenerationRequest request;
    GenerationSink sink;
};

struct EngineStats {
    std::size_t running = 0, waiting = 0;
    std::uint64_t prompt_tokens = 0, completion_tokens = 0, requests = 0;
    std::uint64_t cached_tokens = 0;                        ///< of the prompts, those that were not computed again
    std::uint64_t drafted_tokens = 0, accepted_tokens = 0;  ///< guesses that were checked, and that were right
    std::uint64_t preemptions = 0;  ///< times a request gave its memory to another and began again
    std::size_t kv_bytes = 0;       ///< resident
    std::size_t kv_pages = 0;       ///< of kv_page_tokens tokens each
    std::size_t kv_pages_used = 0;  ///< by requests; the rest is free or keeps prefixes until it is needed
};

/// One request as it stood after the last forward pass.
struct RequestSnapshot {
    std::uint64_t id = 0;  ///< counts the engine's requests from 1
    bool running = false;  ///< false: it waits, for the first time or after a preemption
    int priority = 0;
    std::size_t prompt_tokens = 0, cached_tokens = 0;
    std::size_t computed_tokens = 0;  ///< of prompt and answer, those whose keys and values are kept
    std::size_t completion_tokens = 0;
    std::size_t max_tokens = 0;  ///< of the answer; 0: until the context is full
    double seconds = 0;          ///< since it came
};

/// What is left of a text of `length` tokens that exceeds a context: its first tokens, and those from `from` on.
struct ContextShift {
    std::size_t keep = 0, from = 0;
};
/// Half of what comes after the kept tokens goes, as often as that is needed for one token to follow. Null: the kept
/// tokens alone leave no room. `keep` -1: `prompt` tokens.
[[nodiscard]] std::optional<ContextShift> shift_context(std::size_t length, std::size_t context, int keep,
                                                        std::size_t prompt) noexcept;

/// Owns one model, one thread team and one scheduling thread. Thread-safe.
class Engine {
  public:
    Engine(std::shared_ptr<model::CausalModel> model, const EngineOptions& options);
    /// Cancels what runs, delivers its last events, joins.
    ~Engine();
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    /// Errors: invalid_argument (empty prompt, sampling values out of range, a draft model of another vocabulary),
    /// resource_exhausted (prompt longer than the context: the message gives both numbers; queue full).
    [[nodiscard]] Result<void> submit(GenerationRequest request, GenerationSink sink);
    /// Several answers to one prompt: it is computed once, and the answers go on from there together. All are accepted
    /// or none. Prompt log-probabilities are told to the first only. Errors: as `submit`; invalid_argument (no request,
    /// prompts that differ).
    [[nodiscard]] Result<void> submit(std::vector<Submission> group);
    /// Blocks until the whole answer is there.
    [[nodiscard]] Result<GenerationEvent> generate(GenerationRequest request);

    /// Writes what is kept of the beginning of this text to a file (docs/formats/session.md), and says how many tokens
    /// that are; call it when the request that computed them has ended. Blocks. Errors: not_found (nothing of it is
    /// kept), those of AtomicFile.
    [[nodiscard]] Result<std::size_t> save_prefix(std::span<const text::TokenId> tokens,
                                                  const std::filesystem::path& file);
    /// Takes keys and values from such a file: the next request that begins with its tokens does not compute them.
    /// Blocks. Errors: those of reading (not_found, io, corrupt, unsupported), invalid_argument (another model or
    /// KvType), resource_exhausted (more pages than are free).
    [[nodiscard]] Result<std::size_t> load_prefix(const std::filesystem::path& file);

    [[nodiscard]] const model::CausalModel& model() const noexcept;
    [[nodiscard]] std::size_t context() const noexcept;
    [[nodiscard]] EngineStats stats() const;
    /// What runs, in the order of admission, then what waits.
    [[nodiscard]] std::vector<RequestSnapshot> requests() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::engine
