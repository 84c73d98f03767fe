// SPDX-License-Identifier: Apache-2.0
#include "runtime/cache/hints.hpp"

#include <algorithm>

namespace weir::cache {

namespace {

constexpr std::string_view relations[] = {"preload", "preconnect", "dns-prefetch", "modulepreload", "prefetch"};

std::string_view skip_blanks(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    return text;
}

// Behind the quote that closes what `text` opens with; npos: nothing closes it (RFC 9110 section 5.6.4).
std::size_t end_of_quoted(std::string_view text) {
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '\\') ++i;
        else if (text[i] == '"') return i + 1;
    }
    return text.npos;
}

// Takes a token or a quoted string off the front. False: it is neither, or more follows than a blank.
bool take_value(std::string_view& rest, std::string_view& value) {
    if (rest.starts_with('"')) {
        auto end = end_of_quoted(rest);
        if (end == rest.npos) return false;
        value = rest.substr(1, end - 2);
        rest.remove_prefix(end);
    } else {
        value = rest.substr(0, rest.find_first_of("; \t\""));
        rest.remove_prefix(value.size());
        if (value.empty()) return false;
    }
    rest = skip_blanks(rest);
    return rest.empty() || rest.front() == ';';
}

bool names_relation(std::string_view value) {
    for (value = skip_blanks(value); !value.empty(); value = skip_blanks(value)) {
        auto word = value.substr(0, value.find_first_of(" \t"));
        value.remove_prefix(word.size());
        for (auto known : relations)
            if (http::equal_ignoring_case(word, known)) return true;
    }
    return false;
}

// The next member of a list, with the comma behind it taken off.
std::string_view take_member(std::string_view& list) {
    std::size_t at = 0;
    while (at < list.size() && list[at] != ',')
        at = list[at] == '"' ? std::min(end_of_quoted(list.substr(at)), list.size() - at) + at : at + 1;
    auto member = skip_blanks(list.substr(0, at));
    while (!member.empty() && (member.back() == ' ' || member.back() == '\t')) member.remove_suffix(1);
    list.remove_prefix(std::min(at + 1, list.size()));
    return member;
}

}  // namespace

bool is_hint(std::string_view link) {
    auto close = link.find('>');
    if (!link.starts_with('<') || close == link.npos) return false;
    auto rest = skip_blanks(link.substr(close + 1));
    while (rest.starts_with(';')) {
        rest = skip_blanks(rest.substr(1));
        auto name = rest.substr(0, rest.find_first_of("=; \t"));
        rest = skip_blanks(rest.substr(name.size()));
        std::string_view value;
        if (rest.starts_with('=')) {
            rest = skip_blanks(rest.substr(1));
            if (!take_value(rest, value)) return false;
        }
        // Others of the same name do not count (RFC 8288 section 3.3).
        if (http::equal_ignoring_case(name, "rel")) return names_relation(value);
    }
    return false;
}

std::string_view hints_of(const http::FieldList& answer, Arena& arena) {
    std::string_view lines;
    if (!answer.seen(http::FieldId::link)) return lines;
    for (const auto& field : answer) {
        if (field.id != http::FieldId::link) continue;
        std::string_view hints;
        for (auto rest = field.value; !rest.empty();) {
            auto link = take_member(rest);
            if (is_hint(link)) hints = hints.empty() ? link : arena.join({hints, ", ", link});
        }
        if (!hints.empty()) lines = lines.empty() ? hints : arena.join({lines, "\n", hints});
    }
    return lines;
}

}  // namespace weir::cache
