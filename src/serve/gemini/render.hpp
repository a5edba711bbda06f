// Our answers as Gemini's responses.
#pragma once

#include <string>

#include "serve/answer.hpp"
#include "serve/steps.hpp"

namespace tenon::serve::gemini {

class GeminiRenderer final : public AnswerRenderer {
  public:
    enum class Form { sse, array };  ///< of a stream: events, or one JSON array that grows
    GeminiRenderer(Form form, bool thoughts);

    net::HttpResponse whole(const llm::ChatResponse& response) override;
    net::Headers stream_headers() const override;
    std::string begin() override { return {}; }
    std::string event(const llm::ChatEvent& event) override;
    std::string failure(const ApiError& error) override;
    net::HttpResponse error(const ApiError& error) const override;

  private:
    [[nodiscard]] json::Object response(json::Object candidate) const;
    [[nodiscard]] std::string item(const json::Value& value);

    Form form_;
    bool thoughts_, begun_ = false;
    std::string id_;
    Steps steps_;
};

/// {"error": {"code", "message", "status"}}
[[nodiscard]] json::Value error_object(const ApiError& error);
[[nodiscard]] net::HttpResponse google_error(const ApiError& error);

}  // namespace tenon::serve::gemini
