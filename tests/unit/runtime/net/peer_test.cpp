// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/peer.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>

#include "parser/ir/config.hpp"

namespace weir::net {
namespace {

sockaddr_storage six(const char* text, std::uint16_t port) {
    sockaddr_storage storage{};
    auto& inet = reinterpret_cast<sockaddr_in6&>(storage);
    inet.sin6_family = AF_INET6;
    inet.sin6_port = htons(port);
    ::inet_pton(AF_INET6, text, &inet.sin6_addr);
    return storage;
}

TEST(Peer, OfBothFamilies) {
    sockaddr_storage storage{};
    auto& inet = reinterpret_cast<sockaddr_in&>(storage);
    inet.sin_family = AF_INET;
    inet.sin_port = htons(8080);
    ::inet_pton(AF_INET, "192.0.2.7", &inet.sin_addr);
    EXPECT_EQ(ir::to_string(peer_of(storage).ip), "192.0.2.7");
    EXPECT_EQ(peer_of(storage).port, 8080);
    const auto other = peer_of(six("2001:db8::7", 53));
    EXPECT_EQ(ir::to_string(other.ip), "2001:db8::7");
    EXPECT_EQ(other.port, 53);
}

TEST(Peer, OfADualStackSocketKeepsItsForm) {
    const auto peer = peer_of(six("::ffff:192.0.2.7", 80));
    EXPECT_EQ(ir::to_string(peer.ip), "::ffff:192.0.2.7");
    EXPECT_EQ(peer.port, 80);
}

TEST(Peer, OfAUnixSocketHasNoAddress) {
    sockaddr_storage storage{};
    storage.ss_family = AF_UNIX;
    EXPECT_EQ(peer_of(storage).ip.family, IpAddress::Family::none);
}

}  // namespace
}  // namespace weir::net
