#include "tenon/net/url.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <memory>

namespace tenon::net {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/// The byte that "%XX" at `at` stands for, or -1.
int escape_at(std::string_view text, std::size_t at) {
    if (at + 2 >= text.size()) return -1;
    const int high = hex_value(text[at + 1]);
    const int low = hex_value(text[at + 2]);
    return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string decode_form(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const int byte = text[i] == '%' ? escape_at(text, i) : -1;
        if (byte >= 0) {
            out += static_cast<char>(byte);
            i += 2;
        } else {
            out += text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int byte = escape_at(text, i);
        if (byte < 0) return fail(ErrorCode::invalid_argument, "a % in the URL is not followed by two hex digits");
        out += static_cast<char>(byte);
        i += 2;
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           std::string_view("-._~").contains(c);
        if (plain) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += '%';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

QueryParameters parse_query(std::string_view text) {
    QueryParameters out;
    while (!text.empty()) {
        const auto end = text.find('&');
        const auto pair = text.substr(0, end);
        if (!pair.empty()) {
            const auto equals = pair.find('=');
            out.emplace_back(decode_form(pair.substr(0, equals)),
                             equals == std::string_view::npos ? std::string{} : decode_form(pair.substr(equals + 1)));
        }
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

Result<Target> parse_target(std::string_view target) {
    if (target == "*") return Target{"*", "*", {}};
    if (!target.starts_with('/')) {
        const auto scheme = target.find("://");
        if (scheme == std::string_view::npos)
            return fail(ErrorCode::invalid_argument, "the request target is neither a path nor a URL");
        target.remove_prefix(scheme + 3);
        const auto slash = target.find_first_of("/?");
        target = slash == std::string_view::npos ? std::string_view{} : target.substr(slash);
    }
    target = target.substr(0, target.find('#'));
    const auto question = target.find('?');
    Target out;
    out.raw_path = target.substr(0, question);
    if (out.raw_path.empty()) out.raw_path = "/";
    TENON_TRY(out.path, percent_decode(out.raw_path));
    if (out.path.contains('\0')) return fail(ErrorCode::invalid_argument, "the request path holds a NUL byte");
    if (question != std::string_view::npos) out.query = parse_query(target.substr(question + 1));
    return out;
}

// By curl, which makes the connection: another parser may see another host.
Result<std::string> host_of(std::string_view url) {
    const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
    char* text = nullptr;
    const bool good =
        parsed != nullptr && !url.contains('\0') && url.contains("://") &&
        curl_url_set(parsed.get(), CURLUPART_URL, std::string(url).c_str(), CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(parsed.get(), CURLUPART_HOST, &text, 0) == CURLUE_OK;
    const std::unique_ptr<char, decltype(&curl_free)> held(text, &curl_free);
    if (!good || text == nullptr || *text == '\0')
        return fail(ErrorCode::invalid_argument,
                    fmt::format("\"{}\" is not a URL; write it as https://host/path", url));
    std::string host(text);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);  // IPv6
    return host;
}

Result<std::string> resolve_reference(std::string_view base, std::string_view reference) {
    const auto from = boost::urls::parse_uri(base);
    const auto to = boost::urls::parse_uri_reference(reference);
    if (!from || !to)
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" leads nowhere from {}", reference, base));
    boost::urls::url out;
    if (const auto done = boost::urls::resolve(*from, *to, out); !done)
        return fail(ErrorCode::invalid_argument, fmt::format("\"{}\" leads nowhere from {}", reference, base));
    return std::string(out.buffer());
}

}  // namespace tenon::net
