// The server that @modelcontextprotocol/conformance wants to meet: prints its URL, serves until it is ended.
// Usage: mcp_conformance_server [PORT]
#include <boost/describe/class.hpp>
#include <csignal>
#include <iostream>

#include "tenon/async/runtime.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/mcp/server.hpp"
#include "tenon/net/http_server.hpp"
#include "tenon/net/retry.hpp"

using namespace tenon;
using mcp::RequestContext;
using mcp::ToolResult;
using Arguments = std::map<std::string, std::string>;

namespace {

struct None {};
BOOST_DESCRIBE_STRUCT(None, (), ())
struct Prompted {
    std::string prompt;
};
BOOST_DESCRIBE_STRUCT(Prompted, (), (prompt))
struct Message {
    std::string message;
};
BOOST_DESCRIBE_STRUCT(Message, (), (message))
struct Name {
    std::string name;
};
BOOST_DESCRIBE_STRUCT(Name, (), (name))
struct Color {
    std::string color;
};
BOOST_DESCRIBE_STRUCT(Color, (), (color))
struct Confirmed {
    bool ok = false;
};
BOOST_DESCRIBE_STRUCT(Confirmed, (), (ok))

std::string picture() {
    return base64_decode(
               "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
        .value();
}
std::string sound() {
    std::string wav("RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0data\0\0\0\0", 44);
    return wav;
}

task<void> pause() { (void)co_await net::sleep_for(std::chrono::milliseconds(50), CallOptions()); }

mcp::ElicitRequest form(std::string message, std::string schema) {
    mcp::ElicitRequest request;
    request.message = std::move(message);
    request.schema = std::move(schema);
    return request;
}
mcp::SamplingRequest question(std::string text, std::uint64_t tokens) {
    mcp::SamplingRequest request;
    mcp::SamplingMessage message;
    message.content.emplace_back(mcp::TextContent{std::move(text)});
    request.messages.push_back(std::move(message));
    request.max_tokens = tokens;
    return request;
}
std::string said(const mcp::SamplingResult& result) {
    std::string out;
    for (const auto& part : result.content)
        if (const auto* text = std::get_if<mcp::TextContent>(&part)) out += text->text;
    return out;
}
std::string told(const mcp::ElicitResult& result) {
    using Action = mcp::ElicitResult::Action;
    const char* action = result.action == Action::accept    ? "accept"
                         : result.action == Action::decline ? "decline"
                                                            : "cancel";
    return std::string("action=") + action + ", content=" + (result.content.empty() ? "{}" : result.content);
}

task<Result<std::string>> logs(None, RequestContext context) {
    context.log(mcp::LogLevel::info, "Tool execution started");
    co_await pause();
    context.log(mcp::LogLevel::info, "Tool processing data");
    co_await pause();
    context.log(mcp::LogLevel::info, "Tool execution completed");
    co_return "done";
}
task<Result<std::string>> progresses(None, RequestContext context) {
    context.progress(0, 100);
    co_await pause();
    context.progress(50, 100);
    co_await pause();
    context.progress(100, 100);
    co_return "done";
}
task<Result<std::string>> samples(Prompted given, RequestContext context) {
    TENON_CO_TRY(const auto result, co_await context.sample(question(given.prompt, 100)));
    co_return "LLM response: " + said(result);
}
task<Result<std::string>> elicits(RequestContext context, std::string message, std::string schema, std::string prefix) {
    TENON_CO_TRY(const auto result, co_await context.elicit(form(std::move(message), std::move(schema))));
    co_return prefix + told(result);
}

task<Result<std::string>> asks_name(None, RequestContext context) {
    TENON_CO_TRY(const auto who, co_await context.elicit<Name>("What is your name?", "user_name"));
    co_return "Hello, " + (who ? who->name : std::string("whoever you are")) + "!";
}
task<Result<std::string>> asks_capital(None, RequestContext context) {
    TENON_CO_TRY(const auto result,
                 co_await context.sample(question("What is the capital of France?", 100), "capital_question"));
    co_return said(result);
}
task<Result<std::string>> asks_roots(None, RequestContext context) {
    TENON_CO_TRY(const auto roots, co_await context.roots("client_roots"));
    std::string out = "roots:";
    for (const auto& root : roots) out += " " + root.uri;
    co_return out;
}
task<Result<std::string>> asks_confirmation(None, RequestContext context) {
    TENON_CO_TRY(const auto yes, co_await context.elicit<Confirmed>("Please confirm", "confirm"));
    co_return yes && yes->ok ? "state-ok" : "not confirmed";
}
task<Result<std::string>> asks_much(None, RequestContext context) {
    std::vector<std::pair<std::string, mcp::Ask>> questions;
    questions.emplace_back("user_name", form("What is your name?", json::schema_text<Name>({.allow_unknown = true})));
    questions.emplace_back("greeting", question("Generate a greeting", 50));
    questions.emplace_back("client_roots", mcp::RootsRequest{});
    TENON_CO_TRY(const auto replies, co_await context.ask(std::move(questions)));
    co_return std::to_string(replies.size()) + " answers";
}
task<Result<std::string>> asks_in_steps(None, RequestContext context) {
    TENON_CO_TRY(const auto who, co_await context.elicit<Name>("Step 1: What is your name?", "step1"));
    TENON_CO_TRY(const auto color, co_await context.elicit<Color>("Step 2: What is your favorite color?", "step2"));
    co_return (who ? who->name : "") + " likes " + (color ? color->color : "");
}
task<Result<std::string>> asks_what_it_may(None, RequestContext context) {
    std::vector<std::pair<std::string, mcp::Ask>> questions;
    if (context.client_can().sampling) questions.emplace_back("sample", question("Hello", 50));
    if (context.client_can().elicitation_form)
        questions.emplace_back("name", form("Your name?", json::schema_text<Name>({.allow_unknown = true})));
    if (context.client_can().roots) questions.emplace_back("roots", mcp::RootsRequest{});
    if (questions.empty()) co_return "nothing to ask";
    TENON_CO_TRY(const auto replies, co_await context.ask(std::move(questions)));
    co_return std::to_string(replies.size()) + " answers";
}
task<Result<std::string>> needs_sampling(None, RequestContext context) {
    TENON_CO_TRY(const auto result, co_await context.sample(question("Hello", 10)));
    co_return said(result);
}
task<Result<std::string>> streams(None, RequestContext context) {
    TENON_CO_TRY(const auto who, co_await context.elicit<Name>("Who are you?", "who"));
    co_return who ? who->name : "nobody";
}

constexpr auto user_schema =
    R"({"type":"object","properties":{"username":{"type":"string","description":"User's response"},"email":{"type":"string","description":"User's email address"}},"required":["username","email"]})";
constexpr auto defaults_schema =
    R"({"type":"object","properties":{"name":{"type":"string","default":"John Doe"},"age":{"type":"integer","default":30},"score":{"type":"number","default":95.5},"status":{"type":"string","enum":["active","inactive","pending"],"default":"active"},"verified":{"type":"boolean","default":true}},"required":[]})";
constexpr auto enums_schema =
    R"({"type":"object","properties":{"untitledSingle":{"type":"string","enum":["option1","option2","option3"]},"titledSingle":{"type":"string","oneOf":[{"const":"value1","title":"First Option"},{"const":"value2","title":"Second Option"},{"const":"value3","title":"Third Option"}]},"legacyEnum":{"type":"string","enum":["opt1","opt2","opt3"],"enumNames":["Option One","Option Two","Option Three"]},"untitledMulti":{"type":"array","items":{"type":"string","enum":["option1","option2","option3"]}},"titledMulti":{"type":"array","items":{"anyOf":[{"const":"value1","title":"First Choice"},{"const":"value2","title":"Second Choice"},{"const":"value3","title":"Third Choice"}]}}},"required":[]})";
constexpr auto wide_schema =
    R"({"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","$defs":{"address":{"$anchor":"addressDef","type":"object","properties":{"street":{"type":"string"},"city":{"type":"string"}}}},"properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},"contactMethod":{"type":"string","enum":["phone","email"]},"phone":{"type":"string"},"email":{"type":"string"}},"allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],"if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},"then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false})";

void add_tools(mcp::Server& server) {
    const auto add = [&server](const char* name, const char* about, auto function) {
        server.tool<None>(name, about, function);
    };
    const auto fixed = [&](const char* name, std::vector<mcp::Content> content) {
        add(name, "Returns fixed content", [content](None, RequestContext) {
            return ToolResult{content, {}, false, {}};
        });
    };
    fixed("test_simple_text", {mcp::TextContent{"This is a simple text response for testing."}});
    fixed("test_image_content", {mcp::ImageContent{picture(), "image/png"}});
    fixed("test_audio_content", {mcp::AudioContent{sound(), "audio/wav"}});
    fixed("test_embedded_resource",
          {mcp::EmbeddedResource{{"test://embedded-resource", "text/plain", "This is an embedded resource content."}}});
    fixed("test_multiple_content_types",
          {mcp::TextContent{"Multiple content types test:"}, mcp::ImageContent{picture(), "image/png"},
           mcp::EmbeddedResource{
               {"test://mixed-content-resource", "application/json", R"({"test":"data","value":123})"}}});
    add("test_error_handling", "Fails",
        [](None, RequestContext) { return ToolResult::error("This tool intentionally returns an error for testing"); });
    add("test_tool_with_logging", "Logs", logs);
    add("test_logging_tool", "Logs", logs);
    add("test_tool_with_progress", "Tells its progress", progresses);
    server.tool<Prompted>("test_sampling", "Asks the client's model", samples);
    server.tool<Message>("test_elicitation", "Asks the user", [](Message given, RequestContext context) {
        return elicits(std::move(context), std::move(given.message), user_schema, "User response: ");
    });
    add("test_elicitation_sep1034_defaults", "Asks with defaults", [](None, RequestContext context) {
        return elicits(std::move(context), "Please review", defaults_schema, "Elicitation completed: ");
    });
    add("test_elicitation_sep1330_enums", "Asks with choices", [](None, RequestContext context) {
        return elicits(std::move(context), "Please choose", enums_schema, "Elicitation completed: ");
    });
    mcp::ToolInfo wide;
    wide.name = "json_schema_2020_12_tool";
    wide.description = "Tool with JSON Schema 2020-12 features";
    wide.input_schema = wide_schema;
    server.tool(std::move(wide),
                [](std::string, RequestContext) -> task<Result<ToolResult>> { co_return ToolResult::text("done"); });
    mcp::ToolInfo marked;
    marked.name = "test_x_mcp_header";
    marked.description = "A parameter that travels as a header";
    marked.input_schema =
        R"({"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"query":{"type":"string"}},"required":["region"]})";
    server.tool(std::move(marked),
                [](std::string, RequestContext) -> task<Result<ToolResult>> { co_return ToolResult::text("done"); });
    add("test_missing_capability", "Needs sampling", needs_sampling);
    add("test_streaming_elicitation", "Asks in a stream", streams);
    add("test_trigger_tool_change", "Changes the list of tools", [server](None, RequestContext) mutable {
        server.tool<None>("test_changing", "Comes and goes", [](None, RequestContext) { return std::string(); });
        server.remove_tool("test_changing");
        return std::string("changed");
    });
    add("test_trigger_prompt_change", "Changes the list of prompts", [server](None, RequestContext) mutable {
        server.prompt(
            mcp::Prompt{"test_changing", "", "Comes and goes"},
            [](Arguments, RequestContext) -> task<Result<mcp::PromptResult>> { co_return mcp::PromptResult(); });
        server.remove_prompt("test_changing");
        return std::string("changed");
    });
    add("test_input_required_result_elicitation", "Asks for a name", asks_name);
    add("test_input_required_result_sampling", "Asks for a sample", asks_capital);
    add("test_input_required_result_list_roots", "Asks for roots", asks_roots);
    add("test_input_required_result_request_state", "Asks, with state", asks_confirmation);
    add("test_input_required_result_tampered_state", "Asks, with state", asks_confirmation);
    add("test_input_required_result_multiple_inputs", "Asks for three things", asks_much);
    add("test_input_required_result_multi_round", "Asks twice", asks_in_steps);
    add("test_input_required_result_capabilities", "Asks what the client can answer", asks_what_it_may);
}

void add_resources(mcp::Server& server) {
    using Contents = std::vector<mcp::ResourceContents>;
    server.resource(mcp::Resource{"test://static-text", "text", "", "A text"},
                    "This is the content of the static text resource.");
    mcp::Resource binary{"test://static-binary", "binary", "", "A picture", "image/png"};
    server.resource(std::move(binary), [](std::string uri, Arguments, RequestContext) -> task<Result<Contents>> {
        Contents out;
        out.push_back({std::move(uri), "image/png", picture(), true});
        co_return out;
    });
    server.resource(mcp::Resource{"test://watched-resource", "watched", "", "A text to follow"}, "as it was");
    mcp::ResourceTemplate data{"test://template/{id}/data", "data", "", "Data by id", "application/json"};
    server.resource(std::move(data), [](std::string uri, Arguments v, RequestContext) -> task<Result<Contents>> {
        const auto id = v["id"];
        Contents out;
        out.push_back({std::move(uri), "application/json",
                       R"({"id":")" + id + R"(","templateTest":true,"data":"Data for ID: )" + id + "\"}", false});
        co_return out;
    });
}

mcp::PromptMessage user(mcp::Content content) { return {mcp::Speaker::user, std::move(content)}; }

task<Result<mcp::PromptResult>> prompt_with_context(Arguments, RequestContext context) {
    TENON_CO_TRY(const auto answer,
                 co_await context.elicit(
                     form("What context should the prompt use?",
                          R"({"type":"object","properties":{"context":{"type":"string"}},"required":["context"]})"),
                     "user_context"));
    mcp::PromptResult out;
    out.messages.push_back(user(mcp::TextContent{"With " + answer.content}));
    co_return out;
}

void add_prompts(mcp::Server& server) {
    const auto fixed = [&](mcp::Prompt prompt, std::function<std::vector<mcp::PromptMessage>(Arguments)> make) {
        server.prompt(std::move(prompt), [make](Arguments given, RequestContext) -> task<Result<mcp::PromptResult>> {
            co_return mcp::PromptResult{{}, make(std::move(given))};
        });
    };
    using Messages = std::vector<mcp::PromptMessage>;
    fixed({"test_simple_prompt", "", "A simple prompt"},
          [](Arguments) { return Messages{user(mcp::TextContent{"This is a simple prompt for testing."})}; });
    fixed({"test_prompt_with_arguments", "", "With arguments", {{"arg1", "First", true}, {"arg2", "Second", true}}},
          [](Arguments a) {
              return Messages{
                  user(mcp::TextContent{"Prompt with arguments: arg1='" + a["arg1"] + "', arg2='" + a["arg2"] + "'"})};
          });
    fixed(
        {"test_prompt_with_embedded_resource", "", "With a resource", {{"resourceUri", "What to embed", true}}},
        [](Arguments a) {
            return Messages{
                user(mcp::EmbeddedResource{{a["resourceUri"], "text/plain", "Embedded resource content for testing."}}),
                user(mcp::TextContent{"Please process the embedded resource above."})};
        });
    fixed({"test_prompt_with_image", "", "With an image"}, [](Arguments) {
        return Messages{user(mcp::ImageContent{picture(), "image/png"}),
                        user(mcp::TextContent{"Please analyze the image above."})};
    });
    server.prompt({"test_input_required_result_prompt", "", "Asks first"}, prompt_with_context);
    server.completions([](mcp::CompletionRequest, RequestContext) -> task<Result<mcp::CompletionResult>> {
        mcp::CompletionResult out;
        out.values = {"paris", "park", "party"};
        co_return out;
    });
}

}  // namespace

int main(int argc, char** argv) {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    mcp::Server server({"tenon-conformance", "1.0.0"});
    add_tools(server);
    add_resources(server);
    add_prompts(server);
    Runtime runtime;
    net::Router router;
    mcp::mount(router, server);
    net::HttpServerOptions options;
    options.port = argc > 1 ? static_cast<std::uint16_t>(std::stoi(argv[1])) : 0;
    auto http = net::HttpServer::start(runtime.executor(), options, std::move(router));
    if (!http) {
        std::cerr << http.error().describe() << "\n";
        return 1;
    }
    std::cout << "serving on " << (*http)->url() << "/mcp" << std::endl;
    int which = 0;
    sigwait(&signals, &which);
    sync_wait(runtime, (*http)->shutdown(std::chrono::milliseconds(200)));
    runtime.stop();
    return 0;
}
