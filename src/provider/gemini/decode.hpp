// Answers of the Generative Language API: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/provider/gemini.hpp"

namespace tenon::provider::gemini {

/// One answer of :streamGenerateContent?alt=sse or :generateContent. The stream has no mark of its end: the body's end
/// is it.
class ContentDecoder final : public wire::StreamDecoder {
  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] bool may_end() const noexcept override { return finish_.has_value(); }

    void usage(const json::Value& usage);
    [[nodiscard]] Result<void> candidate(const json::Value& candidate, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> part(const json::Value& part, std::vector<llm::ChatEvent>& events);
    void give(llm::ChatEvent event, std::vector<llm::ChatEvent>& events);

    std::string id_, model_;
    bool told_ = false;
    std::size_t calls_ = 0;
    std::optional<llm::FinishReason> finish_;
    std::vector<llm::CitationPart> citations_;
    llm::Usage usage_;
    AnswerExtras extras_;
};

/// {"totalTokens": n}. Errors: protocol.
[[nodiscard]] Result<std::size_t> decode_count(std::string_view body);
/// {"embeddings": [{"values": […]}]}, `count` of them. Errors: protocol.
[[nodiscard]] Result<llm::Embeddings> decode_embeddings(std::string_view body, std::size_t count);

}  // namespace tenon::provider::gemini
