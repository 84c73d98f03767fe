// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/real_address.hpp"

#include <charconv>
#include <cstring>

#include "runtime/route/fetch.hpp"

namespace weir::route {

namespace {

using Family = IpAddress::Family;

bool same_bits(const IpAddress& a, const IpAddress& b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    if (std::memcmp(a.bytes, b.bytes, whole) != 0) return false;
    if (rest == 0) return true;
    auto mask = static_cast<unsigned char>(0xff << (8 - rest));
    return (a.bytes[whole] & mask) == (b.bytes[whole] & mask);
}

// ::ffff:192.0.2.1 is the IPv4 address.
IpAddress unmapped(const IpAddress& ip) {
    static constexpr unsigned char prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (ip.family != Family::v6 || std::memcmp(ip.bytes, prefix, sizeof prefix) != 0) return ip;
    IpAddress inner;
    inner.family = Family::v4;
    std::memcpy(inner.bytes, ip.bytes + sizeof prefix, 4);
    return inner;
}

bool parse_port(std::string_view text, std::uint16_t& port) {
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failure == std::errc() && end == text.data() + text.size() && port != 0;
}

bool is_separator(char c) { return c == ' ' || c == ','; }

// Takes the last address off the list.
std::string_view last_of(std::string_view& list) {
    while (!list.empty() && is_separator(list.back())) list.remove_suffix(1);
    auto begin = list.size();
    while (begin > 0 && !is_separator(list[begin - 1])) --begin;
    auto last = list.substr(begin);
    list = list.substr(0, begin);
    return last;
}

}  // namespace

bool is_in_network(const IpAddress& ip, const IpAddress& network, unsigned bits) {
    auto plain = network.family == Family::v4 ? unmapped(ip) : ip;
    return network.family == plain.family && same_bits(network, plain, bits);
}

bool is_trusted(const ir::RealAddress& rules, const Address& peer) {
    if (peer.is_unix) return rules.trusts_unix;
    for (const auto& network : rules.trusted)
        if (is_in_network(peer.ip, network.address, network.bits)) return true;
    return false;
}

bool parse_told_address(std::string_view text, Address& address) {
    address = {};
    auto host = text;
    bool has_port = true;
    std::string_view port;
    if (text.starts_with('[')) {
        auto end = text.find(']');
        if (end == text.npos || !text.substr(end + 1).starts_with(':')) return false;
        host = text.substr(1, end - 1);
        port = text.substr(end + 2);
    } else if (auto colon = text.find(':'); colon != text.npos && colon == text.rfind(':')) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
    } else {
        has_port = false;
    }
    if (has_port && !parse_port(port, address.port)) return false;
    return parse_address(host, address.ip);
}

bool find_told_address(const ir::RealAddress& rules, std::string_view& list, Address& peer) {
    bool found = false;
    while (is_trusted(rules, peer)) {
        Address told;
        auto rest = list;
        if (!parse_told_address(last_of(rest), told)) break;
        list = rest;
        peer = told;
        found = true;
        if (!rules.recursive) break;
    }
    return found;
}

namespace {

// Lines of one field make one list; the last line counts first. Only X-Forwarded-For is known to
// come in several lines, of other fields the first counts.
bool find_in_fields(const ir::RealAddress& rules, const http::RequestHead& request, Address& peer) {
    auto id = http::field_id(rules.field);
    bool several = id == http::FieldId::x_forwarded_for;
    bool found = false;
    const auto& fields = request.fields;
    const auto count = fields.size();
    for (std::uint32_t i = 0; i < count; ++i) {
        const auto& field = fields[several ? count - 1 - i : i];
        bool named = id != http::FieldId::other
                         ? field.id == id
                         : http::equal_ignoring_case(field.name, rules.field);
        if (!named) continue;
        auto list = field.value;
        if (!find_told_address(rules, list, peer)) break;
        found = true;
        if (!several || !rules.recursive || !list.empty()) break;
    }
    return found;
}

}  // namespace

void take_real_address(const ir::RealAddress& rules, Subject& subject) {
    const auto& connection = *subject.connection;
    if (subject.client != &connection.client || !subject.request) return;
    if (!is_trusted(rules, connection.client)) return;
    Address told = connection.client;
    if (rules.from_proxy_header) {
        const auto& header = connection.details().proxy_client;
        auto text = header.text();
        if (!find_told_address(rules, text, told)) return;
        told.port = header.port;
    } else if (!find_in_fields(rules, *subject.request, told)) {
        return;
    }
    auto* client = subject.arena->make<Address>();
    *client = told;
    subject.client = client;
}

}  // namespace weir::route
