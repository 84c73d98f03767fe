// SPDX-License-Identifier: Apache-2.0
// json_query: one value out of a JSON text, by a path such as $.user.roles[0] ("\\." is a dot in a name).
// The text is walked once and nothing is built: it comes from clients.
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "runtime/route/fetch.hpp"

namespace weir::route {
namespace {

constexpr int most_depth = 64;

void skip_blanks(std::string_view text, std::size_t& at) {
    while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\n' || text[at] == '\r')) ++at;
}

// Past a string whose first quote is at `at`. False: it has no end.
bool skip_string(std::string_view text, std::size_t& at) {
    for (++at; at < text.size(); ++at) {
        if (text[at] == '\\') ++at;
        else if (text[at] == '"') return ++at, true;
    }
    return false;
}

// Past any value. False: there is none, or it has no end.
bool skip_value(std::string_view text, std::size_t& at, int depth) {
    skip_blanks(text, at);
    if (at >= text.size() || depth > most_depth) return false;
    if (text[at] == '"') return skip_string(text, at);
    if (text[at] == '{' || text[at] == '[') {
        const char closing = text[at] == '{' ? '}' : ']';
        ++at;
        skip_blanks(text, at);
        if (at < text.size() && text[at] == closing) return ++at, true;
        while (true) {
            if (closing == '}') {
                skip_blanks(text, at);
                if (at >= text.size() || text[at] != '"' || !skip_string(text, at)) return false;
                skip_blanks(text, at);
                if (at >= text.size() || text[at++] != ':') return false;
            }
            if (!skip_value(text, at, depth + 1)) return false;
            skip_blanks(text, at);
            if (at >= text.size()) return false;
            const char next = text[at++];
            if (next == closing) return true;
            if (next != ',') return false;
        }
    }
    const std::size_t start = at;
    while (at < text.size() && std::strchr(",]} \t\r\n", text[at]) == nullptr) ++at;
    return at != start;
}

// The value of `name` in the object at `at`; moves there.
bool enter_name(std::string_view text, std::size_t& at, std::string_view name) {
    skip_blanks(text, at);
    if (at >= text.size() || text[at] != '{') return false;
    ++at;
    while (true) {
        skip_blanks(text, at);
        const std::size_t start = at + 1;
        if (at >= text.size() || text[at] != '"' || !skip_string(text, at)) return false;
        const auto found = text.substr(start, at - 1 - start);
        skip_blanks(text, at);
        if (at >= text.size() || text[at++] != ':') return false;
        skip_blanks(text, at);
        if (found == name) return true;
        if (!skip_value(text, at, 0)) return false;
        skip_blanks(text, at);
        if (at >= text.size() || text[at++] != ',') return false;
    }
}

bool enter_index(std::string_view text, std::size_t& at, std::uint32_t index) {
    skip_blanks(text, at);
    if (at >= text.size() || text[at] != '[') return false;
    ++at;
    for (; index > 0; --index) {
        if (!skip_value(text, at, 0)) return false;
        skip_blanks(text, at);
        if (at >= text.size() || text[at++] != ',') return false;
    }
    skip_blanks(text, at);
    return at < text.size() && text[at] != ']';
}

// The next name of the path, without its escapes; `path` goes on behind it.
std::string_view next_name(std::string_view& path, Arena& arena) {
    char* const out = arena.bytes(path.size());
    std::size_t size = 0, i = 0;
    for (; i < path.size() && path[i] != '.' && path[i] != '['; ++i) {
        if (path[i] == '\\' && i + 1 < path.size()) ++i;
        out[size++] = path[i];
    }
    path.remove_prefix(i);
    return {out, size};
}

bool follow(std::string_view path, std::string_view text, std::size_t& at, Arena& arena) {
    path.remove_prefix(path.empty() ? 0 : 1);   // "$"
    while (!path.empty()) {
        if (path.front() == '.') {
            path.remove_prefix(1);
            if (!enter_name(text, at, next_name(path, arena))) return false;
            continue;
        }
        if (path.front() != '[') return false;
        const auto end = path.find(']');
        if (end == std::string_view::npos) return false;
        std::uint32_t index = 0;
        if (std::from_chars(path.data() + 1, path.data() + end, index).ec != std::errc()) return false;
        if (!enter_index(text, at, index)) return false;
        path.remove_prefix(end + 1);
    }
    return true;
}

// A code point of \\uXXXX as UTF-8.
char* put_utf8(std::uint32_t code, char* out) {
    if (code < 0x80) {
        *out++ = static_cast<char>(code);
    } else if (code < 0x800) {
        *out++ = static_cast<char>(0xc0 | code >> 6);
        *out++ = static_cast<char>(0x80 | (code & 63));
    } else {
        *out++ = static_cast<char>(0xe0 | code >> 12);
        *out++ = static_cast<char>(0x80 | (code >> 6 & 63));
        *out++ = static_cast<char>(0x80 | (code & 63));
    }
    return out;
}

Value of_string(std::string_view raw, Arena& arena) {
    if (raw.find('\\') == std::string_view::npos) return Value::of(raw);
    char* const start = arena.bytes(raw.size());
    char* at = start;
    for (std::size_t i = 0; i < raw.size(); ++i) {
        if (raw[i] != '\\' || i + 1 == raw.size()) {
            *at++ = raw[i];
            continue;
        }
        const char kind = raw[++i];
        constexpr std::string_view from = "bfnrt", to = "\b\f\n\r\t";
        if (kind == 'u' && i + 4 < raw.size()) {
            std::uint32_t code = 0;
            if (std::from_chars(raw.data() + i + 1, raw.data() + i + 5, code, 16).ptr != raw.data() + i + 5)
                return Value::missing();
            // HAProxy makes one byte of what fits into one.
            if (code < 0x100) *at++ = static_cast<char>(code);
            else at = put_utf8(code, at);
            i += 4;
        } else if (const auto known = from.find(kind); known != std::string_view::npos) {
            *at++ = to[known];
        } else {
            *at++ = kind;
        }
    }
    return Value::of({start, static_cast<std::size_t>(at - start)});
}

}  // namespace

Value convert_json_query(const Conversion& c, const Value& input) {
    const auto text = to_text(input, *c.subject.arena);
    std::size_t at = 0;
    if (!follow(c.node.text, text, at, *c.subject.arena)) return Value::missing();
    const std::size_t start = at;
    if (!skip_value(text, at, 0)) return Value::missing();
    const auto found = text.substr(start, at - start);
    if (found.front() == '"') return of_string(found.substr(1, found.size() - 2), *c.subject.arena);
    if (found == "true" || found == "false") return Value::of_boolean(found == "true");
    if (found.front() == '[') return Value::of(found);
    if (found.front() == '{' || found == "null") return Value::missing();
    if (c.node.number != 1) return Value::of(found);
    std::int64_t number = 0;
    if (std::from_chars(found.data(), found.data() + found.size(), number).ec != std::errc()) return Value::missing();
    return Value::of_number(number);
}

}  // namespace weir::route
