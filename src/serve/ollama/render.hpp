// Our answers as Ollama's objects, one a line when streamed.
#pragma once

#include <chrono>
#include <string>

#include "serve/answer.hpp"
#include "serve/steps.hpp"

namespace tenon::serve::ollama {

class OllamaRenderer final : public AnswerRenderer {
  public:
    enum class Kind { chat, generate };
    explicit OllamaRenderer(Kind kind) : kind_(kind) {}

    net::HttpResponse whole(const llm::ChatResponse& response) override;
    net::Headers stream_headers() const override;
    std::string begin() override { return {}; }
    std::string event(const llm::ChatEvent& event) override;
    std::string failure(const ApiError& error) override;
    net::HttpResponse error(const ApiError& error) const override;

  private:
    [[nodiscard]] json::Object piece(std::string text, std::string thinking, json::Array calls) const;
    void close(json::Object& out, llm::FinishReason finish, const llm::Usage& usage, const llm::Timings& timings) const;

    Kind kind_;
    Steps steps_;
    std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// {"error": "…"}
[[nodiscard]] net::HttpResponse error_line(const ApiError& error);
/// "2025-11-25T10:00:00.123456Z"
[[nodiscard]] std::string now_text();
[[nodiscard]] std::string time_text(std::int64_t unix_seconds);

}  // namespace tenon::serve::ollama
