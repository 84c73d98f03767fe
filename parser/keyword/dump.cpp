// SPDX-License-Identifier: Apache-2.0
// What the rows say, as text for others: the reference part of the manual, JSON for editors, words
// for completion. Each format has its own escapes; summaries may hold any character.
#include <fmt/format.h>

#include "parser/keyword/keyword.hpp"

namespace weir::keyword {

namespace {

const char* name_of(Support::Level level) {
    switch (level) {
        case Support::Level::full: return "full";
        case Support::Level::ignored: return "ignored";
        case Support::Level::refused: return "refused";
    }
    return "?";
}

const char* name_of(Body body) {
    switch (body) {
        case Body::none: return "none";
        case Body::block: return "block";
        case Body::entries: return "entries";
    }
    return "?";
}

// troff: a backslash starts an escape, a hyphen may become a dash, and a line that starts with a
// dot or an apostrophe is a request.
std::string for_troff(std::string_view text) {
    std::string out;
    for (char c : text) {
        bool at_start = out.empty() || out.back() == '\n';
        if (at_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\')
            out += "\\e";
        else if (c == '-')
            out += "\\-";
        else
            out += c;
    }
    return out;
}

// A macro argument stands in double quotes, which double inside.
std::string troff_argument(std::string_view text) {
    std::string out = "\"";
    for (char c : for_troff(text)) {
        if (c == '\n') c = ' ';
        out += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    return out + '"';
}

std::string for_shell(std::string_view text) {
    std::string out = "'";
    for (char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + "'";
}

// What the operator should know about weir and this keyword, if it is not simply run.
std::string support_note(const Keyword& row, const Language& language) {
    switch (row.support.level) {
        case Support::Level::full: return {};
        case Support::Level::ignored:
            return fmt::format("Accepted without effect: {}.", row.support.reason);
        case Support::Level::refused:
            if (!row.support.reason.empty())
                return fmt::format("Refused: {}.", row.support.reason);
            return fmt::format("Known to {}, not yet in weir.", language.program);
    }
    return {};
}

void man_row(std::string& out, const Keyword& row, const Language& language) {
    out += fmt::format(".TP\n.B {}\n{}\n", troff_argument(syntax_line(row)),
                       for_troff(row.summary));
    auto paragraph = [&](const std::string& text) {
        if (!text.empty()) out += fmt::format(".br\n{}\n", for_troff(text));
    };
    paragraph(std::string(row.details));
    paragraph(support_note(row, language));
    if (!row.fallback.empty()) paragraph(fmt::format("Default: {}.", row.fallback));
    if (row.where != 0)
        paragraph(fmt::format("Allowed in: {}.", names_of(row.where, language.contexts)));
    if (!row.since.empty())
        paragraph(fmt::format("Since {} {}.", language.program, row.since));
}

std::string man(std::span<const DumpPart> parts) {
    std::string out;
    for (const auto& part : parts) {
        std::string title(part.language->noun);
        if (!title.empty() && title[0] >= 'a' && title[0] <= 'z')
            title[0] = static_cast<char>(title[0] - 32);
        out += fmt::format(
            ".SH {}\n",
            troff_argument(fmt::format("{}{} of {}", title, title.ends_with("ch") ? "es" : "s",
                                       part.language->program)));
        for (const Keyword* row : part.rows->all()) man_row(out, *row, *part.language);
    }
    return out;
}

std::string json_row(const Keyword& row, const Language& language) {
    using diag::json_quote;
    std::string places;
    for (const auto& place : language.contexts) {
        if ((row.where & place.bit) == 0) continue;
        places += (places.empty() ? "" : ", ") + json_quote(place.name);
    }
    std::string most = row.args.max == unbounded ? "null" : fmt::format("{}", row.args.max);
    return fmt::format(
        "{{\"program\": {}, \"kind\": {}, \"name\": {}, \"syntax\": {}, \"contexts\": [{}], "
        "\"arguments\": [{}, {}], \"body\": \"{}\", \"default\": {}, \"since\": {}, "
        "\"support\": \"{}\", \"reason\": {}, \"summary\": {}}}",
        json_quote(language.program), json_quote(language.noun), json_quote(row.name),
        json_quote(syntax_line(row)), places, row.args.min, most, name_of(row.body),
        json_quote(row.fallback), json_quote(row.since), name_of(row.support.level),
        json_quote(row.support.reason), json_quote(row.summary));
}

std::string json(std::span<const DumpPart> parts) {
    std::string out = "[";
    for (const auto& part : parts)
        for (const Keyword* row : part.rows->all())
            out += (out.size() > 1 ? ",\n" : "\n") + json_row(*row, *part.language);
    return out + "\n]\n";
}

// One array for each program, and a completion of the words for a shell.
std::string bash(std::span<const DumpPart> parts) {
    std::string words;
    std::string_view last;
    for (const auto& part : parts)
        for (const Keyword* row : part.rows->all()) {
            if (row->name == last) continue;   // one name in several places
            last = row->name;
            words += "    " + for_shell(row->name) + "\n";
        }
    return "_weir_words=(\n" + words +
           ")\n"
           "_weir_complete_word() {\n"
           "    local IFS=$'\\n' word\n"
           "    COMPREPLY=()\n"
           "    for word in \"${_weir_words[@]}\"; do\n"
           "        [[ $word == \"$1\"* ]] && COMPREPLY+=(\"$word\")\n"
           "    done\n"
           "}\n";
}

}  // namespace

std::string dump(DumpFormat format, std::span<const DumpPart> parts) {
    switch (format) {
        case DumpFormat::man: return man(parts);
        case DumpFormat::json: return json(parts);
        case DumpFormat::bash: return bash(parts);
    }
    return {};
}

}  // namespace weir::keyword
