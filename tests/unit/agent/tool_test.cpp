#include "tenon/agent/tool.hpp"

#include <gtest/gtest.h>

#include <boost/describe/class.hpp>
#include <stdexcept>

#include "tenon/async/runtime.hpp"
#include "tenon/async/signal.hpp"

namespace tenon::agent {
namespace {

using namespace std::chrono_literals;

struct Place {
    std::string city;
    std::optional<int> days;
};
BOOST_DESCRIBE_STRUCT(Place, (), (city, days))
constexpr auto describe_fields(const Place*) {
    return json::fields(json::about(&Place::city, {.description = "Name of the city", .min_length = 1}),
                        json::about(&Place::days, {.minimum = 1, .maximum = 7}));
}
struct Weather {
    double degrees = 0;
    std::string sky;
};
BOOST_DESCRIBE_STRUCT(Weather, (), (degrees, sky))

task<Result<ToolOutput>> sleep_for(std::chrono::milliseconds time, CallOptions options) {
    CallOptions waiting = options;
    waiting.deadline = Clock::now() + time;
    Signal never;
    const auto woken = co_await never.wait(waiting);
    if (woken.error().code() == ErrorCode::cancelled) co_return std::unexpected(woken.error());
    co_return ToolOutput{"slept"};
}

class ToolTest : public testing::Test {
  protected:
    llm::ToolResultPart call(const Tool& tool, std::string arguments, CallOptions options = {}) {
        ToolContext context;
        context.options = options;
        auto r = sync_wait(runtime_, tool.call({"c1", tool.name(), std::move(arguments)}, context));
        EXPECT_TRUE(r) << r.error().describe();
        return r ? *r : llm::ToolResultPart{};
    }
    Runtime runtime_{2};
};

TEST_F(ToolTest, ItsSchemaComesFromItsStruct) {
    const auto t = tool<Place>("weather", "The weather", [](Place) { return "fine"; });
    const auto& schema = t.definition().parameters_schema;
    EXPECT_NE(schema.find("Name of the city"), std::string::npos) << schema;
    EXPECT_NE(schema.find("\"required\":[\"city\"]"), std::string::npos) << schema;
}

TEST_F(ToolTest, ReturnsAnythingThatCanBeSaid) {
    EXPECT_EQ(call(tool<Place>("a", "", [](Place p) { return p.city + "!"; }), R"({"city":"杭州"})").content, "杭州!");
    EXPECT_EQ(call(tool<Place>("a", "",
                               [](const Place&) {
                                   return Weather{21.5, "clear"};
                               }),
                   R"({"city":"x"})")
                  .content,
              R"({"degrees":21.5,"sky":"clear"})");
    EXPECT_EQ(call(tool<Place>("a", "", [](Place p) -> Result<int> { return static_cast<int>(p.city.size()); }),
                   R"({"city":"abc"})")
                  .content,
              "3");
    EXPECT_EQ(
        call(tool<Place>("a", "", [](Place p) -> task<std::string> { co_return p.city; }), R"({"city":"abc"})").content,
        "abc");
    EXPECT_EQ(call(tool<Place>("a", "", [](Place, ToolContext c) { return c.call_id; }), R"({"city":"abc"})").content,
              "c1");
}

TEST_F(ToolTest, BadArgumentsAreToldToTheModel) {
    int ran = 0;
    const auto t = tool<Place>("weather", "", [&ran](Place) {
        ++ran;
        return "fine";
    });
    for (const auto* bad :
         {"", "{", "[]", R"({"town":"x"})", R"({"city":5})", R"({"city":""})", R"({"city":"x","days":9})"}) {
        const auto r = call(t, bad);
        EXPECT_TRUE(r.is_error) << bad;
        EXPECT_FALSE(r.content.empty());
    }
    EXPECT_EQ(ran, 0);
    EXPECT_NE(call(t, R"({"city":"x","days":9})").content.find("days"), std::string::npos);
}

TEST_F(ToolTest, ItsErrorsAndExceptionsAreResults) {
    const auto failing =
        tool<Place>("a", "", [](Place) -> Result<std::string> { return fail(ErrorCode::not_found, "no such city"); });
    EXPECT_TRUE(call(failing, R"({"city":"x"})").is_error);
    EXPECT_EQ(call(failing, R"({"city":"x"})").content, "no such city");
    const auto throwing = tool<Place>("a", "", [](Place) -> std::string { throw std::out_of_range("index"); });
    EXPECT_NE(call(throwing, R"({"city":"x"})").content.find("index"), std::string::npos);
}

TEST_F(ToolTest, TakesNoLongerThanItMay) {
    ToolPolicy policy;
    policy.timeout = 50ms;
    const auto polite = tool<Place>(
        "a", "", [](Place, ToolContext c) { return sleep_for(20s, c.options); }, policy);
    const auto began = Clock::now();
    EXPECT_NE(call(polite, R"({"city":"x"})").content.find("longer"), std::string::npos);
    // One that does not listen is left behind.
    const auto deaf = tool<Place>(
        "a", "", [](Place) { return sleep_for(500ms, {}); }, policy);
    EXPECT_NE(call(deaf, R"({"city":"x"})").content.find("longer"), std::string::npos);
    EXPECT_LT(Clock::now() - began, 15s);
}

TEST_F(ToolTest, AStopOfTheCallerIsAnError) {
    std::stop_source stop;
    stop.request_stop();
    const auto t = tool<Place>("a", "", [](Place, ToolContext c) { return sleep_for(20s, c.options); });
    ToolContext context;
    context.options.stop = stop.get_token();
    const auto r = sync_wait(runtime_, t.call({"c", "a", R"({"city":"x"})"}, context));
    ASSERT_FALSE(r);
    EXPECT_EQ(r.error().code(), ErrorCode::cancelled);
}

TEST_F(ToolTest, LongOutputIsCutAtACharacter) {
    ToolPolicy policy;
    policy.max_output_bytes = 10;
    const auto r = call(tool<Place>(
                            "a", "", [](Place) { return "好好好好好"; }, policy),
                        R"({"city":"x"})");
    EXPECT_TRUE(r.content.starts_with("好好好\n[cut")) << r.content;
}

TEST_F(ToolTest, NamesAndSchemasAreChecked) {
    const auto none = [](std::string, ToolContext) -> task<Result<ToolOutput>> { co_return ToolOutput{}; };
    EXPECT_EQ(Tool::make({"two words", "", ""}, none).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(Tool::make({"", "", ""}, none).error().code(), ErrorCode::invalid_argument);
    EXPECT_EQ(Tool::make({"a", "", "{\"type\":5}"}, none).error().code(), ErrorCode::invalid_argument);
    EXPECT_TRUE(Tool::make({"a", "", ""}, none));
}

TEST_F(ToolTest, AToolboxNamesWhatItHas) {
    Toolbox box;
    ASSERT_TRUE(box.add(tool<Place>("a", "", [](Place) { return "fine"; })));
    EXPECT_EQ(box.add(tool<Place>("a", "", [](Place) { return "fine"; })).error().code(), ErrorCode::already_exists);
    const auto r = sync_wait(runtime_, box.call({"c", "b", "{}"}, {}));
    ASSERT_TRUE(r);
    EXPECT_TRUE(r->is_error);
    EXPECT_EQ(r->content, "there is no tool named b; there are a");
}

}  // namespace
}  // namespace tenon::agent
