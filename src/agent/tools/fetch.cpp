// Web pages, without a way into the network this runs in.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/describe/class.hpp>

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

std::string lower(std::string_view text) {
    std::string out(text);
    std::ranges::transform(out, out.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    return out;
}

/// The words of a page: tags, scripts and styles left out, the commonest entities resolved.
std::string words_of_html(std::string_view html) {
    std::string out;
    const std::string folded = lower(html);
    for (std::size_t i = 0; i < html.size();) {
        if (html[i] != '<') {
            out += html[i++];
            continue;
        }
        std::string_view skip;
        for (const std::string_view name : {"script", "style", "head", "svg", "!--"})
            if (std::string_view(folded).substr(i + 1).starts_with(name)) skip = name;
        if (!skip.empty()) {
            const std::string close = skip == "!--" ? "-->" : fmt::format("</{}", skip);
            const auto at = folded.find(close, i);
            if (at == std::string::npos) break;
            i = at + close.size();
        }
        const auto tag_end = html.find('>', skip == "!--" ? i - 1 : i);
        if (tag_end == std::string_view::npos) break;
        const auto tag = std::string_view(folded).substr(i + 1, tag_end - i - 1);
        for (const std::string_view block :
             {"p", "/p", "br", "div", "/div", "li", "h", "/h", "tr", "/tr", "section", "article"})
            if (tag.starts_with(block) && (out.empty() || out.back() != '\n')) {
                out += '\n';
                break;
            }
        i = tag_end + 1;
    }
    constexpr std::array entities{std::pair{"&nbsp;", " "},  std::pair{"&lt;", "<"},  std::pair{"&gt;", ">"},
                                  std::pair{"&quot;", "\""}, std::pair{"&#39;", "'"}, std::pair{"&amp;", "&"}};
    for (const auto& [name, character] : entities)
        for (std::size_t at = 0; (at = out.find(name, at)) != std::string::npos; ++at)
            out.replace(at, std::string_view(name).size(), character);
    std::string tidy;
    for (const char c : out) {
        const bool space = c == ' ' || c == '\t' || c == '\r';
        if (space && (tidy.empty() || tidy.back() == ' ' || tidy.back() == '\n')) continue;
        if (c == '\n' && (tidy.empty() || tidy.ends_with("\n\n"))) continue;
        tidy += space ? ' ' : c;
    }
    return tidy;
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
