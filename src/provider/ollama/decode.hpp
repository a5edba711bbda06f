// Answers of Ollama's API, one JSON value a line: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/provider/ollama.hpp"

namespace tenon::provider::ollama {

/// One answer of /api/chat or /api/generate, streamed or whole.
class ChatDecoder final : public wire::StreamDecoder {
  public:
    /// `echo` is given before the first piece, as text.
    explicit ChatDecoder(std::string echo = {}) : StreamDecoder(Framing::lines), echo_(std::move(echo)) {}

  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] bool may_end() const noexcept override { return finish_.has_value(); }
    [[nodiscard]] Result<void> calls(const json::Value& message, llm::ChatEvent& event);
    void close(const json::Value& value);

    std::string echo_, model_, made_;
    bool told_ = false;
    std::size_t calls_ = 0;
    std::optional<llm::FinishReason> finish_;
    llm::Usage usage_;
    llm::Timings timings_;
    AnswerExtras extras_;
};

/// {"embeddings": [[…]]}, `count` of them. Errors: protocol.
[[nodiscard]] Result<llm::Embeddings> decode_embeddings(std::string_view body, std::size_t count);

}  // namespace tenon::provider::ollama
