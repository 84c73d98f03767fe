// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/values.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <climits>
#include <cstdlib>
#include <cstring>

#include "runtime/net/peer.hpp"

namespace weir::route {
namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
    while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
    return text;
}

// Where the list element that begins at `from` ends: at a comma outside a quoted string.
std::size_t end_of_element(std::string_view line, std::size_t from) {
    bool quoted = false;
    for (std::size_t i = from; i < line.size(); ++i) {
        if (quoted && line[i] == '\\')
            ++i;
        else if (line[i] == '"')
            quoted = !quoted;
        else if (line[i] == ',' && !quoted)
            return i;
    }
    return line.size();
}

// nginx writes '_' for '-' in the names of its variables; both are alike there.
bool is_same_name(std::string_view a, std::string_view b, bool underscores) {
    if (!underscores) return http::equal_ignoring_case(a, b);
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
        char x = a[i], y = b[i];
        if (x == '_') x = '-';
        if (y == '_') y = '-';
        if (x >= 'A' && x <= 'Z') x = static_cast<char>(x | 0x20);
        if (y >= 'A' && y <= 'Z') y = static_cast<char>(y | 0x20);
        if (x != y) return false;
    }
    return true;
}

// HAProxy takes "close" and "keep-alive" for itself: no rule sees a Connection field of nothing else.
bool is_hidden(const http::Field& field) {
    return field.id == http::FieldId::connection &&
           (http::equal_ignoring_case(field.value, "close") ||
            http::equal_ignoring_case(field.value, "keep-alive"));
}

}  // namespace

bool is_named(const Node& node, const http::Field& field) {
    if (node.field != http::FieldId::other) return field.id == node.field;
    if (node.text.empty()) return true;
    return is_same_name(field.name, node.text, node.number == ir::occurrence::joined);
}

Value joined_fields(const Node& node, const http::FieldList& fields, Arena& arena) {
    if (node.field != http::FieldId::other && !fields.seen(node.field)) return Value::missing();
    std::size_t count = 0, size = 0;
    std::string_view first;
    for (const auto& field : fields) {
        if (!is_named(node, field)) continue;
        if (!count++) first = field.value;
        size += field.value.size() + 2;
    }
    if (count == 0) return Value::missing();
    if (!first.data()) first = "";
    if (count == 1) return Value::of(first);
    const char separator = node.field == http::FieldId::cookie ? ';' : ',';
    char* const start = arena.bytes(size);
    char* at = start;
    for (const auto& field : fields) {
        if (!is_named(node, field)) continue;
        if (at != start) {
            *at++ = separator;
            *at++ = ' ';
        }
        if (!field.value.empty()) std::memcpy(at, field.value.data(), field.value.size());
        at += field.value.size();
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}

Value next_field_value(const Node& node, const http::FieldList& fields, Cursor& cursor,
                       bool split) {
    for (; cursor.field < fields.size(); ++cursor.field, cursor.offset = 0) {
        const auto& field = fields[cursor.field];
        if (!is_named(node, field) || is_hidden(field)) continue;
        std::string_view line = field.value.data() ? field.value : std::string_view("");
        if (!split) {
            ++cursor.field;
            return Value::of(line);
        }
        if (cursor.offset > line.size()) continue;
        const std::size_t from = cursor.offset;
        const std::size_t end = end_of_element(line, from);
        cursor.offset = static_cast<std::uint32_t>(end + 1);
        return Value::of(trim(line.substr(from, end - from)));
    }
    return Value::missing();
}

std::int64_t count_values(const Node& node, const http::FieldList& fields, bool split) {
    std::int64_t count = 0;
    for (Cursor cursor; next_field_value(node, fields, cursor, split).exists;) ++count;
    return count;
}

std::string_view names_of(const http::FieldList& fields, std::string_view delimiter, Arena& arena) {
    const char separator = delimiter.empty() ? ',' : delimiter.front();
    std::size_t size = 0;
    for (const auto& field : fields) size += field.name.size() + 1;
    if (!size) return "";
    char* const start = arena.bytes(size);
    char* at = start;
    for (const auto& field : fields) {
        if (is_hidden(field)) continue;
        if (at != start) *at++ = separator;
        for (char c : field.name) *at++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    }
    return {start, static_cast<std::size_t>(at - start)};
}

std::string_view all_fields(const http::FieldList& fields, Arena& arena) {
    std::size_t size = 2;
    for (const auto& field : fields) size += field.name.size() + field.value.size() + 4;
    char* const start = arena.bytes(size);
    char* at = start;
    auto put = [&at](std::string_view text) {
        if (!text.empty()) std::memcpy(at, text.data(), text.size());
        at += text.size();
    };
    for (const auto& field : fields) {
        if (is_hidden(field)) continue;
        for (char c : field.name) *at++ = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        put(": ");
        put(field.value);
        put("\r\n");
    }
    put("\r\n");
    return {start, static_cast<std::size_t>(at - start)};
}

Value nginx_cookie(const http::FieldList& fields, http::FieldId id, std::string_view name) {
    if (!fields.seen(id)) return Value::missing();
    for (const auto& field : fields) {
        if (field.id != id) continue;
        std::string_view rest = field.value;
        while (!rest.empty()) {
            std::size_t at = 0;
            if (rest.size() > name.size() &&
                http::equal_ignoring_case(rest.substr(0, name.size()), name)) {
                at = name.size();
                while (at < rest.size() && rest[at] == ' ') ++at;
                if (at < rest.size() && rest[at] == '=') {
                    ++at;
                    while (at < rest.size() && rest[at] == ' ') ++at;
                    return Value::of(rest.substr(at, rest.find(';', at) - at));
                }
            }
            at = rest.find_first_of(";,", at);
            if (at == std::string_view::npos) break;
            ++at;
            while (at < rest.size() && rest[at] == ' ') ++at;
            rest.remove_prefix(at);
        }
    }
    return Value::missing();
}

Value next_cookie(const http::FieldList& fields, http::FieldId id, std::string_view name,
                  Cursor& cursor) {
    const bool set_cookie = id == http::FieldId::set_cookie;
    for (; cursor.field < fields.size(); ++cursor.field, cursor.offset = 0) {
        const auto& field = fields[cursor.field];
        if (field.id != id) continue;
        while (cursor.offset < field.value.size()) {
            auto pair = field.value.substr(cursor.offset);
            const auto end = std::min(pair.find(';'), pair.size());
            cursor.offset += static_cast<std::uint32_t>(end + 1);
            if (set_cookie) cursor.offset = static_cast<std::uint32_t>(field.value.size());
            pair = trim(pair.substr(0, end));
            const auto equals = pair.find('=');
            if (equals == std::string_view::npos) continue;
            if (!name.empty() && trim(pair.substr(0, equals)) != name) continue;
            return Value::of(trim(pair.substr(equals + 1)));
        }
    }
    return Value::missing();
}

Value next_argument(std::string_view query, std::string_view name, bool ignore_case,
                    Cursor& cursor) {
    while (cursor.offset < query.size()) {
        const auto end = std::min(query.find('&', cursor.offset), query.size());
        const auto pair = query.substr(cursor.offset, end - cursor.offset);
        cursor.offset = static_cast<std::uint32_t>(end + 1);
        const auto equals = pair.find('=');
        if (equals == std::string_view::npos) continue;
        const auto found = pair.substr(0, equals);
        if (name.empty() || found == name ||
            (ignore_case && http::equal_ignoring_case(found, name))) {
            return Value::of(pair.substr(equals + 1));
        }
    }
    return Value::missing();
}

bool has_several(ir::Fetch fetch) {
    using F = ir::Fetch;
    return fetch == F::request_header || fetch == F::request_header_full ||
           fetch == F::request_header_address || fetch == F::response_header ||
           fetch == F::response_header_full || fetch == F::cookie || fetch == F::response_cookie ||
           fetch == F::query_argument;
}

Value next_value(const Node& node, Subject& subject, Cursor& cursor) {
    using F = ir::Fetch;
    if (node.fetch == F::query_argument) {
        return next_argument(subject.query, node.text, is_nginx(subject), cursor);
    }
    const bool of_response = node.fetch == F::response_header ||
                             node.fetch == F::response_header_full ||
                             node.fetch == F::response_cookie;
    const http::FieldList* fields = nullptr;
    if (of_response) {
        const auto* head = subject.response ? subject.response : subject.reply;
        fields = head ? &head->fields : nullptr;
    } else {
        fields = subject.request ? &subject.request->fields : nullptr;
    }
    if (!fields) return Value::missing();
    if (node.fetch == F::cookie) {
        return next_cookie(*fields, http::FieldId::cookie, node.text, cursor);
    }
    if (node.fetch == F::response_cookie) {
        return next_cookie(*fields, http::FieldId::set_cookie, node.text, cursor);
    }
    const bool split =
        node.fetch != F::request_header_full && node.fetch != F::response_header_full;
    Value value = next_field_value(node, *fields, cursor, split);
    if (node.fetch != F::request_header_address) return value;
    while (value.exists) {  // what is no address is passed over
        const Value address = to_address(value);
        if (address.exists) return address;
        value = next_field_value(node, *fields, cursor, split);
    }
    return value;
}

// --- numbers and addresses ---

std::string_view decimal(std::int64_t number, Arena& arena) {
    char digits[20];
    char* at = digits + sizeof digits;
    std::uint64_t rest =
        number < 0 ? ~static_cast<std::uint64_t>(number) + 1 : static_cast<std::uint64_t>(number);
    do {
        *--at = static_cast<char>('0' + rest % 10);
        rest /= 10;
    } while (rest);
    if (number < 0) *--at = '-';
    return arena.copy({at, static_cast<std::size_t>(digits + sizeof digits - at)});
}

std::int64_t to_number(const Value& value) {
    if (value.type != ir::Type::bytes) {
        if (value.type != ir::Type::address) return value.number;
        const auto* b = value.ip.bytes;
        return std::int64_t{b[0]} << 24 | b[1] << 16 | b[2] << 8 | b[3];
    }
    std::string_view text = value.bytes;
    const bool minus = !text.empty() && text.front() == '-';
    if (minus || (!text.empty() && text.front() == '+')) text.remove_prefix(1);
    std::int64_t number = 0;
    for (char c : text) {
        if (c < '0' || c > '9') break;
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, c - '0', &number)) {
            return minus ? INT64_MIN : INT64_MAX;
        }
    }
    return minus ? -number : number;
}

bool parse_address(std::string_view text, IpAddress& ip) {
    if (!text.empty() && text.front() == '[') {  // [2001:db8::1]:443
        const auto end = text.find(']');
        if (end == std::string_view::npos) return false;
        text = text.substr(1, end - 1);
    } else if (text.find(':') == text.rfind(':')) {
        text = text.substr(0, text.find(':'));  // 192.0.2.1:80
    }
    return net::parse_ip(text, ip);
}

Value to_address(const Value& value) {
    if (!value.exists || value.type == ir::Type::address) return value;
    IpAddress ip;
    if (value.type == ir::Type::bytes) {
        return parse_address(value.bytes, ip) ? Value::of_address(ip) : Value::missing();
    }
    ip.family = IpAddress::Family::v4;
    for (int i = 0; i < 4; ++i) {
        ip.bytes[i] = static_cast<unsigned char>(value.number >> (24 - 8 * i));
    }
    return Value::of_address(ip);
}

std::string_view Address::text() const {
    if (text_length_) return {text_, text_length_};
    if (is_unix) return "unix:";
    if (ip.family == IpAddress::Family::none) return {};
    const int family = ip.family == IpAddress::Family::v4 ? AF_INET : AF_INET6;
    if (!inet_ntop(family, ip.bytes, text_, sizeof text_)) return {};
    text_length_ = static_cast<std::uint8_t>(std::strlen(text_));
    return {text_, text_length_};
}

bool endpoint_of(const pool::SocketAddress& address, IpAddress& ip, std::uint16_t& port) {
    ip = {};
    if (address.family() == AF_INET) {
        const auto& in = reinterpret_cast<const sockaddr_in&>(address.storage);
        ip.family = IpAddress::Family::v4;
        std::memcpy(ip.bytes, &in.sin_addr, 4);
        port = ntohs(in.sin_port);
        return true;
    }
    if (address.family() != AF_INET6) return false;
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address.storage);
    ip.family = IpAddress::Family::v6;
    std::memcpy(ip.bytes, &in.sin6_addr, 16);
    port = ntohs(in.sin6_port);
    return true;
}

std::string_view real_path(std::string_view path, Arena& arena) {
    if (path.size() >= PATH_MAX) return path;
    char name[PATH_MAX], found[PATH_MAX];
    std::memcpy(name, path.data(), path.size());
    name[path.size()] = '\0';
    return realpath(name, found) ? arena.copy(found) : std::string_view("");
}

bool decode_base64(std::string_view text, Arena& arena, std::string_view& plain, bool url) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    if (text.size() % 4 == 1) return false;
    auto* const out = arena.bytes(text.size() * 3 / 4 + 1);
    char* at = out;
    std::uint32_t bits = 0, held = 0;
    for (char c : text) {
        std::uint32_t value = 0;
        if (c >= 'A' && c <= 'Z')
            value = static_cast<std::uint32_t>(c - 'A');
        else if (c >= 'a' && c <= 'z')
            value = static_cast<std::uint32_t>(c - 'a' + 26);
        else if (c >= '0' && c <= '9')
            value = static_cast<std::uint32_t>(c - '0' + 52);
        else if (c == (url ? '-' : '+'))
            value = 62;
        else if (c == (url ? '_' : '/'))
            value = 63;
        else
            return false;
        bits = bits << 6 | value;
        if ((held += 6) >= 8) *at++ = static_cast<char>(bits >> (held -= 8));
    }
    plain = {out, static_cast<std::size_t>(at - out)};
    return true;
}

}  // namespace weir::route
