#include "net/address.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "tenon/net/url.hpp"

namespace tenon::net {
namespace {

bool public_text(const char* text) {
    sockaddr_in6 six{};
    sockaddr_in four{};
    if (::inet_pton(AF_INET, text, &four.sin_addr) == 1) {
        four.sin_family = AF_INET;
        return is_public(reinterpret_cast<const sockaddr&>(four));
    }
    EXPECT_EQ(::inet_pton(AF_INET6, text, &six.sin6_addr), 1) << text;
    six.sin6_family = AF_INET6;
    return is_public(reinterpret_cast<const sockaddr&>(six));
}

TEST(IsPublic, KnowsTheSpecialAddresses) {
    for (const auto* a : {"8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1",
                          "223.255.255.255", "198.17.0.1", "2606:4700::1111", "2a00:1450::1", "::ffff:8.8.8.8",
                          "64:ff9b::808:808", "2002:808:808::1", "2400:3200::1"})
        EXPECT_TRUE(public_text(a)) << a;
    for (const auto* a : {"127.0.0.1",
                          "127.255.255.255",
                          "10.1.2.3",
                          "172.16.0.1",
                          "172.31.255.255",
                          "192.168.0.1",
                          "169.254.169.254",
                          "0.0.0.0",
                          "100.64.0.1",
                          "192.0.2.1",
                          "198.18.0.1",
                          "203.0.113.5",
                          "224.0.0.1",
                          "239.1.1.1",
                          "240.0.0.1",
                          "255.255.255.255",
                          "::1",
                          "::",
                          "fe80::1",
                          "fc00::1",
                          "fd12::1",
                          "ff02::1",
                          "::ffff:10.0.0.1",
                          "::ffff:127.0.0.1",
                          "64:ff9b::a00:1",
                          "2002:7f00:1::",
                          "2001:db8::1",
                          "2001::1",
                          "3fff::1"})
        EXPECT_FALSE(public_text(a)) << a;
}

TEST(References, AreResolvedAsRfc3986Says) {
    const auto at = [](std::string_view r) { return resolve_reference("http://a/b/c/d?q", r).value(); };
    EXPECT_EQ(at("g"), "http://a/b/c/g");
    EXPECT_EQ(at("/g"), "http://a/g");
    EXPECT_EQ(at("//g/x"), "http://g/x");
    EXPECT_EQ(at("../g"), "http://a/b/g");
    EXPECT_EQ(at("https://other/x?y"), "https://other/x?y");
    EXPECT_FALSE(resolve_reference("http://a/", "http://[bad"));
    EXPECT_EQ(host_of("http://user@Example.org:80/x").value(), "Example.org");
    EXPECT_EQ(host_of("http://[::1]:80/x").value(), "::1");
    EXPECT_EQ(host_of("http://127.0.0.1.example/x").value(), "127.0.0.1.example");  // no address, though it begins so
    EXPECT_EQ(host_of("http://0x7f.1/x").value(), "127.0.0.1");
    EXPECT_FALSE(host_of("no url"));
    EXPECT_FALSE(host_of(std::string_view("http://a\0b/", 11)));
}

}  // namespace
}  // namespace tenon::net
