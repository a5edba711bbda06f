// Requests that use every part of the vocabulary: what a provider must be able to say, or refuse.
#pragma once

#include "tenon/llm/model.hpp"

namespace tenon::fake {

inline llm::ToolDefinition weather_tool(bool strict = false) {
    return {
        "get_weather", "The weather of a city.",
        R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"],"additionalProperties":false})",
        strict};
}

/// Two calls at once, answered, and a question about the answers.
inline llm::ChatRequest tool_conversation() {
    using namespace llm;
    ChatRequest request;
    request.tools = {weather_tool(true), {"now", "The time.", ""}};
    request.messages = {Message::system("Be brief."),
                        Message::user("Weather in Paris, and the time?"),
                        Message{Role::assistant,
                                {ReasoningPart{"two calls", "c2lnbmF0dXJl"}, TextPart{"I look."},
                                 ToolCallPart{"call_1", "get_weather", R"({"city":"Paris"})", "c2lnMQ=="},
                                 ToolCallPart{"call_2", "now", ""}},
                                ""},
                        Message{Role::tool, {ToolResultPart{"call_1", "get_weather", "rain", false}}, ""},
                        Message{Role::tool, {ToolResultPart{"call_2", "now", "no clock", true}}, ""},
                        Message::user("So?")};
    return request;
}

inline llm::ChatRequest picture_question() {
    using namespace llm;
    ChatRequest request;
    request.messages = {Message{Role::user,
                                {TextPart{"What is this?"}, ImagePart{"", "image/png", "\x89PNG", "low"},
                                 ImagePart{"https://pictures.example/a.png", "", "", ""}},
                                ""}};
    return request;
}

inline llm::ChatRequest document_question() {
    using namespace llm;
    ChatRequest request;
    DocumentPart pdf{"report.pdf", "application/pdf", "%PDF-1.7"};
    pdf.citations = true;
    pdf.context = "last year's";
    request.messages = {Message{Role::user, {pdf, TextPart{"Summarise."}}, ""}};
    return request;
}

inline llm::ChatRequest schema_question() {
    using namespace llm;
    ChatRequest request;
    request.messages = {Message::user("Ada, 36")};
    request.format = JsonSchemaFormat{
        "person",
        R"({"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},"required":["name","age"],"additionalProperties":false})",
        "A person."};
    return request;
}

}  // namespace tenon::fake
