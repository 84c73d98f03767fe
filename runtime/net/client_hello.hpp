// SPDX-License-Identifier: Apache-2.0
// What a TLS ClientHello says before any key is agreed on (RFC 8446 section 4.1.2): for connections
// that are routed by it and passed on unopened. Pure functions over memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace weir::net {

struct ClientHello {
    std::int32_t type = -1;             // of the handshake message; 1 = ClientHello
    std::uint16_t version = 0;          // legacy_version: 0x0303 is TLS 1.2
    std::uint16_t highest_version = 0;  // of supported_versions; else legacy_version
    std::string_view server_name;       // SNI; empty: none. Views into the bytes received.
    std::string_view alpn;              // the list as it is on the wire
    std::string_view ciphers;           // two bytes each
    std::string_view extensions;        // all of them: type, length, content
};

enum class HelloStatus : std::uint8_t { done, more, absent };

// Call again with more bytes from the same start. absent: this is no TLS handshake, or no message
// that could be understood.
HelloStatus parse_client_hello(std::string_view bytes, ClientHello& hello);

// The content of the first extension of that type; its data() is null when there is none.
std::string_view find_extension(const ClientHello& hello, std::uint16_t type);
// The groups of the key_share extension, two bytes each, written into `out` (the extension's own bytes
// have room for them); how many bytes.
std::size_t key_share_groups(std::string_view extension, char* out);
// "h2,http/1.1" of the list on the wire, into `out`, which has room for as many bytes.
std::size_t write_alpn(std::string_view list, char* out);
// "TLSv1.2"; empty for a version that is not known.
std::string_view version_name(std::uint16_t version);

}  // namespace weir::net
