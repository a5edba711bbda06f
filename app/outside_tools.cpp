#include "outside_tools.hpp"

#include <fmt/format.h>

#include <array>

namespace tenon::app {
namespace {

struct Engine {
    std::string_view name;
    agent::tools::WebSearchProvider provider;
    const char* variable;
};
constexpr std::array engines{Engine{"searxng", agent::tools::WebSearchProvider::searxng, "SEARXNG_URL"},
                             Engine{"brave", agent::tools::WebSearchProvider::brave, "BRAVE_API_KEY"},
                             Engine{"tavily", agent::tools::WebSearchProvider::tavily, "TAVILY_API_KEY"}};

}  // namespace

Result<agent::Tool> open_web_search(Context& context, const WebSearchChoice& choice) {
    for (const auto& engine : engines) {
        if (engine.name != choice.provider) continue;
        const bool own = engine.provider == agent::tools::WebSearchProvider::searxng;
        agent::tools::WebSearchOptions options;
        options.provider = engine.provider;
        options.max_results = choice.results;
        options.base_url = choice.url;
        options.key = choice.key;
        if (const auto known = context.settings().providers.find(choice.provider);
            known != context.settings().providers.end()) {
            if (options.base_url.empty()) options.base_url = known->second.base_url;
            if (options.key.empty()) options.key = known->second.api_key;
        }
        auto& needed = own ? options.base_url : options.key;
        if (needed.empty()) needed = environment({engine.variable});
        if (needed.empty())
            return fail(ErrorCode::invalid_argument,
                        fmt::format("web search by {} needs {}: set {}, or {} under [providers.{}] in tenon.toml",
                                    engine.name, own ? "the URL of an instance" : "an API key", engine.variable,
                                    own ? "base_url" : "api_key", engine.name));
        return agent::tools::web_search(context.runtime().executor(), std::move(options));
    }
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is no web search; there are searxng, brave and tavily", choice.provider));
}

bool is_postgres(std::string_view database) {
    return database.starts_with("postgresql://") || database.starts_with("postgres://");
}

Result<std::vector<agent::Tool>> open_sql(Context& context, const std::string& database,
                                          agent::tools::SqlOptions options) {
    const auto blocking = context.runtime().blocking_executor();
    if (is_postgres(database)) return agent::tools::postgres(database, blocking, options);
    return agent::tools::sql(database, blocking, options);
}

}  // namespace tenon::app
