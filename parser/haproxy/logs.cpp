// SPDX-License-Identifier: Apache-2.0
#include "parser/haproxy/logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "parser/haproxy/address.hpp"
#include "parser/haproxy/lower.hpp"
#include "parser/haproxy/tables_own.hpp"
#include "parser/value/value.hpp"

namespace weir::haproxy {

namespace {

constexpr std::string_view facilities[] = {
    "kern",   "user",   "mail",   "daemon", "auth",   "syslog", "lpr",    "news",
    "uucp",   "cron",   "auth2",  "ftp",    "ntp",    "audit",  "alert",  "cron2",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};
constexpr std::string_view levels[] = {"emerg",   "alert",  "crit", "err",
                                       "warning", "notice", "info", "debug"};

template <std::size_t N>
int index_of(const std::string_view (&list)[N], std::string_view word) {
    auto found = std::find(std::begin(list), std::end(list), word);
    return found == std::end(list) ? -1 : static_cast<int>(found - std::begin(list));
}

bool read_target(Scope& scope, const Argument& word, ir::LogTarget& target) {
    using Kind = ir::LogTarget::Kind;
    if (word.text == "stdout" || word.text == "stderr") {
        target.kind = word.text == "stdout" ? Kind::standard_output : Kind::standard_error;
        target.format = ir::LogTarget::Format::raw;
        return true;
    }
    if (word.text.starts_with("ring@")) {
        scope.error(word.span, "not-supported", "log rings are known to HAProxy, not yet in weir",
                    "log to stdout, stderr, a socket or an address");
        return false;
    }
    auto address = parse_address(with_environment(scope.sources, word.text));
    if (!address) {
        scope.error(word.span, "invalid-address",
                    fmt::format("\"{}\" is not valid; expected {}", word.text, address.error()));
        return false;
    }
    if (address->kind == Address::Kind::descriptor) {
        target.kind = Kind::descriptor;
        target.descriptor = address->descriptor;
        target.format = ir::LogTarget::Format::raw;
        return true;
    }
    target.kind = Kind::syslog;
    if (address->kind != Address::Kind::inet) {
        target.path = address->endpoint.path;
        return true;
    }
    auto port = address->has_port ? address->endpoint.port : std::uint16_t(514);
    if (!address->host.empty()) {
        target.path = fmt::format("{}:{}", address->host, port);
        return true;
    }
    auto endpoint = address->endpoint;
    endpoint.port = port;
    target.path = ir::to_string(endpoint);
    return true;
}

// "1-10:20" or "1:2": which lines of how many are kept.
bool read_sample(std::string_view text, ir::LogTarget& target) {
    auto number = [](std::string_view part, std::uint32_t& out) {
        auto [rest, failure] = std::from_chars(part.data(), part.data() + part.size(), out);
        return failure == std::errc() && rest == part.data() + part.size() && out > 0;
    };
    auto colon = text.find(':');
    if (colon == std::string_view::npos) return false;
    auto range = text.substr(0, colon);
    auto dash = range.find('-');
    bool good = number(text.substr(colon + 1), target.sample_size) &&
                number(range.substr(0, dash), target.sample_low);
    target.sample_high = target.sample_low;
    if (good && dash != std::string_view::npos)
        good = number(range.substr(dash + 1), target.sample_high);
    return good && target.sample_low <= target.sample_high &&
           target.sample_high <= target.sample_size;
}

constexpr std::string_view format_names[] = {"rfc3164", "rfc5424", "local", "raw",
                                             "timed",   "short",   "iso",   "priority"};

bool wrong(Scope& scope, const Argument& word, std::string_view expected) {
    scope.error(word.span, "invalid-value",
                fmt::format("\"{}\" is not valid; expected {}", word.text, expected));
    return false;
}

bool read_option(Scope& scope, Args words, std::size_t& at, ir::LogTarget& target) {
    const auto& name = words[at];
    if (at + 1 >= words.size()) {
        scope.error(name.span, "argument-count",
                    fmt::format("\"{}\" needs a value after it", name.text));
        return false;
    }
    const auto& value = words[at + 1];
    at += 2;
    if (name.text == "len") {
        auto length = value::parse_number(value.text);
        if (!length || *length < 80 || *length > 65535)
            return wrong(scope, value, "a length from 80 to 65535");
        target.max_length = static_cast<std::uint32_t>(*length);
        return true;
    }
    if (name.text == "sample" && value.text.find(',') != std::string_view::npos) {
        scope.error(value.span, "not-supported",
                    "several ranges in one sample are known to HAProxy, not yet in weir",
                    "write one range, such as 1-3:5");
        return false;
    }
    if (name.text == "sample")
        return read_sample(value.text, target) ||
               wrong(scope, value, "a range and a size such as 1-10:100");
    int format = index_of(format_names, value.text);
    if (format < 0 && !find_word(scope, value, in::log_name, option_language)) return false;
    if (format < 0) return wrong(scope, value, "rfc3164, rfc5424, local, raw, timed, short, iso or priority");
    target.format = static_cast<ir::LogTarget::Format>(format);
    return true;
}

}  // namespace

std::optional<unsigned> read_mode(Scope& scope, const Argument& word) {
    unsigned mode = 0;
    auto text = word.text;
    auto [rest, failure] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
    if (failure != std::errc() || rest != text.data() + text.size() || mode > 0777) {
        wrong(scope, word, "a mode in octal such as 660");
        return std::nullopt;
    }
    return mode;
}

std::optional<ir::AccessLog> lower_log(Scope& scope, Args words) {
    ir::AccessLog log;
    log.span = words[0].span;
    log.target.tag = scope.load.log_tag;
    if (!read_target(scope, words[0], log.target)) return std::nullopt;
    std::size_t at = 1;
    while (at < words.size() &&
           (words[at].text == "len" || words[at].text == "format" || words[at].text == "sample"))
        if (!read_option(scope, words, at, log.target)) return std::nullopt;
    if (at == words.size()) {
        scope.error(words.back().span, "argument-count", "\"log\" needs a facility",
                    "syntax: log address [len n] [format f] [sample r:n] facility [level "
                    "[minlevel]]");
        return std::nullopt;
    }
    log.target.facility = index_of(facilities, words[at].text);
    if (log.target.facility < 0) {
        wrong(scope, words[at], "a syslog facility such as local0 or daemon");
        return std::nullopt;
    }
    int* limits[] = {&log.min_level, &log.max_level};
    for (auto* limit : limits) {
        if (++at >= words.size()) break;
        *limit = index_of(levels, words[at].text);
        if (*limit < 0) {
            wrong(scope, words[at], "emerg, alert, crit, err, warning, notice, info or debug");
            return std::nullopt;
        }
    }
    if (at + 1 < words.size()) {
        scope.error(words[at + 1].span, "unexpected-argument",
                    fmt::format("unexpected \"{}\" at the end of \"log\"", words[at + 1].text));
        return std::nullopt;
    }
    return log;
}

// ---------------------------------------------------------------------- logs of whole sections

namespace {

// %hr of a site that captures nothing is nothing; with it goes one of the blanks around it.
void leave_out_captures(ir::Text& format, const ir::Site& site) {
    std::vector<ir::Text::Piece> kept;
    for (auto& piece : format.pieces) {
        bool absent =
            piece.expr && piece.expr->op == ir::Expr::Op::fetch && !piece.quoted &&
            ((piece.expr->fetch == ir::Fetch::request_captures && site.request_captures.empty()) ||
             (piece.expr->fetch == ir::Fetch::response_captures && site.response_captures.empty()));
        if (absent) continue;
        if (!piece.expr && !kept.empty() && !kept.back().expr) {
            auto& before = kept.back().literal;
            bool twice = before.ends_with(' ') && piece.literal.starts_with(' ');
            before += piece.literal.substr(twice ? 1 : 0);
        } else {
            kept.push_back(std::move(piece));
        }
    }
    format.pieces = std::move(kept);
    if (site.request_captures.empty() && site.response_captures.empty())
        format.joins_blanks = false;
}

}  // namespace

void Lowering::make_logs(Draft& draft, ir::Site& site) {
    const auto& front = *draft.front;
    std::vector<FrontWords::Log> logs;
    for (const auto& log : front.logs) {
        if (log.global)
            logs.insert(logs.end(), load_.global_logs.begin(), load_.global_logs.end());
        else
            logs.push_back(log);
    }
    auto shape = front.shape;
    bool needs_http =
        shape == LogShape::http || shape == LogShape::http_clf || shape == LogShape::https;
    if (needs_http && !draft.http) {
        scope_.sink.warning(
            front.shape_at, "needs-http",
            fmt::format("\"option httplog\" needs mode http; {} \"{}\" logs as with "
                        "\"option tcplog\"",
                        draft.kind(), draft.name));
        shape = LogShape::tcp;
    }
    if (logs.empty()) {
        if (shape == LogShape::custom && front.shape_at.known())
            scope_.sink.warning(front.shape_at, "no-effect",
                                fmt::format("this log format has no effect: {} \"{}\" has no log "
                                            "target",
                                            draft.kind(), draft.name),
                                "add a \"log\" line");
        return;
    }
    auto& access = site.settings.logs.edit().access;
    access.clear();
    auto format = shape == LogShape::custom ? front.custom_format : log_format_of(scope_, shape);
    leave_out_captures(format, site);
    for (auto& entry : logs) {
        auto log = std::move(entry.log);
        log.format = format;
        // option httpslog tells of failed handshakes as well.
        log.error_format = front.error_format.empty() && shape == LogShape::https ? format : front.error_format;
        if (front.log_tag) log.target.tag = *front.log_tag;
        complete_target(log.target);
        access.push_back(std::move(log));
    }
}

// What global says of whoever writes.
void Lowering::complete_target(ir::LogTarget& target) const {
    target.process_id = true;
    if (target.tag.empty()) target.tag = load_.log_tag;
    if (target.tag.empty()) target.tag = "haproxy";
    if (load_.send_host_name)
        target.host_name = load_.log_host;
    else if (target.format == ir::LogTarget::Format::rfc3164)
        target.host_name = "-";
}

// Who has no certificate that a responder is asked about has nothing to be told.
void Lowering::make_status_logs() {
    const auto& known = load_.certificates.known;
    if (std::none_of(known.begin(), known.end(), [](const auto& one) { return one.second.identity.status->on; })) return;
    auto& logs = scope_.config.process.status_logs;
    for (const auto& log : load_.global_logs) {
        logs.push_back(log.log);
        complete_target(logs.back().target);
    }
}

}  // namespace weir::haproxy
