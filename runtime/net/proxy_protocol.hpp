// SPDX-License-Identifier: Apache-2.0
// The PROXY header, versions 1 and 2, read and written (proxy-protocol.txt of 2020). It stands
// before the first byte of a connection and says whose connection it is. Pure functions over
// memory; whom to believe is decided by the listener.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "parser/base/source_set.hpp"

namespace weir::net {

struct ProxyAddress {
    IpAddress ip;  // none: not an IP connection
    std::uint16_t port = 0;
    std::string_view path;  // of a Unix socket; a view into the bytes received
    bool operator==(const ProxyAddress&) const = default;
};

struct ProxyHeader {
    std::uint8_t version = 1;
    // Nothing is said about the connection (LOCAL, UNKNOWN, UNSPEC): it is the sender's own.
    bool own = false;
    bool datagram = false;
    ProxyAddress source, destination;
    std::string_view tlvs;  // version 2: the checked type-length-value list; a view
};

enum class ProxyStatus : std::uint8_t { done, more, absent, bad };

struct ProxyResult {
    ProxyStatus status = ProxyStatus::more;
    std::uint32_t bytes = 0;  // done: what the header takes of the input
    const char* why = "";     // bad
};

// Call again with more bytes from the same start. `absent` is told as soon as it is certain. A wrong
// checksum is one more value where it is not `checked` (nginx).
ProxyResult parse_proxy_header(std::string_view data, ProxyHeader& header, bool checked = true);

enum class ProxyTlv : std::uint8_t {
    alpn = 1,
    authority = 2,
    crc32c = 3,
    no_op = 4,
    unique_id = 5,
    ssl = 0x20,
    ssl_version = 0x21,
    ssl_cn = 0x22,
    ssl_cipher = 0x23,
    ssl_sig_alg = 0x24,
    ssl_key_alg = 0x25,
    netns = 0x30
};
// The first value of that type; its data() is null when there is none.
std::string_view find_tlv(std::string_view tlvs, ProxyTlv type);
void append_tlv(std::string& tlvs, ProxyTlv type, std::string_view value);

// Writes header.version; addresses of two families are both written as IPv6. Takes the views and
// addresses of `header`; version 1 leaves the list of values out. A crc32c value of four bytes in the
// list gets the checksum of the whole header.
std::string write_proxy_header(const ProxyHeader& header);

}  // namespace weir::net
