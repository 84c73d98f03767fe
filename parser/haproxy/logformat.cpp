// SPDX-License-Identifier: Apache-2.0
// Log formats, which HAProxy uses for every text with values in it: %ci, %[expression], %{+Q}r.
#include <fmt/format.h>

#include "parser/haproxy/rows.hpp"
#include "parser/haproxy/syntax.hpp"
#include "parser/haproxy/tables_own.hpp"

namespace weir::haproxy {

namespace {

using F = ir::Fetch;

constexpr Keyword variable(std::string_view name, F code, std::string_view summary,
                           std::int64_t number = 0) {
    const auto& facts = fetch_facts[static_cast<std::size_t>(code)];
    return {.name = name,
            .where = in::log_format,
            .summary = summary,
            .type = facts.type,
            .needs = facts.phase,
            .code = static_cast<std::uint16_t>(code),
            .number = number};
}

constexpr auto rows = sorted({
    variable("%B", F::bytes_sent, "Bytes sent to the client."),
    variable("%CC", F::log_captured_request_cookie, "Captured cookie of the request."),
    variable("%CS", F::log_captured_response_cookie, "Captured cookie of the response."),
    variable("%H", F::host_name, "Name of the machine."),
    variable("%HM", F::method, "Method."),
    variable("%HP", F::path, "Target without the query.", 1),
    variable("%HPO", F::path, "Path without the query."),
    variable("%HQ", F::query, "Query, with its \"?\".", 1),
    variable("%HU", F::request_target, "Target."),
    variable("%HV", F::request_version, "Version."),
    variable("%ID", F::unique_id_format, "The identifier that unique-id-format makes."),
    variable("%ST", F::status, "Status."),
    variable("%T", F::log_accept_date_gmt, "Date of the accept, UTC."),
    variable("%TR", F::log_time_request, "Time to get the request head."),
    variable("%Ta", F::log_time_active, "Time the request was active."),
    variable("%Tc", F::log_time_connect, "Time to connect to the server."),
    variable("%Td", F::log_time_data, "Time to pass the data."),
    variable("%Th", F::log_time_handshake, "Time of the handshakes."),
    variable("%Ti", F::log_time_idle, "Time before the request."),
    variable("%Tl", F::log_accept_date_local, "Date of the accept, local time."),
    variable("%Tq", F::log_time_request, "Th + Ti + TR.", 1),
    variable("%Tr", F::log_time_response, "Time the server took to answer."),
    variable("%Ts", F::log_timestamp_seconds, "Date of the accept, seconds."),
    variable("%Tt", F::log_time_total, "Time from accept to end."),
    variable("%Tu", F::log_time_user, "Time as the user saw it."),
    variable("%Tw", F::log_time_queue, "Time in queues."),
    variable("%U", F::bytes_received, "Bytes received from the client."),
    variable("%ac", F::process_connections, "Connections of the process."),
    variable("%b", F::pool_name, "Name of the backend."),
    variable("%bc", F::log_pool_connections, "Connections of the backend."),
    variable("%bi", F::server_source_address, "Address weir connected from."),
    variable("%bp", F::server_source_port, "Port weir connected from."),
    variable("%bq", F::log_pool_queue, "Length of the backend's queue."),
    variable("%ci", F::client_address, "Address of the client."),
    variable("%cp", F::client_port, "Port of the client."),
    variable("%f", F::frontend_name, "Name of the frontend."),
    variable("%fc", F::site_connections, "Connections of the frontend."),
    variable("%fi", F::local_address, "Address the client connected to."),
    variable("%fp", F::local_port, "Port the client connected to."),
    variable("%ft", F::log_frontend_transport, "Name of the frontend, ~ for TLS."),
    variable("%hr", F::request_captures, "Captured fields of the request."),
    variable("%hrl", F::request_captures, "The same, each quoted.", 1),
    variable("%hs", F::response_captures, "Captured fields of the response."),
    variable("%hsl", F::response_captures, "The same, each quoted.", 1),
    variable("%ms", F::log_milliseconds, "Milliseconds of the accept."),
    variable("%o", F::host_name, "Nothing; its flags hold for what follows."),
    variable("%pid", F::process_id, "Number of the process."),
    variable("%r", F::request_line, "First line of the request."),
    variable("%rc", F::log_retries, "Number of retries."),
    variable("%rt", F::log_counter, "Number of the request."),
    variable("%s", F::server_name, "Name of the server."),
    variable("%sc", F::log_server_connections, "Connections of the server."),
    variable("%si", F::server_address, "Address of the server."),
    variable("%sp", F::server_port, "Port of the server."),
    variable("%sq", F::log_server_queue, "Length of the server's queue."),
    variable("%sslc", F::tls_cipher, "Cipher of TLS."),
    variable("%sslv", F::tls_protocol, "Version of TLS."),
    variable("%t", F::log_accept_date, "Date of the accept, with milliseconds."),
    variable("%tr", F::log_request_date, "Date of the request, with milliseconds."),
    variable("%trg", F::log_request_date_gmt, "Date of the request, UTC."),
    variable("%trl", F::log_request_date_local, "Date of the request, local time."),
    variable("%ts", F::log_termination_state, "How it ended, two letters.", 2),
    variable("%tsc", F::log_termination_state, "How it ended, with cookie state.", 4),
});
static_assert(keyword::well_formed(rows));

struct Flags {
    bool quoted = false, hex = false, escaped = false;
};

class Formats {
public:
    Formats(Scope& scope, const Argument& word, FormatUse use)
        : scope_(scope),
          word_(word),
          use_(use),
          joins_(use == FormatUse::log || use == FormatUse::unique_id) {
        text_.span = word.span;
    }

    void add(const ast::FormatPiece& piece);
    ir::Text take() {
        if (!pending_.empty()) flush();
        return std::move(text_);
    }

private:
    void add_literal(std::string_view bytes);
    void add_value(ir::Expr expr, Flags flags);
    void add_variable(const ast::FormatPiece& piece);
    Flags read_flags(const ast::FormatPiece& piece);
    void flush() {
        text_.pieces.push_back({.literal = std::move(pending_)});
        pending_.clear();
    }

    Scope& scope_;
    const Argument& word_;
    FormatUse use_;
    bool joins_;  // a leading blank is dropped, runs of them become one
    Flags standing_;
    ir::Text text_;
    std::string pending_;
    bool after_blank_ = true;
    bool may_join_ = false;    // after a blank and a value that may turn out empty
};

void Formats::add_literal(std::string_view bytes) {
    for (char c : bytes) {
        bool blank = joins_ && c == ' ';
        if (blank && may_join_) text_.joins_blanks = true;
        may_join_ = false;
        if (!blank) {
            pending_ += c;
        } else if (!after_blank_) {
            pending_ += ' ';
        }
        after_blank_ = blank;
    }
}

Flags Formats::read_flags(const ast::FormatPiece& piece) {
    Flags flags = standing_;
    bool on = true;
    for (char c : piece.flags) {
        switch (c) {
            case '+': on = true; break;
            case '-': on = false; break;
            case 'Q': flags.quoted = on; break;
            case 'X': flags.hex = on; break;
            case 'E': flags.escaped = on; break;
            case 'M':
            case ',':
            case ' ': break;
            default:
                scope_.error(inside(word_, piece.at, piece.length), "bad-format",
                             fmt::format("unknown flag '{}' in %{{{}}}", c, piece.flags),
                             "flags are +Q, +X, +E, +M and their opposites with '-'");
                return flags;
        }
    }
    return flags;
}

void Formats::add_value(ir::Expr expr, Flags flags) {
    // Captured fields are absent as a whole; what else a log line lacks is written as "-".
    bool captures = expr.fetch == F::request_captures || expr.fetch == F::response_captures;
    bool dash =
        use_ == FormatUse::log && !flags.quoted && !(expr.op == ir::Expr::Op::fetch && captures);
    // Two blanks around a value that may be empty are joined at run time.
    may_join_ = joins_ && (after_blank_ || may_join_) && !dash && !flags.quoted;
    after_blank_ = false;
    if (!pending_.empty()) flush();
    ir::Text::Piece piece;
    piece.expr = std::make_shared<const ir::Expr>(std::move(expr));
    piece.escape = use_ == FormatUse::log    ? ir::Text::Escape::haproxy_log
                   : use_ == FormatUse::body ? ir::Text::Escape::none
                                             : ir::Text::Escape::header;
    if (flags.escaped && use_ != FormatUse::log) piece.escape = ir::Text::Escape::haproxy_log;
    piece.quoted = flags.quoted;
    piece.hex = flags.hex;
    if (dash) piece.if_missing = "-";
    text_.pieces.push_back(std::move(piece));
}

void Formats::add_variable(const ast::FormatPiece& piece) {
    auto name = "%" + piece.text;
    auto span = inside(word_, piece.at, piece.length);
    const Keyword* row =
        find_word(scope_, {.text = name, .span = span}, in::log_format, variable_language);
    if (!row) return;
    auto flags = read_flags(piece);
    if (name == "%o") {
        standing_ = flags;
        return;
    }
    auto expr = fetch_expr(static_cast<F>(row->code), span);
    expr.number = row->number;
    if (expr.needs >= ir::Phase::forward && (scope_.place & in::requests) != 0) {
        // Not known yet: HAProxy writes what it has at that point.
        bool of_pool = expr.fetch == F::pool_name && scope_.draft && !scope_.draft->is_defaults();
        return add_literal(of_pool                        ? std::string_view(scope_.draft->name)
                           : expr.fetch == F::server_name ? "<NOSRV>"
                                                          : "-");
    }
    add_value(std::move(expr), flags);
}

void Formats::add(const ast::FormatPiece& piece) {
    using Kind = ast::FormatPiece::Kind;
    switch (piece.kind) {
        case Kind::literal: return add_literal(piece.text);
        case Kind::variable: return add_variable(piece);
        case Kind::expression: {
            auto flags = read_flags(piece);
            if (auto expr = lower_chain(scope_, piece.chain, word_, 0))
                add_value(std::move(*expr), flags);
            return;
        }
    }
}

std::string_view words_of(LogShape shape) {
    switch (shape) {
        case LogShape::http:
            return "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc "
                   "%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r";
        case LogShape::http_clf:
            return "%{+Q}o %{-Q}ci - - [%trg] %r %ST %B \"\" \"\" %cp %ms %ft %b %s %TR %Tw %Tc "
                   "%Tr %Ta %tsc %ac %fc %bc %sc %rc %sq %bq %CC %CS %hrl %hsl";
        case LogShape::tcp:
            return "%ci:%cp [%t] %ft %b/%s %Tw/%Tc/%Tt %B %ts %ac/%fc/%bc/%sc/%rc %sq/%bq";
        case LogShape::plain: return "Connect from %ci:%cp to %fi:%fp (%f/%[str(HTTP)])";
        case LogShape::https:
            return "%ci:%cp [%tr] %ft %b/%s %TR/%Tw/%Tc/%Tr/%Ta %ST %B %CC %CS %tsc "
                   "%ac/%fc/%bc/%sc/%rc %sq/%bq %hr %hs %{+Q}r "
                   "%[fc_err]/%[ssl_fc_err,hex]/%[ssl_c_err]/%[ssl_c_ca_err]/%[ssl_fc_is_resumed] "
                   "%[ssl_fc_sni]/%sslv/%sslc";
        case LogShape::custom: break;
    }
    return {};
}

}  // namespace

keyword::Table variable_table() { return rows; }

ir::Text lower_format(Scope& scope, const Argument& word, FormatUse use) {
    Formats formats(scope, word, use);
    if (word.text.find('%') == std::string_view::npos) {
        formats.add({.text = std::string(word.text)});
        return formats.take();
    }
    auto pieces = parse_log_format(word.text);
    if (!pieces) {
        auto at = std::min(pieces.error().at, word.text.size());
        scope.error(inside(word, at, std::max<std::size_t>(1, word.text.size() - at)), "bad-format",
                    fmt::format("cannot read \"{}\" as a format: expected {}", word.text,
                                pieces.error().expected),
                    "write %% for the character itself");
        return {};
    }
    for (const auto& piece : *pieces) formats.add(piece);
    return formats.take();
}

ir::Text log_format_of(Scope& scope, LogShape shape) {
    auto place = std::exchange(scope.place, in::log_format);
    std::string words(words_of(shape));
    if (shape == LogShape::plain && !scope.draft->http)
        words.replace(words.find("%[str(HTTP)]"), 12, "TCP");
    auto text = lower_format(scope, {.text = words}, FormatUse::log);
    scope.place = place;
    return text;
}

ir::Text Scope::text(const Argument& argument) {
    return lower_format(*this, argument, FormatUse::header);
}

}  // namespace weir::haproxy
