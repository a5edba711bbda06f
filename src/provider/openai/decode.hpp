// Answers of the OpenAI API: bytes in, events out. No sockets. Private to provider.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tenon/json/json.hpp"
#include "tenon/llm/model.hpp"
#include "tenon/net/headers.hpp"
#include "tenon/net/sse.hpp"

namespace tenon::provider::openai {

/// What an answer of status 400 or more means, from its error object when it has one.
[[nodiscard]] Error error_of_response(int status, const net::Headers& headers, std::string_view body);

/// One streamed answer of /chat/completions or /completions, cut anywhere. Not synchronised.
/// Errors: protocol (not the format), resource_exhausted (too long), what an error object in the stream says,
/// unavailable (it ended before the answer did). After an error the decoder is spent.
class StreamDecoder {
  public:
    [[nodiscard]] Result<void> feed(std::string_view bytes, std::vector<llm::ChatEvent>& events);
    /// The body is over. The last event (with `finish` and usage) is given here or by the `feed` that saw "[DONE]".
    [[nodiscard]] Result<void> finish(std::vector<llm::ChatEvent>& events);
    /// A whole answer (application/json) of a server that does not stream, as events.
    [[nodiscard]] Result<void> whole(std::string_view body, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] bool done() const noexcept { return done_; }

  private:
    [[nodiscard]] Result<void> message(const net::SseEvent& event, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> chunk(const json::Value& value, std::vector<llm::ChatEvent>& events);
    [[nodiscard]] Result<void> add_tool_call(const json::Value& delta);
    void end(std::vector<llm::ChatEvent>& events);

    net::SseParser sse_;
    std::vector<llm::ToolCallPart> calls_;         // in the order they began
    std::map<std::int64_t, std::size_t> call_at_;  // the API's index → place in `calls_`
    std::size_t call_bytes_ = 0;
    bool any_calls_ = false, seen_choice_ = false, done_ = false;
    std::optional<llm::FinishReason> finish_;
    llm::Usage usage_;
    llm::Timings timings_;
};

/// The vectors of an answer of /embeddings, `count` of them, in the order of their index. Errors: protocol, corrupt.
[[nodiscard]] Result<llm::Embeddings> decode_embeddings(std::string_view body, std::size_t count);

}  // namespace tenon::provider::openai
