// What one protocol alone has.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "serve/anthropic/render.hpp"
#include "serve/anthropic/request.hpp"
#include "serve/gemini/render.hpp"
#include "serve/gemini/request.hpp"
#include "serve/ollama/request.hpp"
#include "serve/openai_request.hpp"
#include "serve/responses/items.hpp"
#include "serve/responses/kept.hpp"
#include "serve/responses/render.hpp"
#include "serve/responses/request.hpp"
#include "serve/steps.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::serve {
namespace {

json::Value parsed(std::string_view text) { return json::parse(text).value(); }

std::string kinds(const std::vector<Step>& steps) {
    std::string out;
    for (const auto& step : steps) out += "TRSCAEP"[step.index()];
    return out;
}

TEST(Steps, CallsThatComeWholeHaveABeginningAndAnEnd) {
    Steps steps;
    llm::ChatEvent event;
    event.text = "hm";
    event.tool_calls = {{"", "a", ""}, {"x", "b", R"({"n":1})"}};
    const auto first = steps.of(event);
    EXPECT_EQ(kinds(first), "TCAECAE");
    EXPECT_FALSE(std::get<CallStep>(first[1]).id.empty()) << "a call without an id gets one";
    EXPECT_EQ(std::get<ArgumentsStep>(first[2]).text, "{}");
    EXPECT_EQ(std::get<CallStep>(first[4]).index, 1U);
    llm::ChatEvent later;
    later.tool_calls = {{"y", "c", "{}"}};
    EXPECT_EQ(std::get<CallStep>(steps.of(later)[0]).index, 2U) << "the count goes on from event to event";
}

TEST(Steps, InterleavedPiecesWaitForTheirTurn) {
    Steps steps;
    llm::ChatEvent both, more, whole;
    both.tool_call_deltas = {{0, "x", "a", "{\"p\""}, {1, "y", "b", "{\"q\""}};
    EXPECT_EQ(kinds(steps.of(both)), "CA");
    more.tool_call_deltas = {{1, {}, {}, ":2}"}, {0, {}, {}, ":1}"}};
    EXPECT_EQ(kinds(steps.of(more)), "A");
    whole.tool_calls = {{"x", "a", R"({"p":1})"}, {"y", "b", R"({"q":2})"}};
    whole.finish = llm::FinishReason::tool_calls;
    const auto last = steps.of(whole);
    EXPECT_EQ(kinds(last), "ECAE");
    EXPECT_EQ(std::get<ArgumentsStep>(last[2]).text, R"({"q":2})");
    EXPECT_EQ(std::get<CallEndStep>(last[0]).call.arguments_json, R"({"p":1})");
}

TEST(Steps, OpenCallsEndWithTheAnswer) {
    Steps steps;
    llm::ChatEvent begun, last;
    begun.tool_call_deltas = {{0, "x", "a", ""}};
    EXPECT_EQ(kinds(steps.of(begun)), "C");
    last.finish = llm::FinishReason::length;
    EXPECT_EQ(kinds(steps.of(last)), "AE");
}

TEST(AnthropicMessages, RefuseWhatWouldBeDropped) {
    const auto refused = [](std::string_view more) {
        const auto text =
            R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}])" + std::string(more) + "}";
        const auto read = anthropic::read_messages(parsed(text), 4096);
        return read ? std::string("read") : read.error().param.value_or("") + ": " + read.error().message;
    };
    EXPECT_EQ(refused(""), "read");
    EXPECT_EQ(refused(R"(,"metadata":{"user_id":"u"},"service_tier":"auto","cache_control":{"type":"ephemeral"})"),
              "read");
    EXPECT_TRUE(refused(R"(,"mcp_servers":[])").starts_with("mcp_servers"));
    EXPECT_TRUE(refused(R"(,"tools":[{"type":"bash_20250124","name":"bash"}])").starts_with("tools[0].type"));
    EXPECT_TRUE(refused(R"(,"tools":[{"name":"a"}])").starts_with("tools[0].input_schema"));
    EXPECT_TRUE(refused(R"(,"tool_choice":{"type":"any"})").starts_with("tool_choice"));
    EXPECT_TRUE(refused(R"(,"temperature":2)").starts_with("temperature"));
    EXPECT_TRUE(refused(R"(,"stop_sequences":[""])").starts_with("stop_sequences"));
    EXPECT_TRUE(refused(R"(,"top_m":1)").starts_with("top_m"));
    EXPECT_TRUE(refused(R"(,"thinking":{"type":"enabled"})").starts_with("thinking.budget_tokens"));
}

TEST(AnthropicMessages, NameTheStopSequence) {
    anthropic::MessageRenderer renderer("req_1");
    llm::ChatResponse response;
    response.message.content.emplace_back(llm::TextPart{"a"});
    response.extensions.set(provider::local::AnswerExtras{"STOP"});
    const auto body = parsed(renderer.whole(response).body);
    EXPECT_EQ(body.at("stop_reason"), "stop_sequence");
    EXPECT_EQ(body.at("stop_sequence"), "STOP");
}

TEST(AnthropicMessages, ErrorsHaveTheirNames) {
    ApiError problem;
    for (const auto& [status, name] : std::vector<std::pair<int, std::string>>{{400, "invalid_request_error"},
                                                                               {401, "authentication_error"},
                                                                               {403, "permission_error"},
                                                                               {404, "not_found_error"},
                                                                               {413, "request_too_large"},
                                                                               {429, "rate_limit_error"},
                                                                               {500, "api_error"},
                                                                               {503, "overloaded_error"}}) {
        problem.status = status;
        EXPECT_EQ(json::string_or(anthropic::error_body(problem, "r").at("error"), "type", ""), name);
    }
}

TEST(AnthropicMessages, CitationsStandInTheTextBeforeThem) {
    anthropic::MessageRenderer renderer("req_1");
    llm::ChatResponse response;
    response.message.content.emplace_back(llm::TextPart{"It rained."});
    llm::CitationPart citation{.source = "report", .cited_text = "rain"};
    citation.document = 0;
    citation.start = 3;
    citation.end = 7;
    citation.unit = llm::CitationPart::Unit::characters;
    response.message.content.emplace_back(citation);
    const auto body = parsed(renderer.whole(response).body);
    ASSERT_EQ(body.at("content").get_array().size(), 1U);
    const auto& cited = body.at("content").at(0).at("citations").at(0);
    EXPECT_EQ(cited.at("type"), "char_location");
    EXPECT_EQ(cited.at("end_char_index"), 7);
}

TEST(GeminiContents, NamesMayBeSnakeCaseButNotTheUsers) {
    const auto body = parsed(R"({
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]},
                     {"role": "model", "parts": [{"function_call": {"name": "f", "args": {"snake_case": 1}}}]},
                     {"role": "user", "parts": [{"function_response": {"name": "f", "response": {"a_b": 2}}}]}],
        "generation_config": {"max_output_tokens": 7, "response_schema": {"type": "OBJECT", "nullable": true,
            "properties": {"first_name": {"type": "STRING", "maxLength": "9"}}, "propertyOrdering": ["first_name"]}}})");
    const auto read = gemini::read_generate(body, 4096);
    ASSERT_TRUE(read) << read.error().message;
    const auto& request = read->question.request;
    EXPECT_EQ(request.messages[0].text(), "Be brief.");
    EXPECT_EQ(request.messages[2].tool_calls().at(0)->arguments_json, R"({"snake_case":1})");
    const auto& result = std::get<llm::ToolResultPart>(request.messages[3].content.at(0));
    EXPECT_EQ(result.content, R"({"a_b":2})");
    EXPECT_EQ(result.call_id, request.messages[2].tool_calls().at(0)->id);
    EXPECT_EQ(request.settings.max_tokens, 7U);
    EXPECT_EQ(parsed(std::get<llm::JsonSchemaFormat>(request.format).schema),
              parsed(R"({"type":["object","null"],"properties":{"first_name":{"type":"string","maxLength":9}}})"));
}

TEST(GeminiContents, StreamsAsAnArrayToo) {
    gemini::GeminiRenderer renderer(gemini::GeminiRenderer::Form::array, false);
    llm::ChatEvent a, thought, b;
    a.text = "one";
    thought.reasoning = "not wanted";
    b.text = "two";
    b.finish = llm::FinishReason::stop;
    std::string bytes = renderer.event(a);
    EXPECT_EQ(renderer.event(thought), "");
    bytes += renderer.event(b);
    const auto all = parsed(bytes);
    ASSERT_EQ(all.get_array().size(), 2U);
    EXPECT_EQ(all.at(1).at("candidates").at(0).at("finishReason"), "STOP");
}

TEST(GeminiContents, AllowedFunctionsNarrowTheTools) {
    const auto read = gemini::read_generate(parsed(R"({"contents":[{"parts":[{"text":"hi"}]}],
            "tools":[{"functionDeclarations":[{"name":"a"},{"name":"b"},{"name":"c"}]}],
            "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["a","c"]}}})"),
                                            4096);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->question.request.tools.size(), 2U);
    EXPECT_EQ(read->question.request.tool_choice.mode, llm::ToolChoice::Mode::required);
    EXPECT_FALSE(gemini::read_generate(
        parsed(R"({"contents":[{"parts":[{"text":"hi"}]}],"tools":[{"googleSearch":{}}]})"), 4096));
}

TEST(OllamaChat, OptionsThatChangeTheAnswerAreNotDropped) {
    const auto with = [](std::string_view options) {
        return ollama::read_chat(
            parsed(R"({"model":"m:latest","messages":[{"role":"user","content":"hi"}],"options":)" +
                   std::string(options) + "}"),
            100);
    };
    const auto read = with(R"({"num_ctx":8192,"num_thread":4,"num_predict":-1,"seed":3,"stop":["x"],"mirostat":0})");
    ASSERT_TRUE(read);
    EXPECT_EQ(read->model, "m");
    EXPECT_TRUE(read->stream);
    EXPECT_EQ(read->request.settings.max_tokens, 100U);
    EXPECT_EQ(read->request.settings.seed, 3U);
    EXPECT_EQ(with(R"({"mirostat":2,"typical_p":0.5})")->request.settings.decoding.mirostat, 2);
    EXPECT_FALSE(with(R"({"mirostat":3})"));
    EXPECT_FALSE(with(R"({"warmth":2})"));
    EXPECT_EQ(ollama::plain_name("ollama:llama3:latest"), "ollama:llama3:latest");
}

TEST(ResponsesItems, ATurnOfTheAssistantIsOneMessage) {
    const auto items = parsed(R"([
        {"role":"user","content":"hi"},
        {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]},
        {"type":"message","role":"assistant","content":[{"type":"output_text","text":"wait"}]},
        {"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},
        {"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},
        {"type":"function_call_output","call_id":"c1","output":"1"},
        {"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"2"}]},
        {"role":"user","content":"so?"}])");
    std::vector<llm::Message> messages;
    ASSERT_TRUE(responses::read_items(items.get_array(), messages));
    ASSERT_EQ(messages.size(), 4U);
    EXPECT_EQ(messages[1].role, llm::Role::assistant);
    EXPECT_EQ(messages[1].content.size(), 4U);
    EXPECT_EQ(messages[2].role, llm::Role::tool);
    EXPECT_EQ(messages[2].content.size(), 2U);
}

TEST(ResponsesItems, SealedThoughtsComeBack) {
    const llm::ReasoningPart thought{"", "sig", "cipher", "rs_upstream"};
    llm::ReasoningPart back;
    responses::unseal(responses::seal(thought), back);
    EXPECT_EQ(back.id, "rs_upstream");
    EXPECT_EQ(back.redacted, "cipher");
    EXPECT_EQ(back.signature, "sig");
    responses::unseal("tenon1.!!!", back);
    responses::unseal("tenon1.AAAA", back);
}

TEST(KeptResponses, GoOnAndGoAway) {
    const auto records = store::Records::temporary().value();
    responses::Kept kept{
        json::Object{{"id", "resp_1"}, {"output", json::Array{json::Object{{"id", "msg_2"}, {"type", "message"}}}}},
        json::Array{json::Object{{"id", "msg_1"}, {"type", "message"}}},
        {llm::Message::user("hi"), llm::Message::assistant("hello")}};
    ASSERT_TRUE(responses::keep(*records, "ada", kept));
    const auto found = responses::find(*records, "ada", "resp_1").value();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->messages.at(1).text(), "hello");
    EXPECT_TRUE(responses::find_item(*records, "ada", "msg_2"));
    EXPECT_FALSE(responses::find_item(*records, "ada", "resp_1"));
    EXPECT_FALSE(responses::find(*records, "bob", "resp_1").value());
    EXPECT_FALSE(responses::find(*records, "ada", "msg_1").value());
    EXPECT_TRUE(responses::remove(*records, "ada", "resp_1").value());
    EXPECT_FALSE(responses::remove(*records, "ada", "resp_1").value());
    EXPECT_EQ(records->size().value(), 0U);
}

TEST(ResponsesRenderer, KeepsTheAnswerOnce) {
    int kept = 0;
    responses::ResponseRenderer::Options options;
    options.id = "resp_1";
    options.keep = [&](const json::Object& response, llm::Message message) {
        ++kept;
        EXPECT_EQ(response.at("status"), "completed");
        EXPECT_EQ(message.text(), "hello");
    };
    responses::ResponseRenderer renderer(std::move(options));
    (void)renderer.begin();
    llm::ChatEvent event;
    event.text = "hello";
    (void)renderer.event(event);
    EXPECT_EQ(kept, 0);
    llm::ChatEvent last;
    last.finish = llm::FinishReason::stop;
    EXPECT_TRUE(renderer.event(last).contains("response.completed"));
    EXPECT_EQ(kept, 1);
}

}  // namespace
}  // namespace tenon::serve
