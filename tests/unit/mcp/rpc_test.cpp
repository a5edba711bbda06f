#include "mcp/rpc.hpp"

#include <gtest/gtest.h>

#include "mcp/server/uri_template.hpp"
#include "mcp/wire/headers.hpp"
#include "mcp/wire/seal.hpp"
#include "mcp/wire/wire.hpp"

namespace tenon::mcp {
namespace {

int fault(std::string_view text) {
    const auto message = rpc::parse(text);
    return message ? 0 : message.error().failure.code;
}

TEST(McpRpc, ReadsWhatIsAMessageAndNothingElse) {
    EXPECT_TRUE(std::holds_alternative<rpc::Request>(rpc::parse(R"({"jsonrpc":"2.0","id":1,"method":"a"})").value()));
    EXPECT_TRUE(std::holds_alternative<rpc::Notification>(rpc::parse(R"({"jsonrpc":"2.0","method":"a"})").value()));
    EXPECT_TRUE(std::holds_alternative<rpc::Response>(rpc::parse(R"({"jsonrpc":"2.0","id":"x","result":{}})").value()));
    EXPECT_EQ(fault(""), rpc::parse_error);
    EXPECT_EQ(fault("{"), rpc::parse_error);
    EXPECT_EQ(fault("\xFF"), rpc::parse_error);
    EXPECT_EQ(fault(std::string(200'000, '[')), rpc::parse_error);
    EXPECT_EQ(fault("[]"), rpc::invalid_request);
    EXPECT_EQ(fault(R"([{"jsonrpc":"2.0","id":1,"method":"a"}])"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"id":1,"method":"a"})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":null,"method":"a"})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1.5,"method":"a"})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1,"method":7})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1,"method":"a","params":[1]})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1,"result":{},"error":{}})"), rpc::invalid_request);
    EXPECT_EQ(fault(R"({"jsonrpc":"2.0","id":1,"result":5})"), rpc::invalid_request);
    const auto bad = rpc::parse(R"({"jsonrpc":"1.0","id":"q","method":"a"})");
    EXPECT_EQ(std::get<std::string>(*bad.error().id), "q");  // its sender can be told
}

TEST(McpRpc, WritesWhatItReads) {
    for (const std::string text :
         {R"({"jsonrpc":"2.0","id":1,"method":"a","params":{"b":[1,2]}})", R"({"jsonrpc":"2.0","method":"n"})",
          R"({"jsonrpc":"2.0","id":"x","result":{"y":null}})",
          R"({"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no","data":[1]}})",
          R"({"jsonrpc":"2.0","error":{"code":-32700,"message":"no"}})"})
        EXPECT_EQ(rpc::encode(rpc::parse(text).value()), text);
}

TEST(McpRpc, FramesLinesHoweverTheyAreCut) {
    const std::string text = "{\"a\":1}\r\n\n  \n{\"b\":\"\xE4\xBD\xA0\"}\nrest";
    for (std::size_t step = 1; step <= text.size(); ++step) {
        rpc::LineReader reader;
        std::vector<std::string> lines;
        for (std::size_t at = 0; at < text.size(); at += step)
            ASSERT_TRUE(reader.feed(std::string_view(text).substr(at, step), lines));
        EXPECT_EQ(lines, (std::vector<std::string>{"{\"a\":1}", "{\"b\":\"\xE4\xBD\xA0\"}"})) << step;
    }
    rpc::LineReader small(10);
    std::vector<std::string> lines;
    EXPECT_TRUE(small.feed("0123456789\n", lines));
    EXPECT_EQ(small.feed("0123456789a", lines).error().code(), ErrorCode::resource_exhausted);
}

TEST(McpUriTemplate, FindsItsVariables) {
    const auto match = [](std::string_view pattern, std::string_view uri) {
        return UriTemplate::parse(pattern).value().match(uri);
    };
    EXPECT_EQ(match("a://{x}/b/{y}", "a://1/b/2%2F3").value(),
              (std::map<std::string, std::string>{{"x", "1"}, {"y", "2/3"}}));
    EXPECT_FALSE(match("a://{x}", "a://1/2"));
    EXPECT_EQ(match("a://{+x}", "a://1/2").value().at("x"), "1/2");
    EXPECT_FALSE(match("a://{x}/end", "a://1/en"));
    EXPECT_FALSE(match("a://{x}", "a://"));
    EXPECT_FALSE(match("a://{x}", "a://%zz"));
    EXPECT_TRUE(match("a://fixed", "a://fixed"));
    for (const auto* bad : {"{", "{}", "{a}{b}", "{?q}", "{#f}", "x{a,b}"})
        EXPECT_FALSE(UriTemplate::parse(bad)) << bad;
}

TEST(McpSeal, OpensOnlyWhatItClosed) {
    const auto now = std::chrono::system_clock::now();
    const auto sealed = seal("key", "for this", "text", now + std::chrono::minutes(1));
    EXPECT_EQ(unseal("key", "for this", sealed, now), "text");
    EXPECT_FALSE(unseal("key", "for that", sealed, now));
    EXPECT_FALSE(unseal("other", "for this", sealed, now));
    EXPECT_FALSE(unseal("key", "for this", sealed, now + std::chrono::minutes(2)));
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        auto broken = sealed;
        broken[i] = static_cast<char>(broken[i] ^ 1);
        EXPECT_FALSE(unseal("key", "for this", broken, now)) << i;
        EXPECT_FALSE(unseal("key", "for this", sealed.substr(0, i), now)) << i;
    }
    // RFC 4231, test cases 2 and 6.
    EXPECT_EQ(hmac_hex("Jefe", "what do ya want for nothing?"),
              "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    EXPECT_EQ(hmac_hex(std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First"),
              "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

// The table of the specification ("Streamable HTTP", value encoding).
TEST(McpHeaders, EncodesValuesAsTheSpecificationShows) {
    for (const auto& [text, header] : std::vector<std::pair<std::string, std::string>>{
             {"us-west1", "us-west1"},
             {"Hello, \xE4\xB8\x96\xE7\x95\x8C", "=?base64?SGVsbG8sIOS4lueVjA==?="},
             {" padded ", "=?base64?IHBhZGRlZCA=?="},
             {"line1\nline2", "=?base64?bGluZTEKbGluZTI=?="},
             {"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="}}) {
        EXPECT_EQ(wire::encode_header(text), header);
        EXPECT_EQ(wire::decode_header(header), text);
    }
    EXPECT_FALSE(wire::decode_header("=?base64?a?="));
    EXPECT_FALSE(wire::decode_header("=?base64?SGVs bG8=?="));
    EXPECT_FALSE(wire::decode_header("a\x01"));
}

TEST(McpHeaders, TakesParametersOnlyFromWhereTheyMayStand) {
    const auto headers = [](std::string_view schema) { return wire::parameter_headers(json::parse(schema).value()); };
    const auto good = headers(
        R"({"type":"object","properties":{"where":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"}}},"n":{"type":"integer","x-mcp-header":"N"}}})");
    ASSERT_TRUE(good) << good.error().describe();
    ASSERT_EQ(good->size(), 2U);
    EXPECT_EQ((*good)[0].name, "Mcp-Param-Region");
    const auto arguments = json::parse(R"({"where":{"region":"eu"},"n":42})").value();
    EXPECT_EQ(wire::header_value((*good)[0], arguments), "eu");
    EXPECT_TRUE(wire::header_fits((*good)[1], arguments, "42.0"));
    EXPECT_FALSE(wire::header_fits((*good)[1], arguments, "43"));
    EXPECT_FALSE(wire::header_fits((*good)[0], arguments, std::nullopt));
    EXPECT_TRUE(wire::header_fits((*good)[0], json::parse("{}").value(), std::nullopt));
    for (const auto* bad :
         {R"({"properties":{"a":{"type":"number","x-mcp-header":"A"}}})",
          R"({"properties":{"a":{"type":"string","x-mcp-header":""}}})",
          R"({"properties":{"a":{"type":"string","x-mcp-header":"a b"}}})",
          R"({"properties":{"a":{"type":"string","x-mcp-header":"X"},"b":{"type":"string","x-mcp-header":"x"}}})",
          R"({"properties":{"a":{"type":"array","items":{"type":"string","x-mcp-header":"A"}}}})",
          R"({"oneOf":[{"properties":{"a":{"type":"string","x-mcp-header":"A"}}}]})", R"({"x-mcp-header":"A"})"})
        EXPECT_FALSE(headers(bad)) << bad;
}

TEST(McpWire, KeepsContentWhole) {
    std::vector<Content> all;
    all.emplace_back(TextContent{"hi", {{"user"}, 0.5, "2026-01-01T00:00:00Z"}});
    all.emplace_back(ImageContent{std::string("\x00\x01\xFF", 3), "image/png"});
    all.emplace_back(AudioContent{"abc", "audio/wav"});
    all.emplace_back(ResourceLink{Resource{"file:///a", "a", "A", "", "text/plain", 12}});
    all.emplace_back(EmbeddedResource{{"x://1", "text/plain", "inside", false}});
    all.emplace_back(EmbeddedResource{{"x://2", "image/png", "bytes", true}});
    const auto written = wire::write(all);
    const auto back = wire::read_all<Content>(json::Value{{"content", written}}, "content");
    ASSERT_TRUE(back) << back.error().describe();
    EXPECT_EQ(wire::write(*back), written);
    EXPECT_EQ(text_of(*back), "hi\nfile:///a\ninside");
    EXPECT_FALSE(wire::read<Content>(json::parse(R"({"type":"image","data":"%%","mimeType":"a"})").value()));
    EXPECT_FALSE(wire::read<Content>(json::parse(R"({"type":"hologram"})").value()));
}

}  // namespace
}  // namespace tenon::mcp
