// SPDX-License-Identifier: Apache-2.0
// Converters of bytes and small formats: digests with a key, groups of bytes as numbers, parameters,
// names in reverse, Forwarded fields (RFC 7239). JSON has convert_json.cpp.
#include <cstring>

#include "runtime/base/hash.hpp"
#include "runtime/net/digest.hpp"
#include "runtime/net/tls_facts.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {
namespace {

std::string_view in_text(const Conversion& c, const Value& input) {
    return to_text(input, *c.subject.arena);
}

Value of_bytes(const Conversion& c, const unsigned char* bytes, std::size_t size) {
    if (size == 0) return Value::missing();
    return Value::of(c.subject.arena->copy({reinterpret_cast<const char*>(bytes), size}));
}

// The bytes in groups of node.number, each written by `write(group, out)`, the separator between them.
template <class Write>
Value grouped(const Conversion& c, const Value& input, std::size_t most_digits, Write write) {
    const auto bytes = in_text(c, input);
    const auto size = static_cast<std::size_t>(c.node.number > 0 ? c.node.number : 1);
    const bool whole_only = c.number(1, 0) != 0;
    const auto separator = c.node.text;
    char* const start = c.subject.arena->bytes((bytes.size() / size + 1) * (most_digits + separator.size()));
    char* at = start;
    for (std::size_t i = 0; i < bytes.size(); i += size) {
        const auto group = bytes.substr(i, size);
        if (group.size() < size && whole_only) break;
        if (i != 0) at = std::copy(separator.begin(), separator.end(), at);
        at = write(group, at);
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}

char* put_decimal(const Conversion& c, std::uint64_t number, char* out) {
    const auto digits = decimal(static_cast<std::int64_t>(number), *c.subject.arena);
    return std::copy(digits.begin(), digits.end(), out);
}

// --- RFC 7239 ---

bool is_token_char(char c) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
}
// obfnode and obfport: "_" and letters, digits, ".", "_" and "-" (section 6.3).
bool is_obfuscated(std::string_view text) {
    if (text.size() < 2 || text.front() != '_') return false;
    for (char c : text)
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
              c == '_' || c == '-'))
            return false;
    return true;
}

struct NodeParts {
    std::string_view name, port;
    bool valid = false, has_port = false;
};

bool is_port(std::string_view text) {
    if (is_obfuscated(text)) return true;
    if (text.empty() || text.size() > 5) return false;
    std::uint32_t number = 0;
    for (char c : text) {
        if (c < '0' || c > '9') return false;
        number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    return number <= 65535;
}

// node = nodename [ ":" node-port ] (section 6): an IPv4 address, an IPv6 address in brackets,
// "unknown" or a hidden name.
NodeParts node_of(std::string_view text) {
    NodeParts parts;
    IpAddress ip;
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return parts;
        parts.name = text.substr(1, end - 1);
        rest = text.substr(end + 1);
        if (!parse_address(parts.name, ip) || ip.family != IpAddress::Family::v6) return parts;
    } else {
        const auto colon = std::min(text.find(':'), text.size());
        parts.name = text.substr(0, colon);
        rest = text.substr(colon);
        const bool four = parse_address(parts.name, ip) && ip.family == IpAddress::Family::v4;
        if (!four && parts.name != "unknown" && !is_obfuscated(parts.name)) return parts;
    }
    if (!rest.empty()) {
        if (rest.front() != ':' || !is_port(rest.substr(1))) return parts;
        parts.has_port = true;
        parts.port = rest.substr(1);
    }
    parts.valid = true;
    return parts;
}

// uri-host [":" port] (RFC 3986): what a host parameter may hold, loosely: no blanks or separators.
bool is_host(std::string_view text) {
    if (text.empty()) return false;
    if (text.front() == '[') {
        const auto end = text.find(']');
        IpAddress ip;
        if (end == std::string_view::npos || !parse_address(text.substr(1, end - 1), ip)) return false;
        const auto rest = text.substr(end + 1);
        return rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)) && rest[1] != '_');
    }
    const auto colon = text.find(':');
    for (char c : text.substr(0, colon))
        if (!is_token_char(c)) return false;
    if (colon == 0) return false;
    return colon == std::string_view::npos || (is_port(text.substr(colon + 1)) && text[colon + 1] != '_');
}

struct ForwardedPairs {
    std::string_view by, for_, host, proto;
};

// One element of a Forwarded field ("for=192.0.2.60;proto=http"), strictly (section 4): known names,
// each once, values that are tokens or quoted strings without escapes.
bool read_forwarded(std::string_view text, ForwardedPairs& found) {
    std::size_t at = 0;
    bool any = false;
    while (at < text.size()) {
        std::size_t end = at;
        while (end < text.size() && is_token_char(text[end])) ++end;
        const auto name = text.substr(at, end - at);
        if (end >= text.size() || text[end] != '=') return false;
        at = end + 1;
        std::string_view value;
        if (at < text.size() && text[at] == '"') {
            end = text.find('"', at + 1);
            if (end == std::string_view::npos) return false;
            value = text.substr(at + 1, end - at - 1);
            at = end + 1;
        } else {
            end = at;
            while (end < text.size() && is_token_char(text[end])) ++end;
            value = text.substr(at, end - at);
            at = end;
        }
        const bool node = http::equal_ignoring_case(name, "by") || http::equal_ignoring_case(name, "for");
        std::string_view* slot = nullptr;
        if (http::equal_ignoring_case(name, "by")) slot = &found.by;
        if (http::equal_ignoring_case(name, "for")) slot = &found.for_;
        if (http::equal_ignoring_case(name, "host")) slot = &found.host;
        if (http::equal_ignoring_case(name, "proto")) slot = &found.proto;
        if (!slot || slot->data() || value.empty()) return false;
        if (node && !node_of(value).valid) return false;
        if (slot == &found.host && !is_host(value)) return false;
        if (slot == &found.proto && value != "http" && value != "https") return false;
        *slot = value;
        any = true;
        if (at == text.size()) break;
        if (text[at] != ';' || at + 1 == text.size()) return false;
        ++at;
    }
    return any;
}

}  // namespace

Value convert_trim_left(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    const auto kept = text.find_first_not_of(c.node.text);
    return Value::of(text.substr(kept == std::string_view::npos ? text.size() : kept));
}
Value convert_trim_right(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    return Value::of(text.substr(0, text.find_last_not_of(c.node.text) + 1));
}
Value convert_cut_line(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    return Value::of(text.substr(0, text.find_first_of("\r\n")));
}

Value convert_digest(const Conversion& c, const Value& input) {
    unsigned char bytes[net::most_digest_bytes];
    return of_bytes(c, bytes, net::digest(c.node.text, in_text(c, input), bytes));
}
Value convert_hmac(const Conversion& c, const Value& input) {
    const Value key = c.argument(1);
    if (!key.exists) return Value::missing();
    unsigned char bytes[net::most_digest_bytes];
    return of_bytes(c, bytes,
                    net::hmac(c.node.text, to_text(key, *c.subject.arena), in_text(c, input), bytes));
}

Value convert_grouped_hex(const Conversion& c, const Value& input) {
    static constexpr char digits[] = "0123456789ABCDEF";
    const auto size = static_cast<std::size_t>(c.node.number > 0 ? c.node.number : 1);
    return grouped(c, input, size * 2, [](std::string_view group, char* out) {
        for (unsigned char byte : group) {
            *out++ = digits[byte >> 4];
            *out++ = digits[byte & 15];
        }
        return out;
    });
}
Value convert_grouped_big(const Conversion& c, const Value& input) {
    return grouped(c, input, 20, [&](std::string_view group, char* out) {
        std::uint64_t number = 0;
        for (unsigned char byte : group) number = number << 8 | byte;
        return put_decimal(c, number, out);
    });
}
Value convert_grouped_little(const Conversion& c, const Value& input) {
    return grouped(c, input, 20, [&](std::string_view group, char* out) {
        std::uint64_t number = 0;
        for (std::size_t i = group.size(); i-- > 0;) number = number << 8 | static_cast<unsigned char>(group[i]);
        return put_decimal(c, number, out);
    });
}

// Hexadecimal digits as a number; none when something else is among them.
Value convert_hex_integer(const Conversion& c, const Value& input) {
    std::uint64_t number = 0;
    for (char digit : in_text(c, input)) {
        int value = -1;
        if (digit >= '0' && digit <= '9') value = digit - '0';
        if ((digit | 32) >= 'a' && (digit | 32) <= 'f') value = (digit | 32) - 'a' + 10;
        if (value < 0) return Value::missing();
        number = number << 4 | static_cast<std::uint64_t>(value);
    }
    return Value::of_number(static_cast<std::int64_t>(number));
}

Value convert_reverse(const Conversion& c, const Value& input) {
    const auto text = in_text(c, input);
    char* const start = c.subject.arena->bytes(text.size());
    std::reverse_copy(text.begin(), text.end(), start);
    return Value::of({start, text.size()});
}
// "www.example.com" is "com.example.www"; a dot at the end does not count.
Value convert_reverse_labels(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    if (text.ends_with('.')) text.remove_suffix(1);
    char* const start = c.subject.arena->bytes(text.size());
    char* at = start + text.size();
    for (std::size_t from = 0; from <= text.size();) {
        const auto dot = std::min(text.find('.', from), text.size());
        at -= dot - from;
        std::copy(text.begin() + static_cast<std::ptrdiff_t>(from), text.begin() + static_cast<std::ptrdiff_t>(dot), at);
        if (dot < text.size()) *--at = '.';
        from = dot + 1;
    }
    return Value::of({start, text.size()});
}

Value convert_has_controls(const Conversion& c, const Value& input) {
    for (unsigned char byte : in_text(c, input))
        if (byte < 32 && (static_cast<std::uint64_t>(c.node.number) >> byte & 1) != 0)
            return Value::of_boolean(true);
    return Value::of_boolean(false);
}

// The value of `name=value` between delimiters; a name alone has an empty one.
Value convert_parameter(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    auto delimiters = c.text(1);
    if (delimiters.empty()) delimiters = "&";
    while (true) {
        const auto end = std::min(text.find_first_of(delimiters), text.size());
        const auto pair = text.substr(0, end);
        const auto equals = std::min(pair.find('='), pair.size());
        if (pair.substr(0, equals) == c.node.text)
            return Value::of(pair.substr(std::min(equals + 1, pair.size())));
        if (end == text.size()) return Value::missing();
        text.remove_prefix(end + 1);
    }
}

// Takes as long for a wrong secret as for the right one.
Value convert_same_bytes(const Conversion& c, const Value& input) {
    const Value other = c.argument(1);
    if (!other.exists) return Value::missing();
    const auto a = in_text(c, input), b = to_text(other, *c.subject.arena);
    if (a.size() != b.size()) return Value::of_boolean(false);
    unsigned char difference = 0;
    for (std::size_t i = 0; i < a.size(); ++i) difference |= static_cast<unsigned char>(a[i] ^ b[i]);
    return Value::of_boolean(difference == 0);
}

Value convert_crc32c(const Conversion& c, const Value& input) {
    const auto sum = hash::crc32c(in_text(c, input));
    return Value::of_number(c.node.number ? hash::avalanche(sum) : sum);
}
Value convert_xxh3(const Conversion& c, const Value& input) {
    return Value::of_number(static_cast<std::int64_t>(
        hash::xxh3(in_text(c, input), static_cast<std::uint64_t>(c.node.number))));
}

Value convert_forwarded_valid(const Conversion& c, const Value& input) {
    ForwardedPairs found;
    return Value::of_boolean(read_forwarded(in_text(c, input), found));
}
Value convert_forwarded_field(const Conversion& c, const Value& input) {
    ForwardedPairs found;
    if (!read_forwarded(in_text(c, input), found)) return Value::missing();
    const auto name = c.node.text;
    const auto value = name == "by"    ? found.by
                       : name == "for" ? found.for_
                       : name == "host" ? found.host
                                        : found.proto;
    return value.data() ? Value::of(value) : Value::missing();
}
Value convert_forwarded_name(const Conversion& c, const Value& input) {
    const auto parts = node_of(in_text(c, input));
    return parts.valid ? Value::of(parts.name) : Value::missing();
}
Value convert_forwarded_port(const Conversion& c, const Value& input) {
    const auto parts = node_of(in_text(c, input));
    return parts.valid && parts.has_port ? Value::of(parts.port) : Value::missing();
}

Value convert_certificate_error(const Conversion& c, const Value& input) {
    return Value::of(c.subject.arena->copy(
        net::verify_error_name(static_cast<int>(to_number(input)))));
}

}  // namespace weir::route
