// SPDX-License-Identifier: Apache-2.0
// `weir warm`: asks for URLs, so that caches have their answers before clients want them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace weir::process {

struct WarmUrl {
    std::string host;        // as the Host field has it
    std::string target;      // "/path?query"
    std::string name;        // of the host, without port and brackets
    std::uint16_t port = 80;
};
// "http://host[:port]/path". False: it is none.
bool read_url(std::string_view text, WarmUrl& url);

struct WarmWish {
    std::string file;        // a URL a line; "-": standard input. Empty lines and "# ..." are passed by
    std::string to;          // "host:port" that is asked for all of them; empty: each URL's own
    std::uint32_t at_once = 4;
};
// Prints a line for each URL: status, bytes of its body, ms, what the answer says of a cache, and the URL.
// The last line sums up. 0: every answer was below 400.
int warm(const WarmWish& wish);

}  // namespace weir::process
