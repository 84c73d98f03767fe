// SPDX-License-Identifier: Apache-2.0
// Fetches of what stands at the very start of a connection: the values of a PROXY header, and the
// parts of a ClientHello that few configurations ask for, which are read anew from the bytes.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "runtime/net/client_hello.hpp"
#include "runtime/net/proxy_protocol.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

using net::ProxyTlv;

std::uint32_t big_endian(std::string_view bytes) {
    std::uint32_t number = 0;
    for (unsigned char byte : bytes) number = number << 8 | byte;
    return number;
}

// What stands in front of the values inside of `ssl`: one byte of flags, four of verdict.
constexpr std::size_t tls_head = 5;

// The ids that clouds put into types of their own: Amazon's and Azure's have a byte in front that
// says what follows, Google's is a number of 64 bits.
std::string_view vendor_id(std::int64_t type, std::string_view value, Arena& arena) {
    constexpr std::int64_t amazon = 0xea, azure = 0xee, google = 0xe0;
    if (type == amazon)
        return value.size() > 1 && value[0] == 1 ? value.substr(1) : std::string_view();
    std::uint64_t number = 0;
    if (type == azure) {
        if (value.size() != 5 || value[0] != 1) return {};
        for (std::size_t i = 4; i >= 1; --i)
            number = number << 8 | static_cast<unsigned char>(value[i]);
    } else if (type == google && value.size() == 8) {
        for (unsigned char byte : value) number = number << 8 | byte;
    } else {
        return {};
    }
    auto text = std::to_string(number);
    return arena.copy(text);
}

// The hello of a stream session, or null while it is not decided or when there is none.
const net::ClientHello* read_hello(Subject& subject, net::ClientHello& hello) {
    auto status = net::parse_client_hello(subject.payload, hello);
    if (status == net::HelloStatus::more && !subject.payload_ended) subject.undecided = true;
    return status == net::HelloStatus::done && hello.type == 1 ? &hello : nullptr;
}

std::string_view without_length(std::string_view list) {
    return list.size() < 2 ? std::string_view() : list.substr(2);
}

}  // namespace

Value fetch_proxy_protocol_value(const Node& node, Subject& subject) {
    const auto& values = subject.connection->details().proxy_values;
    auto type = node.number & 0xff, part = node.number >> 8;
    auto value = net::find_tlv(values, static_cast<ProxyTlv>(type));
    if (!value.data()) return Value::missing();
    if (part == ir::proxy_value_part::whole) return Value::of(value);
    if (part == ir::proxy_value_part::vendor_id) {
        auto id = vendor_id(type, value, *subject.arena);
        return id.data() ? Value::of(id) : Value::missing();
    }
    if (value.size() < tls_head) return Value::missing();
    if (part == ir::proxy_value_part::verify)
        return Value::of_number(big_endian(value.substr(1, 4)));
    auto inner = net::find_tlv(value.substr(tls_head), static_cast<ProxyTlv>(part & 0xff));
    return inner.data() && part < 256 ? Value::of(inner) : Value::missing();
}

// Whether the address is one of this machine: only then can a socket be bound to it.
Value fetch_is_local_address(const Node& node, Subject& subject) {
    const Address* address = nullptr;
    switch (static_cast<ir::AddressOf>(node.number)) {
        case ir::AddressOf::client: address = subject.client; break;
        case ir::AddressOf::local: address = subject.local; break;
        case ir::AddressOf::peer: address = &subject.connection->peer(); break;
        case ir::AddressOf::peer_local: address = &subject.connection->peer_local(); break;
    }
    if (!address) return Value::missing();
    if (address->is_unix) return Value::of_boolean(true);
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_in);
    if (address->ip.family == IpAddress::Family::v4) {
        auto& in = reinterpret_cast<sockaddr_in&>(storage);
        in.sin_family = AF_INET;
        std::memcpy(&in.sin_addr, address->ip.bytes, 4);
    } else if (address->ip.family == IpAddress::Family::v6) {
        auto& in = reinterpret_cast<sockaddr_in6&>(storage);
        in.sin6_family = AF_INET6;
        std::memcpy(&in.sin6_addr, address->ip.bytes, 16);
        size = sizeof in;
    } else {
        return Value::missing();
    }
    int fd = ::socket(storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return Value::missing();
    bool bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0;
    ::close(fd);
    return Value::of_boolean(bound);
}

Value fetch_hello_has_extension(const Node& node, Subject& subject) {
    net::ClientHello hello;
    if (!read_hello(subject, hello)) return Value::missing();
    auto found = net::find_extension(hello, static_cast<std::uint16_t>(node.number));
    return Value::of_boolean(found.data() != nullptr);
}

Value fetch_hello_ticket(const Node&, Subject& subject) {
    constexpr std::uint16_t session_ticket = 35;
    net::ClientHello hello;
    if (!read_hello(subject, hello)) return Value::missing();
    auto ticket = net::find_extension(hello, session_ticket);
    return Value::of_number(!ticket.data() ? 0 : ticket.empty() ? 1 : 2);
}

Value fetch_hello_list(const Node& node, Subject& subject) {
    constexpr std::int64_t key_share = 51;
    net::ClientHello hello;
    if (!read_hello(subject, hello)) return Value::missing();
    if (node.number == ir::hello_ciphers) return Value::of(subject.arena->copy(hello.ciphers));
    auto extension = net::find_extension(hello, static_cast<std::uint16_t>(node.number));
    if (!extension.data()) return Value::missing();
    if (node.number != key_share) return Value::of(subject.arena->copy(without_length(extension)));
    char* groups = subject.arena->bytes(extension.size());
    return Value::of({groups, net::key_share_groups(extension, groups)});
}

}  // namespace weir::route
