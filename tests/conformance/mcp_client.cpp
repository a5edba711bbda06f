// The client that @modelcontextprotocol/conformance wants to meet: it gets the URL of a server as its last argument and
// what to play in MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_CONTEXT and MCP_CONFORMANCE_PROTOCOL_VERSION.
#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "tenon/async/runtime.hpp"
#include "tenon/mcp/oauth.hpp"

using namespace tenon;

namespace {

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// Something that fits the schema of a tool.
std::string arguments_for(const mcp::ToolInfo& tool, const std::string& schema_seen) {
    const auto schema = json::parse(tool.input_schema);
    json::Object out;
    const auto* properties = schema ? json::find(*schema, "properties") : nullptr;
    if (properties != nullptr && properties->is_object())
        for (const auto& [name, property] : properties->get_object()) {
            const auto type = json::string_or(property, "type", "string");
            if (type == "number" || type == "integer")
                out[name] = 5;
            else if (type == "boolean")
                out[name] = true;
            else if (type == "string")
                out[name] = "text";
            else if (type == "object" && name == "schema")
                out[name] = json::parse(schema_seen).value();  // given back as it came
        }
    return json::dump(out);
}

task<Result<mcp::ElicitResult>> accept(mcp::ElicitRequest request, CallOptions) {
    mcp::ElicitResult result;
    result.action = mcp::ElicitResult::Action::accept;
    json::Object content;
    // What is required and has no default is filled in; defaults are the client's to add.
    if (const auto schema = json::parse(request.schema))
        if (const auto* properties = json::find(*schema, "properties");
            properties != nullptr && properties->is_object())
            for (const auto& [name, property] : properties->get_object()) {
                if (json::find(property, "default") != nullptr) continue;
                const auto type = json::string_or(property, "type", "");
                if (type == "boolean") content[name] = true;
                if (type == "string") content[name] = "text";
            }
    result.content = json::dump(content);
    co_return result;
}
task<Result<mcp::SamplingResult>> sample(mcp::SamplingRequest, CallOptions) {
    mcp::SamplingResult result;
    result.model = "scripted";
    result.stop_reason = "endTurn";
    result.content.emplace_back(mcp::TextContent{"an answer"});
    co_return result;
}

/// The calls the scenario wants, else one of each tool.
task<Result<void>> play(mcp::ClientPtr client, std::string context) {
    if (client->can().tools) {
        TENON_CO_TRY(const auto tools, co_await client->tools());
        const auto given = json::parse(context.empty() ? "{}" : context);
        const auto* calls = given ? json::find(*given, "toolCalls") : nullptr;
        if (calls != nullptr && calls->is_array()) {
            for (const auto& call : calls->get_array()) {
                const auto* arguments = json::find(call, "arguments");
                std::string name(json::string_or(call, "name", ""));
                std::string text("{}");
                if (arguments != nullptr) text = json::dump(*arguments);
                auto result = co_await client->call_tool(std::move(name), std::move(text));
                if (!result) std::cerr << result.error().describe() << "\n";
            }
        } else {
            for (const auto& tool : tools) {
                auto arguments = arguments_for(tool, tools.front().input_schema);
                auto result = co_await client->call_tool(tool.name, std::move(arguments));
                if (!result) std::cerr << tool.name << ": " << result.error().describe() << "\n";
            }
        }
    }
    if (client->can().resources) {
        TENON_CO_TRY(const auto resources, co_await client->resources());
        for (const auto& resource : resources) (void)co_await client->read(resource.uri);
    }
    if (client->can().prompts) {
        TENON_CO_TRY(const auto prompts, co_await client->prompts());
        for (const auto& prompt : prompts) {
            std::map<std::string, std::string> arguments;
            for (const auto& argument : prompt.arguments) arguments[argument.name] = "text";
            (void)co_await client->prompt(prompt.name, arguments);
        }
    }
    co_return Result<void>{};
}

/// The suite's authorization servers let everybody in: the page leads straight back.
task<Result<void>> visit(std::shared_ptr<net::HttpClient> http, std::string url, CallOptions call) {
    net::ClientRequest request;
    request.url = std::move(url);
    TENON_CO_TRY(const auto response, co_await http->send(std::move(request), std::move(call)));
    if (response.status >= 400)
        co_return fail(ErrorCode::unavailable, "the login page answered " + std::to_string(response.status));
    co_return Result<void>{};
}

mcp::OAuthOptions login(const std::shared_ptr<net::HttpClient>& http) {
    mcp::OAuthOptions options;
    options.visit = [http](std::string url, CallOptions call) { return visit(http, std::move(url), std::move(call)); };
    const auto scenario = variable("MCP_CONFORMANCE_SCENARIO");
    const auto text = variable("MCP_CONFORMANCE_CONTEXT");
    if (const auto context = json::parse(text.empty() ? "{}" : text)) {
        options.client.id = json::string_or(*context, "client_id", "");
        options.client.secret = json::string_or(*context, "client_secret", "");
        options.client.private_key = json::string_or(*context, "private_key_pem", "");
        options.client.issuer = json::string_or(*context, "issuer", "");
    }
    if (scenario.starts_with("auth/client-credentials")) options.grant = mcp::OAuthGrant::client_credentials;
    if (scenario == "auth/basic-cimd") options.client_document = "https://conformance-test.local/client-metadata.json";
    const auto revision = mcp::revision_from(variable("MCP_CONFORMANCE_PROTOCOL_VERSION"));
    options.assume_endpoints = revision && *revision <= mcp::Revision::v2025_03_26;
    return options;
}

task<Result<void>> run(std::string url, std::shared_ptr<net::HttpClient> http) {
    mcp::ClientOptions options;
    options.about = {"tenon-conformance", "1.0.0"};
    options.on_elicit = accept;
    options.on_sample = sample;
    options.roots.emplace();
    options.roots->push_back({"file:///work", "work"});
    options.revision = mcp::revision_from(variable("MCP_CONFORMANCE_PROTOCOL_VERSION"));
    mcp::Endpoint endpoint;
    endpoint.url = std::move(url);
    endpoint.authorize = mcp::oauth(http, login(http));
    TENON_CO_TRY(auto client, co_await mcp::connect(std::move(endpoint), std::move(http), std::move(options)));
    auto played = co_await play(client, variable("MCP_CONFORMANCE_CONTEXT"));
    co_await client->close();
    co_return played;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::cerr << "usage: mcp_conformance_client URL\n";
        return 2;
    }
    Runtime runtime;
    auto http = std::make_shared<net::HttpClient>(runtime.executor());
    const auto done = sync_wait(runtime, run(argv[argc - 1], http));
    if (!done) std::cerr << done.error().describe() << "\n";
    runtime.stop();
    return done ? 0 : 1;
}
