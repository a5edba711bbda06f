// Tools that reach out, opened by what files and flags say of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "context.hpp"
#include "tenon/agent/tools.hpp"

namespace tenon::app {

struct WebSearchChoice {
    std::string provider;  ///< searxng, brave, tavily
    std::string url, key;  ///< empty: of [providers.NAME], else SEARXNG_URL, BRAVE_API_KEY, TAVILY_API_KEY
    std::size_t results = 5;
};
/// Errors: invalid_argument (no such provider, no key: says where it is looked for).
[[nodiscard]] Result<agent::Tool> open_web_search(Context& context, const WebSearchChoice& choice);

/// Whether a database is named by PostgreSQL's URL and not by a file.
[[nodiscard]] bool is_postgres(std::string_view database);
/// A SQLite file or PostgreSQL's URL.
[[nodiscard]] Result<std::vector<agent::Tool>> open_sql(Context& context, const std::string& database,
                                                        agent::tools::SqlOptions options = {});

}  // namespace tenon::app
