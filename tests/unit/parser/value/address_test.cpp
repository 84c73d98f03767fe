// SPDX-License-Identifier: Apache-2.0
#include "parser/ir/listener.hpp"
#include "parser/value/value.hpp"

namespace {

using namespace weir::value;
using weir::ir::to_string;

std::string shown(const Parsed<Cidr>& cidr) {
    return cidr ? to_string(cidr->address) + "/" + std::to_string(cidr->bits) : "refused";
}

TEST(Ip, ReadsBothFamilies) {
    EXPECT_EQ(to_string(*parse_ip("192.0.2.1")), "192.0.2.1");
    EXPECT_EQ(to_string(*parse_ip("2001:DB8::1")), "2001:db8::1");
    for (std::string_view text : {"", "1.2.3", "1.2.3.4.5", "::1::", "a.b", "[::1]"})
        EXPECT_FALSE(parse_ip(text)) << text;
    EXPECT_FALSE(parse_ip(std::string_view("1.2.3.4\0", 8)));
}

TEST(NginxCidr, ClearsHostBits) {
    EXPECT_EQ(shown(parse_cidr("10.0.0.0/8")), "10.0.0.0/8");
    EXPECT_FALSE(parse_cidr("10.0.0.0/8")->had_host_bits);
    EXPECT_EQ(shown(parse_cidr("10.1.2.3/8")), "10.0.0.0/8");
    EXPECT_TRUE(parse_cidr("10.1.2.3/8")->had_host_bits);
    EXPECT_EQ(shown(parse_cidr("10.255.0.0/12")), "10.240.0.0/12");
    EXPECT_EQ(shown(parse_cidr("1.2.3.4")), "1.2.3.4/32");
    EXPECT_EQ(shown(parse_cidr("1.2.3.4/032")), "1.2.3.4/32");
    EXPECT_EQ(shown(parse_cidr("::1")), "::1/128");
    EXPECT_EQ(shown(parse_cidr("::/0")), "::/0");
    for (auto text : {"10.0.0.0/33", "10/8", "10.0.0.0/", "fe80::1/129", "10.0.0.0/255.0.0.0", "/8",
                      "10.0.0.0/-1", "10.0.0.0/+1"})
        EXPECT_FALSE(parse_cidr(text)) << text;
}

TEST(HaproxyCidr, TakesMasksAndShortForms) {
    EXPECT_EQ(shown(parse_haproxy_cidr("10.0.0.0/255.0.0.0")), "10.0.0.0/8");
    EXPECT_EQ(shown(parse_haproxy_cidr("10.0.0.0/0.0.0.0")), "0.0.0.0/0");
    EXPECT_EQ(shown(parse_haproxy_cidr("10.0.0.1/255.255.255.255")), "10.0.0.1/32");
    EXPECT_EQ(shown(parse_haproxy_cidr("127.1")), "127.0.0.1/32");
    EXPECT_EQ(shown(parse_haproxy_cidr("10/8")), "0.0.0.0/8");
    for (auto text : {"10.0.0.0/255.0.255.0", "10.0.0.0/33", "name", "10.0.0.0/", "::1/255.0.0.0"})
        EXPECT_FALSE(parse_haproxy_cidr(text)) << text;
}

}  // namespace
