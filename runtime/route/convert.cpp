// SPDX-License-Identifier: Apache-2.0
// Converters of text: case, parts, encodings, hashes, dates. Those of numbers are in
// convert_number.cpp. What has no result (no such part, not decodable) is a missing value, as in
// HAProxy.
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "runtime/base/hash.hpp"
#include "runtime/net/digest.hpp"
#include "runtime/route/dates.hpp"
#include "runtime/route/fetch.hpp"
#include "runtime/route/match.hpp"
#include "runtime/route/values.hpp"

namespace weir::route {
namespace {

std::string_view in_text(const Conversion& c, const Value& input) {
    return to_text(input, *c.subject.arena);
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

Value encode_base64(std::string_view text, Arena& arena, bool url) {
    static constexpr char plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static constexpr char for_url[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char* const digits = url ? for_url : plain;
    char* const start = arena.bytes((text.size() + 2) / 3 * 4);
    char* at = start;
    for (std::size_t i = 0; i < text.size(); i += 3) {
        const std::size_t left = text.size() - i;
        std::uint32_t bits = std::uint32_t{static_cast<unsigned char>(text[i])} << 16;
        if (left > 1) bits |= std::uint32_t{static_cast<unsigned char>(text[i + 1])} << 8;
        if (left > 2) bits |= static_cast<unsigned char>(text[i + 2]);
        *at++ = digits[bits >> 18];
        *at++ = digits[(bits >> 12) & 63];
        if (left > 1)
            *at++ = digits[(bits >> 6) & 63];
        else if (!url)
            *at++ = '=';
        if (left > 2)
            *at++ = digits[bits & 63];
        else if (!url)
            *at++ = '=';
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}

// Part number `index` (from the end when negative) and the count - 1 after it (before it), between
// bytes of `delimiters`; 0 = all. `words`: empty parts do not count.
std::string_view part_of(std::string_view text, std::int64_t index, std::string_view delimiters,
                         std::int64_t count, bool words) {
    auto is_delimiter = [&](char c) { return delimiters.find(c) != std::string_view::npos; };
    const bool backwards = index < 0;
    std::int64_t wanted = backwards ? -index : index;
    if (wanted == 0) return {};
    // Walk over the parts in the direction asked for; positions count from that side.
    auto at = [&](std::size_t i) { return backwards ? text[text.size() - 1 - i] : text[i]; };
    std::size_t from = 0, begin = 0, end = 0;
    std::int64_t number = 0, last = count > 0 ? wanted + count - 1 : INT64_MAX;
    bool begun = false;
    while (from <= text.size() && number < last) {
        std::size_t stop = from;
        while (stop < text.size() && !is_delimiter(at(stop))) ++stop;
        if (!words || stop > from) {
            ++number;
            if (number == wanted) {
                begin = from;
                begun = true;
            }
            if (number >= wanted) end = stop;
        }
        from = stop + 1;
    }
    if (!begun) return {};
    return backwards ? text.substr(text.size() - end, end - begin)
                     : text.substr(begin, end - begin);
}

Value part(const Conversion& c, const Value& input, bool words) {
    const auto found =
        part_of(in_text(c, input), c.node.number, c.node.text, c.number(1, 1), words);
    return found.data() ? Value::of(found) : Value::missing();
}

Value of_hash(const Conversion& c, std::uint32_t hash) {
    return Value::of_number(c.node.number ? hash::avalanche(hash) : hash);
}

Value of_digest(const Conversion& c, net::Digest kind, const Value& input) {
    unsigned char bytes[net::most_digest_bytes];
    const std::size_t size = net::digest(kind, in_text(c, input), bytes);
    if (!size) return Value::missing();
    return Value::of(c.subject.arena->copy({reinterpret_cast<const char*>(bytes), size}));
}

// The host of "host:port" and "[v6]:port".
std::string_view host_of(std::string_view text, std::string_view& port) {
    std::size_t end = text.size();
    if (!text.empty() && text.front() == '[') {
        end = text.find(']');
        end = end == std::string_view::npos ? text.size() : end + 1;
    } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
        end = colon;
    }
    port = end < text.size() && text[end] == ':' ? text.substr(end + 1) : std::string_view();
    return text.substr(0, end);
}

// Appends with growth in the arena; regsub does not know its size beforehand.
class Builder {
public:
    explicit Builder(Arena& arena) : arena_(arena) {}
    void add(std::string_view text) {
        if (text.empty()) return;
        if (size_ + text.size() > room_) {
            room_ = (size_ + text.size()) * 2 + 64;
            char* more = arena_.bytes(room_);
            if (size_) std::memcpy(more, start_, size_);
            start_ = more;
        }
        std::memcpy(start_ + size_, text.data(), text.size());
        size_ += text.size();
    }
    [[nodiscard]] std::string_view text() const {
        return start_ ? std::string_view(start_, size_) : std::string_view("");
    }

private:
    Arena& arena_;
    char* start_ = nullptr;
    std::size_t size_ = 0, room_ = 0;
};

// "\1" and "\x41" in a replacement.
void add_replacement(Builder& out, std::string_view how, const Regex::Match& match) {
    for (std::size_t i = 0; i < how.size(); ++i) {
        if (how[i] != '\\' || i + 1 == how.size()) {
            out.add(how.substr(i, 1));
            continue;
        }
        const char next = how[++i];
        if (next >= '0' && next <= '9') {
            const auto group = static_cast<std::uint32_t>(next - '0');
            if (group < match.count) out.add(match.group[group]);
        } else if (next == 'x' && i + 2 < how.size() && hex_digit(how[i + 1]) >= 0 &&
                   hex_digit(how[i + 2]) >= 0) {
            const char byte = static_cast<char>(hex_digit(how[i + 1]) << 4 | hex_digit(how[i + 2]));
            out.add({&byte, 1});
            i += 2;
        } else {
            out.add(how.substr(i, 1));
        }
    }
}

// The input as unix seconds, moved by the converter's offset. False: no such time.
bool time_of(const Conversion& c, const Value& input, std::time_t& time) {
    return !__builtin_add_overflow(to_number(input), c.node.number, &time);
}

Value of_date(const Conversion& c, const Value& input, bool local) {
    std::time_t time = 0;
    if (!time_of(c, input, time)) return Value::missing();
    std::tm tm{};
    if (local)
        localtime_r(&time, &tm);
    else
        gmtime_r(&time, &tm);
    char text[256];
    // The format is a std::string of the IR: it ends in zero.
    const std::size_t size = std::strftime(text, sizeof text, c.node.text.data(), &tm);
    return Value::of(c.subject.arena->copy({text, size}));
}

}  // namespace

Value Conversion::argument(std::uint32_t i) const {
    if (i >= node.count) return Value::missing();
    return eval_node(nodes, nodes[node.first + i], subject);
}
std::string_view Conversion::text(std::uint32_t i) const {
    return to_text(argument(i), *subject.arena);
}
std::int64_t Conversion::number(std::uint32_t i, std::int64_t fallback) const {
    const Value value = argument(i);
    return value.exists ? to_number(value) : fallback;
}

Value convert_lower(const Conversion& c, const Value& input) {
    return Value::of(lower_case(in_text(c, input), *c.subject.arena));
}
Value convert_upper(const Conversion& c, const Value& input) {
    const auto text = in_text(c, input);
    char* out = c.subject.arena->bytes(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        out[i] = text[i] >= 'a' && text[i] <= 'z' ? static_cast<char>(text[i] & ~0x20) : text[i];
    }
    return Value::of({out, text.size()});
}
Value convert_length(const Conversion& c, const Value& input) {
    return Value::of_number(static_cast<std::int64_t>(in_text(c, input).size()));
}
Value convert_field(const Conversion& c, const Value& input) { return part(c, input, false); }
Value convert_word(const Conversion& c, const Value& input) { return part(c, input, true); }
Value convert_bytes(const Conversion& c, const Value& input) {
    const auto text = in_text(c, input);
    std::int64_t offset = c.node.number, count = c.number(1, -1);
    if (c.node.count > 2) {   // a variable; in[1] may be one as well
        const Value given = c.argument(2);
        if (!given.exists) return Value::missing();
        offset = to_number(given);
    }
    if (c.node.count > 1 && !c.argument(1).exists) return Value::missing();
    if (offset < 0 || (c.node.count > 1 && count < 0)) return Value::missing();
    if (static_cast<std::size_t>(offset) >= text.size()) return Value::of("");
    return Value::of(text.substr(static_cast<std::size_t>(offset),
                                 count < 0 ? std::string_view::npos : static_cast<std::size_t>(count)));
}
Value convert_sub_string(const Conversion& c, const Value& input) {
    return convert_bytes(c, input);
}

Value convert_regsub(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    if (!c.node.regex) return Value::of(text);
    const auto replacement = c.text(1);
    const bool all = c.text(2).find('g') != std::string_view::npos;
    Builder out(*c.subject.arena);
    std::size_t from = 0;
    Regex::Match match;
    while (from <= text.size() && c.node.regex->match(text, match, from)) {
        const auto start = static_cast<std::size_t>(match.group[0].data() - text.data());
        out.add(text.substr(from, start - from));
        add_replacement(out, replacement, match);
        from = start + match.group[0].size();
        if (match.group[0].empty()) {  // an empty match takes one byte along
            out.add(text.substr(from, 1));
            ++from;
        }
        if (!all) break;
    }
    if (from < text.size()) out.add(text.substr(from));
    return Value::of(out.text());
}

// --- encodings ---

Value convert_url_decode(const Conversion& c, const Value& input) {
    const auto text = in_text(c, input);
    char* const start = c.subject.arena->bytes(text.size());
    char* at = start;
    bool in_form = c.node.number != 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char byte = text[i];
        if (byte == '%') {
            if (i + 2 >= text.size() || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) {
                return Value::missing();
            }
            byte = static_cast<char>(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
            i += 2;
        } else if (byte == '+' && in_form) {
            byte = ' ';
        } else if (byte == '?') {
            in_form = true;  // what follows is a query
        }
        *at++ = byte;
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}
Value convert_url_encode(const Conversion& c, const Value& input) {
    static constexpr char digits[] = "0123456789ABCDEF";
    const auto text = in_text(c, input);
    char* const start = c.subject.arena->bytes(text.size() * 3);
    char* at = start;
    for (unsigned char byte : text) {
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' ||
                           byte == '_' || byte == '~';
        if (plain) {
            *at++ = static_cast<char>(byte);
            continue;
        }
        *at++ = '%';
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}
Value convert_base64_encode(const Conversion& c, const Value& input) {
    return encode_base64(in_text(c, input), *c.subject.arena, false);
}
Value convert_base64url_encode(const Conversion& c, const Value& input) {
    return encode_base64(in_text(c, input), *c.subject.arena, true);
}
Value convert_base64_decode(const Conversion& c, const Value& input) {
    std::string_view plain;
    return decode_base64(in_text(c, input), *c.subject.arena, plain) ? Value::of(plain)
                                                                     : Value::missing();
}
Value convert_base64url_decode(const Conversion& c, const Value& input) {
    std::string_view plain;
    return decode_base64(in_text(c, input), *c.subject.arena, plain, true) ? Value::of(plain)
                                                                           : Value::missing();
}
Value convert_hex(const Conversion& c, const Value& input) {
    static constexpr char digits[] = "0123456789ABCDEF";
    const auto text = in_text(c, input);
    char* const start = c.subject.arena->bytes(text.size() * 2);
    char* at = start;
    for (unsigned char byte : text) {
        *at++ = digits[byte >> 4];
        *at++ = digits[byte & 15];
    }
    return Value::of({start, text.size() * 2});
}
Value convert_json_escape(const Conversion& c, const Value& input) {
    static constexpr char digits[] = "0123456789abcdef";
    const auto text = in_text(c, input);
    char* const start = c.subject.arena->bytes(text.size() * 6);
    char* at = start;
    for (unsigned char byte : text) {
        static constexpr std::string_view from = "\"\\/\b\f\n\r\t", to = "\"\\/bfnrt";
        if (const auto known = from.find(static_cast<char>(byte)); known != from.npos) {
            *at++ = '\\';
            *at++ = to[known];
        } else if (byte >= 32 && byte < 127) {
            *at++ = static_cast<char>(byte);
        } else {  // as Latin-1
            for (char p : {'\\', 'u', '0', '0'}) *at++ = p;
            *at++ = digits[byte >> 4];
            *at++ = digits[byte & 15];
        }
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}

// --- host and port, addresses ---

Value convert_host_only(const Conversion& c, const Value& input) {
    std::string_view port;
    return Value::of(host_of(in_text(c, input), port));
}
Value convert_port_only(const Conversion& c, const Value& input) {
    std::string_view port;
    host_of(in_text(c, input), port);
    return Value::of_number(to_number(Value::of(port)));
}
Value convert_ip_mask(const Conversion& c, const Value& input) {
    Value value = to_address(input);
    if (!value.exists) return value;
    const bool four = value.ip.family == IpAddress::Family::v4;
    if (c.node.count > 2) {
        IpAddress mask;
        if (parse_address(c.text(four ? 2 : 3), mask)) {
            for (int i = 0; i < (four ? 4 : 16); ++i) value.ip.bytes[i] &= mask.bytes[i];
            return value;
        }
    }
    const std::int64_t bits = four ? c.node.number : c.number(1, 128);
    for (int i = 0; i < (four ? 4 : 16); ++i) {
        const std::int64_t kept = std::clamp<std::int64_t>(bits - 8 * i, 0, 8);
        value.ip.bytes[i] = static_cast<unsigned char>(value.ip.bytes[i] & (0xff00 >> kept));
    }
    return value;
}

// --- hashes ---

Value convert_crc32(const Conversion& c, const Value& input) {
    return of_hash(c, hash::crc32(in_text(c, input)));
}
Value convert_djb2(const Conversion& c, const Value& input) {
    return of_hash(c, hash::djb2(in_text(c, input)));
}
Value convert_sdbm(const Conversion& c, const Value& input) {
    return of_hash(c, hash::sdbm(in_text(c, input)));
}
Value convert_wt6(const Conversion& c, const Value& input) {
    return of_hash(c, hash::wt6(in_text(c, input)));
}
Value convert_xxh32(const Conversion& c, const Value& input) {
    return Value::of_number(
        hash::xxh32(in_text(c, input), static_cast<std::uint32_t>(c.node.number)));
}
Value convert_xxh64(const Conversion& c, const Value& input) {
    return Value::of_number(static_cast<std::int64_t>(
        hash::xxh64(in_text(c, input), static_cast<std::uint64_t>(c.node.number))));
}
Value convert_md5(const Conversion& c, const Value& input) {
    return of_digest(c, net::Digest::md5, input);
}
Value convert_sha1(const Conversion& c, const Value& input) {
    return of_digest(c, net::Digest::sha1, input);
}
Value convert_sha2(const Conversion& c, const Value& input) {
    switch (c.node.number) {
        case 224: return of_digest(c, net::Digest::sha224, input);
        case 384: return of_digest(c, net::Digest::sha384, input);
        case 512: return of_digest(c, net::Digest::sha512, input);
        default: return of_digest(c, net::Digest::sha256, input);  // 256, or not said
    }
}

// --- others ---

Value convert_concat(const Conversion& c, const Value& input) {
    return Value::of(c.subject.arena->join({in_text(c, input), c.node.text, c.text(1), c.text(2)}));
}
// The delimiter stands only between two things that are there.
Value convert_add_item(const Conversion& c, const Value& input) {
    const auto before = in_text(c, input), item = c.text(1), suffix = c.text(2);
    const bool both = !before.empty() && !(item.empty() && suffix.empty());
    return Value::of(
        c.subject.arena->join({before, both ? c.node.text : std::string_view(), item, suffix}));
}
// "/a/b/c" of depth 2 is "/a/b".
Value convert_uri_depth(const Conversion& c, const Value& input) {
    const auto text = in_text(c, input);
    std::int64_t slashes = 0;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '/' && ++slashes > c.node.number) return Value::of(text.substr(0, i));
    return Value::of(text);
}
// "www.example.com" is "example": what stands between the last two dots.
Value convert_main_domain(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    const auto end = text.rfind('.');
    if (end == std::string_view::npos) return Value::of(text);
    text = text.substr(0, end);
    const auto dot = text.rfind('.');
    return Value::of(dot == std::string_view::npos ? text : text.substr(dot + 1));
}
Value convert_to_bytes(const Conversion& c, const Value& input) {
    return Value::of(in_text(c, input));
}
Value convert_http_date(const Conversion& c, const Value& input) {
    std::time_t time = 0;
    if (!time_of(c, input, time)) return Value::missing();
    return Value::of(c.subject.arena->copy(date_text(DateForm::http, time)));
}
Value convert_ltime(const Conversion& c, const Value& input) { return of_date(c, input, true); }
Value convert_utime(const Conversion& c, const Value& input) { return of_date(c, input, false); }
Value convert_url_parameter(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    if (const auto mark = text.find('?'); mark != std::string_view::npos)
        text.remove_prefix(mark + 1);
    Cursor cursor;
    return next_argument(text, c.node.text, false, cursor);
}

// Best language of an Accept-Language value out of "fr;en;de"; else in[1].
Value convert_language(const Conversion& c, const Value& input) {
    const auto wanted = in_text(c, input);
    std::string_view best;
    double best_quality = 0;
    for (std::size_t from = 0; from <= wanted.size();) {
        const auto end = std::min(wanted.find(',', from), wanted.size());
        auto entry = wanted.substr(from, end - from);
        from = end + 1;
        while (!entry.empty() && entry.front() == ' ') entry.remove_prefix(1);
        const auto name = entry.substr(0, entry.find_first_of("; "));
        double quality = 1;
        if (const auto q = entry.find("q="); q != std::string_view::npos) {
            char digits[8] = {};
            entry.copy(digits, sizeof digits - 1, q + 2);
            quality = std::strtod(digits, nullptr);
        }
        if (quality <= best_quality) continue;
        for (std::size_t at = 0; at <= c.node.text.size();) {
            const auto stop = std::min(c.node.text.find(';', at), c.node.text.size());
            const auto known = c.node.text.substr(at, stop - at);
            at = stop + 1;
            if (known.empty() || !http::equal_ignoring_case(known, name)) continue;
            best = known;
            best_quality = quality;
        }
    }
    if (best.data()) return Value::of(best);
    return c.argument(1);
}

// "/prefix/hash/link": the link where the hash is the MD5 of it and the secret.
Value link_with_hash(const Conversion& c, std::string_view path) {
    path.remove_prefix(path.starts_with('/') ? 1 : 0);
    auto prefix = path.find('/');
    auto rest = prefix == path.npos ? std::string_view() : path.substr(prefix + 1);
    auto end = rest.find('/');
    if (end != 32 || rest.size() == 33) return Value::of("");
    auto link = rest.substr(end + 1);
    unsigned char made[net::most_digest_bytes];
    if (net::digest(net::Digest::md5, c.subject.arena->join({link, c.text(1)}), made) != 16) return Value::of("");
    for (std::size_t i = 0; i < 16; ++i)
        if (hex_digit(rest[i * 2]) * 16 + hex_digit(rest[i * 2 + 1]) != made[i]) return Value::of("");
    return Value::of(link);
}

// The text "hash,time" of a link, and what its MD5 was made of. With text "expires": the time alone.
Value convert_secure_link(const Conversion& c, const Value& input) {
    auto text = in_text(c, input);
    if (c.node.text == "secret") return link_with_hash(c, text);
    auto comma = text.find(',');
    auto time = comma == text.npos ? std::string_view() : text.substr(comma + 1);
    std::int64_t until = 0;
    if (comma != text.npos) {
        auto [end, problem] = std::from_chars(time.data(), time.data() + time.size(), until);
        if (problem != std::errc() || end != time.data() + time.size() || until <= 0) return Value::of("");
    }
    if (c.node.text == "expires") return Value::of(time);
    std::string_view told;
    unsigned char made[net::most_digest_bytes];
    if (!decode_base64(text.substr(0, comma), *c.subject.arena, told, true) || told.size() != 16 ||
        net::digest(net::Digest::md5, c.text(1), made) != 16 || std::memcmp(told.data(), made, 16) != 0)
        return Value::of("");
    return Value::of(until != 0 && until < c.subject.wall_ms / 1000 ? "0" : "1");
}

}  // namespace weir::route
