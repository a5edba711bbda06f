// What every model offers, local or remote.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tenon/async/stream.hpp"
#include "tenon/async/task.hpp"
#include "tenon/llm/decoding.hpp"
#include "tenon/llm/message.hpp"

namespace tenon::llm {

/// Unset fields take the model's or provider's default.
struct GenerationSettings {
    std::optional<double> temperature{}, top_p{}, min_p{}, repetition_penalty{}, presence_penalty{},
        frequency_penalty{};
    std::optional<int> top_k{};
    std::optional<std::uint64_t> seed{};
    std::optional<std::uint64_t> max_tokens{};
    std::vector<std::string> stop{};
    std::vector<std::pair<std::int32_t, double>> logit_bias{};
    std::optional<int> top_logprobs{};  ///< set: log-probabilities wanted, with this many alternatives
    /// Set: log-probabilities of the prompt's tokens wanted, with this many alternatives; see `capabilities`.
    std::optional<int> prompt_logprobs{};
    /// What the answer is likely to say (a file with few changes): it comes faster where that is right, and is the
    /// same. Left out for models that cannot use it.
    std::string prediction{};
    DecodingSettings decoding{};
};

struct ChatRequest {
    std::vector<Message> messages;
    std::vector<ToolDefinition> tools;
    GenerationSettings settings;
    std::string user;  ///< end-user id some providers take
    ToolChoice tool_choice{};
    ResponseFormat format{};  ///< a form the model cannot be held to is an error (unsupported): ask `capabilities`
    std::optional<ReasoningSettings> reasoning{};
    std::map<std::string, std::string> metadata{};  ///< kept by the provider beside the call, where it can
    Extensions extensions{};
};

/// The settings of the answer with this index: the same, with a seed of its own where there is one.
[[nodiscard]] GenerationSettings settings_of_choice(GenerationSettings settings, std::size_t index);

/// Raw text completion, for models without a chat template and for callers that build their own prompt.
struct CompletionRequest {
    std::string prompt;
    GenerationSettings settings;
    bool echo = false;
    ResponseFormat format{};  ///< as in ChatRequest
};

struct TokenAlternative {
    std::string text;
    std::string bytes;
    double logprob = 0;
    std::int32_t id = -1;    ///< in the model's vocabulary; -1: the provider does not tell
    std::uint64_t rank = 0;  ///< 1: the likeliest; 0: not told
};
struct TokenLogprob {
    std::string text;
    std::string bytes;
    double logprob = 0;
    std::vector<TokenAlternative> top;
    std::int32_t id = -1;  ///< as above
    std::uint64_t rank = 0;
};

struct Timings {
    double queue_ms = 0, prompt_ms = 0, decode_ms = 0;
};

/// A piece of a tool call while it is being made; `index` counts the calls of one answer. Id and name come with the
/// first.
struct ToolCallDelta {
    std::size_t index = 0;
    std::string id, name;
    std::string arguments;  ///< the next characters of the JSON text
};

/// A piece of an answer while it is being made.
struct ChatEvent {
    std::string text;
    std::string reasoning;
    std::vector<ToolCallPart> tool_calls;  ///< whole calls, when they are complete
    std::vector<TokenLogprob> logprobs;
    // On the last event:
    std::optional<FinishReason> finish;
    Usage usage;
    Timings timings;
    // What not every model gives:
    std::vector<ToolCallDelta> tool_call_deltas{};  ///< calls in the making; each also arrives whole in `tool_calls`
    std::vector<ContentPart> parts{};   ///< whole parts that are neither text nor tool call: citations, pictures …
    std::string reasoning_signature{};  ///< closes the reasoning before it
    std::string id{}, model{};          ///< of the answer, when the provider has told
    Extensions extensions{};            ///< on the last event
    std::vector<TokenLogprob> prompt_logprobs{};  ///< on the first; nothing comes before the first token, which has 0
};

struct ChatResponse {
    std::string id;
    std::string model;
    Message message{Role::assistant, {}, {}};
    std::vector<TokenLogprob> logprobs;
    FinishReason finish = FinishReason::stop;
    Usage usage;
    Timings timings;
    Extensions extensions{};
    std::vector<TokenLogprob> prompt_logprobs{};
};

/// Joins the events of one answer, parts in the order they came. Not thread-safe.
class ResponseBuilder {
  public:
    void add(ChatEvent event);
    /// The answer so far; leaves the builder empty.
    [[nodiscard]] ChatResponse take();

  private:
    ChatResponse response_;
};

/// What one can ask of a model before asking it for it. False means that a request for it fails with `unsupported`.
struct Capabilities {
    bool tools = false, images = false, logprobs = false, completion = false, streaming = true;
    std::uint64_t context_length = 0;  ///< 0: unknown
    bool forced_tools = false;         ///< ToolChoice required and named
    bool parallel_tools = false;
    bool json = false, json_schema = false, grammar = false, regex = false;  ///< forms an answer can be held to
    bool audio = false, documents = false, citations = false;
    bool reasoning = false;               ///< ReasoningSettings are obeyed
    bool prompt_cache = false;            ///< CacheHint is obeyed
    bool exact_token_count = false;       ///< count_tokens knows, rather than estimates
    std::uint64_t max_output_tokens = 0;  ///< 0: unknown
    bool prompt_logprobs = false;
};

using ChatStream = Stream<ChatEvent>;

/// Thread-safe: any number of calls may be in flight.
class ChatModel {
  public:
    virtual ~ChatModel() = default;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    [[nodiscard]] virtual Capabilities capabilities() const = 0;
    /// Errors before the first token come from this call; later ones from the stream.
    [[nodiscard]] virtual task<Result<StreamPtr<ChatEvent>>> stream(ChatRequest request, CallOptions options) = 0;
    [[nodiscard]] virtual task<Result<StreamPtr<ChatEvent>>> complete(CompletionRequest request,
                                                                      CallOptions options) = 0;
    /// `count` answers to one request, those after the first with seeds of their own (seed + index). The local engine
    /// computes the prompt once and the answers together; other models are asked `count` times. Errors: as `stream`.
    [[nodiscard]] virtual task<Result<std::vector<StreamPtr<ChatEvent>>>> stream_choices(ChatRequest request,
                                                                                         std::size_t count,
                                                                                         CallOptions options);
    [[nodiscard]] virtual task<Result<std::vector<StreamPtr<ChatEvent>>>> complete_choices(CompletionRequest request,
                                                                                           std::size_t count,
                                                                                           CallOptions options);
    /// Tokens of a text for this model; remote models without a tokenizer estimate.
    [[nodiscard]] virtual std::size_t count_tokens(std::string_view text) const = 0;
    /// Tokens of a whole request as this model would read it: messages, tools and template. Estimated from
    /// `count_tokens` unless the provider can tell.
    [[nodiscard]] virtual task<Result<std::size_t>> count_request_tokens(ChatRequest request, CallOptions options);
    /// The whole answer: `stream` collected.
    [[nodiscard]] task<Result<ChatResponse>> generate(ChatRequest request, CallOptions options);
};

/// Several answers at once, at most `concurrency` in flight; results in the order of the requests, each with its own
/// error.
[[nodiscard]] task<std::vector<Result<ChatResponse>>> generate_batch(std::shared_ptr<ChatModel> model,
                                                                     std::vector<ChatRequest> requests,
                                                                     std::size_t concurrency, CallOptions options);

enum class EmbedKind : std::uint8_t { passage, query };

struct Embeddings {
    std::size_t dimension = 0;
    std::vector<float> values;  ///< row after row
    Usage usage;
    [[nodiscard]] std::size_t count() const noexcept { return dimension == 0 ? 0 : values.size() / dimension; }
};

class Embedder {
  public:
    virtual ~Embedder() = default;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    [[nodiscard]] virtual std::size_t dimension() const = 0;  ///< 0: not known before the first call
    [[nodiscard]] virtual task<Result<Embeddings>> embed(std::vector<std::string> texts, EmbedKind kind,
                                                         CallOptions options) = 0;
};

struct RankedDocument {
    std::size_t index = 0;  ///< into the documents given
    double score = 0;       ///< higher is more relevant; comparable within one call
};
struct Ranking {
    std::vector<RankedDocument> documents;  ///< best first
    Usage usage;
};

/// Orders documents by how well they answer a query: a cross-encoder, or a provider's rerank endpoint. Thread-safe.
class Reranker {
  public:
    virtual ~Reranker() = default;
    [[nodiscard]] virtual const std::string& name() const noexcept = 0;
    /// `top_n` 0: all. Errors: the model's or provider's.
    [[nodiscard]] virtual task<Result<Ranking>> rerank(std::string query, std::vector<std::string> documents,
                                                       std::size_t top_n, CallOptions options) = 0;
};

using ChatModelPtr = std::shared_ptr<ChatModel>;
using EmbedderPtr = std::shared_ptr<Embedder>;
using RerankerPtr = std::shared_ptr<Reranker>;

}  // namespace tenon::llm
