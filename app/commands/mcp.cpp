// tenon mcp: the Model Context Protocol, both ways.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "mcp_login.hpp"
#include "mcp_serve.hpp"
#include "options.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/mcp/client.hpp"

namespace tenon::app {
namespace {

struct Options {
    std::vector<std::string> server;
    std::string tool, arguments, token, revision, url;
    McpLogin login;
    bool json = false, verbose = false;
};

void declare_server(CommandLine& sub, Options& o) {
    sub.add_option("SERVER", o.server, "its URL, or after -- the command that starts it")->required();
    sub.add_option("--token", o.token, "bearer token for a URL (TENON_MCP_TOKEN)");
    o.login.declare(sub);
    sub.add_option("--revision", o.revision, "protocol revision to speak, such as 2025-11-25; without it, the newest");
    sub.add_flag("--json", o.json, "print JSON");
    sub.add_flag("--verbose,-v", o.verbose, "also show progress, messages and what the server writes to its log");
}

Result<mcp::ClientPtr> connect(Context& context, const Options& o, const CallOptions& call) {
    mcp::ClientOptions options;
    options.about = {"tenon", TENON_VERSION, "Tenon"};
    if (!o.revision.empty()) {
        options.revision = mcp::revision_from(o.revision);
        if (!options.revision)
            return fail(ErrorCode::invalid_argument,
                        fmt::format("'{}' is no protocol revision this knows", o.revision));
    }
    if (o.verbose) {
        options.on_log = [](mcp::LogMessage m) { note(fmt::format("[{}] {}", to_string(m.level), m.data)); };
        options.log = [](LogLevel, std::string_view, std::string_view text) { note(text); };
    }
    const auto& first = o.server.front();
    if (first.starts_with("http://") || first.starts_with("https://")) {
        if (o.server.size() > 1) return fail(ErrorCode::invalid_argument, "a URL stands alone");
        mcp::Endpoint endpoint;
        endpoint.url = first;
        endpoint.token = o.token.empty() ? environment({"TENON_MCP_TOKEN"}) : o.token;
        if (endpoint.token.empty()) {
            TENON_TRY(endpoint.authorize, open_login(context, o.login, options.revision));
            options.connect_timeout = connect_time(o.login);
        }
        auto client =
            sync_wait(context.runtime(), mcp::connect(std::move(endpoint), context.http(), std::move(options), call));
        const bool could_ask = o.login.browser || o.login.as_client || !o.token.empty();
        if (!client && client.error().code() == ErrorCode::unauthenticated && !could_ask)
            return fail(ErrorCode::unauthenticated,
                        "the MCP server wants a token: give one with --token, or log in with --auth", client.error());
        return client;
    }
    return sync_wait(context.runtime(), mcp::connect(mcp::Command{o.server}, std::move(options), call));
}

json::Value parsed(const std::string& text) {
    auto value = json::parse(text);
    return value ? std::move(*value) : json::Value(nullptr);
}

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

Result<void> list(Context& context, const Options& o) {
    const InterruptGuard interrupt;
    const CallOptions call{{}, interrupt.token()};
    auto& runtime = context.runtime();
    TENON_TRY(const auto client, connect(context, o, call));
    json::Array tools, resources, templates, prompts;
    std::vector<std::pair<std::string, std::string>> lines;
    if (client->can().tools) {
        TENON_TRY(const auto all, sync_wait(runtime, client->tools(call)));
        for (const auto& t : all) {
            lines.emplace_back(t.name, first_line(t.description));
            tools.push_back(json::Object{
                {"name", t.name}, {"description", t.description}, {"input_schema", parsed(t.input_schema)}});
        }
    }
    if (client->can().resources) {
        TENON_TRY(const auto all, sync_wait(runtime, client->resources(call)));
        for (const auto& r : all) {
            lines.emplace_back(r.uri, first_line(r.description.empty() ? r.name : r.description));
            resources.push_back(
                json::Object{{"uri", r.uri}, {"name", r.name}, {"description", r.description}, {"type", r.media_type}});
        }
        TENON_TRY(const auto more, sync_wait(runtime, client->resource_templates(call)));
        for (const auto& r : more) {
            lines.emplace_back(r.uri_template, first_line(r.description.empty() ? r.name : r.description));
            templates.push_back(
                json::Object{{"uri_template", r.uri_template}, {"name", r.name}, {"description", r.description}});
        }
    }
    if (client->can().prompts) {
        TENON_TRY(const auto all, sync_wait(runtime, client->prompts(call)));
        for (const auto& p : all) {
            lines.emplace_back("prompt " + p.name, first_line(p.description));
            prompts.push_back(json::Object{{"name", p.name}, {"description", p.description}});
        }
    }
    const auto& about = client->server();
    if (o.json) {
        print_json(json::Object{{"server", json::Object{{"name", about.name}, {"version", about.version}}},
                                {"revision", to_string(client->revision())},
                                {"instructions", client->instructions()},
                                {"tools", std::move(tools)},
                                {"resources", std::move(resources)},
                                {"resource_templates", std::move(templates)},
                                {"prompts", std::move(prompts)}});
    } else {
        note(fmt::format("{} {}, protocol {}", about.name, about.version, to_string(client->revision())));
        for (const auto& [name, description] : lines) print_line(fmt::format("{}  {}", fit(name, 30), description));
    }
    sync_wait(runtime, client->close());
    return {};
}

Result<void> call(Context& context, const Options& o) {
    const InterruptGuard interrupt;
    const CallOptions options{{}, interrupt.token()};
    auto& runtime = context.runtime();
    std::string arguments = o.arguments;
    if (arguments == "-") {
        TENON_TRY(arguments, read_stdin());
    }
    TENON_TRY(const auto client, connect(context, o, options));
    mcp::RequestOptions request(options);
    if (o.verbose)
        request.on_progress = [](mcp::Progress p) {
            note(p.total ? fmt::format("{}/{} {}", p.done, *p.total, p.message)
                         : fmt::format("{} {}", p.done, p.message));
        };
    auto called = sync_wait(runtime, client->call_tool(o.tool, arguments, std::move(request)));
    sync_wait(runtime, client->close());
    TENON_TRY(const auto result, std::move(called));
    if (o.json) {
        json::Array content;
        for (const auto& part : result.content) {
            if (const auto* text = std::get_if<mcp::TextContent>(&part))
                content.push_back(json::Object{{"type", "text"}, {"text", text->text}});
            else if (const auto* image = std::get_if<mcp::ImageContent>(&part))
                content.push_back(json::Object{
                    {"type", "image"}, {"mime_type", image->media_type}, {"data", base64_encode(image->bytes)}});
            else if (const auto* audio = std::get_if<mcp::AudioContent>(&part))
                content.push_back(json::Object{
                    {"type", "audio"}, {"mime_type", audio->media_type}, {"data", base64_encode(audio->bytes)}});
            else
                content.push_back(json::Object{{"type", "resource"}, {"text", mcp::text_of({part})}});
        }
        json::Object out{{"content", std::move(content)}, {"is_error", result.is_error}};
        if (!result.structured.empty()) out["structured"] = parsed(result.structured);
        print_json(out);
    } else {
        for (const auto& part : result.content) {
            if (const auto* image = std::get_if<mcp::ImageContent>(&part))
                note(fmt::format("(an image, {}, {} bytes)", image->media_type, image->bytes.size()));
            else if (const auto* audio = std::get_if<mcp::AudioContent>(&part))
                note(fmt::format("(audio, {}, {} bytes)", audio->media_type, audio->bytes.size()));
            else
                print_line(mcp::text_of({part}));
        }
    }
    if (result.is_error && !o.json) return fail(ErrorCode::unavailable, fmt::format("the tool {} failed", o.tool));
    return {};
}

void declare_logout(CommandLine& sub, Options& o) { sub.add_option("URL", o.url, "of the server")->required(); }
Result<void> logout(Context& context, const Options& o) { return log_out(context, o.url); }

void declare_call(CommandLine& sub, Options& o) {
    sub.add_option("TOOL", o.tool, "name of the tool")->required();
    declare_server(sub, o);
    sub.add_option("--arguments,-a", o.arguments, "a JSON object; - reads it from standard input");
}

}  // namespace

void add_mcp(CommandLine& cli, Command& chosen) {
    auto* mcp = cli.add_subcommand("mcp", "offer tools to MCP clients, use those of MCP servers");
    mcp->require_subcommand(1);
    add_mcp_serve(*mcp, chosen);
    add_command<Options>(*mcp, chosen, "list", "show what an MCP server offers", declare_server, list);
    add_command<Options>(*mcp, chosen, "call", "call a tool of an MCP server", declare_call, call);
    add_command<Options>(*mcp, chosen, "logout", "forget the token that --auth got", declare_logout, logout);
}

}  // namespace tenon::app
