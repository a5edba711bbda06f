// Web pages, without a way into the network this runs in.
#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>

#include "agent/tools/page_text.hpp"
#include "tenon/agent/tools.hpp"
#include "tenon/base/utf8.hpp"
#include "tenon/net/http_client.hpp"
#include "tenon/net/url.hpp"

namespace tenon::agent::tools {
namespace {

struct Address {
    std::string url;
};
BOOST_DESCRIBE_STRUCT(Address, (), (url))
constexpr auto describe_fields(const Address*) {
    return json::fields(
        json::about(&Address::url, {.description = "http or https", .max_length = 2000, .pattern = "^https?://"}));
}

bool is_allowed(std::string_view host, const std::vector<std::string>& allowed) {
    const auto name = lower(host);
    return allowed.empty() || std::ranges::any_of(allowed, [&](const std::string& known) {
               const auto wanted = lower(known);
               return name == wanted || (name.size() > wanted.size() && name.ends_with(wanted) &&
                                         name[name.size() - wanted.size() - 1] == '.');
           });
}

task<Result<ToolOutput>> get(std::shared_ptr<net::HttpClient> client, FetchOptions options, std::string url,
                             CallOptions call) {
    // Redirects are followed here, so that each host is looked at.
    for (int hop = 0; hop < 6; ++hop) {
        TENON_CO_TRY(const auto host, net::host_of(url));
        if (!is_allowed(host, options.hosts))
            co_return fail(ErrorCode::permission_denied, fmt::format("pages of {} may not be fetched", host));
        net::ClientRequest request;
        request.url = url;
        request.max_redirects = 0;
        request.max_body_bytes = options.max_bytes;
        request.idle_timeout = std::chrono::seconds(20);
        TENON_CO_TRY(auto response, co_await client->send(std::move(request), call));
        if (response.status >= 300 && response.status < 400) {
            const auto location = response.headers.find("location");
            if (!location) co_return fail(ErrorCode::protocol, fmt::format("{} leads nowhere", url));
            TENON_CO_TRY(url, net::resolve_reference(url, *location));
            continue;
        }
        if (response.status >= 400)
            co_return std::unexpected(net::status_error(response.status, response.headers, url));
        const std::string type = lower(response.headers.find("content-type").value_or("text/plain"));
        std::string text;
        if (options.to_text) {
            TENON_CO_TRY(text, options.to_text(response.body, type));
        } else if (type.find("html") != std::string::npos) {
            text = words_of_html(response.body);
        } else if (type.starts_with("text/") || type.find("json") != std::string::npos ||
                   type.find("xml") != std::string::npos) {
            text = std::move(response.body);
        } else {
            co_return fail(ErrorCode::unsupported, fmt::format("{} is {}, not text", url, type));
        }
        text = utf8::sanitize(text);
        if (text.size() > options.max_text_bytes) {
            std::size_t cut = options.max_text_bytes;
            while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xC0) == 0x80) --cut;
            text.resize(cut);
            text += "\n[cut]";
        }
        co_return ToolOutput{fmt::format("{}\n\n{}", url, text)};
    }
    co_return fail(ErrorCode::protocol, "too many redirects");
}

}  // namespace

Tool fetch(Executor executor, FetchOptions options) {
    net::HttpClientOptions how;
    how.public_addresses_only = !options.private_addresses;
    auto client = std::make_shared<net::HttpClient>(std::move(executor), how);
    return tool<Address>("fetch", "Fetches a web page and gives its text",
                         [client, options](Address given, ToolContext context) {
                             return get(client, options, std::move(given.url), context.options);
                         });
}

}  // namespace tenon::agent::tools
