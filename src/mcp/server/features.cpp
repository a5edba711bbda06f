// Serving tools, resources, prompts and completion.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "mcp/server/session.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

using ContextPtr = std::shared_ptr<RequestContext::Impl>;

std::unexpected<rpc::Failure> refuse(int code, std::string message) {
    return std::unexpected(rpc::Failure{code, std::move(message), std::nullopt});
}
std::unexpected<rpc::Failure> refuse(const Error& error) { return std::unexpected(rpc::to_failure(error)); }

/// One page of `all`; the cursor is the index it begins at.
template <class T, class Write>
rpc::Outcome page(const Server::State& server, const json::Object& params, std::string_view key,
                  const std::vector<T>& all, Write write) {
    std::size_t first = 0;
    if (const auto* cursor = params.if_contains("cursor"); cursor != nullptr && !cursor->is_null()) {
        std::string_view text;
        if (cursor->is_string()) text = cursor->get_string();
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), first);
        if (text.empty() || error != std::errc() || end != text.data() + text.size() || first > all.size())
            return refuse(rpc::invalid_params, "the cursor is not one this server gave");
    }
    const auto last = std::min(all.size(), first + server.options.page_size);
    json::Array items;
    for (auto i = first; i < last; ++i) items.push_back(write(all[i]));
    json::Object out;
    out[key] = std::move(items);
    if (last < all.size()) out["nextCursor"] = std::to_string(last);
    return out;
}

template <class T>
std::vector<T> snapshot(const Server::State& server, std::vector<T> Server::State::*member) {
    const std::shared_lock lock(server.mutex);
    return server.*member;
}

task<rpc::Outcome> call_tool(ContextPtr context, json::Object params) {
    const json::Value given(std::move(params));
    const auto name = wire::string_in(given, "name");
    if (!name) co_return refuse(rpc::invalid_params, name.error().message());
    const auto entry = context->server->find_tool(*name);
    if (!entry) co_return refuse(rpc::invalid_params, fmt::format("there is no tool {}", *name));
    json::Value arguments = json::Object();
    if (const auto* stated = json::find(given, "arguments"); stated != nullptr && !stated->is_null()) {
        if (!stated->is_object()) co_return refuse(rpc::invalid_params, "\"arguments\" must be an object");
        arguments = *stated;
    }
    std::string faults;
    for (const auto& fault : entry->schema.validate(arguments, 4))
        faults += (faults.empty() ? "" : "; ") + fault.describe();
    // The model can mend its arguments, so it is the one to be told.
    if (!faults.empty())
        co_return wire::write(ToolResult::error("the arguments do not fit: " + faults), context->revision);
    auto result = co_await entry->handler(json::dump(arguments), RequestContext(context));
    if (!result) co_return wire::write(ToolResult::error(result.error().describe()), context->revision);
    co_return wire::write(*result, context->revision);
}

Result<std::vector<Resource>> all_resources(const Server::State& server) {
    std::vector<Resource> out;
    for (const auto& entry : snapshot(server, &Server::State::resources)) out.push_back(entry->info);
    for (const auto& entry : snapshot(server, &Server::State::templates)) {
        if (!entry->list) continue;
        TENON_TRY(auto more, entry->list());
        std::ranges::move(more, std::back_inserter(out));
    }
    return out;
}

task<rpc::Outcome> read_resource(ContextPtr context, json::Object params) {
    const auto uri = wire::string_in(json::Value(std::move(params)), "uri");
    if (!uri) co_return refuse(rpc::invalid_params, uri.error().message());
    ReadHandler read;
    std::map<std::string, std::string> variables;
    for (const auto& entry : snapshot(*context->server, &Server::State::resources))
        if (entry->info.uri == *uri) read = entry->read;
    if (!read)
        for (const auto& entry : snapshot(*context->server, &Server::State::templates))
            if (auto matched = entry->uris.match(*uri)) {
                read = entry->read;
                variables = std::move(*matched);
                break;
            }
    Result<std::vector<ResourceContents>> contents = fail(ErrorCode::not_found, "there is no such resource");
    if (read) contents = co_await read(*uri, std::move(variables), RequestContext(context));
    if (!contents && contents.error().code() == ErrorCode::not_found) {
        const int code = is_stateless(context->revision) ? rpc::invalid_params : rpc::resource_not_found;
        co_return std::unexpected(
            rpc::Failure{code, "Resource not found: " + contents.error().message(), json::Object{{"uri", *uri}}});
    }
    if (!contents) co_return refuse(contents.error());
    json::Array out;
    for (const auto& one : *contents) out.push_back(wire::write(one));
    co_return json::Object{{"contents", std::move(out)}};
}

task<rpc::Outcome> get_prompt(ContextPtr context, json::Object params) {
    const json::Value given(std::move(params));
    const auto name = wire::string_in(given, "name");
    if (!name) co_return refuse(rpc::invalid_params, name.error().message());
    std::shared_ptr<const PromptEntry> entry;
    for (const auto& one : snapshot(*context->server, &Server::State::prompts))
        if (one->info.name == *name) entry = one;
    if (!entry) co_return refuse(rpc::invalid_params, fmt::format("there is no prompt {}", *name));
    std::map<std::string, std::string> arguments;
    if (const auto* stated = json::find(given, "arguments"); stated != nullptr && !stated->is_null()) {
        if (!stated->is_object()) co_return refuse(rpc::invalid_params, "\"arguments\" must be an object");
        for (const auto& [key, value] : stated->get_object()) {
            if (!value.is_string()) co_return refuse(rpc::invalid_params, "arguments of prompts are strings");
            arguments[std::string(key)] = value.get_string();
        }
    }
    for (const auto& argument : entry->info.arguments)
        if (argument.required && !arguments.contains(argument.name))
            co_return refuse(rpc::invalid_params, fmt::format("the argument \"{}\" is missing", argument.name));
    auto result = co_await entry->handler(std::move(arguments), RequestContext(context));
    if (!result) co_return refuse(result.error());
    co_return wire::write(*result);
}

task<rpc::Outcome> complete(ContextPtr context, json::Object params) {
    auto request = wire::read<CompletionRequest>(json::Value(std::move(params)));
    if (!request) co_return refuse(request.error());
    CompletionHandler handler;
    bool known = false;
    {
        const std::shared_lock lock(context->server->mutex);
        handler = context->server->completions;
        if (!request->prompt.empty())
            known = std::ranges::any_of(context->server->prompts,
                                        [&](const auto& e) { return e->info.name == request->prompt; });
        else
            known = std::ranges::any_of(context->server->templates,
                                        [&](const auto& e) { return e->info.uri_template == request->uri_template; });
    }
    if (!known) co_return refuse(rpc::invalid_params, "there is no such prompt or template");
    auto result = co_await handler(std::move(*request), RequestContext(context));
    if (!result) co_return refuse(result.error());
    co_return wire::write(*result);
}

}  // namespace

task<std::optional<rpc::Outcome>> serve_feature(ContextPtr context, std::string method, json::Object params) {
    const auto& server = *context->server;
    const auto can = server.capabilities();
    std::optional<rpc::Outcome> out;
    if (can.tools && method == "tools/list") {
        out = page(server, params, "tools", snapshot(server, &Server::State::tools),
                   [](const auto& e) { return e->wire; });
    } else if (can.tools && method == "tools/call") {
        out.emplace(co_await call_tool(context, std::move(params)));
    } else if (can.resources && method == "resources/list") {
        const auto all = all_resources(server);
        if (!all) {
            out = refuse(all.error());
        } else {
            out = page(server, params, "resources", *all, [](const auto& r) { return wire::write(r); });
        }
    } else if (can.resources && method == "resources/templates/list") {
        out = page(server, params, "resourceTemplates", snapshot(server, &Server::State::templates),
                   [](const auto& e) { return wire::write(e->info); });
    } else if (can.resources && method == "resources/read") {
        out.emplace(co_await read_resource(context, std::move(params)));
    } else if (can.prompts && method == "prompts/list") {
        out = page(server, params, "prompts", snapshot(server, &Server::State::prompts),
                   [](const auto& e) { return wire::write(e->info); });
    } else if (can.prompts && method == "prompts/get") {
        out.emplace(co_await get_prompt(context, std::move(params)));
    } else if (can.completions && method == "completion/complete") {
        out.emplace(co_await complete(context, std::move(params)));
    }
    co_return out;
}

}  // namespace tenon::mcp
