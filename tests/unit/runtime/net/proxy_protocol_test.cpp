// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/proxy_protocol.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>

namespace weir::net {
namespace {

using enum ProxyStatus;
using std::string_literals::operator""s;
using std::string_view_literals::operator""sv;

ProxyStatus status_of(std::string_view text) {
    ProxyHeader header;
    return parse_proxy_header(text, header).status;
}

IpAddress ip(const char* text) {
    IpAddress address;
    address.family = std::string_view{text}.find(':') == std::string_view::npos
                         ? IpAddress::Family::v4
                         : IpAddress::Family::v6;
    inet_pton(address.family == IpAddress::Family::v4 ? AF_INET : AF_INET6, text, address.bytes);
    return address;
}

// A version 2 header around `rest`, with the right length.
std::string version_2(char command, char family, std::string_view rest) {
    std::string out{"\r\n\r\n\0\r\nQUIT\n"sv};
    out += command;
    out += family;
    out += static_cast<char>(rest.size() >> 8);
    out += static_cast<char>(rest.size());
    return out.append(rest);
}

constexpr std::string_view addresses_4 = "\x0a\x00\x00\x01\x0a\x00\x00\x02\x12\x34\x01\xbb"sv;

struct Case {
    std::string_view name, text;
    ProxyStatus status;
};

TEST(ProxyProtocol, VersionOneTable) {
    const Case cases[] = {
        {"TCP4", "PROXY TCP4 10.0.0.1 10.0.0.2 1234 443\r\n", done},
        {"TCP6", "PROXY TCP6 ::1 2001:db8::2 1 65535\r\n", done},
        {"UNKNOWN", "PROXY UNKNOWN\r\n", done},
        {"UNKNOWN with more", "PROXY UNKNOWN whatever 1 2 3\r\n", done},
        {"port zero", "PROXY TCP4 10.0.0.1 10.0.0.2 0 0\r\n", done},
        {"another word", "PROXX", absent},
        {"a request", "POST / HTTP/1.1\r\n", absent},
        {"lower case", "proxy TCP4", absent},
        {"UDP4", "PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n", bad},
        {"bare LF", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n", more},
        {"CR X", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2\rX", bad},
        {"two blanks", "PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n", bad},
        {"blank at the end", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2 \r\n", bad},
        {"too few words", "PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n", bad},
        {"too many words", "PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n", bad},
        {"port too large", "PROXY TCP4 10.0.0.1 10.0.0.2 65536 1\r\n", bad},
        {"port with sign", "PROXY TCP4 10.0.0.1 10.0.0.2 +1 1\r\n", bad},
        {"port with zero", "PROXY TCP4 10.0.0.1 10.0.0.2 01 1\r\n", bad},
        {"address with zero", "PROXY TCP4 10.0.0.01 10.0.0.2 1 1\r\n", bad},
        {"IPv6 in TCP4", "PROXY TCP4 ::1 10.0.0.2 1 1\r\n", bad},
        {"IPv4 in TCP6", "PROXY TCP6 ::1 10.0.0.2 1 1\r\n", bad},
        {"no protocol", "PROXY \r\n", bad},
        {"NUL in address", "PROXY TCP4 10.0.0.1\0 10.0.0.2 1 1\r\n"sv, bad},
    };
    for (const auto& one : cases) EXPECT_EQ(status_of(one.text), one.status) << one.name;
    std::string endless = "PROXY UNKNOWN " + std::string(200, 'x');
    EXPECT_EQ(status_of(endless.substr(0, 106)), more);
    EXPECT_EQ(status_of(endless), bad);
    EXPECT_EQ(status_of(endless + "\r\n"), bad);
}

TEST(ProxyProtocol, VersionTwoTable) {
    std::string good{addresses_4};
    EXPECT_EQ(status_of(version_2(0x21, 0x11, good)), done);
    EXPECT_EQ(status_of(version_2(0x21, 0x11, good.substr(0, 11))), bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x21, good)), bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x31, good)), bad);
    EXPECT_EQ(status_of(version_2(0x20, 0x11, "x")), done);
    EXPECT_EQ(status_of(version_2(0x20, 0x00, "")), done);
    EXPECT_EQ(status_of(version_2(0x21, 0x00, "anything")), done);
    EXPECT_EQ(status_of(version_2(0x22, 0x11, good)), bad);
    EXPECT_EQ(status_of(version_2(0x11, 0x11, good)), bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x41, good)), bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x13, good)), bad);
    // Values past the end of the header (case 26).
    EXPECT_EQ(status_of(version_2(0x21, 0x11,
                                  good + "\x02\x00\x05"
                                         "ab"s)),
              bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x11, good + "\x02"s)), bad);
    EXPECT_EQ(status_of(version_2(0x21, 0x11,
                                  good + "\x02\x00\x02"
                                         "ab"s)),
              done);
    EXPECT_EQ(status_of(version_2(0x21, 0x11,
                                  good + "\x03\x00\x04"
                                         "abcd"s)),
              bad);
    EXPECT_EQ(status_of("\r\n\r\n\0\r\nQUIX"sv), absent);
}

TEST(ProxyProtocol, ByteByByte) {
    std::string tlvs;
    append_tlv(tlvs, ProxyTlv::authority, "example.org");
    const std::string texts[] = {
        "PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\r\nGET /",
        version_2(0x21, 0x11, std::string{addresses_4} + tlvs) + "GET /",
    };
    for (const auto& text : texts) {
        ProxyHeader header;
        ProxyResult result;
        for (std::size_t size = 0; size <= text.size(); ++size) {
            result = parse_proxy_header(std::string_view{text}.substr(0, size), header);
            if (result.status != more) break;
        }
        ASSERT_EQ(result.status, done);
        EXPECT_EQ(text.substr(result.bytes), "GET /");
        EXPECT_EQ(header.source.ip, ip("10.0.0.1"));
        EXPECT_EQ(header.destination.ip, ip("10.0.0.2"));
        EXPECT_EQ(header.source.port, 4660);
        EXPECT_EQ(header.destination.port, 443);
        EXPECT_FALSE(header.own);
    }
}

TEST(ProxyProtocol, Values) {
    std::string tlvs;
    append_tlv(tlvs, ProxyTlv::alpn, "h2");
    append_tlv(tlvs, ProxyTlv::authority, "");
    std::string text = version_2(0x21, 0x11, std::string{addresses_4} + tlvs);
    ProxyHeader header;
    ASSERT_EQ(parse_proxy_header(text, header).status, done);
    EXPECT_EQ(find_tlv(header.tlvs, ProxyTlv::alpn), "h2");
    EXPECT_NE(find_tlv(header.tlvs, ProxyTlv::authority).data(), nullptr);
    EXPECT_EQ(find_tlv(header.tlvs, ProxyTlv::ssl).data(), nullptr);
}

TEST(ProxyProtocol, ChecksumOfAnIndependentCalculation) {
    // CRC-32C of the header below with zeros in its place, computed with another program.
    std::string text =
        version_2(0x21, 0x11, std::string{addresses_4} + "\x03\x00\x04"s + "\x77\xe8\x7c\xda"s);
    ProxyHeader header;
    auto result = parse_proxy_header(text, header);
    EXPECT_EQ(result.status, done) << result.why;
    text.back() ^= 1;
    EXPECT_EQ(parse_proxy_header(text, header).status, bad);
}

TEST(ProxyProtocol, Written) {
    ProxyHeader header;
    header.source = {ip("10.0.0.1"), 1234, {}};
    header.destination = {ip("10.0.0.2"), 443, {}};
    EXPECT_EQ(write_proxy_header(header), "PROXY TCP4 10.0.0.1 10.0.0.2 1234 443\r\n");
    header.destination.ip = ip("2001:db8::1");
    EXPECT_EQ(write_proxy_header(header), "PROXY TCP6 ::ffff:10.0.0.1 2001:db8::1 1234 443\r\n");
    header.own = true;
    EXPECT_EQ(write_proxy_header(header), "PROXY UNKNOWN\r\n");
    header.version = 2;
    EXPECT_EQ(write_proxy_header(header), version_2(0x20, 0, ""));
    header = {};
    EXPECT_EQ(write_proxy_header(header), "PROXY UNKNOWN\r\n");
}

TEST(ProxyProtocol, RoundTrip) {
    std::string tlvs;
    append_tlv(tlvs, ProxyTlv::unique_id, "abc");
    for (auto [from, to] : {std::pair{"10.0.0.1", "10.0.0.2"}, std::pair{"::1", "::2"}}) {
        for (std::uint8_t version : {1, 2}) {
            ProxyHeader header;
            header.version = version;
            header.source = {ip(from), 1, {}};
            header.destination = {ip(to), 65535, {}};
            if (version == 2) header.tlvs = tlvs;
            header.datagram = version == 2;
            std::string text = write_proxy_header(header);
            ProxyHeader read;
            auto result = parse_proxy_header(text, read);
            ASSERT_EQ(result.status, done);
            EXPECT_EQ(result.bytes, text.size());
            EXPECT_EQ(read.source, header.source);
            EXPECT_EQ(read.destination, header.destination);
            EXPECT_EQ(read.tlvs, header.tlvs);
            EXPECT_EQ(read.datagram, header.datagram);
        }
    }
    ProxyHeader header;
    header.version = 2;
    header.source.path = "/run/a";
    std::string text = write_proxy_header(header);
    ProxyHeader read;
    ASSERT_EQ(parse_proxy_header(text, read).status, done);
    EXPECT_EQ(read.source.path, "/run/a");
    EXPECT_EQ(read.destination.path, "");
}

TEST(ProxyProtocol, WritesTheChecksum) {
    std::string tlvs;
    append_tlv(tlvs, ProxyTlv::authority, "a.test");
    append_tlv(tlvs, ProxyTlv::crc32c, std::string(4, '\0'));
    append_tlv(tlvs, ProxyTlv::unique_id, "abc");
    ProxyHeader header;
    header.version = 2;
    header.source = {ip("192.0.2.1"), 1000, {}};
    header.destination = {ip("192.0.2.2"), 2000, {}};
    header.tlvs = tlvs;
    std::string text = write_proxy_header(header);
    ProxyHeader read;
    ASSERT_EQ(parse_proxy_header(text, read).status, done);
    EXPECT_NE(find_tlv(read.tlvs, ProxyTlv::crc32c), std::string(4, '\0'));
    EXPECT_EQ(find_tlv(read.tlvs, ProxyTlv::unique_id), "abc");
    text.back() = 'x';
    EXPECT_EQ(parse_proxy_header(text, read).status, bad);
    EXPECT_EQ(parse_proxy_header(text, read, false).status, done) << "nginx does not look at it";
}

}  // namespace
}  // namespace weir::net
