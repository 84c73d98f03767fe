// SPDX-License-Identifier: Apache-2.0
// Sample fetches of what stands at the very start of a connection: PROXY header and ClientHello; and
// whether an address is one of this machine.
#include <fmt/format.h>

#include <charconv>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using F = ir::Fetch;
using Of = ir::AddressOf;
using keyword::word;

constexpr std::int64_t extension_groups = 10, extension_signatures = 13, extension_key_share = 51;
constexpr std::int64_t value_authority = 2, value_unique_id = 5;

constexpr Keyword local_test(std::string_view name, Of which, std::string_view summary) {
    return fetch(name, F::is_local_address, in::everywhere, summary, {}, static_cast<std::int64_t>(which));
}

// A number here, a text such as TLSv1.2 in nginx.
constexpr Keyword version(std::string_view name, std::string_view summary) {
    return fetch(name, F::hello_protocol, in::requests, summary, {}, 0, [](keyword::Scope& scope, const Call&) {
        own(scope).expr->type = ir::Type::integer;
    });
}

void lower_value(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto type = proxy_value_type(call[0].text);
    if (!type)
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected a type such as 0xe0, or AUTHORITY", call[0].text));
    here.expr->number = type.value_or(0);
}

constexpr auto rows = sorted({
    fetch("fc_dst", F::peer_local_address, in::everywhere,
          "Address the connection came to, before a PROXY header or set-dst changed it."),
    fetch("fc_dst_port", F::peer_local_port, in::everywhere, "Port the connection itself came to."),
    fetch("fc_pp_authority", F::proxy_protocol_value, in::everywhere,
          "Host name that the PROXY header tells.", {}, value_authority),
    fetch("fc_pp_tlv", F::proxy_protocol_value, in::everywhere,
          "Value of that type in the PROXY header.", {word("type")}, 0, lower_value),
    fetch("fc_pp_unique_id", F::proxy_protocol_value, in::everywhere,
          "Identifier that the PROXY header tells.", {}, value_unique_id),
    local_test("dst_is_local", Of::local, "True when the address asked for is one of this machine."),
    local_test("fc_dst_is_local", Of::peer_local, "The same for the connection itself."),
    local_test("fc_src_is_local", Of::peer, "The same as src_is_local for the connection itself."),
    local_test("src_is_local", Of::client, "True when the client is on this machine."),
    fetch("req.ssl_cipherlist", F::hello_list, in::requests, "Cipher suites of a TLS hello.", {},
          ir::hello_ciphers),
    fetch("req.ssl_ec_ext", F::hello_has_extension, in::requests,
          "True when a TLS hello names elliptic curves.", {}, extension_groups),
    fetch("req.ssl_keyshare_groups", F::hello_list, in::requests,
          "Groups of the key shares of a TLS hello.", {}, extension_key_share),
    fetch("req.ssl_sigalgs", F::hello_list, in::requests, "Signature algorithms of a TLS hello.", {},
          extension_signatures),
    fetch("req.ssl_st_ext", F::hello_ticket, in::requests,
          "Session ticket in a TLS hello: 0 none, 1 an empty one, 2 one to resume."),
    version("req.ssl_ver", "Version a TLS hello asks for: 3.3 is TLS 1.2."),
    version("req_ssl_ver", "Older name of req.ssl_ver."),
    fetch("req.ssl_supported_groups", F::hello_list, in::requests, "Groups that a TLS hello supports.",
          {}, extension_groups),
});
static_assert(keyword::well_formed(rows));

struct ValueName {
    std::string_view name;
    std::uint8_t type;
};
constexpr ValueName value_names[] = {
    {"alpn", 0x01},        {"authority", 0x02},   {"crc32c", 0x03},  {"noop", 0x04},
    {"unique_id", 0x05},   {"ssl", 0x20},         {"ssl_version", 0x21}, {"ssl_cn", 0x22},
    {"ssl_cipher", 0x23},  {"ssl_sig_alg", 0x24}, {"ssl_key_alg", 0x25}, {"netns", 0x30},
};

}  // namespace

std::optional<std::uint8_t> proxy_value_type(std::string_view text) {
    std::string lower(text);
    for (char& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    for (const auto& known : value_names)
        if (known.name == lower) return known.type;
    bool hex = lower.starts_with("0x");
    std::string_view digits = hex ? std::string_view(lower).substr(2) : lower;
    unsigned type = 0;
    auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), type, hex ? 16 : 10);
    if (failure != std::errc() || end != digits.data() + digits.size() || type > 255) return std::nullopt;
    return static_cast<std::uint8_t>(type);
}

keyword::Table first_bytes_table() { return rows; }

}  // namespace weir::haproxy
