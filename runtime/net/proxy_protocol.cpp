// SPDX-License-Identifier: Apache-2.0
#include "runtime/net/proxy_protocol.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "runtime/net/peer.hpp"

namespace weir::net {

namespace {

using std::string_view_literals::operator""sv;

constexpr std::string_view signature_1 = "PROXY ";
constexpr std::string_view signature_2 = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t longest_version_1 = 107;
constexpr std::size_t fixed_part = 16;
constexpr std::size_t unix_path = 108;

ProxyResult bad(const char* why) { return {ProxyStatus::bad, 0, why}; }

bool starts_as(std::string_view data, std::string_view signature) {
    auto size = std::min(data.size(), signature.size());
    return data.substr(0, size) == signature.substr(0, size);
}

std::uint16_t read_16(const char* at) {
    return static_cast<std::uint16_t>(static_cast<unsigned char>(at[0]) << 8 |
                                      static_cast<unsigned char>(at[1]));
}

// Decimal without sign or leading zero.
bool read_port(std::string_view text, std::uint16_t& port) {
    if (text.empty() || text.size() > 5 || (text.size() > 1 && text[0] == '0')) return false;
    unsigned number = 0;
    for (char digit : text) {
        if (digit < '0' || digit > '9') return false;
        number = number * 10 + static_cast<unsigned>(digit - '0');
    }
    port = static_cast<std::uint16_t>(number);
    return number <= 65535;
}

bool read_ip(std::string_view text, IpAddress::Family family, IpAddress& ip) {
    return parse_ip(text, ip) && ip.family == family;
}

// Takes the next word of a line whose words stand one blank apart.
std::string_view next_word(std::string_view& line) {
    std::size_t blank = line.find(' ');
    auto word = line.substr(0, blank);
    line = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    return word;
}

ProxyResult parse_version_1(std::string_view data, ProxyHeader& header) {
    auto window = data.substr(0, longest_version_1);
    std::size_t end = window.find('\r');
    if (end == std::string_view::npos || end + 1 == window.size()) {
        if (window.size() == longest_version_1) return bad("a PROXY line longer than 107 bytes");
        return {};
    }
    if (window[end + 1] != '\n') return bad("a PROXY line that does not end with CRLF");
    auto line = window.substr(signature_1.size(), end - signature_1.size());
    ProxyResult result{ProxyStatus::done, static_cast<std::uint32_t>(end + 2), ""};
    header = {};
    auto protocol = next_word(line);
    if (protocol == "UNKNOWN") {
        header.own = true;
        return result;
    }
    if (protocol != "TCP4" && protocol != "TCP6") return bad("a PROXY line of an unknown protocol");
    auto family = protocol == "TCP4" ? IpAddress::Family::v4 : IpAddress::Family::v6;
    if (!read_ip(next_word(line), family, header.source.ip) ||
        !read_ip(next_word(line), family, header.destination.ip))
        return bad("a malformed address in a PROXY line");
    if (!read_port(next_word(line), header.source.port) ||
        !read_port(line, header.destination.port))
        return bad("a malformed port in a PROXY line");
    return result;
}

// CRC-32C (Castagnoli), bit by bit: a header has some 30 bytes and comes once per connection.
std::uint32_t crc32c(std::uint32_t crc, std::string_view data) {
    for (char byte : data) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
}

// The checksum covers the whole header with its own four bytes, which `value` shows, as zeros.
std::uint32_t checksum_of(std::string_view whole, std::string_view value) {
    auto before = whole.substr(0, static_cast<std::size_t>(value.data() - whole.data()));
    auto after = whole.substr(before.size() + 4);
    return ~crc32c(crc32c(crc32c(~0U, before), "\0\0\0\0"sv), after);
}

bool checksum_holds(std::string_view whole, std::string_view value) {
    if (value.size() != 4) return false;
    std::uint32_t told =
        static_cast<std::uint32_t>(read_16(value.data())) << 16 | read_16(value.data() + 2);
    return checksum_of(whole, value) == told;
}

bool are_whole_tlvs(std::string_view tlvs) {
    while (!tlvs.empty()) {
        if (tlvs.size() < 3) return false;
        std::size_t size = 3U + read_16(tlvs.data() + 1);
        if (size > tlvs.size()) return false;
        tlvs.remove_prefix(size);
    }
    return true;
}

// The path ends with the first NUL, or fills its place.
std::string_view read_path(const char* at) {
    std::string_view text{at, unix_path};
    return text.substr(0, text.find('\0'));
}

void read_addresses(const char* at, unsigned family, ProxyHeader& header) {
    if (family == 3) {
        header.source.path = read_path(at);
        header.destination.path = read_path(at + unix_path);
        return;
    }
    std::size_t size = family == 1 ? 4 : 16;
    auto kind = family == 1 ? IpAddress::Family::v4 : IpAddress::Family::v6;
    header.source.ip.family = header.destination.ip.family = kind;
    std::memcpy(header.source.ip.bytes, at, size);
    std::memcpy(header.destination.ip.bytes, at + size, size);
    header.source.port = read_16(at + 2 * size);
    header.destination.port = read_16(at + 2 * size + 2);
}

ProxyResult parse_version_2(std::string_view data, ProxyHeader& header, bool checked) {
    if (data.size() < fixed_part) return {};
    unsigned command = static_cast<unsigned char>(data[12]);
    unsigned family = static_cast<unsigned char>(data[13]) >> 4, protocol = data[13] & 15;
    std::size_t length = read_16(data.data() + 14);
    if (command != 0x20 && command != 0x21)
        return bad("an unknown version or command in a PROXY header");
    if (family > 3 || protocol > 2) return bad("an unknown address family in a PROXY header");
    if (data.size() < fixed_part + length) return {};
    auto whole = data.substr(0, fixed_part + length);
    ProxyResult result{ProxyStatus::done, static_cast<std::uint32_t>(whole.size()), ""};
    header = {};
    header.version = 2;
    header.datagram = protocol == 2;
    header.own = command == 0x20 || family == 0 || protocol == 0;
    // LOCAL: what follows is skipped, whatever it is.
    if (command == 0x20) return result;
    constexpr std::size_t address_sizes[] = {0, 12, 36, 216};
    std::size_t addresses = header.own ? 0 : address_sizes[family];
    if (length < addresses) return bad("a PROXY header too short for its addresses");
    if (header.own) return result;
    read_addresses(whole.data() + fixed_part, family, header);
    header.tlvs = whole.substr(fixed_part + addresses);
    if (!are_whole_tlvs(header.tlvs)) return bad("a value that leaves its PROXY header");
    auto checksum = find_tlv(header.tlvs, ProxyTlv::crc32c);
    if (checked && checksum.data() && !checksum_holds(whole, checksum))
        return bad("a PROXY header whose checksum is wrong");
    return result;
}

}  // namespace

ProxyResult parse_proxy_header(std::string_view data, ProxyHeader& header, bool checked) {
    if (data.empty()) return {};
    if (starts_as(data, signature_1))
        return data.size() < signature_1.size() ? ProxyResult{} : parse_version_1(data, header);
    if (starts_as(data, signature_2)) return parse_version_2(data, header, checked);
    return {ProxyStatus::absent, 0, ""};
}

std::string_view find_tlv(std::string_view tlvs, ProxyTlv type) {
    while (tlvs.size() >= 3) {
        std::size_t size = read_16(tlvs.data() + 1);
        if (size > tlvs.size() - 3) break;
        if (static_cast<unsigned char>(tlvs[0]) == static_cast<std::uint8_t>(type))
            return tlvs.substr(3, size);
        tlvs.remove_prefix(3 + size);
    }
    return {};
}

namespace {

void append_16(std::string& out, std::size_t number) {
    out += static_cast<char>(number >> 8 & 0xff);
    out += static_cast<char>(number & 0xff);
}

// ::ffff:a.b.c.d
IpAddress as_v6(const IpAddress& ip) {
    if (ip.family != IpAddress::Family::v4) return ip;
    IpAddress mapped;
    mapped.family = IpAddress::Family::v6;
    mapped.bytes[10] = mapped.bytes[11] = 0xff;
    std::memcpy(mapped.bytes + 12, ip.bytes, 4);
    return mapped;
}

std::string_view text_of(const IpAddress& ip, char (&buffer)[INET6_ADDRSTRLEN]) {
    inet_ntop(ip.family == IpAddress::Family::v4 ? AF_INET : AF_INET6, ip.bytes, buffer,
              sizeof buffer);
    return buffer;
}

std::string write_version_1(const ProxyHeader& header, const IpAddress& source,
                            const IpAddress& destination) {
    using Family = IpAddress::Family;
    if (header.own || header.datagram || source.family == Family::none ||
        destination.family == Family::none)
        return "PROXY UNKNOWN\r\n";
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    std::string out{source.family == Family::v4 ? "PROXY TCP4 " : "PROXY TCP6 "};
    out.append(text_of(source, from)).append(" ").append(text_of(destination, to)).append(" ");
    out += std::to_string(header.source.port) + " " + std::to_string(header.destination.port);
    return out + "\r\n";
}

void append_path(std::string& out, std::string_view path) {
    path = path.substr(0, unix_path);
    out.append(path).append(unix_path - path.size(), '\0');
}

}  // namespace

void append_tlv(std::string& tlvs, ProxyTlv type, std::string_view value) {
    value = value.substr(0, 0xffff);
    tlvs += static_cast<char>(type);
    append_16(tlvs, value.size());
    tlvs += value;
}

std::string write_proxy_header(const ProxyHeader& header) {
    using Family = IpAddress::Family;
    IpAddress source = header.source.ip, destination = header.destination.ip;
    if (source.family != destination.family && source.family != Family::none &&
        destination.family != Family::none) {
        source = as_v6(source);
        destination = as_v6(destination);
    }
    if (header.version == 1) return write_version_1(header, source, destination);

    bool is_ip = source.family != Family::none && destination.family != Family::none;
    bool is_unix = !is_ip && !(header.source.path.empty() && header.destination.path.empty());
    std::string body;
    unsigned family = 0;
    if (header.own) {
        // LOCAL carries nothing.
    } else if (is_ip) {
        family = source.family == Family::v4 ? 1 : 2;
        std::size_t size = family == 1 ? 4 : 16;
        body.append(reinterpret_cast<const char*>(source.bytes), size);
        body.append(reinterpret_cast<const char*>(destination.bytes), size);
        append_16(body, header.source.port);
        append_16(body, header.destination.port);
    } else if (is_unix) {
        family = 3;
        append_path(body, header.source.path);
        append_path(body, header.destination.path);
    }
    unsigned protocol = family == 0 ? 0 : header.datagram ? 2 : 1;
    // The length has 16 bits; a list of values that does not fit is left out whole.
    auto addresses = body.size();
    if (family != 0 && body.size() + header.tlvs.size() <= 0xffff) body += header.tlvs;
    std::string out{signature_2};
    out += static_cast<char>(header.own ? 0x20 : 0x21);
    out += static_cast<char>(family << 4 | protocol);
    append_16(out, body.size());
    out += body;
    auto place = find_tlv(std::string_view(out).substr(fixed_part + addresses), ProxyTlv::crc32c);
    if (place.size() == 4) {
        auto at = static_cast<std::size_t>(place.data() - out.data());
        auto crc = checksum_of(out, place);
        for (unsigned i = 0; i < 4; ++i) out[at + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xff);
    }
    return out;
}

}  // namespace weir::net
