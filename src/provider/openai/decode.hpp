// Answers of the OpenAI API: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "provider/wire/decoder.hpp"
#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/provider/openai.hpp"

namespace tenon::provider::openai {

/// One streamed answer of /chat/completions or /completions.
class ChatDecoder final : public wire::StreamDecoder {
  public:
    /// `audio_format` of speech in the answer, as it was asked for.
    explicit ChatDecoder(std::string audio_format = "pcm16") : audio_format_(std::move(audio_format)) {}

  private:
    [[nodiscard]] Result<void> on_message(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] Result<void> on_whole(const json::Value& value, std::vector<llm::ChatEvent>& events) override;
    void on_end(llm::ChatEvent& last, std::vector<llm::ChatEvent>& events) override;
    [[nodiscard]] bool may_end() const noexcept override { return finish_.has_value(); }
    [[nodiscard]] bool may_be_error(const json::Value& value) const override;

    void head(const json::Value& value);
    void give(llm::ChatEvent event, std::vector<llm::ChatEvent>& events);
    void usage(const json::Value& usage);
    [[nodiscard]] Result<void> choice(const json::Value& choice, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> delta(const json::Value& delta, llm::ChatEvent& event);
    [[nodiscard]] Result<void> add_tool_call(const json::Value& delta, llm::ChatEvent& event);
    [[nodiscard]] Result<void> add_audio(const json::Value& audio);

    wire::CallsInMaking calls_;
    bool seen_choice_ = false, told_ = false;
    std::optional<llm::FinishReason> finish_;
    llm::Usage usage_;
    llm::Timings timings_;
    AnswerExtras extras_;
    std::string id_, model_, audio_format_;
    std::optional<llm::AudioPart> audio_;
};

/// The vectors of an answer of /embeddings, `count` of them, in the order of their index. Errors: protocol, corrupt.
[[nodiscard]] Result<llm::Embeddings> decode_embeddings(std::string_view body, std::size_t count);

/// {"content": [{"token", "logprob", "bytes", "top_logprobs"}]} or the array itself, appended.
void read_logprobs(const json::Array& tokens, std::vector<llm::TokenLogprob>& out);
/// {"type": "url_citation", …} or file_citation, as a citation; nullopt for what is none.
[[nodiscard]] std::optional<llm::CitationPart> read_annotation(const json::Value& annotation);

}  // namespace tenon::provider::openai
