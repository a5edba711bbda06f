// Anthropic's messages.
#include "serve/document/anthropic_models.hpp"
#include "serve/document/describe.hpp"

namespace tenon::serve::document {
namespace {

struct MessageParam {
    std::string role;
    std::variant<std::string, std::vector<json::Value>> content;
};
BOOST_DESCRIBE_STRUCT(MessageParam, (), (role, content))
constexpr auto describe_fields(const MessageParam*) {
    return json::fields(json::about(&MessageParam::content, {.description = "text, or blocks"}));
}
struct CountRequest {
    std::string model;
    std::vector<MessageParam> messages;
    std::optional<json::Value> system, tools, tool_choice, thinking;
};
BOOST_DESCRIBE_STRUCT(CountRequest, (), (model, messages, system, tools, tool_choice, thinking))
struct MessagesRequest {
    std::string model;
    std::vector<MessageParam> messages;
    std::int64_t max_tokens;
    std::optional<json::Value> system, tools, tool_choice, thinking;
    std::optional<std::vector<std::string>> stop_sequences;
    std::optional<double> temperature, top_p;
    std::optional<std::int64_t> top_k;
    std::optional<bool> stream;
};
BOOST_DESCRIBE_STRUCT(MessagesRequest, (),
                      (model, messages, max_tokens, system, tools, tool_choice, thinking, stop_sequences, temperature,
                       top_p, top_k, stream))
constexpr auto describe_fields(const MessagesRequest*) {
    return json::fields("Anthropic's messages", json::about(&MessagesRequest::messages, {.min_items = 1}),
                        json::about(&MessagesRequest::max_tokens, {.minimum = 1}),
                        json::about(&MessagesRequest::temperature, {.minimum = 0, .maximum = 1}),
                        json::about(&MessagesRequest::top_p, {.minimum = 0, .maximum = 1}));
}
struct AnthropicUsage {
    std::int64_t input_tokens, output_tokens;
    std::optional<std::int64_t> cache_creation_input_tokens, cache_read_input_tokens;
};
BOOST_DESCRIBE_STRUCT(AnthropicUsage, (),
                      (input_tokens, output_tokens, cache_creation_input_tokens, cache_read_input_tokens))
struct ContentBlock {
    std::string type;
    std::optional<std::string> text, thinking, signature, id, name;
    std::optional<json::Value> input, citations;
};
BOOST_DESCRIBE_STRUCT(ContentBlock, (), (type, text, thinking, signature, id, name, input, citations))
constexpr auto describe_fields(const ContentBlock*) {
    return json::fields("A block of type text, thinking or tool_use, with what such a block has");
}
struct AnthropicMessage {
    std::string id, type, role, model;
    std::vector<ContentBlock> content;
    std::optional<std::string> stop_reason, stop_sequence;
    AnthropicUsage usage;
};
BOOST_DESCRIBE_STRUCT(AnthropicMessage, (), (id, type, role, model, content, stop_reason, stop_sequence, usage))
struct AnthropicEvent {
    std::string type;
    std::optional<AnthropicMessage> message;
    std::optional<std::int64_t> index;
    std::optional<json::Value> content_block, delta;
    std::optional<AnthropicUsage> usage;
};
BOOST_DESCRIBE_STRUCT(AnthropicEvent, (), (type, message, index, content_block, delta, usage))
constexpr auto describe_fields(const AnthropicEvent*) {
    return json::fields(
        "message_start, content_block_start, content_block_delta, content_block_stop, message_delta, "
        "message_stop");
}
struct TokenCount {
    std::int64_t input_tokens;
};
BOOST_DESCRIBE_STRUCT(TokenCount, (), (input_tokens))

}  // namespace

void describe_anthropic(Routes& routes) {
    routes.section("anthropic");
    routes.add<EitherOf<AnthropicMessage, Events<AnthropicEvent>>, Body<MessagesRequest>>("POST", "/v1/messages",
                                                                                          "Message");
    routes.add<TokenCount, Body<CountRequest>>("POST", "/v1/messages/count_tokens", "How many tokens a message takes");
    routes.errors<AnthropicError>();
}

}  // namespace tenon::serve::document
