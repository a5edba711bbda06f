// MCP messages: any bytes are a message or a fault that can be told; what is read is written as it was; any cut of the
// lines gives the same lines; and the types inside are read or refused.
#include <cstdint>
#include <cstdlib>

#include "mcp/auth/address.hpp"
#include "mcp/auth/redirect.hpp"
#include "mcp/auth/tokens.hpp"
#include "mcp/rpc.hpp"
#include "mcp/server/uri_template.hpp"
#include "mcp/transport/challenge.hpp"
#include "mcp/wire/headers.hpp"
#include "mcp/wire/wire.hpp"

using namespace tenon::mcp;

namespace {

template <class T>
void read(const tenon::json::Value& value) {
    (void)wire::read<T>(value);
}

void read_all(const tenon::json::Value& value) {
    read<Implementation>(value);
    read<Resource>(value);
    read<ResourceTemplate>(value);
    read<ToolInfo>(value);
    read<Prompt>(value);
    read<PromptResult>(value);
    read<CompletionRequest>(value);
    read<CompletionResult>(value);
    read<LogMessage>(value);
    read<Root>(value);
    read<ElicitRequest>(value);
    read<ElicitResult>(value);
    read<SamplingResult>(value);
    read<ClientCapabilities>(value);
    read<ServerCapabilities>(value);
    if (const auto result = wire::read<ToolResult>(value)) {
        const auto written = wire::write(*result, latest_revision);
        const auto again = wire::read<ToolResult>(tenon::json::Value(written));
        if (!again || wire::write(*again, latest_revision) != written) std::abort();
    }
    if (const auto request = wire::read<SamplingRequest>(value)) {
        const auto written = wire::write(*request);
        const auto again = wire::read<SamplingRequest>(tenon::json::Value(written));
        if (!again || wire::write(*again) != written) std::abort();
    }
    if (const auto headers = wire::parameter_headers(value))
        for (const auto& header : *headers)
            if (const auto sent = wire::header_value(header, value); !wire::header_fits(header, value, sent))
                std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t step = data[0] % 16U + 1;
    constexpr std::size_t limit = 1 << 16;
    rpc::LineReader whole(limit);
    rpc::LineReader cut(limit);
    std::vector<std::string> a;
    std::vector<std::string> b;
    const bool ok = whole.feed(bytes, a).has_value();
    bool ok_cut = true;
    for (std::size_t at = 0; at < bytes.size() && ok_cut; at += step)
        ok_cut = cut.feed(bytes.substr(at, step), b).has_value();
    if (ok != ok_cut || a != b) std::abort();
    a.emplace_back(bytes);
    for (const auto& line : a) {
        auto message = rpc::parse(line);
        if (!message) {
            (void)rpc::encode(
                rpc::Response{message.error().id, rpc::Outcome(std::unexpect, std::move(message.error().failure))});
            continue;
        }
        const auto text = rpc::encode(*message);
        const auto again = rpc::parse(text);
        if (!again || rpc::encode(*again) != text) std::abort();
        if (const auto* request = std::get_if<rpc::Request>(&*message)) read_all(request->params);
        if (const auto* note = std::get_if<rpc::Notification>(&*message)) read_all(note->params);
        if (const auto* response = std::get_if<rpc::Response>(&*message); response && response->outcome)
            read_all(*response->outcome);
    }
    if (const auto sent = wire::encode_header(bytes); wire::decode_header(sent) != bytes) std::abort();
    (void)wire::decode_header(bytes);
    if (const auto half = bytes.find('\n'); half != std::string_view::npos)
        if (const auto pattern = UriTemplate::parse(bytes.substr(0, half)))
            (void)pattern->match(bytes.substr(half + 1));
    tenon::net::Headers headers;
    headers.add("WWW-Authenticate", std::string(bytes));
    (void)read_challenge(401, headers);
    (void)auth::read_resource_metadata(bytes);
    (void)auth::read_token(bytes, std::chrono::system_clock::time_point());
    if (const auto server = auth::read_server_metadata(bytes))
        (void)auth::check_reachable(server->token_endpoint, true, "token endpoint");
    auth::ServerMetadata server;
    server.issuer = "https://a";
    (void)auth::read_response(tenon::net::parse_query(bytes), server);
    if (const auto address = auth::parse_address(bytes)) {
        const auto again = auth::parse_address(auth::canonical(*address));
        if (!again || !auth::covers(*again, *address)) std::abort();
        (void)auth::resource_metadata_urls(*address);
        (void)auth::server_metadata_urls(*address);
    }
    return 0;
}
