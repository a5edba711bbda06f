// The parts that getting tokens is made of: addresses, metadata, assertions, answers, and where tokens are kept.
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "mcp/auth/address.hpp"
#include "mcp/auth/crypto.hpp"
#include "mcp/auth/redirect.hpp"
#include "mcp/auth/scopes.hpp"
#include "mcp/auth/tokens.hpp"
#include "tenon/base/base64.hpp"
#include "tenon/base/file.hpp"
#include "tenon/mcp/oauth.hpp"

namespace tenon::mcp::auth {
namespace {

using Texts = std::vector<std::string>;

TEST(McpAddress, TakesUrlsApart) {
    const auto address = parse_address("HTTPS://Example.ORG/Path/To?q=1").value();
    EXPECT_EQ(address.origin(), "https://example.org");
    EXPECT_EQ(address.port, "443");
    EXPECT_EQ(address.path, "/Path/To");
    EXPECT_EQ(address.query, "?q=1");
    EXPECT_FALSE(address.loopback);
    EXPECT_EQ(parse_address("https://example.org:8443").value().origin(), "https://example.org:8443");
    for (const auto* here :
         {"http://localhost:1/", "http://LOCALHOST", "http://localhost.", "http://a.localhost", "http://127.8.9.1/x",
          "http://[::1]:80/", "http://0.0.0.0", "http://[::]", "http://[::ffff:127.0.0.1]"})
        EXPECT_TRUE(parse_address(here).value().loopback) << here;
    for (const auto* there : {"http://127.0.0.1.example", "http://localhost.example", "http://10.0.0.1",
                              "http://127.0.0.1.5.example", "http://[2001:db8::1]"})
        EXPECT_FALSE(parse_address(there).value().loopback) << there;
    // Ways around the check that some resolvers go.
    for (const auto* odd : {"http://127.1", "http://2130706433", "http://0x7f.1", "http://017700000001",
                            "http://%6cocalhost", "http://%31%32%37.0.0.1", "http://127.0.0.1.", "http://example.0x1"})
        EXPECT_FALSE(parse_address(odd) && !parse_address(odd)->loopback) << odd;
    for (const auto* wrong : {"",
                              "x",
                              "//host",
                              "ftp://host",
                              "https://",
                              "https:///path",
                              "https://a@host",
                              "https://host#part",
                              "https://ho st",
                              "https://host/\n",
                              "javascript:alert(1)",
                              "--help",
                              "https://[::1",
                              "https://[]",
                              "https://[127.0.0.1]",
                              "https://[::1]x",
                              "https://host:70000",
                              "https://host:x",
                              "https://ho*st",
                              "https://..",
                              "https://host\\@evil",
                              "https:// "})
        EXPECT_FALSE(parse_address(wrong)) << wrong;
    EXPECT_FALSE(parse_address("https://host/" + std::string(10'000, 'a')));
    EXPECT_TRUE(check_reachable("http://127.0.0.1:9/x", true, "it"));
    EXPECT_FALSE(check_reachable("http://127.0.0.1:9/x", false, "it"));
    EXPECT_FALSE(check_reachable("https://localhost/x", false, "it"));
    EXPECT_FALSE(check_reachable("http://example.org/", true, "it"));
    EXPECT_TRUE(check_reachable("https://example.org/", false, "it"));
}

TEST(McpAddress, KnowsWhereMetadataIs) {
    // The specification's own examples.
    EXPECT_EQ(resource_metadata_urls(parse_address("https://example.com/public/mcp").value()),
              (Texts{"https://example.com/.well-known/oauth-protected-resource/public/mcp",
                     "https://example.com/.well-known/oauth-protected-resource"}));
    EXPECT_EQ(resource_metadata_urls(parse_address("https://example.com/").value()),
              Texts{"https://example.com/.well-known/oauth-protected-resource"});
    EXPECT_EQ(server_metadata_urls(parse_address("https://auth.example.com/tenant1").value()),
              (Texts{"https://auth.example.com/.well-known/oauth-authorization-server/tenant1",
                     "https://auth.example.com/.well-known/openid-configuration/tenant1",
                     "https://auth.example.com/tenant1/.well-known/openid-configuration"}));
    EXPECT_EQ(server_metadata_urls(parse_address("https://auth.example.com").value()),
              (Texts{"https://auth.example.com/.well-known/oauth-authorization-server",
                     "https://auth.example.com/.well-known/openid-configuration"}));
    EXPECT_EQ(canonical_url("HTTPS://MCP.example.com:443/").value(), "https://mcp.example.com");
    EXPECT_EQ(canonical_url("https://mcp.example.com:8443/server/mcp").value(),
              "https://mcp.example.com:8443/server/mcp");
    const auto of = [](const char* resource, const char* server) {
        return covers(parse_address(resource).value(), parse_address(server).value());
    };
    EXPECT_TRUE(of("https://a.example", "https://a.example/mcp"));
    EXPECT_TRUE(of("https://a.example/", "https://a.example"));
    EXPECT_TRUE(of("https://a.example/mcp", "https://a.example:443/mcp/"));
    EXPECT_TRUE(of("https://a.example/mcp", "https://a.example/mcp/b"));
    EXPECT_FALSE(of("https://a.example/mcp", "https://a.example/mcp2"));
    EXPECT_FALSE(of("https://a.example/mcp/b", "https://a.example/mcp"));
    EXPECT_FALSE(of("https://b.example/mcp", "https://a.example/mcp"));
    EXPECT_FALSE(of("http://a.example/mcp", "https://a.example/mcp"));
    EXPECT_FALSE(of("https://a.example:444/mcp", "https://a.example/mcp"));
}

TEST(McpAuthScopes, AreUnitedAndNeverLost) {
    Challenge challenge;
    Discovered at;
    OAuthOptions options;
    at.scopes_supported = Texts{"all"};
    EXPECT_EQ(choose_scopes(challenge, at, options, {}), Texts{"all"});
    challenge.scope = "b  a b ";
    EXPECT_EQ(choose_scopes(challenge, at, options, {}), (Texts{"b", "a"}));
    challenge.status = 403;
    EXPECT_EQ(choose_scopes(challenge, at, options, {"z", "a"}), (Texts{"z", "a", "b"}));
    at.server.scopes_supported = {"offline_access"};
    EXPECT_EQ(choose_scopes(challenge, at, options, {}), (Texts{"b", "a", "offline_access"}));
    options.grant = OAuthGrant::client_credentials;
    EXPECT_EQ(choose_scopes(challenge, at, options, {}), (Texts{"b", "a"}));
}

TEST(McpAuthCrypto, DoesAsTheStandardsShow) {
    // RFC 7636, appendix B.
    EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
              "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    EXPECT_EQ(base64url("\xFB\xFF\xFE"), "-__-");
    const auto one = random_text().value();
    EXPECT_EQ(one.size(), 43U);
    EXPECT_NE(one, random_text().value());
}

struct TestKey {
    explicit TestKey(EVP_PKEY* made) : key(made) {
        BIO* bio = BIO_new(BIO_s_mem());
        EXPECT_EQ(PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr), 1);
        char* bytes = nullptr;
        const auto size = BIO_get_mem_data(bio, &bytes);
        pem.assign(bytes, static_cast<std::size_t>(size));
        BIO_free(bio);
    }
    TestKey(const TestKey&) = delete;
    ~TestKey() { EVP_PKEY_free(key); }
    /// By the library's own verification; an elliptic signature is put back into its DER form first.
    [[nodiscard]] bool verifies(const std::string& text, std::string signature) const {
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC) {
            const auto* bytes = reinterpret_cast<const unsigned char*>(signature.data());
            ECDSA_SIG* pair = ECDSA_SIG_new();
            ECDSA_SIG_set0(pair, BN_bin2bn(bytes, 32, nullptr), BN_bin2bn(bytes + 32, 32, nullptr));
            unsigned char* der = nullptr;
            const int size = i2d_ECDSA_SIG(pair, &der);
            signature.assign(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
            OPENSSL_free(der);
            ECDSA_SIG_free(pair);
        }
        EVP_MD_CTX* digest = EVP_MD_CTX_new();
        EVP_DigestVerifyInit(digest, nullptr, EVP_sha256(), nullptr, key);
        const int good =
            EVP_DigestVerify(digest, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                             reinterpret_cast<const unsigned char*>(text.data()), text.size());
        EVP_MD_CTX_free(digest);
        return good == 1;
    }
    EVP_PKEY* key;
    std::string pem;
};

TEST(McpAuthCrypto, SignsAssertions) {
    const TestKey curve(EVP_EC_gen("P-256")), rsa(EVP_RSA_gen(2048)), other(EVP_EC_gen("P-384")),
        weak(EVP_RSA_gen(1024));
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
    for (const auto* key : {&curve, &rsa})
        for (int i = 0; i < 20; ++i) {  // short numbers in a signature are padded
            const auto jwt = client_assertion(key->pem, "me", "https://auth.example", now).value();
            const auto first = jwt.find('.');
            const auto last = jwt.rfind('.');
            EXPECT_TRUE(key->verifies(jwt.substr(0, last), base64_decode(jwt.substr(last + 1)).value()));
            EXPECT_EQ(base64_decode(jwt.substr(0, first)).value(),
                      key == &curve ? R"({"alg":"ES256","typ":"JWT"})" : R"({"alg":"RS256","typ":"JWT"})");
            const auto claims = json::parse(base64_decode(jwt.substr(first + 1, last - first - 1)).value()).value();
            EXPECT_EQ(json::string_or(claims, "iss", ""), "me");
            EXPECT_EQ(json::string_or(claims, "sub", ""), "me");
            EXPECT_EQ(json::string_or(claims, "aud", ""), "https://auth.example");
            EXPECT_EQ(json::integer_or(claims, "exp", 0), 1'800'000'300);
            EXPECT_EQ(json::string_or(claims, "jti", "").size(), 43U);
        }
    for (const auto& pem : {other.pem, weak.pem, std::string(), std::string("-----BEGIN PRIVATE KEY-----\nx"),
                            curve.pem.substr(0, 80), std::string(100'000, 'A')})
        EXPECT_EQ(client_assertion(pem, "me", "x", now).error().code(), ErrorCode::invalid_argument);
}

TEST(McpAuthTokens, AreReadWithCare) {
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1000));
    const auto token =
        read_token(R"({"access_token":"a","token_type":"BEARER","expires_in":60,"scope":"x y","refresh_token":"r"})",
                   now)
            .value();
    EXPECT_EQ(token.access, "a");
    EXPECT_EQ(token.refresh, "r");
    EXPECT_EQ(token.scopes, (Texts{"x", "y"}));
    EXPECT_EQ(token.expires, now + std::chrono::seconds(60));
    for (const auto* lifetime : {"-1", "1e300", "\"soon\"", "null", "18446744073709551615"})
        EXPECT_FALSE(
            read_token(R"({"access_token":"a","token_type":"Bearer","expires_in":)" + std::string(lifetime) + "}", now)
                .value()
                .expires)
            << lifetime;
    for (const auto* wrong :
         {"", "[]", "{}", R"({"access_token":"a"})", R"({"access_token":"a","token_type":"DPoP"})",
          R"({"access_token":"","token_type":"Bearer"})", R"({"access_token":1,"token_type":"Bearer"})",
          R"({"access_token":"a b","token_type":"Bearer"})", R"({"access_token":"a\r\nX: y","token_type":"Bearer"})"})
        EXPECT_EQ(read_token(wrong, now).error().code(), ErrorCode::protocol) << wrong;
    EXPECT_EQ(encode_form({{"a b", "c&d"}, {"e", "中"}}), "a%20b=c%26d&e=%E4%B8%AD");
}

TEST(McpAuthTokens, CutMetadataIsRefused) {
    const std::string server = R"({"issuer":"https://a","token_endpoint":"https://a/t","scopes_supported":["x"]})";
    const std::string resource = R"({"resource":"https://a","authorization_servers":["https://b"]})";
    EXPECT_TRUE(read_server_metadata(server));
    EXPECT_TRUE(read_resource_metadata(resource));
    for (std::size_t i = 0; i < server.size(); ++i) EXPECT_FALSE(read_server_metadata(server.substr(0, i)));
    for (std::size_t i = 0; i < resource.size(); ++i) EXPECT_FALSE(read_resource_metadata(resource.substr(0, i)));
    std::string many = R"({"resource":"https://a","authorization_servers":["https://b")";
    for (int i = 0; i < 1000; ++i) many += ",\"https://b\"";
    EXPECT_FALSE(read_resource_metadata(many + "]}"));
    EXPECT_EQ(printable("a\r\n\x1b[31m\x7f"), "a   [31m ");
    EXPECT_EQ(printable(std::string(199, 'a') + "中").size(), 199U);
}

TEST(McpAuthRedirect, AnswersComeOnce) {
    ServerMetadata server;
    server.issuer = "https://a";
    EXPECT_EQ(read_response({{"code", "c"}, {"state", "s"}}, server).value(), "c");
    EXPECT_EQ(read_response({{"code", "c"}, {"code", "d"}}, server).error().code(), ErrorCode::protocol);
    EXPECT_EQ(read_response({{"code", "c"}, {"iss", "https://a"}, {"iss", "https://b"}}, server).error().code(),
              ErrorCode::protocol);
    EXPECT_EQ(read_response({{"state", "s"}}, server).error().code(), ErrorCode::protocol);
    EXPECT_EQ(read_response({{"error", "server_error"}}, server).error().code(), ErrorCode::unavailable);
}

class Stores : public testing::TestWithParam<bool> {};

TEST_P(Stores, KeepTokensAndClients) {
    const auto folder = TemporaryDirectory::create().value();
    const auto store = GetParam() ? file_token_store(folder.path() / "deep/mcp") : memory_token_store();
    EXPECT_FALSE(store->token("https://a").value());
    EXPECT_TRUE(store->forget_token("https://a"));
    OAuthToken token;
    token.access = "access";
    token.refresh = "refresh";
    token.issuer = "https://issuer";
    token.client_id = "me";
    token.scopes = {"x", "y"};
    token.expires = std::chrono::system_clock::time_point(std::chrono::seconds(1'800'000'000));
    ASSERT_TRUE(store->keep_token("https://a", token));
    const auto other = GetParam() ? file_token_store(folder.path() / "deep/mcp") : store;
    const auto kept = other->token("https://a").value();
    ASSERT_TRUE(kept);
    EXPECT_EQ(kept->access, "access");
    EXPECT_EQ(kept->refresh, "refresh");
    EXPECT_EQ(kept->issuer, "https://issuer");
    EXPECT_EQ(kept->client_id, "me");
    EXPECT_EQ(kept->scopes, token.scopes);
    EXPECT_EQ(kept->expires, token.expires);
    EXPECT_FALSE(store->token("https://b").value());
    EXPECT_FALSE(store->client("https://a").value());
    OAuthClient client;
    client.id = "me";
    client.secret = "hush";
    client.auth = ClientAuth::client_secret_post;
    client.redirect_uri = "http://127.0.0.1:4000/callback";
    ASSERT_TRUE(store->keep_client("https://issuer", client));
    const auto known = other->client("https://issuer").value();
    ASSERT_TRUE(known);
    EXPECT_EQ(known->id, "me");
    EXPECT_EQ(known->secret, "hush");
    EXPECT_EQ(known->auth, client.auth);
    EXPECT_EQ(known->redirect_uri, client.redirect_uri);
    EXPECT_TRUE(store->forget_token("https://a"));
    EXPECT_TRUE(store->forget_client("https://issuer"));
    EXPECT_FALSE(other->token("https://a").value());
    EXPECT_FALSE(other->client("https://issuer").value());
}
INSTANTIATE_TEST_SUITE_P(All, Stores, testing::Bool(),
                         [](const auto& which) { return std::string(which.param ? "OnDisk" : "InMemory"); });

TEST(McpTokenFiles, AreForTheirOwnerAlone) {
    using std::filesystem::perms;
    const auto folder = TemporaryDirectory::create().value();
    const auto place = folder.path() / "mcp";
    std::filesystem::create_directory(place);
    std::filesystem::permissions(place, perms::all);
    const auto store = file_token_store(place);
    OAuthToken token;
    token.access = "access";
    ASSERT_TRUE(store->keep_token("https://a", token));
    EXPECT_EQ(std::filesystem::status(place).permissions(), perms::owner_all);
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(place)) files.push_back(entry.path());
    ASSERT_EQ(files.size(), 1U);
    EXPECT_EQ(std::filesystem::status(files[0]).permissions(), perms::owner_read | perms::owner_write);
    for (const std::string bytes : {"", "{", "[]", R"({"version":1,"server":"https://b","access_token":"x"})",
                                    R"({"version":1,"server":"https://a"})"}) {
        std::ofstream(files[0]) << bytes;
        EXPECT_EQ(store->token("https://a").error().code(), ErrorCode::corrupt) << bytes;
    }
    std::ofstream(files[0]) << R"({"version":2,"server":"https://a","access_token":"x"})";
    EXPECT_EQ(store->token("https://a").error().code(), ErrorCode::unsupported);
    ASSERT_TRUE(store->keep_token("https://a", token));  // what is kept anew mends it
    EXPECT_TRUE(store->token("https://a").value());
}

}  // namespace
}  // namespace tenon::mcp::auth
