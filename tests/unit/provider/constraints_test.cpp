// Answers of local models held to formats and tool schemas.
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <filesystem>

#include "fake/causal_model.hpp"
#include "tenon/async/runtime.hpp"
#include "tenon/json/schema.hpp"
#include "tenon/provider/local.hpp"

namespace tenon::provider {
namespace {

using fake::FakeModel;

std::shared_ptr<LocalChatModel> babbler(const std::string& call_style) {
    auto model = std::make_shared<FakeModel>(3000);
    model->chat_template = "{% if tools %}" + call_style +
                           "{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}<|turn|>";
    return LocalChatModel::create(model, {.name = "babbler", .engine = {.threads = 1}}).value();
}

llm::ChatRequest ask(std::uint64_t seed) {
    llm::ChatRequest request;
    request.messages = {llm::Message::user("go " + std::to_string(seed))};
    request.settings.temperature = 1;
    request.settings.top_k = 0;
    request.settings.top_p = 1;
    request.settings.seed = seed;
    request.settings.max_tokens = 2000;
    return request;
}

Result<llm::ChatResponse> answer(llm::ChatModel& model, llm::ChatRequest request) {
    Runtime runtime(1);
    return sync_wait(runtime, model.generate(std::move(request), {}));
}

constexpr const char* weather =
    R"({"type":"object","properties":{"city":{"type":"string","maxLength":6},"days":{"$ref":"#/$defs/count"}},"required":["city","days"],"additionalProperties":false,"$defs":{"count":{"type":"integer","minimum":1,"maximum":14}}})";

TEST(Constraints, FormatsAreHeld) {
    const auto model = babbler("");
    EXPECT_TRUE(model->capabilities().json_schema && model->capabilities().grammar && model->capabilities().regex &&
                model->capabilities().forced_tools);
    const auto schema = json::Schema::compile_text(weather).value();
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        auto request = ask(seed);
        request.format = llm::JsonSchemaFormat{"weather", weather};
        auto text = answer(*model, request).value().message.text();
        ASSERT_TRUE(json::parse(text)) << text;
        EXPECT_TRUE(schema.accepts(json::parse(text).value())) << text;
        request.format = llm::RegexFormat{"(yes|no)!{2}"};
        text = answer(*model, request).value().message.text();
        EXPECT_TRUE(text == "yes!!" || text == "no!!") << text;
        request.format = llm::GrammarFormat{"root ::= \"<\" [a-c]{3} \">\""};
        text = answer(*model, request).value().message.text();
        EXPECT_EQ(text.size(), 5U) << text;
    }
    auto request = ask(1);
    request.format = llm::JsonSchemaFormat{"bad", R"({"not":{}})"};
    EXPECT_EQ(answer(*model, request).error().code(), ErrorCode::unsupported);
    request.format = llm::GrammarFormat{"root ::= "};
    EXPECT_TRUE(answer(*model, request));  // the empty text
    request.format = llm::GrammarFormat{"root = x"};
    EXPECT_EQ(answer(*model, request).error().code(), ErrorCode::invalid_argument);
}

TEST(Constraints, ForcedToolsAreCalledWithValidArguments) {
    const auto schema = json::Schema::compile_text(weather).value();
    for (const char* style : {"<tool_call>", "json"}) {
        const auto model = babbler(style);
        for (std::uint64_t seed = 0; seed < 6; ++seed) {
            auto request = ask(seed);
            request.tools = {
                {"time", "", R"({"type":"object","properties":{"zone":{"enum":["utc","local"]}},"required":["zone"]})"},
                {"weather", "", weather}};
            request.tool_choice = {llm::ToolChoice::Mode::named, "weather"};
            auto response = answer(*model, request).value();
            EXPECT_EQ(response.finish, llm::FinishReason::tool_calls);
            ASSERT_EQ(response.message.tool_calls().size(), 1U) << response.message.text();
            EXPECT_EQ(response.message.tool_calls()[0]->name, "weather");
            EXPECT_TRUE(schema.accepts(json::parse(response.message.tool_calls()[0]->arguments_json).value()))
                << response.message.tool_calls()[0]->arguments_json;
            request.tool_choice = {llm::ToolChoice::Mode::required};
            response = answer(*model, request).value();
            ASSERT_GE(response.message.tool_calls().size(), 1U);
            request.tool_choice = {llm::ToolChoice::Mode::named, "nothing"};
            EXPECT_EQ(answer(*model, request).error().code(), ErrorCode::invalid_argument);
        }
    }
}

/// Says `script` when its turn has come, then anything.
std::shared_ptr<LocalChatModel> speaker(const std::string& call_style, const std::string& script) {
    auto model = std::make_shared<FakeModel>(3000);
    model->chat_template = "{% if tools %}" + call_style +
                           "{{ tools | tojson }}{% endif %}{% for m in messages %}{{ m.content }}{% endfor %}<|turn|>";
    model->next = [ids = fake::ByteTokenizer().encode(script)](std::span<const text::TokenId> tokens) {
        const auto turn = std::ranges::find(tokens, fake::ByteTokenizer::turn);
        const auto said = static_cast<std::size_t>(tokens.end() - turn) - 1;
        return said < ids.size() ? ids[said] : text::no_token;
    };
    return LocalChatModel::create(model, {.name = "speaker", .engine = {.threads = 1}}).value();
}

llm::ChatRequest ask_with_tools(std::uint64_t seed) {
    auto request = ask(seed);
    request.tools = {
        {"time", "", R"({"type":"object","properties":{"zone":{"enum":["utc","local"]}},"required":["zone"]})"},
        {"weather", "", weather}};
    request.settings.max_tokens = 500;
    return request;
}

TEST(Constraints, CallsMadeAtWillHaveValidArguments) {
    const auto schema = json::Schema::compile_text(weather).value();
    struct Case {
        std::string script, said;
    };
    const std::vector<Case> cases = {
        {"I look. <tool_call>", "I look."},
        {"I look. <tool_call>\n{\"name\": \"weather\", \"arguments\": {\"foo", "I look."},
        {"<tool_call>{\"name\":\"wea", ""},
        {"<think>so <tool_call></think>\n<tool_call>\n", ""},
        {"{\"name\": \"weather\", \"argum", ""},
        {"{\"name\": \"weather\", \"parameters\": {\"x\": 1", ""},
        {"\n```json\n{\n  \"name\": \"weather\",\n  \"arguments\": 7", ""},
        {"```\n[ {\"name\" : \"weather\", [", ""},
        {"[{\"name\": \"weather\"}]", ""},
        {"{\"type\": \"function\", \"function\": {\"name\": \"weather\", \"arguments\": {}", ""},
        {"{\"function\": {\"name\": \"weather\"}}", ""},
        {"{\"function\": \"weather\"}", ""},
    };
    for (const char* style : {"<tool_call>", "json"})
        for (const auto& c : cases) {
            const auto model = speaker(style, c.script);
            for (std::uint64_t seed = 0; seed < 3; ++seed) {
                auto request = ask_with_tools(seed);
                request.tool_choice.parallel = false;
                const auto response = answer(*model, request).value();
                EXPECT_EQ(response.finish, llm::FinishReason::tool_calls) << c.script;
                EXPECT_EQ(response.message.text(), c.said) << c.script;
                ASSERT_EQ(response.message.tool_calls().size(), 1U) << c.script << response.message.text();
                const auto& call = *response.message.tool_calls()[0];
                if (call.name == "time") continue;  // where the script left the choice
                EXPECT_EQ(call.name, "weather");
                EXPECT_TRUE(schema.accepts(json::parse(call.arguments_json).value())) << call.arguments_json;
            }
        }
}

TEST(Constraints, TextThatIsNoCallStaysFree) {
    for (const std::string script :
         {"{\"name\": \"Bob\", \"age\": 3, }}", "[1, 2, {]", "```cpp\n{\"name\": \"weather\", x",
          "{\"names\": \"weather\"", "{\"type\": \"weather\", ,", "Say {\"name\": \"weather\", ,", "<tool_calls>{{",
          "<think>hm <tool_call> {{"}) {
        auto request = ask_with_tools(1);
        request.settings.max_tokens = 60;
        const auto response = answer(*speaker("<tool_call>", script), request).value();
        EXPECT_EQ(response.finish, llm::FinishReason::length);
        EXPECT_TRUE(response.message.tool_calls().empty());
        const bool reasoned = script.starts_with("<think>");
        if (!reasoned) {
            EXPECT_TRUE(response.message.text().starts_with(script)) << response.message.text();
        }
    }
}

TEST(Constraints, SeveralCallsAtWill) {
    const auto model = speaker("<tool_call>",
                               "<tool_call>\n{\"name\": \"time\", \"arguments\": {\"zone\": \"utc\"}}\n"
                               "</tool_call>\n<tool_call>\n{\"name\": \"time\", \"arguments\": {\"zone\": "
                               "\"local\"}}\n</tool_call>");
    auto request = ask_with_tools(1);
    request.settings.max_tokens = 150;
    EXPECT_EQ(answer(*model, request).value().message.tool_calls().size(), 2U);
    request.tool_choice.parallel = false;
    EXPECT_EQ(answer(*model, request).value().message.tool_calls().size(), 1U);
    const auto list = speaker("json",
                              "[{\"name\": \"time\", \"parameters\": {\"zone\": \"utc\"}}, {\"name\": \"time\", "
                              "\"parameters\": {\"zone\": \"utc\"}}]");
    request.tool_choice.parallel.reset();
    EXPECT_EQ(answer(*list, request).value().message.tool_calls().size(), 2U);
    request.tool_choice.parallel = false;
    EXPECT_EQ(answer(*list, request).value().message.tool_calls().size(), 1U);
}

// A schema no grammar can hold: any object, unless the tool is strict.
TEST(Constraints, SchemasThatCannotBeHeld) {
    const auto model = speaker("<tool_call>", "<tool_call>\n{\"name\": \"odd\", \"arguments\": [");
    auto request = ask_with_tools(1);
    request.tools = {{"odd", "", R"({"not":{}})"}};
    request.tool_choice.parallel = false;
    request.settings.max_tokens = 2000;
    const auto response = answer(*model, request);
    ASSERT_TRUE(response) << response.error().describe();
    if (response->finish != llm::FinishReason::length) {
        EXPECT_EQ(response->message.tool_calls().size(), 1U) << response->message.text();
    }
    request.tools[0].strict = true;
    EXPECT_EQ(answer(*model, request).error().code(), ErrorCode::unsupported);
}

// Fewer than the bench's 200, but the real model at temperature 1.
TEST(Constraints, QwenExtractsWhatAlwaysValidates) {
    const char* directory = std::getenv("TENON_TEST_MODELS");
    const auto path = std::filesystem::path(directory == nullptr ? "" : directory) / "qwen2.5-coder-0.5b.gguf";
    if (directory == nullptr || !std::filesystem::exists(path))
        GTEST_SKIP() << "set TENON_TEST_MODELS to a directory that holds qwen2.5-coder-0.5b.gguf";
    const auto model = LocalChatModel::load(path, {.name = "qwen", .engine = {.context = 1024}}).value();
    const std::string text =
        R"({"type":"object","properties":{"name":{"type":"string","minLength":1,"maxLength":40},"age":{"type":"integer","minimum":0,"maximum":150},"skills":{"type":"array","items":{"type":"string","maxLength":40},"maxItems":5},"email":{"type":["string","null"],"format":"email"}},"required":["name","age","skills","email"],"additionalProperties":false})";
    const auto schema = json::Schema::compile_text(text).value();
    int right = 0;
    for (const auto& [sentence, name] : {std::pair("Ada, 36, writes C++ and plays the flute.", "Ada"),
                                         std::pair("My name is Li Wei, I am 29 and I cook.", "Li"),
                                         std::pair("王芳今年四十二岁，会弹钢琴。", "王芳")}) {
        llm::ChatRequest request;
        request.messages = {llm::Message::user(
            std::string("Extract the person as JSON with name, age, skills and email (null when unknown): ") +
            sentence)};
        request.settings.temperature = 1;
        request.settings.seed = 11;
        request.settings.max_tokens = 300;
        request.format = llm::JsonSchemaFormat{"person", text};
        const auto response = answer(*model, request);
        ASSERT_TRUE(response) << response.error().describe();
        const auto value = json::parse(response->message.text());
        ASSERT_TRUE(value) << response->message.text();
        EXPECT_TRUE(schema.accepts(*value)) << response->message.text();
        right += json::string_or(*value, "name", "").find(name) != std::string_view::npos ? 1 : 0;
    }
    EXPECT_GE(right, 2);
}

}  // namespace
}  // namespace tenon::provider
