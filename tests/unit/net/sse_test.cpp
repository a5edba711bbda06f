#include "tenon/net/sse.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace tenon::net {
namespace {

using Events = std::vector<SseEvent>;

Events parse(std::vector<std::string_view> pieces) {
    SseParser parser;
    Events events;
    for (const auto piece : pieces) EXPECT_TRUE(parser.feed(piece, events));
    return events;
}

std::string show(const Events& events) {
    std::string out;
    for (const auto& e : events) out += "[" + e.event + "|" + e.data + "|" + e.id + "]";
    return out;
}

struct Case {
    std::string name, stream, expected;
};

const std::vector<Case>& cases() {
    using namespace std::string_literals;
    static const std::vector<Case> all{
        {"plain", "data: hello\n\n", "[|hello|]"},
        {"no space", "data:hello\n\ndata:  two\n\n", "[|hello|][| two|]"},
        {"crlf", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", "[|a\nb|][|c|]"},
        {"cr", "data: a\rdata: b\r\rdata: c\r\r", "[|a\nb|][|c|]"},
        {"mixed", "data: a\r\n\ndata: b\n\rdata: c\r\r\n", "[|a|][|b|][|c|]"},
        {"bom",
         "\xEF\xBB\xBF"
         "data: x\n\n\xEF\xBB\xBF"
         "data: y\n\ndata: z\n\n",
         "[|x|][|z|]"},
        {"comment", ": hi\n\n:\ndata: x\n: y\n\n", "[|x|]"},
        {"event and id", "event: add\nid: 7\ndata: 1\n\ndata: 2\n\nid\ndata: 3\n\n", "[add|1|7][|2|7][|3|]"},
        {"id with NUL", "id: a\0b\ndata: 1\n\n"s, "[|1|]"},
        {"empty data", "data\n\ndata:\ndata:\n\n", "[||][|\n|]"},
        {"event without data", "event: x\n\ndata: y\n\n", "[|y|]"},
        {"unknown field", "foo: bar\ndata: x\ndata : y\n\n", "[|x|]"},
        {"unfinished", "data: x\n\ndata: lost\n", "[|x|]"},
        {"unicode", "data: \xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80\n\n",
         "[|\xE4\xBD\xA0\xE5\xA5\xBD \xF0\x9F\x98\x80|]"},
        {"done", "data: {\"a\":1}\n\ndata: [DONE]\n\n", "[|{\"a\":1}|][|[DONE]|]"},
    };
    return all;
}

TEST(SseParser, GivesTheSameEventsAtEverySplit) {
    for (const auto& c : cases()) {
        EXPECT_EQ(show(parse({c.stream})), c.expected) << c.name;
        const std::string_view s = c.stream;
        for (std::size_t i = 0; i <= s.size(); ++i)
            for (std::size_t j = i; j <= s.size(); ++j)
                ASSERT_EQ(show(parse({s.substr(0, i), s.substr(i, j - i), s.substr(j)})), c.expected)
                    << c.name << " cut at " << i << " and " << j;
    }
}

TEST(SseParser, KeepsTheRetryTime) {
    SseParser parser;
    Events events;
    ASSERT_TRUE(parser.feed("retry: 1500\nretry: x1\nretry: -3\nretry:\n", events));
    EXPECT_EQ(parser.retry(), std::chrono::milliseconds(1500));
    EXPECT_TRUE(events.empty());
}

TEST(SseParser, FinishGivesTheCutEvent) {
    SseParser parser;
    Events events;
    ASSERT_TRUE(parser.feed("data: a\n\ndata: b\ndata: c", events));
    EXPECT_EQ(show(events), "[|a|]");
    const auto last = parser.finish();
    ASSERT_TRUE(last);
    EXPECT_EQ(last->data, "b\nc");
    EXPECT_FALSE(parser.finish());
}

TEST(SseParser, BoundsLinesAndEvents) {
    {
        SseParser parser(100);
        Events events;
        Result<void> result;
        for (int i = 0; i < 200 && result; ++i) result = parser.feed("x", events);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code(), ErrorCode::resource_exhausted);
    }
    {
        SseParser parser(100);
        Events events;
        Result<void> result;
        for (int i = 0; i < 200 && result; ++i) result = parser.feed("data: 0123456789\n", events);
        EXPECT_FALSE(result);
    }
}

TEST(SseEncode, RoundTrips) {
    for (const std::string data : {"x", "", "a\nb", "\n", "{\"k\": \"v\"}", " lead", "tail\n"}) {
        const SseEvent event{"delta", data, "3"};
        const auto events = parse({sse_encode(event)});
        ASSERT_EQ(events.size(), 1U) << data;
        EXPECT_EQ(show(events), show({event}));
    }
    EXPECT_EQ(sse_encode({"", "a\r\nb\rc", ""}), "data: a\ndata: b\ndata: c\n\n");
    EXPECT_EQ(sse_encode({"x\ny", "1", ""}), "event: xy\ndata: 1\n\n");
    EXPECT_TRUE(parse({sse_comment("ping\ndata: 1")}).empty());
}

}  // namespace
}  // namespace tenon::net
