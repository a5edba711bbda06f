// Search engines: SearXNG (docs.searxng.org/dev/search_api.html), Brave (api-dashboard.search.brave.com) and Tavily
// (docs.tavily.com/documentation/api-reference/endpoint/search).
#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <boost/json.hpp>

#include "agent/tools/page_text.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/net/url.hpp"

namespace tenon::agent::tools {
namespace {

constexpr std::size_t most_results = 20;
constexpr std::size_t most_query = 400;  // Brave's limit, in characters

struct Query {
    std::string query;
    std::optional<std::int64_t> count;
};
BOOST_DESCRIBE_STRUCT(Query, (), (query, count))
constexpr auto describe_fields(const Query*) {
    return json::fields(
        json::about(&Query::query, {.description = "what to look for", .min_length = 1, .max_length = most_query}),
        json::about(&Query::count, {.description = "how many results", .minimum = 1, .maximum = most_results}));
}

std::string_view name_of(WebSearchProvider provider) {
    switch (provider) {
        case WebSearchProvider::brave:
            return "Brave";
        case WebSearchProvider::tavily:
            return "Tavily";
        default:
            return "SearXNG";
    }
}

Result<void> check(const WebSearchOptions& options) {
    const bool own = options.provider == WebSearchProvider::searxng;
    const auto name = name_of(options.provider);
    if (own && options.base_url.empty())
        return fail(ErrorCode::invalid_argument, "web search by SearXNG needs the URL of an instance");
    if (!own && options.key.empty())
        return fail(ErrorCode::invalid_argument, fmt::format("web search by {} needs an API key", name));
    if (!options.base_url.empty() && !options.base_url.starts_with("https://") &&
        !options.base_url.starts_with("http://"))
        return fail(ErrorCode::invalid_argument,
                    fmt::format("'{}' is no URL of {}; it begins with https:// or http://", options.base_url, name));
    if (options.max_results < 1 || options.max_results > most_results)
        return fail(ErrorCode::invalid_argument, fmt::format("a web search gives 1 to {} results", most_results));
    return {};
}

std::shared_ptr<net::HttpClient> client_of(Executor executor, const WebSearchOptions& options) {
    net::HttpClientOptions how;
    how.public_addresses_only = options.base_url.empty();
    return std::make_shared<net::HttpClient>(std::move(executor), how);
}

net::ClientRequest request_of(const WebSearchOptions& options, const std::string& query) {
    std::string base = options.base_url;
    while (base.ends_with('/')) base.pop_back();
    net::ClientRequest out;
    out.max_redirects = 0;
    out.max_body_bytes = std::size_t{4} << 20;
    out.idle_timeout = std::chrono::seconds(20);
    out.headers.set("Accept", "application/json");
    switch (options.provider) {
        case WebSearchProvider::searxng:
            out.url = fmt::format("{}/search?q={}&format=json", base, net::percent_encode(query));
            if (!options.key.empty()) out.headers.set("Authorization", "Bearer " + options.key);
            break;
        case WebSearchProvider::brave:
            out.url = fmt::format("{}/res/v1/web/search?q={}&count={}&text_decorations=false",
                                  base.empty() ? "https://api.search.brave.com" : base, net::percent_encode(query),
                                  options.max_results);
            out.headers.set("X-Subscription-Token", options.key);
            break;
        case WebSearchProvider::tavily:
            out.method = "POST";
            out.url = (base.empty() ? std::string("https://api.tavily.com") : base) + "/search";
            out.headers.set("Authorization", "Bearer " + options.key);
            out.headers.set("Content-Type", "application/json");
            out.body = json::dump(json::Object{{"query", query}, {"max_results", options.max_results}});
            break;
    }
    return out;
}

std::string plain(std::string_view text, std::size_t most) {
    std::string out = utf8::sanitize(words_of_html(text));
    std::ranges::replace(out, '\n', ' ');
    while (out.ends_with(' ')) out.pop_back();
    if (out.size() > most) {
        while (most > 0 && (static_cast<unsigned char>(out[most]) & 0xC0) == 0x80) --most;
        out.resize(most);
        out += "…";
    }
    return out;
}

Result<std::vector<WebResult>> read(const WebSearchOptions& options, std::string_view body) {
    const auto nonsense = [&](std::string_view what) {
        return fail(ErrorCode::protocol, fmt::format("{} answered with {}", name_of(options.provider), what));
    };
    const auto value = json::parse(body);
    if (!value || !value->is_object())
        return nonsense(options.provider == WebSearchProvider::searxng
                            ? "what is not JSON; its instance must allow it (search.formats in settings.yml)"
                            : "what is not JSON");
    const json::Value* from = &*value;
    if (options.provider == WebSearchProvider::brave) {
        from = json::find(*value, "web");
        if (from == nullptr || from->is_null()) return std::vector<WebResult>();  // nothing on the web
    }
    const auto* list = json::find(*from, "results");
    if (list == nullptr || !list->is_array()) return nonsense("no list of results");
    const char* text = options.provider == WebSearchProvider::brave ? "description" : "content";
    std::vector<WebResult> out;
    for (const auto& item : list->get_array()) {
        if (out.size() == options.max_results) break;
        const std::string url(json::string_or(item, "url", ""));
        if (!url.starts_with("https://") && !url.starts_with("http://")) continue;
        out.push_back({plain(json::string_or(item, "title", ""), options.max_text), plain(url, 2000),
                       plain(json::string_or(item, text, ""), options.max_text)});
    }
    return out;
}

task<Result<std::vector<WebResult>>> look_up(std::shared_ptr<net::HttpClient> client, WebSearchOptions options,
                                             std::string query, CallOptions call) {
    if (query.find_first_not_of(" \t\r\n") == std::string::npos)
        co_return fail(ErrorCode::invalid_argument, "there is nothing to look for");
    auto request = request_of(options, query);
    const auto where = request.url.substr(0, request.url.find('?'));
    TENON_CO_TRY(const auto response, co_await client->send(std::move(request), std::move(call)));
    if (response.status >= 400) co_return std::unexpected(net::status_error(response.status, response.headers, where));
    if (response.status >= 300)
        co_return fail(ErrorCode::protocol, fmt::format("{} leads elsewhere; give the URL it leads to", where));
    co_return read(options, response.body);
}

}  // namespace

task<Result<std::vector<WebResult>>> search_web(Executor executor, WebSearchOptions options, std::string query,
                                                CallOptions call) {
    TENON_CO_CHECK(check(options));
    auto client = client_of(std::move(executor), options);
    co_return co_await look_up(std::move(client), std::move(options), std::move(query), std::move(call));
}

Result<Tool> web_search(Executor executor, WebSearchOptions options) {
    TENON_CHECK(check(options));
    auto client = client_of(std::move(executor), options);
    return tool<Query>("web_search", "Searches the web and gives titles, addresses and a few words of what was found",
                       [client, options](Query given, ToolContext context) -> task<Result<ToolOutput>> {
                           auto how = options;
                           if (given.count) how.max_results = static_cast<std::size_t>(*given.count);
                           TENON_CO_TRY(const auto found, co_await look_up(client, std::move(how),
                                                                           std::move(given.query), context.options));
                           std::string out;
                           for (std::size_t i = 0; i < found.size(); ++i)
                               out += fmt::format("{}{}. {}\n{}\n{}\n", i == 0 ? "" : "\n", i + 1, found[i].title,
                                                  found[i].url, found[i].text);
                           co_return ToolOutput{out.empty() ? "nothing was found" : std::move(out)};
                       });
}

}  // namespace tenon::agent::tools
