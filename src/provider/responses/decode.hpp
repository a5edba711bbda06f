// Answers of OpenAI's Responses API: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::responses {

/// One streamed answer of /responses. Events of unknown type are ignored, items of unknown type kept as ProviderPart.
class ResponsesDecoder final : public wire::StreamDecoder {
  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] bool may_end() const noexcept override { return finish_.has_value(); }

    using Place = std::pair<std::int64_t, std::int64_t>;  // of an item in the output, of a part in it
    void head(const json::Value& response);
    [[nodiscard]] Result<void> close(const json::Value& response);
    [[nodiscard]] Result<void> item_added(std::int64_t at, const json::Value& item,
                                          std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> item_done(std::int64_t at, const json::Value& item, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> arguments(std::int64_t at, std::string_view piece, std::vector<llm::ChatEvent>& events);
    void message_done(std::int64_t at, const json::Value& item, std::vector<llm::ChatEvent>& events);
    void reasoning_done(std::int64_t at, const json::Value& item, std::vector<llm::ChatEvent>& events);
    void say(Place place, std::string_view text, bool refusal, std::vector<llm::ChatEvent>& events);
    void think(Place place, std::string_view text, std::vector<llm::ChatEvent>& events);
    void give(llm::ChatEvent event, std::vector<llm::ChatEvent>& events);

    std::string id_, model_;
    bool told_ = false;
    wire::CallsInMaking calls_;
    std::set<Place> said_, thought_;  // where text has come already
    std::set<std::int64_t> cited_;
    std::optional<llm::FinishReason> finish_;
    llm::Usage usage_;
    openai::AnswerExtras extras_;
};

}  // namespace tenon::provider::responses
