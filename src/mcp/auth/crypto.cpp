#include "mcp/auth/crypto.hpp"

#include <openssl/bio.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstring>
#include <memory>

#include "tenon/base/base64.hpp"
#include "tenon/json/json.hpp"

namespace tenon::mcp::auth {
namespace {

template <auto Free>
struct Freed {
    template <class T>
    void operator()(T* object) const noexcept {
        Free(object);
    }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Bio = std::unique_ptr<BIO, Freed<BIO_free>>;
using Digest = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX_free>>;
using Signature = std::unique_ptr<ECDSA_SIG, Freed<ECDSA_SIG_free>>;

constexpr int p256_bits = 256, p256_bytes = 32, least_rsa_bits = 2048;

/// Nobody is asked for a passphrase on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

Result<Key> read_key(const std::string& pem) {
    const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(std::min<std::size_t>(pem.size(), 1 << 16))));
    Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr) : nullptr);
    if (!key)
        return fail(ErrorCode::invalid_argument, "the client's private key is no PEM of a key without a passphrase");
    return key;
}

Result<std::string_view> algorithm_of(const Key& key) {
    const int kind = EVP_PKEY_get_base_id(key.get());
    const int bits = EVP_PKEY_get_bits(key.get());
    if (kind == EVP_PKEY_EC && bits == p256_bits) return "ES256";
    if (kind == EVP_PKEY_RSA && bits >= least_rsa_bits) return "RS256";
    return fail(ErrorCode::invalid_argument,
                "the client's private key is neither of the curve P-256 nor RSA with 2048 bits or more");
}

Result<std::string> sign(const Key& key, std::string_view text) {
    const Digest digest(EVP_MD_CTX_new());
    const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
    std::size_t length = 0;
    std::string out;
    bool done = digest && EVP_DigestSignInit(digest.get(), nullptr, EVP_sha256(), nullptr, key.get()) == 1 &&
                EVP_DigestSign(digest.get(), nullptr, &length, bytes, text.size()) == 1;
    if (done) {
        out.resize(length);
        done = EVP_DigestSign(digest.get(), reinterpret_cast<unsigned char*>(out.data()), &length, bytes,
                              text.size()) == 1;
        out.resize(length);
    }
    if (!done) return fail(ErrorCode::internal, "the client's assertion could not be signed");
    return out;
}

/// The two numbers of an ECDSA signature side by side (RFC 7518 §3.4), from the DER form.
Result<std::string> side_by_side(std::string_view der) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(der.data());
    const Signature signature(d2i_ECDSA_SIG(nullptr, &bytes, static_cast<long>(der.size())));
    std::string out(2UL * p256_bytes, '\0');
    auto* to = reinterpret_cast<unsigned char*>(out.data());
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), to, p256_bytes) != p256_bytes ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), to + p256_bytes, p256_bytes) != p256_bytes)
        return fail(ErrorCode::internal, "the client's assertion could not be signed");
    return out;
}

}  // namespace

std::string base64url(std::string_view bytes) {
    auto out = base64_encode(bytes);
    while (out.ends_with('=')) out.pop_back();
    std::ranges::replace(out, '+', '-');
    std::ranges::replace(out, '/', '_');
    return out;
}

Result<std::string> random_text() {
    std::array<unsigned char, 32> bytes{};
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1)
        return fail(ErrorCode::internal, "the system gives no random bytes");
    return base64url(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

std::string code_challenge(std::string_view verifier) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(verifier.data()), verifier.size(), digest.data());
    return base64url(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<std::string> client_assertion(const std::string& private_key, std::string_view client_id,
                                     std::string_view audience, std::chrono::system_clock::time_point now) {
    TENON_TRY(const auto key, read_key(private_key));
    TENON_TRY(const auto algorithm, algorithm_of(key));
    TENON_TRY(const auto id, random_text());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
    const json::Object header{{"alg", algorithm}, {"typ", "JWT"}};
    const json::Object claims{{"iss", client_id}, {"sub", client_id}, {"aud", audience},
                              {"jti", id},        {"iat", seconds},   {"exp", seconds + 300}};
    std::string text = base64url(json::dump(header)) + "." + base64url(json::dump(claims));
    TENON_TRY(auto signature, sign(key, text));
    if (algorithm == "ES256") {
        TENON_TRY(signature, side_by_side(signature));
    }
    return text + "." + base64url(signature);
}

}  // namespace tenon::mcp::auth
