// SPDX-License-Identifier: Apache-2.0
#include "parser/nginx/addresses.hpp"

#include <fmt/format.h>

#include <charconv>

#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using Failure = Unexpected<std::string>;

bool parse_port(std::string_view text, std::uint16_t& port) {
    auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    return error == std::errc() && end == text.data() + text.size() && port != 0;
}

bool parse_ports(std::string_view text, bool is_listen, HostPort& into) {
    auto dash = is_listen ? text.find('-') : text.npos;
    if (!parse_port(text.substr(0, dash), into.port)) return false;
    into.last_port = into.port;
    into.has_port = true;
    if (dash == text.npos) return true;
    return parse_port(text.substr(dash + 1), into.last_port) && into.last_port >= into.port;
}

bool only_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789-") == text.npos &&
           text[0] != '-';
}

}  // namespace

Expected<HostPort, std::string> parse_host_port(std::string_view text, bool is_listen) {
    HostPort found;
    if (text.starts_with("unix:")) {
        found.path = text.substr(5);
        if (found.path.empty()) return Failure{fmt::format("no path in the unix domain socket \"{}\"", text)};
        if (found.path.size() > 107)
            return Failure{fmt::format("too long path in the unix domain socket \"{}\"", text)};
        return found;
    }
    std::string_view host = text, port;
    bool port_given = false;
    if (text.starts_with('[')) {
        auto close = text.find(']');
        if (close == text.npos) return Failure{fmt::format("invalid host in \"{}\"", text)};
        host = text.substr(1, close - 1);
        port_given = close + 1 < text.size();
        if (port_given && text[close + 1] != ':')
            return Failure{fmt::format("invalid host in \"{}\"", text)};
        if (port_given) port = text.substr(close + 2);
        if (auto address = value::parse_ip(host);
            !address || address->family != IpAddress::Family::v6)
            return Failure{fmt::format("invalid IPv6 address in \"{}\"", text)};
    } else if (auto colon = text.find(':'); colon != text.npos) {
        host = text.substr(0, colon);
        port = text.substr(colon + 1);
        port_given = true;
    } else if (is_listen && only_digits(text)) {
        host = "*";
        port = text;
        port_given = true;
    }
    if (port_given && !parse_ports(port, is_listen, found))
        return Failure{fmt::format("invalid port in \"{}\"", text)};
    found.any_host = host == "*" && is_listen;
    if (host.empty()) return Failure{fmt::format("no host in \"{}\"", text)};
    if (!found.any_host) found.host = host;
    return found;
}

std::vector<IpAddress> addresses_of(Block& block, const std::string& host, Span span) {
    if (auto address = value::parse_ip(host)) return {*address};
    auto resolved = block.run.set.resolve(host);
    if (resolved) return *resolved;
    if (!resolved.error().left_out())
        block.sink.warning(span, "host-not-found",
                           fmt::format("host not found: \"{}\" ({})", host, resolved.error().text),
                           "nginx would not start; weir starts with this server down");
    return {};
}

}  // namespace weir::nginx
