// SPDX-License-Identifier: Apache-2.0
#include "runtime/route/escape.hpp"

#include <array>
#include <cstdint>

namespace weir::route {
namespace {

constexpr char upper_digits[] = "0123456789ABCDEF";

using Bytes = std::array<bool, 256>;
constexpr Bytes make_set(unsigned from_high, std::string_view also, bool tab) {
    Bytes set{};
    for (unsigned byte = 0; byte < 256; ++byte) set[byte] = byte < 32 || byte >= from_high;
    set[127] = true;
    if (!tab) set['\t'] = false;
    for (char c : also) set[static_cast<unsigned char>(c)] = true;
    return set;
}
constexpr Bytes for_nginx_log = make_set(127, "\"\\", true);
constexpr Bytes for_target = make_set(127, "\"#", true);
constexpr Bytes for_captured = make_set(127, "\"#{|}", true);
// HAProxy leaves a tab and bytes above 127 of an expression alone.
constexpr Bytes for_haproxy_log = make_set(256, "", false);
constexpr Bytes for_header = make_set(256, "", false);
constexpr Bytes for_path = make_set(127, " \"#%<>?\\^`{|}", true);
constexpr Bytes for_argument = make_set(127, " \"#%&+;<>?\\^`{|}", true);
constexpr Bytes for_segment = [] {
    Bytes set{};
    for (unsigned byte = 0; byte < 256; ++byte) {
        bool word = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        set[byte] = !word && byte != '-' && byte != '.' && byte != '_' && byte != '~';
    }
    return set;
}();
constexpr Bytes for_json = [] {
    Bytes set = make_set(256, "\"\\", true);
    set[127] = false;
    return set;
}();

bool needs(std::string_view text, const Bytes& set) {
    for (unsigned char byte : text) {
        if (set[byte]) return true;
    }
    return false;
}

// `prefix` and two digits for each byte of the set.
std::string_view write_hex(std::string_view text, const Bytes& set, std::string_view prefix,
                           Arena& arena) {
    if (!needs(text, set)) return text;
    std::size_t size = 0;
    for (unsigned char byte : text) size += set[byte] ? prefix.size() + 2 : 1;
    char* const start = arena.bytes(size);
    char* at = start;
    for (unsigned char byte : text) {
        if (!set[byte]) {
            *at++ = static_cast<char>(byte);
            continue;
        }
        for (char c : prefix) *at++ = c;
        *at++ = upper_digits[byte >> 4];
        *at++ = upper_digits[byte & 15];
    }
    return {start, size};
}

std::string_view write_json(std::string_view text, Arena& arena) {
    if (!needs(text, for_json)) return text;
    char* const start = arena.bytes(text.size() * 6);
    char* at = start;
    for (unsigned char byte : text) {
        if (!for_json[byte]) {
            *at++ = static_cast<char>(byte);
            continue;
        }
        *at++ = '\\';
        switch (byte) {
            case '\n': *at++ = 'n'; break;
            case '\r': *at++ = 'r'; break;
            case '\t': *at++ = 't'; break;
            case '\b': *at++ = 'b'; break;
            case '\f': *at++ = 'f'; break;
            case '"':
            case '\\': *at++ = static_cast<char>(byte); break;
            default:
                for (char c : {'u', '0', '0'}) *at++ = c;
                *at++ = upper_digits[byte >> 4];
                *at++ = upper_digits[byte & 15];
        }
    }
    return {start, static_cast<std::size_t>(at - start)};
}

}  // namespace

std::string_view escape(std::string_view text, ir::Text::Escape how, Arena& arena) {
    using Escape = ir::Text::Escape;
    switch (how) {
        case Escape::none: return text;
        case Escape::nginx_log: return write_hex(text, for_nginx_log, "\\x", arena);
        case Escape::json: return write_json(text, arena);
        case Escape::haproxy_log: return write_hex(text, for_haproxy_log, "#", arena);
        case Escape::header: return write_hex(text, for_header, "%", arena);
    }
    return text;
}

std::string_view escape_target(std::string_view text, Arena& arena) {
    return write_hex(text, for_target, "#", arena);
}

std::string_view escape_captured(std::string_view text, Arena& arena) {
    return write_hex(text, for_captured, "#", arena);
}

std::string_view escape_path(std::string_view text, Arena& arena) {
    return write_hex(text, for_path, "%", arena);
}

std::string_view escape_segment(std::string_view text, Arena& arena) {
    return write_hex(text, for_segment, "%", arena);
}

std::string_view escape_argument(std::string_view text, Arena& arena) {
    return write_hex(text, for_argument, "%", arena);
}

std::string_view escape_html(std::string_view text, Arena& arena) {
    if (text.find_first_of("<>&\"") == std::string_view::npos) return text;
    char* const start = arena.bytes(text.size() * 6);
    char* at = start;
    for (char c : text) {
        std::string_view written(&c, 1);
        switch (c) {
            case '<': written = "&lt;"; break;
            case '>': written = "&gt;"; break;
            case '&': written = "&amp;"; break;
            case '"': written = "&quot;"; break;
            default: break;
        }
        at += written.copy(at, written.size());
    }
    return {start, static_cast<std::size_t>(at - start)};
}

}  // namespace weir::route
