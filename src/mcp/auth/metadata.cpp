#include "mcp/auth/metadata.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

namespace tenon::mcp::auth {
namespace {

constexpr std::size_t most_items = 256;

/// Absent where it is not there; a list that holds anything but texts is an error.
Result<std::optional<std::vector<std::string>>> texts(const json::Value& from, std::string_view key) {
    const auto* found = json::find(from, key);
    if (found == nullptr || found->is_null()) return std::nullopt;
    const auto wrong = [&] { return fail(ErrorCode::protocol, fmt::format("its \"{}\" is no list of texts", key)); };
    if (!found->is_array() || found->get_array().size() > most_items) return wrong();
    std::vector<std::string> out;
    for (const auto& item : found->get_array()) {
        if (!item.is_string()) return wrong();
        out.emplace_back(item.get_string());
    }
    return out;
}

std::string text(const json::Value& from, std::string_view key) { return std::string(json::string_or(from, key, "")); }

template <class T>
Result<T> about(std::string_view what, Result<T> result) {
    if (!result)
        return fail(ErrorCode::protocol, fmt::format("the {} cannot be used", what), std::move(result).error());
    return result;
}

Result<ResourceMetadata> resource_from(const json::Value& value) {
    ResourceMetadata out;
    out.resource = text(value, "resource");
    if (out.resource.empty()) return fail(ErrorCode::protocol, "it does not say whose it is (\"resource\")");
    TENON_TRY(auto servers, texts(value, "authorization_servers"));
    if (!servers || servers->empty())
        return fail(ErrorCode::protocol, "it names no authorization server (\"authorization_servers\")");
    out.authorization_servers = std::move(*servers);
    TENON_TRY(out.scopes_supported, texts(value, "scopes_supported"));
    return out;
}

Result<ServerMetadata> server_from(const json::Value& value) {
    ServerMetadata out;
    out.issuer = text(value, "issuer");
    out.authorization_endpoint = text(value, "authorization_endpoint");
    out.token_endpoint = text(value, "token_endpoint");
    out.registration_endpoint = text(value, "registration_endpoint");
    if (out.issuer.empty()) return fail(ErrorCode::protocol, "it does not say whose it is (\"issuer\")");
    if (out.token_endpoint.empty()) return fail(ErrorCode::protocol, "it names no \"token_endpoint\"");
    TENON_TRY(auto scopes, texts(value, "scopes_supported"));
    if (scopes) out.scopes_supported = std::move(*scopes);
    TENON_TRY(out.token_auth_methods, texts(value, "token_endpoint_auth_methods_supported"));
    TENON_TRY(auto challenges, texts(value, "code_challenge_methods_supported"));
    if (challenges) out.code_challenge_methods = std::move(*challenges);
    out.client_documents = json::bool_or(value, "client_id_metadata_document_supported", false);
    out.sends_issuer = json::bool_or(value, "authorization_response_iss_parameter_supported", false);
    return out;
}

}  // namespace

Result<json::Value> read_object(std::string_view body, std::string_view what) {
    json::ParseOptions limits;
    limits.max_depth = 16;
    auto value = json::parse(body, limits);
    if (!value) return fail(ErrorCode::protocol, fmt::format("the {} is no JSON", what), value.error());
    if (!value->is_object()) return fail(ErrorCode::protocol, fmt::format("the {} is no JSON object", what));
    return value;
}

Result<ResourceMetadata> read_resource_metadata(std::string_view body) {
    constexpr std::string_view what = "MCP server's metadata";
    TENON_TRY(const auto value, read_object(body, what));
    return about(what, resource_from(value));
}

Result<ServerMetadata> read_server_metadata(std::string_view body) {
    constexpr std::string_view what = "authorization server's metadata";
    TENON_TRY(const auto value, read_object(body, what));
    return about(what, server_from(value));
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        const auto word = text.substr(0, end);
        if (!word.empty() && std::ranges::find(out, word) == out.end()) out.emplace_back(word);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string printable(std::string_view text) {
    std::string out;
    for (const char c : text.substr(0, 200)) out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    // No character is cut in two.
    while (out.size() == 200 && (static_cast<unsigned char>(out.back()) & 0x80) != 0) out.pop_back();
    return out;
}

}  // namespace tenon::mcp::auth
