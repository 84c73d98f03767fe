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

// nginx (ngx syntax units): "30", "1h30m", "500ms"; a bare number is seconds; ms s m h d w M y.
Parsed<std::chrono::milliseconds> parse_nginx_duration(std::string_view text);
// HAProxy 2.5: one number, optional unit us ms s m h d; a bare number is milliseconds. At most
// 2147483647 ms.
Parsed<std::chrono::milliseconds> parse_haproxy_duration(std::string_view text);
// nginx: k and m (g where offsets are allowed). Bytes.
Parsed<std::uint64_t> parse_nginx_size(std::string_view text, bool allow_g = true);
// HAProxy 2.6: k, m, g, powers of 1024. Bytes.
Parsed<std::uint64_t> parse_haproxy_size(std::string_view text);
Parsed<std::int64_t> parse_number(std::string_view text);

Parsed<IpAddress> parse_ip(std::string_view text);
// "10.0.0.0/8", "::1", "192.168.1.1".
struct Cidr {
    IpAddress address;
    std::uint8_t bits = 0;
};
Parsed<Cidr> parse_cidr(std::string_view text);

}  // namespace weir::value
