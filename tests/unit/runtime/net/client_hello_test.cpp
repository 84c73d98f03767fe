// SPDX-License-Identifier: Apache-2.0
// ClientHello messages: whole, cut at every byte, and broken.
#include "runtime/net/client_hello.hpp"

#include <gtest/gtest.h>

#include <string>

namespace weir::net {
namespace {

std::string number(std::size_t value, int size) {
    std::string out;
    for (int i = size - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i) & 0xff);
    return out;
}
std::string sized(const std::string& content, int size) {
    return number(content.size(), size) + content;
}
std::string extension(std::size_t kind, const std::string& content) {
    return number(kind, 2) + sized(content, 2);
}

std::string hello(const std::string& extensions) {
    std::string body = number(0x0303, 2) + std::string(32, 'r') + sized("session", 1) +
                       sized(number(0x1301, 2), 2) + sized(std::string(1, '\0'), 1) +
                       sized(extensions, 2);
    return std::string("\x16\x03\x01", 3) + sized(std::string(1, 1) + sized(body, 3), 2);
}

std::string full() {
    return hello(extension(0, sized(number(0, 1) + sized("one.test", 2), 2)) +
                 extension(16, sized(sized("h2", 1) + sized("http/1.1", 1), 2)) +
                 extension(43, sized(number(0x7a7a, 2) + number(0x0304, 2) + number(0x0303, 2), 1)));
}

TEST(ClientHello, SaysWhoIsAskedFor) {
    ClientHello said;
    auto bytes = full() + "more";   // what is said points into it
    ASSERT_EQ(parse_client_hello(bytes, said), HelloStatus::done);
    EXPECT_EQ(said.type, 1);
    EXPECT_EQ(said.version, 0x0303);
    EXPECT_EQ(said.highest_version, 0x0304);
    EXPECT_EQ(said.server_name, "one.test");
    EXPECT_EQ(said.alpn, "\x02h2\x08http/1.1");
}

TEST(ClientHello, EveryBeginningNeedsMore) {
    auto bytes = full();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ClientHello said;
        EXPECT_EQ(parse_client_hello(bytes.substr(0, size), said), HelloStatus::more) << size;
        EXPECT_EQ(said.type, -1);
    }
}

TEST(ClientHello, OtherBytesAreToldAtOnce) {
    ClientHello said;
    EXPECT_EQ(parse_client_hello("GET / HTTP/1.1\r\n", said), HelloStatus::absent);
    EXPECT_EQ(parse_client_hello("\x16\x02", said), HelloStatus::absent);
}

TEST(ClientHello, LengthsThatLieAreRefused) {
    auto bytes = full();
    // Each byte in turn at its largest: never past the end, never an answer made of other bytes.
    for (std::size_t at = 5; at < bytes.size(); ++at) {
        auto broken = bytes;
        broken[at] = static_cast<char>(0xff);
        ClientHello said;
        auto status = parse_client_hello(broken, said);
        auto inside = [&](std::string_view part) {
            return part.empty() || (part.data() >= broken.data() &&
                                    part.data() + part.size() <= broken.data() + broken.size());
        };
        EXPECT_TRUE(inside(said.server_name) && inside(said.alpn)) << at;
        if (status == HelloStatus::absent) {
            EXPECT_TRUE(said.server_name.empty());
        }
    }
}

TEST(ClientHello, NoExtensions) {
    ClientHello said;
    ASSERT_EQ(parse_client_hello(hello(""), said), HelloStatus::done);
    EXPECT_EQ(said.highest_version, 0x0303);
    EXPECT_TRUE(said.server_name.empty());
}

TEST(ClientHello, PartsThatFewAskFor) {
    ClientHello said;
    auto shares = number(0x001d, 2) + sized(std::string(32, 'k'), 2) + number(0x0017, 2) + sized("kk", 2);
    auto bytes = hello(extension(10, sized(number(0x001d, 2), 2)) + extension(35, "") +
                       extension(51, sized(shares, 2)));
    ASSERT_EQ(parse_client_hello(bytes, said), HelloStatus::done);
    EXPECT_EQ(said.ciphers, number(0x1301, 2));
    EXPECT_EQ(find_extension(said, 10), sized(number(0x001d, 2), 2));
    EXPECT_NE(find_extension(said, 35).data(), nullptr);
    EXPECT_TRUE(find_extension(said, 35).empty());
    EXPECT_EQ(find_extension(said, 36).data(), nullptr);
    auto extension_51 = find_extension(said, 51);
    std::string groups(extension_51.size(), '\0');
    groups.resize(key_share_groups(extension_51, groups.data()));
    EXPECT_EQ(groups, number(0x001d, 2) + number(0x0017, 2));
    EXPECT_EQ(key_share_groups(extension_51.substr(0, 9), groups.data()), 0u);
}

TEST(ClientHello, AlpnAndVersionAsText) {
    std::string list = sized("h2", 1) + sized("http/1.1", 1), out(list.size(), '\0');
    out.resize(write_alpn(list, out.data()));
    EXPECT_EQ(out, "h2,http/1.1");
    out.resize(list.size());
    out.resize(write_alpn(list.substr(0, 5), out.data()));
    EXPECT_EQ(out, "h2");
    EXPECT_EQ(version_name(0x0301), "TLSv1");
    EXPECT_EQ(version_name(0x0304), "TLSv1.3");
    EXPECT_EQ(version_name(0x0a0a), "");
}

}  // namespace
}  // namespace weir::net
