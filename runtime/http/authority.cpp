// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/authority.hpp"

#include "runtime/http/message.hpp"
#include "runtime/http/scan.hpp"

namespace weir::http {

Authority split_authority(std::string_view text) {
    std::size_t from = 0;
    if (!text.empty() && text[0] == '[') {
        from = text.find(']');
        if (from == std::string_view::npos) return {text, {}};
    }
    std::size_t colon = text.find(':', from);
    if (colon == std::string_view::npos) return {text, {}};
    return {text.substr(0, colon), text.substr(colon + 1)};
}

namespace {

bool is_valid_port(std::string_view port) {
    if (port.size() > 5) return false;
    unsigned number = 0;
    for (char digit : port) {
        if (!(class_of(digit) & byte_digit)) return false;
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    return number <= 65535;
}

bool is_valid_ipv6(std::string_view inside) {
    bool colon = false;
    for (char byte : inside) {
        if (byte == ':')
            colon = true;
        else if (!(class_of(byte) & byte_hex) && byte != '.')
            return false;
    }
    return colon;
}

// '%' is followed by two hexadecimal digits, so that decoding it later can't fail.
bool is_valid_name(std::string_view name) {
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (!(class_of(name[i]) & byte_authority)) return false;
        if (name[i] != '%') continue;
        if (i + 2 >= name.size() || !(class_of(name[i + 1]) & byte_hex) ||
            !(class_of(name[i + 2]) & byte_hex))
            return false;
    }
    return !name.empty();
}

}  // namespace

bool is_valid_authority(std::string_view text) {
    auto [host, port] = split_authority(text);
    if (!is_valid_port(port)) return false;
    if (host.empty() || host[0] != '[') return is_valid_name(host);
    return host.size() > 2 && host.back() == ']' && is_valid_ipv6(host.substr(1, host.size() - 2));
}

bool same_authority(std::string_view a, std::string_view b, std::string_view default_port) {
    auto left = split_authority(a), right = split_authority(b);
    if (left.port.empty()) left.port = default_port;
    if (right.port.empty()) right.port = default_port;
    return equal_ignoring_case(left.host, right.host) && left.port == right.port;
}

}  // namespace weir::http
