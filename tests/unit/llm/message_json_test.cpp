#include "tenon/llm/message_json.hpp"

#include <gtest/gtest.h>

namespace tenon::llm {
namespace {

std::vector<Message> everything() {
    Message said;
    said.role = Role::assistant;
    said.id = "m1";
    said.content = {
        ReasoningPart{"hm", "sig", "", "r1", true},
        ReasoningPart{"", "", "cipher"},
        TextPart{"答案"},
        CitationPart{.source = "a.md", .document = 0, .start = 3, .end = 9, .unit = CitationPart::Unit::characters},
        ToolCallPart{"c1", "get", "{\"a\":1}", "ts"},
        ProviderPart{"anthropic", "server_tool_use", "{\"x\":[1]}"}};
    Message asked = Message::user("What is in it?");
    asked.name = "ada";
    asked.cache = CacheHint{std::chrono::seconds(3600)};
    asked.content.emplace_back(ImagePart{"", "image/png", std::string("\x89PNG\0\xff", 6), "low"});
    asked.content.emplace_back(AudioPart{"audio/wav", "RIFF", "a1", "hello"});
    asked.content.emplace_back(DocumentPart{"a.pdf", "application/pdf", "%PDF\xff", "", "f1", "ctx", true});
    Message result = Message::tool_result("c1", "get", "42", true);
    std::get<ToolResultPart>(result.content[0]).images.push_back({"http://x/y.png", "", "", ""});
    return {Message::system("Be brief."), asked, said, result};
}

TEST(MessageJson, NothingIsLost) {
    const auto before = everything();
    const auto text = to_json(before);
    const auto after = messages_from_json(text);
    ASSERT_TRUE(after) << after.error().describe();
    EXPECT_EQ(to_json(*after), text);
    ASSERT_EQ(after->size(), 4U);
    EXPECT_EQ(std::get<ImagePart>((*after)[1].content[1]).bytes, std::string("\x89PNG\0\xff", 6));
    EXPECT_EQ(std::get<ReasoningPart>((*after)[2].content[1]).redacted, "cipher");
    EXPECT_EQ(std::get<CitationPart>((*after)[2].content[3]).end, 9U);
    EXPECT_EQ(std::get<CitationPart>((*after)[2].content[3]).document, std::size_t{0});
    EXPECT_EQ(std::get<ToolCallPart>((*after)[2].content[4]).arguments_json, "{\"a\":1}");
    EXPECT_EQ((*after)[1].cache->ttl.count(), 3600);
    EXPECT_TRUE(std::get<ToolResultPart>((*after)[3].content[0]).is_error);
}

TEST(MessageJson, TextAloneIsUnderstood) {
    const auto m = messages_from_json(R"([{"role": "user", "content": "hi"}])");
    ASSERT_TRUE(m);
    EXPECT_EQ((*m)[0].text(), "hi");
}

TEST(MessageJson, WhatIsNotOfThisFormIsAnErrorThatSaysWhere) {
    for (const auto* text : {"", "{}", "[1]", R"([{"role":"king","content":[]}])", R"([{"role":"user"}])",
                             R"([{"role":"user","content":[{"type":"smell"}]}])", R"([{"role":"user","content":[1]}])",
                             R"([{"role":"user","content":[{"type":"image","data":"***"}]}])"}) {
        const auto m = messages_from_json(text);
        ASSERT_FALSE(m) << text;
        EXPECT_EQ(m.error().code(), ErrorCode::corrupt) << text;
    }
    const auto whole = to_json(everything());
    for (std::size_t cut = 0; cut < whole.size(); cut += 7) EXPECT_FALSE(messages_from_json(whole.substr(0, cut)));
}

}  // namespace
}  // namespace tenon::llm
