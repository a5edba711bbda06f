// Answers of the Messages API: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/provider/anthropic.hpp"

namespace tenon::provider::anthropic {

/// One streamed answer of /messages. Events of unknown type are ignored, blocks of unknown type kept as ProviderPart.
class MessageDecoder final : public wire::StreamDecoder {
  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] bool may_end() const noexcept override { return finish_.has_value(); }

    /// A block while it is being made.
    struct Block {
        std::string type, text, signature, input, raw;
    };
    void head(const json::Value& message);
    void usage(const json::Value& usage);
    void stop(const json::Value& delta);
    [[nodiscard]] Result<void> begin(std::int64_t index, const json::Value& block, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> grow(std::int64_t index, const json::Value& delta, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> close(std::int64_t index, std::vector<llm::ChatEvent>& events);
    void give(llm::ChatEvent event, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> hold(std::size_t bytes);

    std::map<std::int64_t, Block> blocks_;
    wire::CallsInMaking calls_;
    std::size_t held_ = 0;
    bool told_ = false;
    std::string id_, model_;
    std::optional<llm::FinishReason> finish_;
    std::uint64_t input_ = 0, cache_read_ = 0, cache_write_ = 0, output_ = 0, thinking_ = 0;
    AnswerExtras extras_;
};

/// {"input_tokens": n}. Errors: protocol.
[[nodiscard]] Result<std::size_t> decode_count(std::string_view body);

}  // namespace tenon::provider::anthropic
