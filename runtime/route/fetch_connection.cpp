// SPDX-License-Identifier: Apache-2.0
// Fetches of constants, the process, the clock, the client's connection and its TLS.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

#include "runtime/net/digest.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/route/dates.hpp"
#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

Value text_or_missing(std::string_view text) {
    return text.data() && !text.empty() ? Value::of(text) : Value::missing();
}

Value address_value(const Address& address) {
    if (address.is_unix) return Value::of(address.text());  // nginx shows "unix:"
    if (address.ip.family == IpAddress::Family::none) return Value::missing();
    return Value::of_address(address.ip);
}

Value port_value(const Address& address, const Subject& subject) {
    if (address.is_unix) return Value::of("");
    if (address.ip.family == IpAddress::Family::none) return Value::missing();
    // nginx: an address that a field told without a port has none.
    if (address.port == 0 && is_nginx(subject)) return Value::of("");
    return Value::of_number(address.port);
}

// What a hello or the first bytes say: until they came, nothing is decided.
Value seen(Value value, Subject& subject) {
    if (!value.exists && !subject.payload_ended) subject.undecided = true;
    return value;
}

Value of_hello(Value value, Subject& subject) {
    return subject.connection->details().hello_decided ? value : seen(value, subject);
}

// nginx knows a hello without a name from bytes that are no hello at all.
Value of_hello_text(std::string_view text, Subject& subject) {
    const auto& details = subject.connection->details();
    bool no_hello = details.hello_decided && details.hello_type != 1;
    if (is_nginx(subject) && details.hello_sought && !no_hello) return Value::of(text);
    return of_hello(text_or_missing(text), subject);
}

std::string_view hex(const unsigned char* bytes, std::size_t count, Arena& arena) {
    static constexpr char digits[] = "0123456789abcdef";
    char* out = arena.bytes(count * 2);
    for (std::size_t i = 0; i < count; ++i) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    return {out, count * 2};
}

std::string_view seconds(std::int64_t milliseconds, Arena& arena) {
    char* out = arena.bytes(32);
    const int size =
        std::snprintf(out, 32, "%lld.%03d", static_cast<long long>(milliseconds / 1000),
                      static_cast<int>(milliseconds % 1000));
    return {out, static_cast<std::size_t>(size)};
}

}  // namespace

// --- constants and the process ---

Value fetch_always_true(const Node&, Subject&) { return Value::of_boolean(true); }
Value fetch_always_false(const Node&, Subject&) { return Value::of_boolean(false); }
Value fetch_host_name(const Node&, Subject& subject) {
    return Value::of(subject.around->host_name);
}
Value fetch_process_id(const Node&, Subject& subject) {
    return Value::of_number(subject.around->process_id);
}
Value fetch_version(const Node&, Subject& subject) { return Value::of(subject.around->version); }
Value fetch_environment(const Node& node, Subject&) {
    const char* value = std::getenv(node.text.data());  // a std::string of the IR: ends in zero
    return value ? Value::of(value) : Value::missing();
}
Value fetch_random(const Node& node, Subject&) {
    std::uint32_t bits = 0;
    net::random_bytes(reinterpret_cast<unsigned char*>(&bits), sizeof bits);
    if (node.number > 0) {
        return Value::of_number(static_cast<std::int64_t>(
            (std::uint64_t{bits} * static_cast<std::uint64_t>(node.number)) >> 32));
    }
    return Value::of_number(bits);
}
Value fetch_unique_id(const Node&, Subject& subject) {
    if (subject.request_id.empty()) {
        unsigned char bytes[16];
        net::random_bytes(bytes, sizeof bytes);
        subject.request_id = hex(bytes, sizeof bytes, *subject.arena);
    }
    return Value::of(subject.request_id);
}
Value fetch_uuid(const Node&, Subject& subject) {
    unsigned char bytes[16];
    net::random_bytes(bytes, sizeof bytes);
    bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | 0x40);  // RFC 9562: version 4
    bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
    const auto all = hex(bytes, sizeof bytes, *subject.arena);
    return Value::of(
        subject.arena->join({all.substr(0, 8), "-", all.substr(8, 4), "-", all.substr(12, 4), "-",
                             all.substr(16, 4), "-", all.substr(20)}));
}
std::string_view unique_id_of(Subject& subject) {
    if (!subject.unique_id_text.data() && subject.unique_id_format) {
        const Template* format = subject.unique_id_format;
        subject.unique_id_format = nullptr;  // a format that names itself ends here
        subject.unique_id_text = format->render(subject);
        subject.unique_id_format = format;
    }
    return subject.unique_id_text;
}
Value fetch_unique_id_format(const Node&, Subject& subject) {
    return text_or_missing(unique_id_of(subject));
}
Value fetch_worker_count(const Node&, Subject& subject) {
    return Value::of_number(subject.around->workers);
}

// --- time ---

Value fetch_time_iso8601(const Node&, Subject& subject) {
    return Value::of(
        subject.arena->copy(date_text(DateForm::local_iso8601, subject.wall_ms / 1000)));
}
namespace {

Value date_in(const Subject& subject, bool gmt) {
    const std::time_t time = subject.wall_ms / 1000;
    const char* format = subject.date_format ? subject.date_format : "%A, %d-%b-%Y %H:%M:%S %Z";
    if (std::string_view(format) == "%s") return Value::of(decimal(time, *subject.arena));
    std::tm parts{};
    if (gmt) gmtime_r(&time, &parts);
    else localtime_r(&time, &parts);
    constexpr std::size_t most = 256;
    char* text = subject.arena->bytes(most);
    return Value::of({text, std::strftime(text, most, format, &parts)});
}

}  // namespace

Value fetch_date_local(const Node&, Subject& subject) { return date_in(subject, false); }
Value fetch_date_gmt(const Node&, Subject& subject) { return date_in(subject, true); }
Value fetch_time_local(const Node&, Subject& subject) {
    return Value::of(subject.arena->copy(date_text(DateForm::local_clf, subject.wall_ms / 1000)));
}
Value fetch_time_msec(const Node&, Subject& subject) {
    return Value::of(seconds(subject.wall_ms, *subject.arena));
}
Value fetch_date_seconds(const Node& node, Subject& subject) {
    return Value::of_number(subject.wall_ms / 1000 + node.number);
}
Value fetch_date_microseconds(const Node&, Subject& subject) {
    return Value::of_number(subject.wall_ms % 1000 * 1000);
}

// --- client side connection ---

Value fetch_client_address(const Node&, Subject& subject) { return address_value(*subject.client); }
Value fetch_client_address_binary(const Node&, Subject& subject) {
    const auto& ip = subject.client->ip;
    if (subject.client->is_unix || ip.family == IpAddress::Family::none) return Value::of("");
    return Value::of(
        {reinterpret_cast<const char*>(ip.bytes), ip.family == IpAddress::Family::v4 ? 4u : 16u});
}
Value fetch_client_port(const Node&, Subject& subject) { return port_value(*subject.client, subject); }
Value fetch_local_address(const Node&, Subject& subject) {
    // A socket with a path is its path; nginx names its listeners so.
    const auto* listener = subject.connection->listener;
    if (subject.local->is_unix && listener && listener->endpoint.is_unix())
        return Value::of(subject.arena->join({"unix:", listener->endpoint.path}));
    return address_value(*subject.local);
}
Value fetch_local_port(const Node&, Subject& subject) { return port_value(*subject.local, subject); }
Value fetch_peer_address(const Node&, Subject& subject) {
    return address_value(subject.connection->peer());
}
Value fetch_peer_port(const Node&, Subject& subject) {
    return port_value(subject.connection->peer(), subject);
}
Value fetch_proxy_protocol_address(const Node&, Subject& subject) {
    return text_or_missing(subject.connection->details().proxy_client.text());
}
Value fetch_proxy_protocol_port(const Node&, Subject& subject) {
    return port_value(subject.connection->details().proxy_client, subject);
}
Value fetch_proxy_protocol_server_address(const Node&, Subject& subject) {
    return text_or_missing(subject.connection->details().proxy_local.text());
}
Value fetch_proxy_protocol_server_port(const Node&, Subject& subject) {
    return port_value(subject.connection->details().proxy_local, subject);
}
Value fetch_peer_local_address(const Node&, Subject& subject) {
    return address_value(subject.connection->peer_local());
}
Value fetch_peer_local_port(const Node&, Subject& subject) {
    return port_value(subject.connection->peer_local(), subject);
}
Value fetch_connection_serial(const Node&, Subject& subject) {
    return Value::of_number(static_cast<std::int64_t>(subject.connection->serial));
}
Value fetch_connection_requests(const Node&, Subject& subject) {
    return Value::of_number(subject.connection_requests);
}
Value fetch_connection_time(const Node&, Subject& subject) {
    const auto age = (subject.now_us - subject.connection->accepted_us) / 1000;
    return Value::of(seconds(age > 0 ? age : 0, *subject.arena));
}
Value fetch_protocol(const Node&, Subject& subject) {
    return Value::of(subject.connection->udp ? "UDP" : "TCP");
}
Value fetch_listener_name(const Node&, Subject& subject) {
    const auto* listener = subject.connection->listener;
    return listener && listener->named ? text_or_missing(listener->name) : Value::missing();
}
Value fetch_listener_id(const Node&, Subject& subject) {
    return Value::of_number(subject.connection->listener_id);
}
Value fetch_received_proxy_header(const Node&, Subject& subject) {
    return Value::of_boolean(subject.connection->details().received_proxy_header);
}
Value fetch_http_major(const Node&, Subject& subject) {
    return Value::of_number(subject.request && subject.request->major > 1 ? subject.request->major
                                                                          : 1);
}
Value fetch_http2_name(const Node&, Subject& subject) {
    if (!subject.request || subject.request->major != 2) return Value::of("");
    return Value::of(subject.connection->tls ? "h2" : "h2c");
}
Value fetch_client_glitches(const Node&, Subject& subject) {
    return Value::of_number(subject.connection->glitches);
}
Value fetch_tcp_info(const Node& node, Subject& subject) {
    tcp_info info{};
    socklen_t size = sizeof info;
    if (subject.connection->fd < 0 ||
        getsockopt(subject.connection->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
        return Value::missing();
    }
    if (node.text == "rtt") return Value::of_number(info.tcpi_rtt);
    if (node.text == "rttvar") return Value::of_number(info.tcpi_rttvar);
    if (node.text == "snd_cwnd") return Value::of_number(info.tcpi_snd_cwnd);
    if (node.text == "rcv_space") return Value::of_number(info.tcpi_rcv_space);
    return Value::missing();
}

// --- TLS ---

Value fetch_tls_used(const Node&, Subject& subject) {
    return Value::of_boolean(subject.connection->tls);
}
Value fetch_tls_sni(const Node&, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    return tls ? text_or_missing(tls->server_name()) : Value::missing();
}
Value fetch_tls_protocol(const Node&, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    return tls ? text_or_missing(tls->protocol()) : Value::missing();
}
Value fetch_tls_cipher(const Node&, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    return tls ? text_or_missing(tls->cipher()) : Value::missing();
}
Value fetch_tls_alpn(const Node&, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    return tls ? text_or_missing(tls->alpn()) : Value::missing();
}
Value fetch_tls_text(const Node& node, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    if (!tls) return Value::missing();
    return text_or_missing(tls->text(static_cast<ir::TlsFact>(node.number), node.text, *subject.arena));
}
Value fetch_tls_number(const Node& node, Subject& subject) {
    const auto* tls = subject.connection->tls_facts.get();
    if (!tls) return Value::missing();
    auto number = tls->number(static_cast<ir::TlsFact>(node.number));
    return node.type == ir::Type::boolean ? Value::of_boolean(number != 0) : Value::of_number(number);
}
Value fetch_hello_sni(const Node&, Subject& subject) {
    return of_hello_text(subject.connection->details().hello_sni, subject);
}
Value fetch_hello_alpn(const Node&, Subject& subject) {
    return of_hello_text(subject.connection->details().hello_alpn, subject);
}
Value fetch_hello_protocol(const Node&, Subject& subject) {
    if (!is_nginx(subject) && subject.connection->details().hello_version >= 0) {
        // req.ssl_ver: major in the upper half, minor in the lower one.
        const auto version = subject.connection->details().hello_version;
        return Value::of_number((version >> 8) << 16 | (version & 0xff));
    }
    return of_hello_text(subject.connection->details().hello_protocol, subject);
}
Value fetch_hello_type(const Node&, Subject& subject) {
    const auto type = subject.connection->details().hello_type;
    return of_hello(type >= 0 ? Value::of_number(type) : Value::missing(), subject);
}
Value fetch_payload_length(const Node&, Subject& subject) {
    if (!subject.payload_ended && !subject.request) subject.undecided = true;
    return Value::of_number(static_cast<std::int64_t>(subject.payload.size()));
}
Value fetch_payload(const Node& node, Subject& subject) {
    const auto offset = static_cast<std::size_t>(node.number);
    const auto wanted = static_cast<std::size_t>(std::strtoull(node.text.data(), nullptr, 10));
    if (offset > subject.payload.size() || (wanted && subject.payload.size() - offset < wanted)) {
        return seen(Value::missing(), subject);
    }
    return Value::of(subject.payload.substr(offset, wanted ? wanted : std::string_view::npos));
}

}  // namespace weir::route
