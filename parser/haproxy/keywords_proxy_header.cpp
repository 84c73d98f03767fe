// SPDX-License-Identifier: Apache-2.0
// Options of servers about the PROXY header that they are sent.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using keyword::opt;
using keyword::word;
using Values = ir::ProxyHeaderValues;

ir::Server& made(keyword::Scope& scope) { return own(scope).server->server; }

template <std::uint8_t Version>
void set_version(keyword::Scope& scope, const Call&) {
    made(scope).send_proxy_header = Version;
}

// send-proxy-v2-ssl, send-proxy-v2-ssl-cn: version 2 and what of TLS it tells.
template <bool Name>
void send_tls(keyword::Scope& scope, const Call&) {
    auto& server = made(scope);
    server.send_proxy_header = 2;
    server.proxy_values.tls = true;
    if (Name) server.proxy_values.certificate_name = true;
}

template <bool Name>
void send_no_tls(keyword::Scope& scope, const Call&) {
    auto& server = made(scope);
    server.send_proxy_header = 0;
    server.proxy_values.tls = false;
    if (Name) server.proxy_values.certificate_name = false;
}

template <bool On>
void set_check(keyword::Scope& scope, const Call&) {
    own(scope).server->check.sends_proxy_header = On;
}

struct Option {
    std::string_view name;
    bool Values::*field;
    bool of_tls;
};
constexpr Option options[] = {
    {"authority", &Values::authority, false},
    {"cert-cn", &Values::certificate_name, true},
    {"cert-key", &Values::certificate_key, true},
    {"cert-sig", &Values::certificate_signature, true},
    {"crc32c", &Values::checksum, false},
    {"ssl", &Values::tls, true},
    {"ssl-cipher", &Values::tls_cipher, true},
    {"unique-id", &Values::unique_id, false},
};

void lower_values(keyword::Scope& scope, const Call& call) {
    auto& values = made(scope).proxy_values;
    auto list = call[0].text;
    while (!list.empty()) {
        auto comma = std::min(list.find(','), list.size());
        auto name = list.substr(0, comma);
        list.remove_prefix(std::min(comma + 1, list.size()));
        const Option* found = nullptr;
        for (const auto& one : options)
            if (one.name == name) found = &one;
        if (!found) {
            scope.error(call[0].span, "invalid-value",
                        fmt::format("\"{}\" is not valid; expected ssl, cert-cn, ssl-cipher, cert-sig, "
                                    "cert-key, authority, crc32c or unique-id",
                                    name));
            return;
        }
        values.*found->field = true;
        if (found->of_tls) values.tls = true;
    }
}

// set-proxy-v2-tlv-fmt(TYPE) FORMAT; an empty value without a format.
void lower_custom(keyword::Scope& scope, const Call& call) {
    auto& here = own(scope);
    auto type = proxy_value_type(call[0].text);
    if (!type) {
        scope.error(call[0].span, "invalid-value",
                    fmt::format("\"{}\" is not valid; expected a type such as 0xe0", call[0].text));
        return;
    }
    Values::Custom one;
    one.type = *type;
    if (call.size() > 1) one.value = lower_format(here, call[1], FormatUse::body);
    made(scope).proxy_values.custom.push_back(std::move(one));
}

constexpr Keyword row(std::string_view name, keyword::Signature args, keyword::Apply apply,
                      std::string_view summary) {
    return {.name = name, .where = in::server, .args = args, .apply = apply, .summary = summary};
}

constexpr auto rows = sorted({
    row("check-send-proxy", {}, set_check<true>,
        "Begins checks with a PROXY header, also those that go to an address of their own."),
    row("no-check-send-proxy", {}, set_check<false>, "Undoes check-send-proxy."),
    row("no-send-proxy", {}, set_version<0>, "Undoes send-proxy."),
    row("no-send-proxy-v2", {}, set_version<0>, "Undoes send-proxy-v2."),
    row("no-send-proxy-v2-ssl", {}, send_no_tls<false>, "Undoes send-proxy-v2-ssl."),
    row("no-send-proxy-v2-ssl-cn", {}, send_no_tls<true>, "Undoes send-proxy-v2-ssl-cn."),
    row("proxy-v2-options", {word("options")}, lower_values,
        "What a PROXY header of version 2 tells beyond the addresses."),
    row("send-proxy", {}, set_version<1>, "Sends a PROXY header."),
    row("send-proxy-v2", {}, set_version<2>, "Sends a PROXY header, version 2."),
    row("send-proxy-v2-ssl", {}, send_tls<false>, "The same, and tells of the client's TLS."),
    row("send-proxy-v2-ssl-cn", {}, send_tls<true>,
        "The same, and tells the name in the client's certificate."),
    {.name = "set-proxy-v2-tlv-fmt",
     .where = in::server,
     .args = {word("(type)"), opt(keyword::text("format"))},
     .apply = lower_custom,
     .since = "2.9",
     .summary = "Adds a value of that type to a PROXY header of version 2."},
});
static_assert(keyword::well_formed(rows));

}  // namespace

keyword::Table proxy_header_table() { return rows; }

}  // namespace weir::haproxy
