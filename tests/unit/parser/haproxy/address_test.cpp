// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/address.hpp"

#include <gtest/gtest.h>

namespace weir::haproxy {
namespace {

std::string shown(std::string_view text) {
    auto address = parse_address(text);
    if (!address) return "no";
    if (address->kind == Address::Kind::descriptor)
        return "fd " + std::to_string(address->descriptor);
    std::string out = address->host.empty()
                          ? ir::to_string(address->endpoint)
                          : address->host + " " + std::to_string(address->endpoint.port);
    if (address->any) out += " any";
    if (address->offset) out += " offset " + std::to_string(address->port_offset);
    if (address->last_port != address->endpoint.port)
        out += "-" + std::to_string(address->last_port);
    return out;
}

TEST(Address, Inet) {
    EXPECT_EQ(shown("10.0.0.1:80"), "10.0.0.1:80");
    EXPECT_EQ(shown(":80"), "0.0.0.0:80 any");
    EXPECT_EQ(shown("*:80-90"), "0.0.0.0:80 any-90");
    EXPECT_EQ(shown("[::1]:80"), "[::1]:80");
    EXPECT_EQ(shown("::1:80"), "[::1]:80");
    EXPECT_EQ(shown("ipv4@1.2.3.4:5"), "1.2.3.4:5");
}

TEST(Address, NamesAndOffsets) {
    EXPECT_EQ(shown("www.example.com:443"), "www.example.com 443");
    EXPECT_EQ(shown("host:+80"), "host 0 offset 80");
    EXPECT_EQ(shown("10.0.0.1:-20"), "10.0.0.1:0 offset -20");
}

TEST(Address, Sockets) {
    EXPECT_EQ(shown("/run/x.sock"), "unix:/run/x.sock");
    EXPECT_EQ(shown("unix@/run/x.sock"), "unix:/run/x.sock");
    EXPECT_EQ(shown("abns@name"), "unix:@name");
    EXPECT_EQ(shown("fd@3"), "fd 3");
}

TEST(Address, Mistakes) {
    for (const char* text :
         {"10.0.0.1:70000", "1.2.3.4:x", "foo@1.2.3.4:80", "a b:80", "fd@x", "unix@", ":90-80"})
        EXPECT_EQ(shown(text), "no") << text;
}

}  // namespace
}  // namespace weir::haproxy
