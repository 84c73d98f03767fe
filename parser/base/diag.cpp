// SPDX-License-Identifier: Apache-2.0
#include "parser/base/diag.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace weir::diag {

void Sink::error(Span span, std::string id, std::string message, std::string hint) {
    add({Severity::error, span, std::move(message), std::move(hint), std::move(id)});
}

void Sink::warning(Span span, std::string id, std::string message, std::string hint) {
    add({Severity::warning, span, std::move(message), std::move(hint), std::move(id)});
}

void Sink::advice(Span span, std::string id, std::string message, std::string hint) {
    add({Severity::advice, span, std::move(message), std::move(hint), std::move(id)});
}

bool Sink::failed() const { return count(Severity::error) != 0; }

std::size_t Sink::count(Severity severity) const {
    return static_cast<std::size_t>(std::count_if(
        all_.begin(), all_.end(), [&](const auto& entry) { return entry.severity == severity; }));
}

void Sink::sort(const SourceMap& sources) {
    std::stable_sort(all_.begin(), all_.end(), [&](const Diagnostic& a, const Diagnostic& b) {
        return sources.before(a.span, b.span);
    });
}

const char* name_of(Severity severity) {
    switch (severity) {
        case Severity::advice: return "advice";
        case Severity::warning: return "warning";
        case Severity::error: return "error";
    }
    return "error";
}

namespace {

// A source line as a terminal can show it: control bytes become one '?', tabs stay.
std::string printable(std::string_view line) {
    std::string out(line);
    for (char& c : out)
        if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f) c = '?';
    return out;
}

constexpr std::size_t longest_line_shown = 160;

// The line with a caret below the word; long lines are cut around the word.
std::string caret(std::string_view line, std::size_t column, std::size_t length) {
    std::size_t from = 0;
    if (line.size() > longest_line_shown && column > longest_line_shown / 2)
        from = column - longest_line_shown / 2;
    auto shown = printable(line.substr(from, longest_line_shown));
    std::string mark;
    for (std::size_t i = 0; i + from < column && i < shown.size(); ++i)
        mark += shown[i] == '\t' ? '\t' : ' ';
    mark += '^';
    auto room = shown.size() > mark.size() ? shown.size() - mark.size() : 0;
    if (length > 1) mark.append(std::min(length - 1, room), '~');
    return fmt::format("    {}\n    {}\n", shown, mark);
}

}  // namespace

std::string render_text(const Diagnostic& diagnostic, const SourceMap& sources) {
    std::string out;
    if (diagnostic.span.known()) {
        auto at = sources.position(diagnostic.span.file, diagnostic.span.begin);
        out = fmt::format("{}:{}:{}: {}: {}\n", sources.file(diagnostic.span.file).name, at.line,
                          at.column, name_of(diagnostic.severity), diagnostic.message);
        out += caret(sources.line(diagnostic.span.file, diagnostic.span.begin), at.column - 1,
                     diagnostic.span.length);
    } else {
        out = fmt::format("{}: {}\n", name_of(diagnostic.severity), diagnostic.message);
    }
    if (!diagnostic.hint.empty()) out += fmt::format("    hint: {}\n", diagnostic.hint);
    return out;
}

namespace {

// Length of the UTF-8 sequence at text[0], or 0 when it is none (RFC 3629).
std::size_t utf8_length(std::string_view text) {
    auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    unsigned char lead = byte(0);
    std::size_t need = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : lead >= 0xe0 && lead < 0xf0 ? 3
                     : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (need == 0 || need > text.size()) return 0;
    for (std::size_t i = 1; i < need; ++i)
        if ((byte(i) & 0xc0) != 0x80) return 0;
    if (need > 2) {
        if ((lead == 0xe0 && byte(1) < 0xa0) || (lead == 0xed && byte(1) > 0x9f) ||
            (lead == 0xf0 && byte(1) < 0x90) || (lead == 0xf4 && byte(1) > 0x8f))
            return 0;
    }
    return need;
}

}  // namespace

std::string json_quote(std::string_view text) {
    std::string out = "\"";
    while (!text.empty()) {
        auto c = static_cast<unsigned char>(text[0]);
        std::size_t length = 1;
        if (c == '"' || c == '\\') {
            out += '\\';
            out += text[0];
        } else if (c < 0x20 || c == 0x7f) {
            out += fmt::format("\\u{:04x}", c);
        } else if ((length = utf8_length(text)) != 0) {
            out += text.substr(0, length);
        } else {
            length = 1;
            out += "\\ufffd";
        }
        text.remove_prefix(length);
    }
    return out + '"';
}

std::string render_json(const Sink& sink, const SourceMap& sources) {
    std::string out = "[";
    for (const auto& entry : sink.all()) {
        if (out.size() > 1) out += ",";
        out += fmt::format("\n  {{\"severity\": \"{}\", \"id\": {}", name_of(entry.severity),
                           json_quote(entry.id));
        if (entry.span.known()) {
            auto at = sources.position(entry.span.file, entry.span.begin);
            out += fmt::format(", \"file\": {}, \"line\": {}, \"column\": {}, \"word\": {}",
                               json_quote(sources.file(entry.span.file).name), at.line, at.column,
                               json_quote(sources.text(entry.span)));
        }
        out += fmt::format(", \"message\": {}, \"hint\": {}}}", json_quote(entry.message),
                           json_quote(entry.hint));
    }
    return out + (out.size() > 1 ? "\n]\n" : "]\n");
}

}  // namespace weir::diag
