// SPDX-License-Identifier: Apache-2.0
// Values, expressions and templates as canonical text.
#include <algorithm>

#include "parser/ir/printer.hpp"

namespace weir::ir::printing {

namespace {

constexpr const char* fetch_names[] = {
#define X(name, type, phase) #name,
    WEIR_FETCHES(X)
#undef X
};
constexpr const char* converter_names[] = {
#define X(name, input, output) #name,
    WEIR_CONVERTERS(X)
#undef X
};

const char* name_of(Text::Escape escape) {
    switch (escape) {
        case Text::Escape::none: return "none";
        case Text::Escape::nginx_log: return "nginx_log";
        case Text::Escape::json: return "json";
        case Text::Escape::haproxy_log: return "haproxy_log";
        case Text::Escape::header: return "header";
    }
    return "?";
}

// Escapes what would end the quotes, start a value, or not show on a terminal.
std::string escaped(std::string_view text, bool in_template) {
    std::string out;
    for (char c : text) {
        auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\' || (in_template && c == '$'))
            (out += '\\') += c;
        else if (c == '\n')
            out += "\\n";
        else if (c == '\r')
            out += "\\r";
        else if (c == '\t')
            out += "\\t";
        else if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    return out;
}

std::string list_of(const std::vector<Expr>& in, const Config& config, const char* between,
                    std::size_t from = 0) {
    std::string out;
    for (std::size_t i = from; i < in.size(); ++i)
        (out += i > from ? between : "") += show(in[i], config);
    return out;
}

std::string slot_name(std::int64_t slot, const Config& config) {
    auto at = static_cast<std::size_t>(slot);
    if (at >= config.variables.size()) return fmt::format("slot {}", slot);
    return (config.variables[at].nginx ? "$" : "") + config.variables[at].name;
}

bool asks_entry(Fetch fetch) {
    return fetch == Fetch::followed_entry || fetch == Fetch::followed_exists ||
           fetch == Fetch::followed_key || fetch == Fetch::source_entry;
}

std::string show_query(std::int64_t number) {
    static constexpr const char* operations[] = {"get",    "kilobytes", "count_one", "clear",
                                                 "exists", "followers", "idle",      "expires"};
    const auto query = EntryQuery::of(number);
    return fmt::format("{} {} {} of {}", operations[static_cast<std::size_t>(query.op)],
                       column_name(query.what), query.index, query.follower);
}

std::string show_fetch(const Expr& expr, const Config& config) {
    auto index = static_cast<std::size_t>(expr.fetch);
    std::string name = index < std::size(fetch_names) ? fetch_names[index] : "?";
    if (expr.fetch == Fetch::variable) return name + "(" + slot_name(expr.number, config) + ")";
    if (expr.fetch == Fetch::named_capture &&
        static_cast<std::size_t>(expr.number) < config.named_captures.size())
        return name + "(" + config.named_captures[static_cast<std::size_t>(expr.number)] + ")";
    std::string arguments;
    auto argument = [&](const std::string& text) {
        (arguments += arguments.empty() ? "" : ", ") += text;
    };
    if (!expr.text.empty()) argument(show(expr.text));
    if (asks_entry(expr.fetch))
        argument(show_query(expr.number));
    else if (expr.number == occurrence::every)
        argument("every");
    else if (expr.number != 0)
        argument(std::to_string(expr.number));
    if (!expr.in.empty()) argument(list_of(expr.in, config, ", "));
    return arguments.empty() ? name : name + "(" + arguments + ")";
}

std::string show_convert(const Expr& expr, const Config& config) {
    auto index = static_cast<std::size_t>(expr.converter);
    std::string out = index < std::size(converter_names) ? converter_names[index] : "?";
    out += "(" + (expr.in.empty() ? std::string() : show(expr.in[0], config));
    if (expr.converter == Converter::set_variable || expr.converter == Converter::compare_string)
        out += ", " + slot_name(expr.number, config);
    else if (expr.converter == Converter::table_entry)
        out += ", " + show_query(expr.number);
    else if (expr.number != 0)
        out += ", " + std::to_string(expr.number);
    if (!expr.text.empty()) out += ", " + show(expr.text);
    if (expr.in.size() > 1) out += ", " + list_of(expr.in, config, ", ", 1);
    return out + ")";
}

std::string show_map(const Expr& expr, const Config& config) {
    auto at = static_cast<std::size_t>(expr.number);
    auto name = at < config.maps.size() ? config.maps[at].name : std::to_string(expr.number);
    return "map(" + show(name) + (expr.in.empty() ? "" : ", " + list_of(expr.in, config, ", ")) +
           ")";
}

std::string show_piece(const Text::Piece& piece, const Config& config) {
    if (!piece.expr) return escaped(piece.literal, true);
    std::string out = "${" + show(*piece.expr, config);
    if (piece.escape != Text::Escape::none) out += fmt::format(" |{}", name_of(piece.escape));
    if (piece.quoted) out += " |quoted";
    if (piece.hex) out += " |hex";
    if (piece.limit != 0) out += fmt::format(" |limit {}", piece.limit);
    if (!piece.if_missing.empty()) out += " |missing " + show(piece.if_missing);
    return out + "}";
}

}  // namespace

const char* name_of(PatternSet::How how) {
    using How = PatternSet::How;
    switch (how) {
        case How::equal: return "equal";
        case How::prefix: return "prefix";
        case How::suffix: return "suffix";
        case How::substring: return "substring";
        case How::directory: return "directory";
        case How::domain: return "domain";
        case How::regex: return "regex";
        case How::integer: return "integer";
        case How::length: return "length";
        case How::network: return "network";
        case How::found: return "found";
        case How::truth: return "truth";
        case How::file_exists: return "file_exists";
        case How::dir_exists: return "dir_exists";
        case How::any_exists: return "any_exists";
        case How::executable: return "executable";
    }
    return "?";
}

std::string show(bool value) { return value ? "on" : "off"; }

std::string show(Milliseconds value) {
    if (value == no_limit) return "unlimited";
    auto count = value.count();
    return count % 1000 == 0 ? fmt::format("{}s", count / 1000) : fmt::format("{}ms", count);
}

std::string show(std::string_view value) { return "\"" + escaped(value, false) + "\""; }
std::string show(const std::string& value) { return show(std::string_view(value)); }
std::string show(const char* value) { return show(std::string_view(value)); }

const char* column_name(Zone::Column::What what) {
    static constexpr const char* names[] = {
#define X(name) #name,
        WEIR_COLUMNS(X)
#undef X
    };
    auto index = static_cast<std::size_t>(what);
    return index < std::size(names) ? names[index] : "?";
}

std::string name_of(Phase phase) {
    switch (phase) {
        case Phase::connect: return "connect";
        case Phase::handshake: return "handshake";
        case Phase::request: return "request";
        case Phase::forward: return "forward";
        case Phase::response: return "response";
        case Phase::reply: return "reply";
        case Phase::log: return "log";
    }
    return "?";
}

std::string show(const PatternSet& patterns) {
    std::string out = name_of(patterns.how);
    if (patterns.ignore_case) out += " any_case";
    if (patterns.keeps_captures) out += " capturing";
    if (!patterns.name.empty()) out += " from " + show(patterns.name);
    for (const auto& text : patterns.texts) out += " " + show(text);
    for (const auto& range : patterns.ranges) {
        bool single = range.low == range.high;
        out += " " + (range.low == INT64_MIN ? std::string() : std::to_string(range.low));
        if (!single) out += ".." + (range.high == INT64_MAX ? "" : std::to_string(range.high));
    }
    for (const auto& network : patterns.networks)
        out += fmt::format(" {}/{}", to_string(network.address), network.bits);
    return out;
}

std::string show(const Expr& expr, const Config& config) {
    switch (expr.op) {
        case Expr::Op::literal:
            if (expr.type == Type::integer) return std::to_string(expr.number);
            if (expr.type == Type::boolean) return expr.number != 0 ? "true" : "false";
            return show(expr.text);
        case Expr::Op::fetch: return show_fetch(expr, config);
        case Expr::Op::convert: return show_convert(expr, config);
        case Expr::Op::match:
            return "(" + list_of(expr.in, config, ", ") + " matches " +
                   (expr.patterns ? show(*expr.patterns) : std::string("nothing")) + ")";
        case Expr::Op::all_of: return "(" + list_of(expr.in, config, " and ") + ")";
        case Expr::Op::any_of: return "(" + list_of(expr.in, config, " or ") + ")";
        case Expr::Op::negate: return "not " + list_of(expr.in, config, ", ");
        case Expr::Op::concat: return "concat(" + list_of(expr.in, config, ", ") + ")";
        case Expr::Op::map: return show_map(expr, config);
    }
    return "?";
}

std::string show(const Text& text, const Config& config) {
    std::string out = "\"";
    for (const auto& piece : text.pieces) out += show_piece(piece, config);
    return out + (text.joins_blanks ? "\" joining blanks" : "\"");
}

std::string show_pool(PoolId id, const Config& config) {
    return id < config.pools.size() ? show(config.pools[id].name) : std::string("none");
}

}  // namespace weir::ir::printing
