// SPDX-License-Identifier: Apache-2.0
// The PROXY header that a server is sent: the addresses of the client's connection and, in version
// 2, the values that the server's configuration asks for.
#include "runtime/net/proxy_protocol.hpp"

#include "runtime/forward/connect.hpp"
#include "runtime/net/tls_facts.hpp"

namespace weir::forward {

namespace {

using net::ProxyTlv;

// Flags of the `ssl` value (proxy-protocol.txt, section 2.2.6).
constexpr char client_uses_tls = 1, certificate_on_connection = 2, certificate_in_session = 4;

std::string tls_value(const ir::ProxyHeaderValues& wanted, const route::Subject& subject) {
    std::string value(5, '\0');
    if (!subject.connection->tls) return value;
    const auto& tls = *subject.connection->tls_facts;
    value[0] = client_uses_tls;
    if (tls.has_certificate())
        value[0] |= certificate_in_session | (tls.resumed() ? char{0} : certificate_on_connection);
    value[4] = static_cast<char>(tls.verify_error());
    net::append_tlv(value, ProxyTlv::ssl_version, tls.protocol());
    // The name is the client's; key and signature are those of the certificate shown to it.
    auto add = [&](bool asked, ProxyTlv type, ir::TlsFact what, std::string_view argument) {
        if (!asked) return;
        auto text = tls.text(what, argument, *subject.arena);
        if (text.data()) net::append_tlv(value, type, text);
    };
    using Fact = ir::TlsFact;
    add(wanted.certificate_name, ProxyTlv::ssl_cn, Fact::subject, "CN");
    add(wanted.certificate_key, ProxyTlv::ssl_key_alg, Fact::own_key_algorithm, "");
    add(wanted.certificate_signature, ProxyTlv::ssl_sig_alg, Fact::own_signature_algorithm, "");
    if (wanted.tls_cipher) net::append_tlv(value, ProxyTlv::ssl_cipher, tls.cipher());
    return value;
}

// In the order in which HAProxy writes them.
std::string values_for(const pool::LiveServer& server, route::Subject& subject,
                       const plan::Pool* pool) {
    std::string list;
    const auto& wanted = server.conf->proxy_values;
    if (pool && !wanted.custom.empty()) {
        const auto& texts = pool->proxy_values_of(*server.conf);
        for (std::size_t i = 0; i < texts.size() && i < wanted.custom.size(); ++i)
            net::append_tlv(list, static_cast<ProxyTlv>(wanted.custom[i].type),
                            texts[i].render(subject));
    }
    if (wanted.checksum) net::append_tlv(list, ProxyTlv::crc32c, std::string_view("\0\0\0\0", 4));
    const auto& details = subject.connection->details();
    const auto* tls = subject.connection->tls_facts.get();
    if (tls && !tls->alpn().empty()) net::append_tlv(list, ProxyTlv::alpn, tls->alpn());
    if (wanted.authority) {
        auto told = net::find_tlv(details.proxy_values, ProxyTlv::authority);
        auto name = told.data() ? told : tls ? tls->server_name() : std::string_view();
        if (told.data() || !name.empty()) net::append_tlv(list, ProxyTlv::authority, name);
    }
    if (wanted.unique_id) net::append_tlv(list, ProxyTlv::unique_id, route::unique_id_of(subject));
    if (wanted.tls) net::append_tlv(list, ProxyTlv::ssl, tls_value(wanted, subject));
    return list;
}

}  // namespace

std::string proxy_header(const pool::LiveServer& server, const plan::Forwarding& forwarding,
                         route::Subject& subject, const plan::Pool* pool) {
    auto version = server.conf->send_proxy_header;
    if (version == 0) version = forwarding.source->send_proxy_header;
    if (version == 0) return {};
    net::ProxyHeader header;
    header.version = version;
    header.datagram = version == 2 && subject.connection->udp;  // nginx: "TCP4" over UDP, too
    header.source = {.ip = subject.client->ip, .port = subject.client->port};
    header.destination = {.ip = subject.local->ip, .port = subject.local->port};
    std::string values;
    if (version == 2) {
        // Between two ends that are not both on IP there is nothing to tell.
        header.own = header.source.ip.family == IpAddress::Family::none ||
                     header.destination.ip.family == IpAddress::Family::none;
        values = values_for(server, subject, pool);
        header.tlvs = values;
    }
    return net::write_proxy_header(header);
}

}  // namespace weir::forward
