// What a server offers. Private to mcp.
#pragma once

#include <boost/json.hpp>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <vector>

#include "mcp/server/uri_template.hpp"
#include "mcp/wire/headers.hpp"
#include "tenon/mcp/server.hpp"

namespace tenon::mcp {

struct ToolEntry {
    ToolInfo info;
    json::Object wire;  ///< `info` as JSON
    json::Schema schema;
    std::vector<wire::ParameterHeader> headers;  ///< parameters that also travel as HTTP headers
    ToolHandler handler;
};
struct ResourceEntry {
    Resource info;
    ReadHandler read;
};
struct TemplateEntry {
    ResourceTemplate info;
    UriTemplate uris;
    ReadHandler read;
    ListHandler list;
};
struct PromptEntry {
    Prompt info;
    PromptHandler handler;
};

/// Something happened that clients may follow.
struct Change {
    enum class Kind : std::uint8_t { tools, prompts, resources, resource } kind;
    std::string uri{};  ///< of Kind::resource
};
class Listener {
  public:
    virtual ~Listener() = default;
    virtual void changed(const Change& change) = 0;  ///< from any thread; must not block
};

struct Server::State {
    Implementation about;
    ServerOptions options;

    mutable std::shared_mutex mutex;  ///< of what follows
    std::vector<std::shared_ptr<const ToolEntry>> tools;
    std::vector<std::shared_ptr<const ResourceEntry>> resources;
    std::vector<std::shared_ptr<const TemplateEntry>> templates;
    std::vector<std::shared_ptr<const PromptEntry>> prompts;
    CompletionHandler completions;

    std::mutex listening;
    std::vector<std::weak_ptr<Listener>> listeners;

    [[nodiscard]] ServerCapabilities capabilities() const;
    [[nodiscard]] std::shared_ptr<const ToolEntry> find_tool(std::string_view name) const;
    void listen(std::weak_ptr<Listener> listener);
    void announce(const Change& change);
};

}  // namespace tenon::mcp
