// SPDX-License-Identifier: Apache-2.0
// Text in, typed value out. Both dialects' spellings of durations, sizes, numbers and addresses.
// The error is a phrase that completes "expected ...": "a duration such as 30s or 1h30m".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/base/expected.hpp"
#include "parser/base/source_set.hpp"
#include "parser/ir/listener.hpp"

namespace weir::value {

template <class T>
using Parsed = Expected<T, std::string>;

// nginx: "30", "1h30m", "1h 30m"; units from large to small, a bare number is seconds.
enum class NginxTime : std::uint8_t {
    milliseconds,  // w d h m s ms (proxy_read_timeout)
    seconds,       // y M w d h m s (fail_timeout, expires)
};
Parsed<std::chrono::milliseconds> parse_nginx_duration(
    std::string_view text, NginxTime precision = NginxTime::milliseconds);
// HAProxy: one number, optional unit us ms s m h d; a bare number is milliseconds. At most
// 2147483647 ms. What follows the unit is ignored, as HAProxy does; haproxy_duration_extent() tells
// how much was read.
Parsed<std::chrono::milliseconds> parse_haproxy_duration(std::string_view text);
std::size_t haproxy_duration_extent(std::string_view text);
// nginx: k and m (g where offsets are allowed). Bytes.
Parsed<std::uint64_t> parse_nginx_size(std::string_view text, bool allow_g = true);
// HAProxy 2.6: k, m, g, powers of 1024. Bytes.
Parsed<std::uint64_t> parse_haproxy_size(std::string_view text);
// Decimal digits with an optional sign.
Parsed<std::int64_t> parse_number(std::string_view text);
// A Perl-compatible regular expression; the error says what is wrong with it and where. The number of
// its groups.
Parsed<std::uint32_t> parse_regex(std::string_view text, bool ignore_case = false);

Parsed<IpAddress> parse_ip(std::string_view text);
// "10.0.0.0/8", "::1", "192.168.1.1". The address comes back without the bits beyond the prefix.
struct Cidr {
    IpAddress address;
    std::uint8_t bits = 0;
    bool had_host_bits = false;   // "10.0.0.1/8": nginx warns
};
Parsed<Cidr> parse_cidr(std::string_view text);
// HAProxy takes a dotted mask ("10.0.0.0/255.0.0.0") and the short forms of inet_aton too.
Parsed<Cidr> parse_haproxy_cidr(std::string_view text);

}  // namespace weir::value
