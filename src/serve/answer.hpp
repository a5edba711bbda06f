// One question to a model and its answer, whole or streamed, in the words of any protocol.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "serve/state.hpp"

namespace tenon::serve {

/// Our answers as the bytes of a protocol; one object for one answer. Not thread-safe.
class AnswerRenderer {
  public:
    virtual ~AnswerRenderer() = default;
    std::string model;  ///< what the answer calls the model; set before anything else is called
    [[nodiscard]] virtual net::HttpResponse whole(const llm::ChatResponse& response) = 0;
    /// Of the stream: its headers, then the bytes of its beginning, of each event up to the last (which has `finish`),
    /// and of an error after the beginning. Empty: nothing to send yet.
    [[nodiscard]] virtual net::Headers stream_headers() const = 0;
    [[nodiscard]] virtual std::string begin() = 0;
    [[nodiscard]] virtual std::string event(const llm::ChatEvent& event) = 0;
    [[nodiscard]] virtual std::string failure(const ApiError& error) = 0;
    /// Instead of an answer.
    [[nodiscard]] virtual net::HttpResponse error(const ApiError& error) const = 0;
};

struct Question {
    std::string model;  ///< empty: the server's default
    llm::ChatRequest request;
    std::optional<llm::CompletionRequest> completion{};  ///< instead of the request: text to go on from
    bool stream = false;
};

/// Opens the model, asks it, and sends what it says. Counts tokens, obeys the client's leaving.
[[nodiscard]] task<Result<void>> answer(StatePtr state, Caller caller, std::shared_ptr<net::ResponseWriter> writer,
                                        net::CallContext context, Question question,
                                        std::shared_ptr<AnswerRenderer> renderer);

/// The model of that name (empty: the default, which is written into `name`). Errors say what the client should know.
struct OpenedModel {
    std::string name;
    llm::ChatModelPtr model;
};
[[nodiscard]] task<ApiResult<OpenedModel>> open_chat_model(StatePtr state, Caller caller, std::string name);
struct OpenedEmbedder {
    std::string name;
    llm::EmbedderPtr embedder;
};
[[nodiscard]] task<ApiResult<OpenedEmbedder>> open_embedder(StatePtr state, Caller caller, std::string name);
struct OpenedReranker {
    std::string name;
    llm::RerankerPtr reranker;
};
[[nodiscard]] task<ApiResult<OpenedReranker>> open_reranker(StatePtr state, Caller caller, std::string name);

/// What a request asks for that the model cannot give and would otherwise be left out in silence.
[[nodiscard]] ApiResult<void> check_abilities(const llm::ChatRequest& request, const llm::ChatModel& model);

/// The names of tools in tool results, from the calls before them.
void name_tool_results(std::vector<llm::Message>& messages);

/// "event: NAME\ndata: JSON\n\n"; an empty name is left out.
[[nodiscard]] std::string sse(std::string_view name, const json::Value& data);
[[nodiscard]] net::Headers event_stream_headers();

}  // namespace tenon::serve
