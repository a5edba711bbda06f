#include "tenon/base/trace.hpp"

#include <gtest/gtest.h>

namespace tenon {
namespace {

TEST(Trace, SpansNestAndKeepTheirAttributesAndErrors) {
    const auto tracer = std::make_shared<MemoryTracer>();
    {
        Span outer(tracer, "outer", 0);
        Span inner(tracer, "inner", outer.id());
        inner.set("tokens", std::int64_t{7});
        const Error error(ErrorCode::io, "broken");
        inner.end(&error);
        inner.end();
        EXPECT_TRUE(tracer->spans().at(0).open);
    }
    const auto spans = tracer->spans();
    ASSERT_EQ(spans.size(), 2U);
    EXPECT_EQ(spans[1].parent, spans[0].id);
    EXPECT_EQ(std::get<std::int64_t>(*spans[1].attribute("tokens")), 7);
    EXPECT_EQ(spans[1].error->message(), "broken");
    EXPECT_FALSE(spans[0].open);
    EXPECT_FALSE(spans[0].error);
    EXPECT_GE(spans[0].duration, spans[1].duration);
}

TEST(Trace, WithoutATracerASpanIsNothing) {
    Span span(nullptr, "x", 0);
    span.set("k", true);
    EXPECT_FALSE(span);
    EXPECT_EQ(span.id(), 0U);
}

TEST(Trace, KeepsTheNewest) {
    MemoryTracer tracer(3);
    for (int i = 0; i < 20; ++i) tracer.end(tracer.begin(std::to_string(i), 0), nullptr);
    const auto spans = tracer.spans();
    ASSERT_EQ(spans.size(), 3U);
    EXPECT_EQ(spans.back().name, "19");
    EXPECT_EQ(spans.front().name, "17");
}

}  // namespace
}  // namespace tenon
