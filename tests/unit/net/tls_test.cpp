// TLS: an unknown certificate is refused, one signed by a given root is taken, a wrong name is refused.
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <csignal>

#include "tenon/base/file.hpp"
#include "unit/net/loopback.hpp"

namespace tenon::net {
namespace {

using namespace std::chrono_literals;

/// A self-signed certificate for one name, made on the spot.
struct Certificate {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    X509* certificate = X509_new();

    explicit Certificate(const std::string& alternative_name) {
        X509_set_version(certificate, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
        X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
        X509_set_pubkey(certificate, key);
        auto* name = X509_get_subject_name(certificate);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("tenon test"), -1,
                                   -1, 0);
        X509_set_issuer_name(certificate, name);
        add(NID_subject_alt_name, alternative_name);
        add(NID_basic_constraints, "critical,CA:TRUE");
        X509_sign(certificate, key, EVP_sha256());
    }
    ~Certificate() {
        X509_free(certificate);
        EVP_PKEY_free(key);
    }
    Certificate(const Certificate&) = delete;
    Certificate& operator=(const Certificate&) = delete;
    void add(int id, const std::string& value) const {
        X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value.c_str());
        X509_add_ext(certificate, extension, -1);
        X509_EXTENSION_free(extension);
    }
    [[nodiscard]] std::string pem() const {
        BIO* out = BIO_new(BIO_s_mem());
        PEM_write_bio_X509(out, certificate);
        char* bytes = nullptr;
        const auto length = BIO_get_mem_data(out, &bytes);
        std::string text(bytes, static_cast<std::size_t>(length));
        BIO_free(out);
        return text;
    }
};

/// Answers "secure" over TLS, to `connections` clients.
class TlsServer {
  public:
    TlsServer(const Certificate& certificate, int connections) {
        context_ = SSL_CTX_new(TLS_server_method());
        SSL_CTX_use_certificate(context_, certificate.certificate);
        SSL_CTX_use_PrivateKey(context_, certificate.key);
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener_, 8), 0);
        socklen_t length = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port = ntohs(address.sin_port);
        thread_ = std::jthread([this, connections] {
            for (int i = 0; i < connections; ++i) serve();
        });
    }
    ~TlsServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
        SSL_CTX_free(context_);
    }
    TlsServer(const TlsServer&) = delete;
    TlsServer& operator=(const TlsServer&) = delete;
    std::uint16_t port = 0;

  private:
    void serve() {
        const int client = ::accept(listener_, nullptr, nullptr);
        if (client < 0) return;
        SSL* tls = SSL_new(context_);
        SSL_set_fd(tls, client);
        char bytes[4096];
        if (SSL_accept(tls) == 1 && SSL_read(tls, bytes, sizeof bytes) > 0) {
            constexpr std::string_view answer =
                "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nConnection: close\r\n\r\nsecure";
            SSL_write(tls, answer.data(), static_cast<int>(answer.size()));
            SSL_shutdown(tls);
        }
        SSL_free(tls);
        ::close(client);
    }
    SSL_CTX* context_;
    int listener_ = -1;
    std::jthread thread_;
};

Result<ClientResponse> fetch(const TlsServer& server, HttpClientOptions options) {
    Runtime runtime;
    HttpClient client(runtime.executor(), std::move(options));
    ClientRequest request;
    request.url = "https://127.0.0.1:" + std::to_string(server.port) + "/";
    return sync_wait(runtime, client.send(std::move(request), CallOptions::within(30s)));
}

TEST(Tls, TrustsOnlyWhatItIsToldTo) {
    std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets whose peer has gone
    const Certificate certificate("IP:127.0.0.1");
    TlsServer server(certificate, 3);
    const auto unknown = fetch(server, {});
    ASSERT_FALSE(unknown);
    EXPECT_EQ(unknown.error().code(), ErrorCode::permission_denied) << unknown.error().describe();
    auto directory = TemporaryDirectory::create();
    ASSERT_TRUE(directory);
    HttpClientOptions options;
    options.ca_file = (directory->path() / "root.pem").string();
    ASSERT_TRUE(write_file_atomic(options.ca_file, certificate.pem()));
    const auto known = fetch(server, options);
    ASSERT_TRUE(known) << known.error().describe();
    EXPECT_EQ(known->body, "secure");
    HttpClientOptions careless;
    careless.verify_tls = false;
    const auto unchecked = fetch(server, careless);
    ASSERT_TRUE(unchecked) << unchecked.error().describe();
    const Certificate other("DNS:elsewhere.example");
    TlsServer stranger(other, 1);
    ASSERT_TRUE(write_file_atomic(options.ca_file, other.pem()));
    const auto wrong_name = fetch(stranger, options);
    ASSERT_FALSE(wrong_name);
    EXPECT_EQ(wrong_name.error().code(), ErrorCode::permission_denied) << wrong_name.error().describe();
}

}  // namespace
}  // namespace tenon::net
