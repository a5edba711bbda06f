// Models that run inside this process.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tenon/engine/engine.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/model/model.hpp"

namespace tenon::provider {

namespace local {

/// Of requests (`ChatRequest::extensions`).
struct RequestExtras {
    std::string template_arguments{};  ///< a JSON object: variables for the chat template ("chat_template_kwargs")
};

/// Of answers (`ChatResponse::extensions`).
struct AnswerExtras {
    std::string stop_string;  ///< the stop string that ended the answer; empty: none did
};

}  // namespace local

struct LocalChatOptions {
    std::string name;  ///< what `name()` says; empty: the model's own
    engine::EngineOptions engine{};
    std::filesystem::path draft{};  ///< a smaller model of the same vocabulary, which `load` opens to guess ahead
};

/// A chat model over one engine. Settings a request leaves unset take the defaults of engine::SamplingParams;
/// max_tokens unset means until the context is full.
///
/// Prompts are made by the chat template of the model file. Control tokens written in messages, tool definitions or
/// tool results stay plain text: only the template can open or close a turn. When a template refuses a system message
/// or turns that do not alternate, the system text is joined to the first user message and neighbours of one role are
/// merged. Reasoning settings become the template's `enable_thinking`; where a template opens the reasoning by itself,
/// an effort of none closes it at once. Answers are split into text, reasoning (`<think>…</think>`) and, when tools
/// were offered, tool calls
/// (`<tool_call>{…}</tool_call>`, or JSON objects with "name" and "arguments" or "parameters"), whose arguments always
/// keep to the tool's schema.
/// Errors of `stream` and `complete`: unsupported (no chat template: use `complete`; tools without support in the
/// template; images), invalid_argument, resource_exhausted (prompt longer than the context, queue full),
/// deadline_exceeded, cancelled. A stop request during generation ends the stream with FinishReason::cancelled.
class LocalChatModel final : public llm::ChatModel, public std::enable_shared_from_this<LocalChatModel> {
  public:
    /// Errors: corrupt (the chat template does not parse), invalid_argument (a draft model of another vocabulary).
    [[nodiscard]] static Result<std::shared_ptr<LocalChatModel>> create(std::shared_ptr<model::CausalModel> model,
                                                                        LocalChatOptions options = {});
    /// Opens a GGUF file or safetensors folder. Blocks while it loads. Errors: those of model::load_causal and of
    /// `create`.
    [[nodiscard]] static Result<std::shared_ptr<LocalChatModel>> load(const std::filesystem::path& path,
                                                                      LocalChatOptions options = {});
    ~LocalChatModel() override;

    /// The same model with a low-rank adapter, over the same engine: requests of both are computed together, and the
    /// weights are there once. Blocks while the adapter is read. Errors: those of model::CausalModel::load_adapter.
    [[nodiscard]] Result<std::shared_ptr<LocalChatModel>> with_adapter(const std::filesystem::path& path,
                                                                       std::string name, float scale = 1) const;
    [[nodiscard]] std::shared_ptr<const model::LoraAdapter> adapter() const noexcept;  ///< null: none
    [[nodiscard]] float adapter_scale() const noexcept;

    [[nodiscard]] const std::string& name() const noexcept override;
    [[nodiscard]] llm::Capabilities capabilities() const override;
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> stream(llm::ChatRequest request,
                                                                 CallOptions options) override;
    [[nodiscard]] task<Result<StreamPtr<llm::ChatEvent>>> complete(llm::CompletionRequest request,
                                                                   CallOptions options) override;
    [[nodiscard]] task<Result<std::vector<StreamPtr<llm::ChatEvent>>>> stream_choices(llm::ChatRequest request,
                                                                                      std::size_t count,
                                                                                      CallOptions options) override;
    [[nodiscard]] task<Result<std::vector<StreamPtr<llm::ChatEvent>>>> complete_choices(llm::CompletionRequest request,
                                                                                        std::size_t count,
                                                                                        CallOptions options) override;
    [[nodiscard]] std::size_t count_tokens(std::string_view text) const override;
    /// Exact. Errors: as `stream`.
    [[nodiscard]] task<Result<std::size_t>> count_request_tokens(llm::ChatRequest request,
                                                                 CallOptions options) override;

    /// The tokens `stream` would compute for this request. Errors: as `stream`.
    [[nodiscard]] Result<std::vector<text::TokenId>> prompt_tokens(const llm::ChatRequest& request) const;
    [[nodiscard]] Result<std::vector<text::TokenId>> prompt_tokens(const llm::CompletionRequest& request) const;
    [[nodiscard]] engine::Engine& engine() const noexcept;

  private:
    struct Impl;
    explicit LocalChatModel(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct LocalEmbedderOptions {
    std::string name;         ///< what `name()` says; empty: the model's own
    std::size_t threads = 0;  ///< 0: one per physical core
};

/// An embedder over one encoder, computed on a thread of its own; calls in flight take turns batch by batch, so a query
/// does not wait for a whole index run. The prefix the model was trained with for queries or passages is added.
/// Errors of `embed`: those of the model, deadline_exceeded, cancelled.
class LocalEmbedder final : public llm::Embedder, public std::enable_shared_from_this<LocalEmbedder> {
  public:
    [[nodiscard]] static std::shared_ptr<LocalEmbedder> create(std::unique_ptr<model::EncoderModel> model,
                                                               LocalEmbedderOptions options = {});
    /// Blocks while it loads. Errors: those of model::load_encoder.
    [[nodiscard]] static Result<std::shared_ptr<LocalEmbedder>> load(const std::filesystem::path& path,
                                                                     LocalEmbedderOptions options = {});
    ~LocalEmbedder() override;

    [[nodiscard]] const std::string& name() const noexcept override;
    [[nodiscard]] std::size_t dimension() const override;
    [[nodiscard]] task<Result<llm::Embeddings>> embed(std::vector<std::string> texts, llm::EmbedKind kind,
                                                      CallOptions options) override;
    [[nodiscard]] const model::ModelInfo& info() const noexcept;

  private:
    struct Impl;
    explicit LocalEmbedder(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

/// A reranker over one cross-encoder, on a thread of its own; calls in flight take turns batch by batch. Scores are the
/// model's own through the logistic function, between 0 and 1. Errors of `rerank`: those of the model,
/// deadline_exceeded, cancelled.
class LocalReranker final : public llm::Reranker, public std::enable_shared_from_this<LocalReranker> {
  public:
    [[nodiscard]] static std::shared_ptr<LocalReranker> create(std::unique_ptr<model::RerankModel> model,
                                                               LocalEmbedderOptions options = {});
    /// Blocks while it loads. Errors: those of model::load_reranker.
    [[nodiscard]] static Result<std::shared_ptr<LocalReranker>> load(const std::filesystem::path& path,
                                                                     LocalEmbedderOptions options = {});
    ~LocalReranker() override;

    [[nodiscard]] const std::string& name() const noexcept override;
    [[nodiscard]] task<Result<llm::Ranking>> rerank(std::string query, std::vector<std::string> documents,
                                                    std::size_t top_n, CallOptions options) override;
    [[nodiscard]] const model::ModelInfo& info() const noexcept;

  private:
    struct Impl;
    explicit LocalReranker(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::provider
