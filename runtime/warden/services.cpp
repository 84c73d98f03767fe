// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/services.hpp"

namespace weir::warden {

namespace {

using zone::CheckCode;
using Kind = Finding::Kind;

Finding met(std::string_view text, std::uint16_t status = 0, CheckCode code = CheckCode::l7_ok) {
    Finding finding{Kind::met, code, std::string(text)};
    finding.status = status;
    return finding;
}
Finding failed(CheckCode code, std::string_view text, std::uint16_t status = 0) {
    Finding finding{Kind::failed, code, std::string(text)};
    finding.status = status;
    return finding;
}

std::string_view first_line(std::string_view bytes) { return bytes.substr(0, bytes.find_first_of(std::string_view("\r\n\0", 3))); }

unsigned byte_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

// RFC 5321 section 4.2: lines of a reply begin with its code and '-', the last one with the code and ' '.
Finding smtp(std::string_view bytes, bool whole) {
    for (auto rest = bytes;;) {
        auto end = rest.find("\r\n");
        if (end == std::string_view::npos && !whole) return {};
        auto line = first_line(rest);
        bool coded = line.size() >= 3 && line.substr(0, 3).find_first_not_of("0123456789") == std::string_view::npos;
        if (!coded) return failed(CheckCode::l7_invalid, first_line(bytes));
        bool goes_on = line.size() > 3 && line[3] == '-';
        if (goes_on && end != std::string_view::npos) {
            rest.remove_prefix(end + 2);
            if (!rest.empty() || !whole) {
                if (rest.empty()) return {};
                continue;
            }
        }
        auto status = static_cast<std::uint16_t>((line[0] - '0') * 100 + (line[1] - '0') * 10 + (line[2] - '0'));
        auto text = line.substr(std::min<std::size_t>(line.size(), 4));
        return line[0] == '2' ? met(text, status) : failed(CheckCode::l7_status, text, status);
    }
}

Finding redis(std::string_view bytes, bool whole) {
    if (bytes.find("\r\n") == std::string_view::npos && !whole) return {};
    if (bytes.starts_with("+PONG\r\n")) return met("Redis server is ok");
    return failed(CheckCode::l7_status, first_line(bytes));
}

// 'R' asks for a password or says that none is needed; 'E' brings fields, the first of them 'S' and the
// severity.
Finding postgresql(std::string_view bytes, bool whole) {
    if (bytes.empty()) return whole ? failed(CheckCode::l7_invalid, {}) : Finding{};
    if (bytes[0] == 'R') return met("PostgreSQL server is ok");
    if (bytes[0] != 'E') return failed(CheckCode::l7_status, "PostgreSQL unknown error");
    if (bytes.size() < 7 && !whole) return {};
    return failed(CheckCode::l7_invalid, first_line(bytes.substr(std::min<std::size_t>(bytes.size(), 6))));
}

// Past the length of a BER element. 0: more bytes are needed.
std::size_t past_length(std::string_view bytes, std::size_t at) {
    if (at >= bytes.size()) return 0;
    auto first = byte_at(bytes, at);
    auto size = 1 + (first < 0x80 ? 0 : first & 0x7fU);
    return at + size <= bytes.size() ? at + size : 0;
}

// LDAPMessage { messageID 1, BindResponse { resultCode } } (RFC 4511 section 4.2.2).
Finding ldap(std::string_view bytes, bool whole) {
    auto wrong = failed(CheckCode::l7_invalid, "Not LDAPv3 protocol");
    auto more = whole ? wrong : Finding{};
    if (bytes.empty()) return more;
    if (bytes[0] != 0x30) return wrong;
    auto at = past_length(bytes, 1);
    if (at == 0 || bytes.size() < at + 4) return more;
    if (bytes.substr(at, 4) != std::string_view("\x02\x01\x01\x61", 4)) return wrong;
    at = past_length(bytes, at + 4);
    if (at == 0 || bytes.size() < at + 3) return more;
    if (bytes.substr(at, 2) != std::string_view("\x0a\x01", 2)) return wrong;
    auto result = static_cast<std::uint16_t>(byte_at(bytes, at + 2));
    if (result == 0) return met("Success");
    return failed(CheckCode::l7_status, "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9", result);
}

// A packet: three bytes of length, a number, then 0xff and a code and a text for an error.
Finding mysql(std::string_view bytes, bool whole, bool greeting) {
    if (bytes.size() < 5) return whole ? failed(CheckCode::l7_invalid, "unexpected packet") : Finding{};
    auto size = byte_at(bytes, 0) | byte_at(bytes, 1) << 8 | byte_at(bytes, 2) << 16;
    if (bytes.size() < size + 4 && !whole) return {};
    if (bytes.size() < size + 4 || size == 0) return failed(CheckCode::l7_invalid, "unexpected packet");
    auto packet = bytes.substr(4, size);
    if (byte_at(packet, 0) == 0xff) {
        if (packet.size() < 3) return failed(CheckCode::l7_invalid, "unexpected packet");
        auto code = static_cast<std::uint16_t>(byte_at(packet, 1) | byte_at(packet, 2) << 8);
        return failed(CheckCode::l7_status, packet.substr(3), code);
    }
    if (!greeting) return met({});
    if (packet.find('\0', 1) == std::string_view::npos) return failed(CheckCode::l7_invalid, "unexpected packet");
    return met(first_line(packet.substr(1)));
}

// The agent's HELLO frame: length, type 101, flags, two ids of 0, then values; its version says "2.".
Finding agent(std::string_view bytes, bool whole) {
    auto wrong = failed(CheckCode::l7_invalid, "invalid frame received");
    if (bytes.size() < 4) return whole ? wrong : Finding{};
    auto size = byte_at(bytes, 0) << 24 | byte_at(bytes, 1) << 16 | byte_at(bytes, 2) << 8 | byte_at(bytes, 3);
    if (size < 7 + 8) return wrong;
    if (bytes.size() < size + 4) return whole ? wrong : Finding{};
    auto frame = bytes.substr(4, size);
    if (byte_at(frame, 0) != 101) return wrong;
    auto version = frame.find("\x07version\x08");
    if (version == std::string_view::npos || version + 10 >= frame.size()) return wrong;
    auto length = byte_at(frame, version + 9);
    if (!frame.substr(version + 10, length).starts_with("2.")) return failed(CheckCode::l7_invalid, "unsupported version");
    return met("SPOA server is ok");
}

// A record of a handshake or an alert: whoever sends one speaks TLS.
Finding hello(std::string_view bytes, bool whole) {
    if (bytes.empty())
        return whole ? failed(CheckCode::l6_invalid, "TCPCHK got an empty response at step 2") : Finding{};
    if (byte_at(bytes, 0) == 0x15 || byte_at(bytes, 0) == 0x16) return met({}, 0, CheckCode::l6_ok);
    return failed(CheckCode::l6_invalid, "TCPCHK did not match content at step 2");
}

}  // namespace

Finding examine_service(std::string_view service, std::string_view bytes, bool whole) {
    if (service == "smtp") return smtp(bytes, whole);
    if (service == "redis") return redis(bytes, whole);
    if (service == "pgsql") return postgresql(bytes, whole);
    if (service == "ldap") return ldap(bytes, whole);
    if (service == "mysql_greeting") return mysql(bytes, whole, true);
    if (service == "mysql_answer") return mysql(bytes, whole, false);
    if (service == "spop") return agent(bytes, whole);
    return hello(bytes, whole);
}

}  // namespace weir::warden
