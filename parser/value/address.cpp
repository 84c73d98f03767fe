// SPDX-License-Identifier: Apache-2.0
// Addresses and networks. inet_pton is a pure function of its text, so it serves here too.
#include <arpa/inet.h>

#include <cstring>

#include "parser/value/value.hpp"

namespace weir::value {

namespace {

unsigned width_of(const IpAddress& address) {
    return address.family == IpAddress::Family::v6 ? 128 : 32;
}

// Clears what lies beyond the prefix; true when there was something.
bool clear_host_bits(IpAddress& address, unsigned bits) {
    bool found = false;
    for (unsigned i = 0; i < width_of(address) / 8; ++i) {
        unsigned kept = bits >= (i + 1) * 8 ? 8 : bits > i * 8 ? bits - i * 8 : 0;
        auto mask = static_cast<unsigned char>(0xff00U >> kept);
        auto cleared = static_cast<unsigned char>(address.bytes[i] & mask);
        found = found || cleared != address.bytes[i];
        address.bytes[i] = cleared;
    }
    return found;
}

Unexpected<std::string> not_a_network() {
    return Unexpected{std::string("an address or network such as 10.0.0.0/8 or 2001:db8::/32")};
}

Parsed<Cidr> with_bits(IpAddress address, std::int64_t bits) {
    if (bits < 0 || bits > width_of(address)) return not_a_network();
    Cidr cidr{address, static_cast<std::uint8_t>(bits), false};
    cidr.had_host_bits = clear_host_bits(cidr.address, cidr.bits);
    return cidr;
}

// Number of leading ones when there is nothing but ones and then zeros; -1 otherwise.
int bits_of_mask(const IpAddress& mask) {
    std::uint32_t value = 0;
    std::memcpy(&value, mask.bytes, 4);
    value = ntohl(value);
    int ones = __builtin_popcount(value);
    return ones == 32 || value << ones == 0 ? ones : -1;
}

// inet_aton: "127.1" is 127.0.0.1, "10" is 0.0.0.10.
Parsed<IpAddress> parse_short_ip(std::string_view text) {
    auto exact = parse_ip(text);
    if (exact || text.find('\0') != std::string_view::npos || text.empty()) return exact;
    if (text.find_first_not_of("0123456789.") != std::string_view::npos) return exact;
    in_addr found{};
    if (::inet_aton(std::string(text).c_str(), &found) == 0) return exact;
    IpAddress address;
    address.family = IpAddress::Family::v4;
    std::memcpy(address.bytes, &found, 4);
    return address;
}

}  // namespace

Parsed<IpAddress> parse_ip(std::string_view text) {
    char copy[INET6_ADDRSTRLEN] = {};
    IpAddress address;
    if (!text.empty() && text.size() < sizeof copy && text.find('\0') == std::string_view::npos) {
        std::memcpy(copy, text.data(), text.size());
        if (::inet_pton(AF_INET, copy, address.bytes) == 1)
            address.family = IpAddress::Family::v4;
        else if (::inet_pton(AF_INET6, copy, address.bytes) == 1)
            address.family = IpAddress::Family::v6;
    }
    if (address.family == IpAddress::Family::none)
        return Unexpected{std::string("an address such as 192.0.2.1 or 2001:db8::1")};
    return address;
}

Parsed<Cidr> parse_cidr(std::string_view text) {
    auto slash = text.find('/');
    auto address = parse_ip(text.substr(0, slash));
    if (!address) return not_a_network();
    if (slash == std::string_view::npos) return with_bits(*address, width_of(*address));
    auto tail = text.substr(slash + 1);
    auto bits = parse_number(tail);
    if (!bits || tail[0] < '0' || tail[0] > '9') return not_a_network();
    return with_bits(*address, *bits);
}

Parsed<Cidr> parse_haproxy_cidr(std::string_view text) {
    if (auto plain = parse_cidr(text)) return plain;
    auto slash = text.find('/');
    auto address = parse_short_ip(text.substr(0, slash));
    if (!address) return not_a_network();
    if (slash == std::string_view::npos) return with_bits(*address, width_of(*address));
    auto tail = text.substr(slash + 1);
    if (auto bits = parse_number(tail)) return with_bits(*address, *bits);
    auto mask = parse_ip(tail);
    if (!mask || mask->family != IpAddress::Family::v4 ||
        address->family != IpAddress::Family::v4)
        return not_a_network();
    int bits = bits_of_mask(*mask);
    if (bits < 0) return Unexpected{std::string("a mask whose ones all come first")};
    return with_bits(*address, bits);
}

}  // namespace weir::value
