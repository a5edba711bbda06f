// Both sides of every protocol: what our clients (provider/) write, our servers read as the same request; what our
// servers render, our clients decode as the same answer, streamed and whole.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <memory>

#include "fake/rich_requests.hpp"
#include "provider/anthropic/decode.hpp"
#include "provider/anthropic/request.hpp"
#include "provider/gemini/decode.hpp"
#include "provider/gemini/request.hpp"
#include "provider/ollama/decode.hpp"
#include "provider/ollama/request.hpp"
#include "provider/openai/request.hpp"
#include "provider/responses/decode.hpp"
#include "provider/responses/request.hpp"
#include "serve/anthropic/render.hpp"
#include "serve/anthropic/request.hpp"
#include "serve/gemini/render.hpp"
#include "serve/gemini/request.hpp"
#include "serve/ollama/render.hpp"
#include "serve/ollama/request.hpp"
#include "serve/openai_request.hpp"
#include "serve/responses/items.hpp"
#include "serve/responses/render.hpp"
#include "serve/responses/request.hpp"

namespace tenon::serve {
namespace {

using llm::ChatEvent;
using llm::ChatRequest;

struct Protocol {
    const char* name;
    Result<std::string> (*write)(const ChatRequest&);
    ApiResult<ChatRequest> (*read)(const json::Value&);
    std::shared_ptr<AnswerRenderer> (*renderer)();
    std::unique_ptr<provider::wire::StreamDecoder> (*decoder)();
};
void PrintTo(const Protocol& p, std::ostream* out) { *out << p.name; }

template <class T>
ApiResult<ChatRequest> request_of(ApiResult<T> read, ChatRequest T::*member) {
    if (!read) return std::unexpected(read.error());
    return std::move((*read).*member);
}

const Protocol anthropic_protocol{
    "anthropic", [](const ChatRequest& r) { return provider::anthropic::messages_body("claude-sonnet-4-5", r, {}); },
    [](const json::Value& v) { return request_of(anthropic::read_messages(v, 4096), &Question::request); },
    []() -> std::shared_ptr<AnswerRenderer> { return std::make_shared<anthropic::MessageRenderer>("req_1"); },
    []() -> std::unique_ptr<provider::wire::StreamDecoder> {
        return std::make_unique<provider::anthropic::MessageDecoder>();
    }};

const Protocol responses_protocol{"responses",
                                  [](const ChatRequest& r) { return provider::responses::responses_body("m", r, {}); },
                                  [](const json::Value& v) -> ApiResult<ChatRequest> {
                                      auto body = responses::read_response(v, 4096);
                                      if (!body) return std::unexpected(body.error());
                                      auto request = std::move(body->question.request);
                                      if (!body->instructions.empty())
                                          request.messages.push_back(llm::Message::system(body->instructions));
                                      if (auto read = responses::read_items(body->input, request.messages); !read)
                                          return std::unexpected(read.error());
                                      name_tool_results(request.messages);
                                      return request;
                                  },
                                  []() -> std::shared_ptr<AnswerRenderer> {
                                      responses::ResponseRenderer::Options options;
                                      options.id = "resp_1";
                                      options.sealed_thoughts = true;
                                      return std::make_shared<responses::ResponseRenderer>(std::move(options));
                                  },
                                  []() -> std::unique_ptr<provider::wire::StreamDecoder> {
                                      return std::make_unique<provider::responses::ResponsesDecoder>();
                                  }};

const Protocol gemini_protocol{"gemini",
                               [](const ChatRequest& r) -> Result<std::string> {
                                   TENON_TRY(const auto body, provider::gemini::generate_body("m", r, {}));
                                   return json::dump(body);
                               },
                               [](const json::Value& v) -> ApiResult<ChatRequest> {
                                   auto body = gemini::read_generate(v, 4096);
                                   if (!body) return std::unexpected(body.error());
                                   return std::move(body->question.request);
                               },
                               []() -> std::shared_ptr<AnswerRenderer> {
                                   return std::make_shared<gemini::GeminiRenderer>(gemini::GeminiRenderer::Form::sse,
                                                                                   true);
                               },
                               []() -> std::unique_ptr<provider::wire::StreamDecoder> {
                                   return std::make_unique<provider::gemini::ContentDecoder>();
                               }};

const Protocol ollama_protocol{
    "ollama", [](const ChatRequest& r) { return provider::ollama::chat_body("m", r, {}); },
    [](const json::Value& v) { return request_of(ollama::read_chat(v, 4096), &Question::request); },
    []() -> std::shared_ptr<AnswerRenderer> {
        return std::make_shared<ollama::OllamaRenderer>(ollama::OllamaRenderer::Kind::chat);
    },
    []() -> std::unique_ptr<provider::wire::StreamDecoder> {
        return std::make_unique<provider::ollama::ChatDecoder>();
    }};

class Protocols : public testing::TestWithParam<Protocol> {};
INSTANTIATE_TEST_SUITE_P(All, Protocols,
                         testing::Values(anthropic_protocol, responses_protocol, gemini_protocol, ollama_protocol),
                         [](const auto& tested) { return std::string(tested.param.name); });

/// Both hops must work; gives what the server read.
ChatRequest across(const Protocol& protocol, const ChatRequest& request) {
    const auto bytes = protocol.write(request);
    EXPECT_TRUE(bytes) << bytes.error().describe();
    const auto value = json::parse(bytes.value());
    auto read = protocol.read(value.value());
    EXPECT_TRUE(read) << read.error().message;
    return read ? std::move(*read) : ChatRequest();
}

/// What a conversation says, whatever messages it is cut into.
struct Said {
    std::string text, system, calls, results;
};
Said said(const std::vector<llm::Message>& messages) {
    Said out;
    for (const auto& m : messages)
        for (const auto& part : m.content) {
            if (const auto* t = std::get_if<llm::TextPart>(&part))
                (m.role == llm::Role::system ? out.system : out.text) +=
                    std::string(to_string(m.role)) + ":" + t->text + "\n";
            if (const auto* c = std::get_if<llm::ToolCallPart>(&part))
                out.calls += c->name + (c->arguments_json.empty() ? "{}" : c->arguments_json) + "\n";
            if (const auto* r = std::get_if<llm::ToolResultPart>(&part)) {
                EXPECT_EQ(m.role, llm::Role::tool);
                out.results += r->name + "=" + r->content + "\n";
            }
        }
    return out;
}

TEST_P(Protocols, ReadWhatOurClientsWrite) {
    auto request = fake::tool_conversation();
    request.settings.temperature = 0.5;
    request.settings.max_tokens = 77;
    request.settings.top_p = 0.25;
    const auto read = across(GetParam(), request);
    const auto before = said(request.messages), after = said(read.messages);
    EXPECT_EQ(after.text, before.text);
    EXPECT_EQ(after.system, before.system);
    EXPECT_EQ(after.calls, before.calls);
    EXPECT_EQ(after.results, before.results);
    ASSERT_EQ(read.tools.size(), 2U);
    EXPECT_EQ(read.tools[0].name, "get_weather");
    EXPECT_EQ(read.tools[0].description, "The weather of a city.");
    EXPECT_EQ(json::parse(read.tools[0].parameters_schema).value(),
              json::parse(request.tools[0].parameters_schema).value());
    EXPECT_EQ(read.settings.temperature, 0.5);
    EXPECT_EQ(read.settings.top_p, 0.25);
    EXPECT_EQ(read.settings.max_tokens, 77U);
    // Every result finds its call.
    std::vector<std::string> calls, results;
    for (const auto& m : read.messages)
        for (const auto& part : m.content) {
            if (const auto* c = std::get_if<llm::ToolCallPart>(&part)) calls.push_back(c->id);
            if (const auto* r = std::get_if<llm::ToolResultPart>(&part)) results.push_back(r->call_id);
        }
    EXPECT_EQ(results, calls);
}

TEST_P(Protocols, ReadFormsAndChoices) {
    const auto schema = fake::schema_question();
    const auto read = across(GetParam(), schema);
    const auto* form = std::get_if<llm::JsonSchemaFormat>(&read.format);
    ASSERT_NE(form, nullptr);
    EXPECT_EQ(json::parse(form->schema).value(),
              json::parse(std::get<llm::JsonSchemaFormat>(schema.format).schema).value());
    if (GetParam().name == std::string("ollama")) return;  // its API cannot force a tool
    auto forced = fake::tool_conversation();
    forced.tool_choice.mode = llm::ToolChoice::Mode::named;
    forced.tool_choice.name = "now";
    const auto named = across(GetParam(), forced).tool_choice;
    EXPECT_EQ(named.mode, llm::ToolChoice::Mode::named);
    EXPECT_EQ(named.name, "now");
    forced.tool_choice = {};
    forced.tool_choice.mode = llm::ToolChoice::Mode::required;
    EXPECT_EQ(across(GetParam(), forced).tool_choice.mode, llm::ToolChoice::Mode::required);
    forced.tool_choice.mode = llm::ToolChoice::Mode::none;
    EXPECT_EQ(across(GetParam(), forced).tool_choice.mode, llm::ToolChoice::Mode::none);
}

TEST_P(Protocols, ReadPictures) {
    auto request = fake::picture_question();
    request.messages.front().content.pop_back();  // not every protocol takes addresses
    const auto read = across(GetParam(), request);
    std::string bytes;
    for (const auto& part : read.messages.at(0).content)
        if (const auto* picture = std::get_if<llm::ImagePart>(&part)) bytes = picture->bytes;
    EXPECT_EQ(bytes, "\x89PNG");
}

std::vector<ChatEvent> rich_answer() {
    std::vector<ChatEvent> out(7);
    out[0].reasoning = "I should ";
    out[1].reasoning = "look.";
    out[2].text = "Let me ";
    out[3].text = "see 你好.";
    out[4].tool_call_deltas = {{0, "call_1", "get_weather", "{\"city\":"}};
    out[5].tool_call_deltas = {{0, {}, {}, "\"Paris\"}"}};
    out[5].tool_calls = {{"call_1", "get_weather", R"({"city":"Paris"})"}};
    out[6].tool_calls = {{"call_2", "now", "{}"}};
    out[6].finish = llm::FinishReason::tool_calls;
    out[6].usage = {.input_tokens = 20, .cached_input_tokens = 5, .output_tokens = 9, .reasoning_tokens = 3};
    return out;
}

void expect_rich(const llm::ChatResponse& answer) {
    EXPECT_EQ(answer.message.text(), "Let me see 你好.");
    EXPECT_EQ(answer.message.reasoning(), "I should look.");
    const auto calls = answer.message.tool_calls();
    ASSERT_EQ(calls.size(), 2U);
    EXPECT_EQ(calls[0]->name, "get_weather");
    EXPECT_EQ(json::parse(calls[0]->arguments_json).value(), json::parse(R"({"city":"Paris"})").value());
    EXPECT_EQ(calls[1]->name, "now");
    EXPECT_EQ(answer.finish, llm::FinishReason::tool_calls);
    EXPECT_EQ(answer.usage.input_tokens, 20U);
    EXPECT_EQ(answer.usage.output_tokens, 9U);
}

llm::ChatResponse decoded(std::vector<ChatEvent> events) {
    llm::ResponseBuilder built;
    for (auto& event : events) built.add(std::move(event));
    return built.take();
}

TEST_P(Protocols, StreamsDecodeAsTheSameAnswer) {
    const auto renderer = GetParam().renderer();
    renderer->model = "m";
    std::string bytes = renderer->begin();
    for (const auto& event : rich_answer()) bytes += renderer->event(event);
    const auto decoder = GetParam().decoder();
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder->feed(bytes, events));
    ASSERT_TRUE(decoder->finish(events));
    expect_rich(decoded(std::move(events)));
}

TEST_P(Protocols, WholeAnswersDecodeAsTheSame) {
    const auto renderer = GetParam().renderer();
    renderer->model = "m";
    const auto response = renderer->whole(decoded(rich_answer()));
    EXPECT_EQ(response.status, 200);
    const auto decoder = GetParam().decoder();
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder->whole(response.body, events)) << response.body;
    expect_rich(decoded(std::move(events)));
}

TEST_P(Protocols, AFailureInAStreamIsAnErrorOfOurClients) {
    const auto renderer = GetParam().renderer();
    ChatEvent piece;
    piece.text = "half an ans";
    std::string bytes = renderer->begin();
    bytes += renderer->event(piece);
    ApiError problem;
    problem.status = 503;
    problem.message = "the model went away";
    bytes += renderer->failure(problem);
    const auto decoder = GetParam().decoder();
    std::vector<ChatEvent> events;
    auto result = decoder->feed(bytes, events);
    if (result) result = decoder->finish(events);
    ASSERT_FALSE(result);
    EXPECT_TRUE(result.error().describe().contains("the model went away")) << result.error().describe();
    const auto refused = renderer->error(problem);
    EXPECT_EQ(refused.status, 503);
    EXPECT_TRUE(refused.body.contains("the model went away"));
}

TEST_P(Protocols, CutAnswersSaySo) {
    ChatEvent last;
    last.text = "x";
    last.finish = llm::FinishReason::length;
    const auto renderer = GetParam().renderer();
    const auto decoder = GetParam().decoder();
    std::vector<ChatEvent> events;
    std::string bytes = renderer->begin();
    bytes += renderer->event(last);
    ASSERT_TRUE(decoder->feed(bytes, events));
    ASSERT_TRUE(decoder->finish(events));
    EXPECT_EQ(events.back().finish, llm::FinishReason::length);
}

/// Every value of a good body replaced by every kind of wrong one: an answer or an error, never worse; and every
/// prefix of its text.
void poke(const Protocol& protocol, const json::Value& root, json::Value& at, int depth) {
    static const json::Value wrong[] = {nullptr,
                                        true,
                                        -1,
                                        1e300,
                                        "",
                                        "x\xC3\xA9",
                                        json::Array(),
                                        json::Object(),
                                        json::Array{json::Array{nullptr}},
                                        json::Object{{"type", 7}}};
    const json::Value kept = at;
    for (const auto& value : wrong) {
        at = value;
        (void)protocol.read(root);
    }
    at = kept;
    if (depth == 0) return;
    if (auto* object = at.if_object())
        for (auto& [key, value] : *object) poke(protocol, root, value, depth - 1);
    if (auto* array = at.if_array())
        for (auto& value : *array) poke(protocol, root, value, depth - 1);
}

TEST_P(Protocols, HostileBodiesAreRefusedOrRead) {
    auto request = fake::tool_conversation();
    request.settings.stop = {};
    request.format = fake::schema_question().format;
    const auto bytes = GetParam().write(request).value();
    json::Value body = json::parse(bytes).value();
    poke(GetParam(), body, body, 9);
    for (const auto* text : {"null", "[]", "{}", "\"x\"", R"({"model":"m"})", R"({"model":"m","messages":[[]]})",
                             R"({"model":"m","messages":[{}]})", R"({"model":"m","input":[null]})",
                             R"({"contents":[{"parts":[{}]}]})", R"({"contents":[]})"}) {
        const auto read = GetParam().read(json::parse(text).value());
        EXPECT_FALSE(read) << text;
        if (!read) {
            EXPECT_GE(read.error().status, 400);
            EXPECT_GT(read.error().message.size(), 8U);
        }
    }
}

TEST(Chat, ReadsWhatOurClientWrites) {
    const auto request = fake::tool_conversation();
    provider::OpenAiOptions options;
    const auto bytes = provider::openai::chat_body("m", request, options).value();
    const auto read = parse_chat(json::parse(bytes).value(), 4096);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(said(read->request.messages).calls, said(request.messages).calls);
    EXPECT_EQ(read->request.tools.size(), 2U);
}

}  // namespace
}  // namespace tenon::serve
