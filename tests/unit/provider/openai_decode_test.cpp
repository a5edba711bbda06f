// The protocol core: recorded answers, whole, cut at every place, malformed.
#include <gtest/gtest.h>

#include <bit>

#include "provider/openai/decode.hpp"
#include "provider/wire/error.hpp"
#include "tenon/base/base64.hpp"

namespace tenon::provider::openai {
namespace {

using namespace llm;

struct Outcome {
    std::string text, reasoning, calls;
    std::string finish;
    Usage usage;
    std::vector<TokenLogprob> logprobs;
    std::optional<Error> error;

    [[nodiscard]] std::string show() const {
        return "text=" + text + " reasoning=" + reasoning + " calls=" + calls + " finish=" + finish +
               " in=" + std::to_string(usage.input_tokens) + " out=" + std::to_string(usage.output_tokens) +
               (error ? " error=" + std::string(to_string(error->code())) : "");
    }
};

void collect(Outcome& out, const std::vector<ChatEvent>& events) {
    for (const auto& event : events) {
        out.text += event.text;
        out.reasoning += event.reasoning;
        for (const auto& call : event.tool_calls) out.calls += call.id + ":" + call.name + call.arguments_json + ";";
        for (const auto& logprob : event.logprobs) out.logprobs.push_back(logprob);
        if (event.finish) {
            EXPECT_EQ(out.finish, "") << "more than one last event";
            out.finish = to_string(*event.finish);
            out.usage = event.usage;
        }
    }
}

Outcome decode(std::initializer_list<std::string_view> pieces) {
    Outcome out;
    ChatDecoder decoder;
    std::vector<ChatEvent> events;
    Result<void> result;
    for (const auto piece : pieces)
        if (result) result = decoder.feed(piece, events);
    if (result) result = decoder.finish(events);
    if (!result) out.error = result.error();
    collect(out, events);
    return out;
}

std::string message(std::string_view json) { return "data: " + std::string(json) + "\n\n"; }

struct Case {
    std::string name, stream, expected;
};

std::vector<Case> cases() {
    const auto delta = [](std::string_view d) {
        return message(R"({"id":"c","object":"chat.completion.chunk","choices":[{"index":0,"delta":)" + std::string(d) +
                       R"(,"finish_reason":null}]})");
    };
    const auto finish = [](std::string_view reason) {
        return message(R"({"choices":[{"index":0,"delta":{},"finish_reason":")" + std::string(reason) + R"("}]})");
    };
    const std::string usage =
        message(R"({"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}})");
    const std::string done = "data: [DONE]\n\n";
    std::vector<Case> all;
    all.push_back({"plain",
                   delta(R"({"role":"assistant","content":""})") + delta(R"({"content":"Hel"})") +
                       delta("{\"content\":\"lo \xE4\xBD\xA0\"}") + finish("stop") + usage + done,
                   "text=Hello \xE4\xBD\xA0 reasoning= calls= finish=stop in=9 out=2"});
    all.push_back(
        {"usage within the last chunk, no DONE",
         delta(R"({"content":"a"})") +
             message(
                 R"({"choices":[{"index":0,"delta":{"content":"b"},"finish_reason":"length"}],"usage":{"prompt_tokens":1,"completion_tokens":2}})"),
         "text=ab reasoning= calls= finish=length in=1 out=2"});
    all.push_back({"no space, CRLF, comments, no usage",
                   ": OPENROUTER PROCESSING\r\n\r\ndata:{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\r\n\r\n"
                   "data:{\"choices\":[{\"delta\":{},\"finish_reason\":\"eos\"}]}\r\n\r\ndata:[DONE]\r\n\r\n",
                   "text=x reasoning= calls= finish=stop in=0 out=0"});
    all.push_back({"no finish reason but DONE", delta(R"({"content":"x"})") + done,
                   "text=x reasoning= calls= finish=stop in=0 out=0"});
    all.push_back({"reasoning",
                   delta(R"({"reasoning_content":"hm"})") + delta(R"({"reasoning":"m","content":null})") +
                       delta(R"({"content":"42"})") + finish("stop") + done,
                   "text=42 reasoning=hmm calls= finish=stop in=0 out=0"});
    all.push_back(
        {"two tool calls in pieces",
         delta(R"({"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"get","arguments":""}}]})") +
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"ci"}}]})") +
             delta(R"({"tool_calls":[{"index":0,"function":{"arguments":"ty\":1}"}}]})") +
             delta(
                 R"({"tool_calls":[{"index":1,"id":"c2","type":"function","function":{"name":"now","arguments":""}}]})") +
             finish("tool_calls") + usage + done,
         "text= reasoning= calls=c1:get{\"city\":1};c2:now{}; finish=tool_calls in=9 out=2"});
    all.push_back(
        {"calls without index, whole, said to stop",
         delta(
             R"({"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"}},{"id":"b","function":{"name":"g","arguments":{"x":1}}}]})") +
             finish("stop") + done,
         "text= reasoning= calls=a:f{};b:g{\"x\":1}; finish=tool_calls in=0 out=0"});
    all.push_back({"calls all numbered 0",
                   delta(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]})") +
                       delta(R"({"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"{}"}}]})") +
                       done,
                   "text= reasoning= calls=a:f{};b:g{}; finish=tool_calls in=0 out=0"});
    all.push_back(
        {"completions",
         message(R"({"object":"text_completion","choices":[{"index":0,"text":"one","finish_reason":null}]})") +
             message(R"({"object":"text_completion","choices":[{"index":1,"text":"not mine","finish_reason":null}]})") +
             message(R"({"object":"text_completion","choices":[{"index":0,"text":" two","finish_reason":"stop"}]})") +
             done,
         "text=one two reasoning= calls= finish=stop in=0 out=0"});
    all.push_back(
        {"content parts",
         delta(R"({"content":[{"type":"text","text":"p"},{"type":"text","text":"q"}]})") + finish("stop") + done,
         "text=pq reasoning= calls= finish=stop in=0 out=0"});
    all.push_back(
        {"error in the middle",
         delta(R"({"content":"x"})") + message(R"({"error":{"message":"Overloaded","type":"overloaded_error"}})"),
         "text=x reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::unavailable))});
    all.push_back(
        {"error with a number", message(R"({"error":{"message":"slow down","code":429}})"),
         "text= reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::rate_limited))});
    all.push_back(
        {"error as text", message(R"({"error":"model 'x' crashed"})"),
         "text= reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::unavailable))});
    all.push_back(
        {"cut", delta(R"({"content":"x"})") + delta(R"({"content":"y"})"),
         "text=xy reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::unavailable))});
    all.push_back(
        {"nothing", "",
         "text= reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::unavailable))});
    all.push_back({"not JSON", delta(R"({"content":"x"})") + message("{oops"),
                   "text=x reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::protocol))});
    all.push_back({"not an object", message("[1,2]"),
                   "text= reasoning= calls= finish= in=0 out=0 error=" + std::string(to_string(ErrorCode::protocol))});
    all.push_back(
        {"wrong types everywhere",
         message(
             R"({"choices":[{"index":"0","delta":{"content":7,"tool_calls":{}},"logprobs":[],"finish_reason":3}],"usage":[]})") +
             message(R"({"choices":[1,null,{"delta":[]}]})") + message(R"({"choices":{}})") + done,
         "text= reasoning= calls= finish=stop in=0 out=0"});
    all.push_back({"what follows DONE is ignored", delta(R"({"content":"x"})") + done + message("garbage"),
                   "text=x reasoning= calls= finish=stop in=0 out=0"});
    all.push_back({"last event without its blank line", delta(R"({"content":"x"})") + finish("stop") + "data: [DONE]",
                   "text=x reasoning= calls= finish=stop in=0 out=0"});
    return all;
}

TEST(OpenAiStream, DecodesRecordedAnswersAtEverySplit) {
    for (const auto& c : cases()) {
        ASSERT_EQ(decode({c.stream}).show(), c.expected) << c.name;
        const std::string_view s = c.stream;
        for (std::size_t i = 0; i <= s.size(); ++i)
            ASSERT_EQ(decode({s.substr(0, i), s.substr(i)}).show(), c.expected) << c.name << " cut at " << i;
        for (std::size_t i = 0; i + 7 <= s.size(); i += 5)
            ASSERT_EQ(decode({s.substr(0, i), s.substr(i, 7), s.substr(i + 7)}).show(), c.expected) << c.name;
    }
}

TEST(OpenAiStream, NeverTakesACutStreamForAWholeAnswer) {
    const auto stream = cases().front().stream;
    const auto finish_at = stream.find("\"finish_reason\":\"stop\"") + 22 + 3;  // the event's last byte
    for (std::size_t length = 0; length < stream.size(); ++length) {
        const auto outcome = decode({stream.substr(0, length)});
        if (length < finish_at) {
            ASSERT_TRUE(outcome.error) << length;
            ASSERT_EQ(outcome.error->code(), ErrorCode::unavailable) << length;
        } else {
            ASSERT_FALSE(outcome.error) << length << outcome.error->describe();
            ASSERT_EQ(outcome.finish, "stop");
        }
    }
}

TEST(OpenAiStream, ReadsLogprobs) {
    const auto chat = decode({message(
        R"({"choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":{"content":[{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Hi","logprob":-0.5,"bytes":[72,105]},{"token":"\\xe4","logprob":-2,"bytes":[228]}]}]},"finish_reason":"stop"}]})")});
    ASSERT_EQ(chat.logprobs.size(), 1U);
    EXPECT_EQ(chat.logprobs[0].text, "Hi");
    EXPECT_DOUBLE_EQ(chat.logprobs[0].logprob, -0.5);
    ASSERT_EQ(chat.logprobs[0].top.size(), 2U);
    EXPECT_EQ(chat.logprobs[0].top[1].bytes, "\xE4");
    const auto text = decode({message(
        R"({"choices":[{"index":0,"text":"a b","logprobs":{"tokens":["a"," b"],"token_logprobs":[null,-1.25],"top_logprobs":[null,{" b":-1.25," c":-3}]},"finish_reason":"stop"}]})")});
    ASSERT_EQ(text.logprobs.size(), 2U);
    EXPECT_DOUBLE_EQ(text.logprobs[1].logprob, -1.25);
    EXPECT_EQ(text.logprobs[1].top.size(), 2U);
}

TEST(OpenAiStream, BoundsToolArguments) {
    ChatDecoder decoder;
    std::vector<ChatEvent> events;
    const auto piece = message(
        R"({"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":")" +
        std::string(1 << 20, 'x') + R"("}}]}}]})");
    Result<void> result;
    for (int i = 0; i < 40 && result; ++i) result = decoder.feed(piece, events);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted);
}

TEST(OpenAiStream, TakesAWholeAnswer) {
    ChatDecoder decoder;
    std::vector<ChatEvent> events;
    ASSERT_TRUE(decoder.whole(
        R"({"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"whole","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2},"completion_tokens_details":{"reasoning_tokens":1}}})",
        events));
    Outcome out;
    collect(out, events);
    EXPECT_EQ(out.show(), "text=whole reasoning= calls=c:f{}; finish=tool_calls in=3 out=4");
    EXPECT_EQ(out.usage.cached_input_tokens, 2U);
    EXPECT_EQ(out.usage.reasoning_tokens, 1U);
    for (const auto* bad : {"", "[]", "{}", "{\"choices\":[]}", "nope"}) {
        ChatDecoder other;
        std::vector<ChatEvent> none;
        EXPECT_FALSE(other.whole(bad, none)) << bad;
    }
}

TEST(OpenAiError, ReadsTheErrorObjectsOfManyServers) {
    const auto error = [](int status, std::string_view body) { return wire::error_of_response(status, {}, body); };
    auto quota = error(
        429,
        R"({"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}})");
    EXPECT_EQ(quota.code(), ErrorCode::resource_exhausted);
    EXPECT_NE(quota.message().find("exceeded your current quota"), std::string::npos);
    EXPECT_EQ(error(400, R"({"error":{"message":"too long","code":"context_length_exceeded"}})").code(),
              ErrorCode::resource_exhausted);
    EXPECT_EQ(error(404, R"({"error":{"message":"no","code":"model_not_found"}})").code(), ErrorCode::not_found);
    EXPECT_EQ(error(401, R"({"error":{"message":"bad key","code":"invalid_api_key"}})").code(),
              ErrorCode::unauthenticated);
    EXPECT_EQ(error(400, R"({"object":"error","message":"bad field","type":"BadRequestError","code":400})").code(),
              ErrorCode::invalid_argument);
    EXPECT_NE(error(422, R"({"detail":[{"loc":["body"],"msg":"field required"}]})").message().find("field required"),
              std::string::npos);
    EXPECT_NE(error(500, R"({"error":"model not loaded"})").message().find("model not loaded"), std::string::npos);
    EXPECT_EQ(error(502, "<html>Bad gateway</html>").code(), ErrorCode::unavailable);
    const auto limited = wire::error_of_response(429, {{"Retry-After", "7"}}, "{}");
    EXPECT_EQ(limited.code(), ErrorCode::rate_limited);
    EXPECT_EQ(limited.retry_after_ms(), 7000);
}

std::string floats(std::initializer_list<float> values) {
    std::string bytes;
    for (const float value : values) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        for (int b = 0; b < 4; ++b) bytes += static_cast<char>(bits >> (8 * b) & 0xFF);
    }
    return base64_encode(bytes);
}

TEST(OpenAiEmbeddings, ReadsNumbersAndBase64InOrderOfTheIndex) {
    const auto numbers = decode_embeddings(
        R"({"data":[{"index":1,"embedding":[3,4.5]},{"index":0,"embedding":[1,-2]}],"usage":{"prompt_tokens":5}})", 2);
    ASSERT_TRUE(numbers) << numbers.error().describe();
    EXPECT_EQ(numbers->dimension, 2U);
    EXPECT_EQ(numbers->values, (std::vector<float>{1, -2, 3, 4.5F}));
    EXPECT_EQ(numbers->usage.input_tokens, 5U);
    const auto coded =
        decode_embeddings(R"({"data":[{"index":0,"embedding":")" + floats({0.1F, -7.25F}) + R"("}]})", 1);
    ASSERT_TRUE(coded) << coded.error().describe();
    EXPECT_EQ(coded->values, (std::vector<float>{0.1F, -7.25F}));
}

TEST(OpenAiEmbeddings, RefusesWhatDoesNotFit) {
    for (const std::string& body :
         {std::string("x"), std::string("{}"), std::string(R"({"data":[]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":5,"embedding":[1]}]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":["1"]}]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]})"),
          std::string(R"({"data":[{"index":0,"embedding":[1]},{"index":1}]})"),
          std::string(R"({"data":[{"index":0,"embedding":"AAAA"},{"index":1,"embedding":"AAAA"}]})"),
          std::string(R"({"data":[{"index":0,"embedding":"AADAfw=="},{"index":1,"embedding":"AADAfw=="}]})")})
        EXPECT_FALSE(decode_embeddings(body, 2)) << body;
}

}  // namespace
}  // namespace tenon::provider::openai
