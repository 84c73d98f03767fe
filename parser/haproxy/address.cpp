// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/address.hpp"

#include <charconv>

#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

using Result = Expected<Address, std::string>;

bool read_port(std::string_view text, int& port) {
    auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), port);
    return failure == std::errc() && rest == text.data() + text.size() && port >= 0 &&
           port <= 65535;
}

// "80", "80-90", "+80", "-80".
bool read_ports(std::string_view text, Address& out) {
    int first = 0, last = 0;
    if (text.starts_with('+') || text.starts_with('-')) {
        if (!read_port(text.substr(1), first)) return false;
        out.offset = true;
        out.port_offset = text[0] == '-' ? -first : first;
        return true;
    }
    auto dash = text.find('-');
    if (!read_port(text.substr(0, dash), first)) return false;
    last = first;
    if (dash != std::string_view::npos && (!read_port(text.substr(dash + 1), last) || last < first))
        return false;
    out.endpoint.port = static_cast<std::uint16_t>(first);
    out.last_port = static_cast<std::uint16_t>(last);
    return true;
}

// Takes "family@" off the front; false when the family is unknown.
bool take_family(std::string_view& text, Address& out) {
    // The kind of socket may stand before the family, or alone.
    if (text.starts_with("stream+")) text.remove_prefix(7);
    if (text.starts_with("dgram+")) {
        text.remove_prefix(6);
        out.datagram = true;
    }
    auto at = text.find('@');
    if (at == std::string_view::npos || text.find('/') < at) return true;
    auto family = text.substr(0, at);
    text.remove_prefix(at + 1);
    if (family.starts_with("udp") || family == "dgram") out.datagram = true;
    using Kind = Address::Kind;
    if (family == "unix" || family == "uxst" || family == "uxdg") {
        out.kind = Kind::unix_path;
    } else if (family == "abns" || family == "abnsz") {
        out.kind = Kind::abstract;
    } else if (family == "fd" || family == "sockpair") {
        out.kind = Kind::descriptor;
    } else if (family == "ipv4" || family == "tcp4" || family == "udp4") {
        out.family = IpAddress::Family::v4;
    } else if (family == "ipv6" || family == "tcp6" || family == "udp6") {
        out.family = IpAddress::Family::v6;
    } else if (family != "ip" && family != "tcp" && family != "udp" && family != "ipv4-only") {
        return false;
    }
    return true;
}

Result socket_of(Address out, std::string_view text) {
    if (out.kind == Address::Kind::descriptor) {
        if (!read_port(text, out.descriptor))
            return Unexpected{std::string("a descriptor's number after \"fd@\"")};
        out.endpoint.descriptor = out.descriptor;
        return out;
    }
    if (text.empty()) return Unexpected{std::string("a path after the family")};
    out.endpoint.path =
        out.kind == Address::Kind::abstract ? "@" + std::string(text) : std::string(text);
    return out;
}

bool is_host_name(std::string_view text) {
    for (char c : text)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '.' || c == '-' || c == '_'))
            return false;
    return !text.empty();
}

}  // namespace

std::string with_environment(SourceSet& sources, std::string_view text) {
    std::string out;
    auto is_of_name = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    };
    while (!text.empty()) {
        auto dollar = text.find('$');
        out += text.substr(0, dollar);
        if (dollar == std::string_view::npos) break;
        text.remove_prefix(dollar + 1);
        bool braces = text.starts_with('{');
        if (braces) text.remove_prefix(1);
        std::size_t size = 0;
        while (size < text.size() && is_of_name(text[size])) ++size;
        out += sources.environment(std::string(text.substr(0, size))).value_or("");
        text.remove_prefix(size);
        if (braces && text.starts_with('}')) text.remove_prefix(1);
    }
    return out;
}

Expected<Address, std::string> parse_address(std::string_view text) {
    Address out;
    constexpr const char* expected =
        "an address such as 10.0.0.1:80, [::1]:80, name:80 or /path/of/socket";
    if (!take_family(text, out))
        return Unexpected{std::string("a family such as ipv4@, ipv6@, unix@, abns@ or fd@")};
    if (out.kind == Address::Kind::inet && text.starts_with('/'))
        out.kind = Address::Kind::unix_path;
    if (out.kind != Address::Kind::inet) return socket_of(std::move(out), text);

    // The last colon starts the port, unless it is inside brackets or belongs to a bare IPv6
    // address without port ("::1" alone is an address; "::1:80" is address and port, as HAProxy
    // reads it).
    auto colon = text.rfind(':');
    if (auto bracket = text.rfind(']');
        bracket != std::string_view::npos && (colon == std::string_view::npos || colon < bracket))
        colon = std::string_view::npos;
    auto host = text.substr(0, colon);
    if (colon != std::string_view::npos) {
        auto port = text.substr(colon + 1);
        if (!port.empty()) {
            if (!read_ports(port, out)) return Unexpected{std::string("a port from 0 to 65535")};
            out.has_port = true;
        } else if (host.ends_with(':')) {
            host = text;  // "::"
        }
    }
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (host.empty() || host == "*") {
        out.any = true;
        out.endpoint.ip.family =
            out.family == IpAddress::Family::v6 ? IpAddress::Family::v6 : IpAddress::Family::v4;
        return out;
    }
    if (auto ip = value::parse_ip(host)) {
        out.endpoint.ip = *ip;
        return out;
    }
    if (!is_host_name(host)) return Unexpected{std::string(expected)};
    out.host = std::string(host);
    return out;
}

}  // namespace weir::haproxy
