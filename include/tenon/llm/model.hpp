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
#include "tenon/llm/message.hpp"

namespace tenon::llm {

/// Unset fields take the model's or provider's default.
struct GenerationSettings {
    std::optional<double> temperature, top_p, min_p, repetition_penalty, presence_penalty, frequency_penalty;
    std::optional<int> top_k;
    std::optional<std::uint64_t> seed;
    std::optional<std::uint64_t> max_tokens;
    std::vector<std::string> stop;
    std::vector<std::pair<std::int32_t, double>> logit_bias;
    std::optional<int> top_logprobs;  ///< set: log-probabilities wanted, with this many alternatives
};

struct ChatRequest {
    std::vector<Message> messages;
    std::vector<ToolDefinition> tools;
    GenerationSettings settings;
    std::string user;  ///< end-user id some providers take
};

/// Raw text completion, for models without a chat template and for callers that build their own prompt.
struct CompletionRequest {
    std::string prompt;
    GenerationSettings settings;
    bool echo = false;
};

struct TokenAlternative {
    std::string text;
    std::string bytes;
    double logprob = 0;
};
struct TokenLogprob {
    std::string text;
    std::string bytes;
    double logprob = 0;
    std::vector<TokenAlternative> top;
};

struct Timings {
    double queue_ms = 0, prompt_ms = 0, decode_ms = 0;
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
};

struct ChatResponse {
    std::string id;
    std::string model;
    Message message{Role::assistant, {}, {}};
    std::vector<TokenLogprob> logprobs;
    FinishReason finish = FinishReason::stop;
    Usage usage;
    Timings timings;
};

struct Capabilities {
    bool tools = false, images = false, logprobs = false, completion = false, streaming = true;
    std::uint64_t context_length = 0;  ///< 0: unknown
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
    /// Tokens of a text for this model; remote models without a tokenizer estimate.
    [[nodiscard]] virtual std::size_t count_tokens(std::string_view text) const = 0;
    /// The whole answer: `stream` collected.
    [[nodiscard]] task<Result<ChatResponse>> generate(ChatRequest request, CallOptions options);
};

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

using ChatModelPtr = std::shared_ptr<ChatModel>;
using EmbedderPtr = std::shared_ptr<Embedder>;

}  // namespace tenon::llm
