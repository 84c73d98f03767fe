// SPDX-License-Identifier: Apache-2.0
// Addresses that believed proxies tell: how they are written, which one of a list counts, and that
// an untrusted peer changes nothing.
#include "runtime/route/real_address.hpp"

#include <gtest/gtest.h>

#include "tests/unit/runtime/route/bench_subject.hpp"

namespace weir::route {
namespace {

ir::RealAddress trusting(std::initializer_list<ir::PatternSet::Network> networks) {
    ir::RealAddress rules;
    rules.trusted = networks;
    rules.field = "X-Forwarded-For";
    return rules;
}

std::string told(const std::string& text) {
    Address address;
    if (!parse_told_address(text, address)) return "(none)";
    return std::string(address.text()) + " " + std::to_string(address.port);
}

TEST(RealAddress, IsWrittenWithAndWithoutPort) {
    EXPECT_EQ(told("192.0.2.1"), "192.0.2.1 0");
    EXPECT_EQ(told("192.0.2.1:80"), "192.0.2.1 80");
    EXPECT_EQ(told("2001:DB8:0::1"), "2001:db8::1 0");
    EXPECT_EQ(told("[2001:db8::1]:443"), "2001:db8::1 443");
    for (const char* wrong :
         {"", "x", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:99999", "192.0.2.1:8x", "[2001:db8::1]",
          "[2001:db8::1", "192.0.2", "unix:/run/x"})
        EXPECT_EQ(told(wrong), "(none)") << wrong;
}

TEST(RealAddress, TrustsByNetwork) {
    auto rules = trusting({{ip4(10, 1, 0, 0), 16}, {ip4(127, 0, 0, 1), 32}});
    Address peer;
    peer.ip = ip4(10, 1, 200, 3);
    EXPECT_TRUE(is_trusted(rules, peer));
    peer.ip = ip4(10, 2, 0, 1);
    EXPECT_FALSE(is_trusted(rules, peer));
    peer = {};
    peer.is_unix = true;
    EXPECT_FALSE(is_trusted(rules, peer));
    rules.trusts_unix = true;
    EXPECT_TRUE(is_trusted(rules, peer));
}

TEST(RealAddress, AnIpv4PeerInIpv6FormIsTheSame) {
    auto rules = trusting({{ip4(127, 0, 0, 0), 8}});
    Address peer;
    peer.ip.family = IpAddress::Family::v6;
    const unsigned char mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 5};
    std::copy(std::begin(mapped), std::end(mapped), peer.ip.bytes);
    EXPECT_TRUE(is_trusted(rules, peer));
}

struct TakeTest : testing::Test {
    BenchSubject bench;
    // The client of a request with these lines.
    std::string client(const ir::RealAddress& rules, const std::string& lines) {
        bench.subject.client = &bench.connection.client;
        bench.receive("GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n");
        take_real_address(rules, bench.subject);
        return std::string(bench.subject.client->text());
    }
};

TEST_F(TakeTest, TheLastOfTheListCounts) {
    auto rules = trusting({{ip4(192, 0, 2, 7), 32}, {ip4(10, 0, 0, 0), 8}});
    EXPECT_EQ(client(rules, "X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\n"), "10.0.0.1");
    rules.recursive = true;
    EXPECT_EQ(client(rules, "X-Forwarded-For: 198.51.100.1, 10.0.0.1\r\n"), "198.51.100.1");
    EXPECT_EQ(client(rules, "X-Forwarded-For: 9.9.9.9, 198.51.100.1 , 10.0.0.1,\r\n"),
              "198.51.100.1");
    EXPECT_EQ(client(rules, "X-Forwarded-For: 10.0.0.2, 10.0.0.1\r\n"), "10.0.0.2");
}

TEST_F(TakeTest, SeveralLinesAreOneList) {
    auto rules = trusting({{ip4(192, 0, 2, 7), 32}, {ip4(10, 0, 0, 0), 8}});
    rules.recursive = true;
    EXPECT_EQ(client(rules, "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: 10.0.0.1\r\n"),
              "198.51.100.1");
    EXPECT_EQ(client(rules, "X-Forwarded-For: 198.51.100.1\r\nX-Forwarded-For: bad, 10.0.0.1\r\n"),
              "10.0.0.1");
}

TEST_F(TakeTest, NobodyElseIsBelieved) {
    auto rules = trusting({{ip4(10, 0, 0, 0), 8}});
    EXPECT_EQ(client(rules, "X-Forwarded-For: 198.51.100.1\r\n"), "192.0.2.7");
}

TEST_F(TakeTest, NonsenseChangesNothing) {
    auto rules = trusting({{ip4(192, 0, 2, 7), 32}});
    for (const char* value : {"", " ", ",", "nonsense", "198.51.100.1.5", "unknown"})
        EXPECT_EQ(client(rules, std::string("X-Forwarded-For: ") + value + "\r\n"), "192.0.2.7")
            << value;
    EXPECT_EQ(client(rules, ""), "192.0.2.7");
}

TEST_F(TakeTest, AnyFieldAndThePortOfThePeer) {
    auto rules = trusting({{ip4(192, 0, 2, 7), 32}});
    rules.field = "Client-Address";
    EXPECT_EQ(client(rules, "client-address: 198.51.100.1:99\r\nClient-Address: 9.9.9.9\r\n"),
              "198.51.100.1");
    EXPECT_EQ(bench.subject.client->port, 99);
    EXPECT_EQ(client(rules, "Client-Address: 198.51.100.1\r\n"), "198.51.100.1");
    EXPECT_EQ(bench.subject.client->port, 0);
}

TEST_F(TakeTest, ThePROXYHeader) {
    auto rules = trusting({{ip4(192, 0, 2, 7), 32}});
    rules.from_proxy_header = true;
    EXPECT_EQ(client(rules, ""), "192.0.2.7");
    auto& details = bench.connection.make_details();
    details.proxy_client.ip = ip4(198, 51, 100, 1);
    details.proxy_client.port = 1000;
    EXPECT_EQ(client(rules, ""), "198.51.100.1");
    EXPECT_EQ(bench.subject.client->port, 1000);
    EXPECT_EQ(bench.connection.client.text(), "192.0.2.7") << "the next request is asked anew";
}

}  // namespace
}  // namespace weir::route
