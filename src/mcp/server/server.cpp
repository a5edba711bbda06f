// What a server offers: tools, resources, prompts.
#include "tenon/mcp/server.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "mcp/server/state.hpp"
#include "mcp/wire/seal.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

/// What a program gets wrong about its own server.
template <class T>
T or_throw(Result<T> value) {
    if (!value) throw std::invalid_argument(value.error().describe());
    return std::move(*value);
}

void check_name(std::string_view name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
               c == '.' || c == '/';
    };
    if (name.empty() || name.size() > 128 || !std::ranges::all_of(name, fits))
        throw std::invalid_argument(
            fmt::format("'{}' cannot be a tool's name: use at most 128 letters, digits, _, - and .", name));
}

/// Puts `entry` where one of the same key stands, else at the end.
template <class T, class Key>
void put(std::vector<std::shared_ptr<const T>>& entries, std::shared_ptr<const T> entry, Key key) {
    const auto at = std::ranges::find_if(entries, [&](const auto& e) { return key(*e) == key(*entry); });
    if (at != entries.end())
        *at = std::move(entry);
    else
        entries.push_back(std::move(entry));
}
template <class T, class Key>
bool drop(std::vector<std::shared_ptr<const T>>& entries, std::string_view value, Key key) {
    return std::erase_if(entries, [&](const auto& e) { return key(*e) == value; }) != 0;
}

const std::string& name_of(const ToolEntry& e) { return e.info.name; }
const std::string& name_of(const PromptEntry& e) { return e.info.name; }
const std::string& name_of(const ResourceEntry& e) { return e.info.uri; }
const std::string& name_of(const TemplateEntry& e) { return e.info.uri_template; }
constexpr auto by_name = [](const auto& e) -> const std::string& { return name_of(e); };

}  // namespace

ServerCapabilities Server::State::capabilities() const {
    const std::shared_lock lock(mutex);
    ServerCapabilities can;
    can.tools = can.tools_changes = !tools.empty();
    can.resources = can.resources_changes = can.resources_subscribe = !resources.empty() || !templates.empty();
    can.prompts = can.prompts_changes = !prompts.empty();
    can.completions = completions != nullptr;
    can.logging = true;
    return can;
}

std::shared_ptr<const ToolEntry> Server::State::find_tool(std::string_view name) const {
    const std::shared_lock lock(mutex);
    const auto at = std::ranges::find_if(tools, [&](const auto& e) { return e->info.name == name; });
    return at == tools.end() ? nullptr : *at;
}

void Server::State::listen(std::weak_ptr<Listener> listener) {
    const std::scoped_lock lock(listening);
    std::erase_if(listeners, [](const auto& l) { return l.expired(); });
    listeners.push_back(std::move(listener));
}

void Server::State::announce(const Change& change) {
    std::vector<std::shared_ptr<Listener>> alive;
    {
        const std::scoped_lock lock(listening);
        for (const auto& weak : listeners)
            if (auto listener = weak.lock()) alive.push_back(std::move(listener));
    }
    for (const auto& listener : alive) listener->changed(change);
}

Server::Server(Implementation about, ServerOptions options) : state_(std::make_shared<State>()) {
    state_->about = std::move(about);
    state_->options = std::move(options);
    if (state_->options.state_key.empty()) state_->options.state_key = random_token();
    if (state_->options.page_size == 0) state_->options.page_size = 100;
}

const Implementation& Server::about() const noexcept { return state_->about; }

std::vector<ToolInfo> Server::tools() const {
    const std::shared_lock lock(state_->mutex);
    std::vector<ToolInfo> out;
    for (const auto& entry : state_->tools) out.push_back(entry->info);
    return out;
}

Server& Server::tool(ToolInfo info, ToolHandler handler) {
    check_name(info.name);
    if (info.input_schema.empty()) info.input_schema = R"({"type":"object"})";
    const auto schema = or_throw(json::parse(info.input_schema));
    if (!info.output_schema.empty()) (void)or_throw(json::Schema::compile_text(info.output_schema));
    auto wire = wire::write(info);
    auto compiled = or_throw(json::Schema::compile(schema));
    auto headers = or_throw(wire::parameter_headers(schema));
    auto entry = std::make_shared<const ToolEntry>(
        ToolEntry{std::move(info), std::move(wire), std::move(compiled), std::move(headers), std::move(handler)});
    {
        const std::unique_lock lock(state_->mutex);
        put<ToolEntry>(state_->tools, std::move(entry), by_name);
    }
    state_->announce({Change::Kind::tools});
    return *this;
}

Server& Server::resource(Resource resource, ReadHandler read) {
    if (resource.uri.empty()) throw std::invalid_argument("a resource needs a URI");
    if (resource.name.empty()) resource.name = resource.uri;
    auto entry = std::make_shared<const ResourceEntry>(ResourceEntry{std::move(resource), std::move(read)});
    {
        const std::unique_lock lock(state_->mutex);
        put<ResourceEntry>(state_->resources, std::move(entry), by_name);
    }
    state_->announce({Change::Kind::resources});
    return *this;
}

Server& Server::resource(Resource resource, std::string text) {
    if (resource.media_type.empty()) resource.media_type = "text/plain";
    ResourceContents contents{resource.uri, resource.media_type, std::move(text), false};
    return this->resource(std::move(resource),
                          [contents](std::string, std::map<std::string, std::string>,
                                     RequestContext) -> task<Result<std::vector<ResourceContents>>> {
                              co_return std::vector<ResourceContents>(1, contents);
                          });
}

Server& Server::resource(ResourceTemplate resources, ReadHandler read, ListHandler list) {
    auto uris = or_throw(UriTemplate::parse(resources.uri_template));
    if (resources.name.empty()) resources.name = resources.uri_template;
    auto entry = std::make_shared<const TemplateEntry>(
        TemplateEntry{std::move(resources), std::move(uris), std::move(read), std::move(list)});
    {
        const std::unique_lock lock(state_->mutex);
        put<TemplateEntry>(state_->templates, std::move(entry), by_name);
    }
    state_->announce({Change::Kind::resources});
    return *this;
}

Server& Server::prompt(Prompt prompt, PromptHandler handler) {
    if (prompt.name.empty()) throw std::invalid_argument("a prompt needs a name");
    auto entry = std::make_shared<const PromptEntry>(PromptEntry{std::move(prompt), std::move(handler)});
    {
        const std::unique_lock lock(state_->mutex);
        put<PromptEntry>(state_->prompts, std::move(entry), by_name);
    }
    state_->announce({Change::Kind::prompts});
    return *this;
}

Server& Server::completions(CompletionHandler handler) {
    const std::unique_lock lock(state_->mutex);
    state_->completions = std::move(handler);
    return *this;
}

bool Server::remove_tool(std::string_view name) {
    {
        const std::unique_lock lock(state_->mutex);
        if (!drop(state_->tools, name, by_name)) return false;
    }
    state_->announce({Change::Kind::tools});
    return true;
}
bool Server::remove_resource(std::string_view uri) {
    {
        const std::unique_lock lock(state_->mutex);
        if (!drop(state_->resources, uri, by_name) && !drop(state_->templates, uri, by_name)) return false;
    }
    state_->announce({Change::Kind::resources});
    return true;
}
bool Server::remove_prompt(std::string_view name) {
    {
        const std::unique_lock lock(state_->mutex);
        if (!drop(state_->prompts, name, by_name)) return false;
    }
    state_->announce({Change::Kind::prompts});
    return true;
}
void Server::resource_changed(std::string uri) const { state_->announce({Change::Kind::resource, std::move(uri)}); }

}  // namespace tenon::mcp
