// Our answers as Anthropic's messages and events.
#pragma once

#include <string>

#include "serve/answer.hpp"
#include "serve/steps.hpp"

namespace tenon::serve::anthropic {

/// {"type": "error", "error": {"type", "message"}, "request_id"}
[[nodiscard]] json::Value error_body(const ApiError& error, std::string_view request_id);
[[nodiscard]] net::HttpResponse error_response(const ApiError& error, std::string_view request_id);
[[nodiscard]] json::Object model_object(const ModelEntry& model);

class MessageRenderer final : public AnswerRenderer {
  public:
    explicit MessageRenderer(std::string request_id);

    net::HttpResponse whole(const llm::ChatResponse& response) override;
    net::Headers stream_headers() const override;
    std::string begin() override;
    std::string event(const llm::ChatEvent& event) override;
    std::string failure(const ApiError& error) override;
    net::HttpResponse error(const ApiError& error) const override;

    void operator()(const TextStep& step);
    void operator()(const ReasoningStep& step);
    void operator()(const SignatureStep& step);
    void operator()(const CallStep& step);
    void operator()(const ArgumentsStep& step);
    void operator()(const CallEndStep& step);
    void operator()(const PartStep& step);

  private:
    enum class Open { nothing, text, thinking, tool };
    void open(Open kind, json::Object block);
    void delta(json::Object piece);
    void close();
    [[nodiscard]] json::Object message(json::Array content, json::Value stop_reason, json::Value stop_sequence,
                                       json::Object usage) const;

    std::string request_id_, id_;
    Steps steps_;
    std::string bytes_;  ///< made, and not yet given out
    Open open_ = Open::nothing;
    std::size_t index_ = 0;
};

}  // namespace tenon::serve::anthropic
