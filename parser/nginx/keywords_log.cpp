// SPDX-License-Identifier: Apache-2.0
// Rows of the logs: log_format, access_log, error_log and what surrounds them.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "parser/nginx/logs.hpp"
#include "parser/nginx/tables.hpp"
#include "parser/nginx/template.hpp"
#include "parser/value/value.hpp"

namespace weir::nginx {

namespace {

using namespace context;
using keyword::Argument;
using keyword::Call;
using keyword::Inherit;
using keyword::Keyword;

constexpr std::array level_names = {"emerg", "alert",  "crit", "error",
                                    "warn",  "notice", "info", "debug"};
constexpr std::array facility_names = {
    "kern", "user", "mail",   "daemon", "auth",   "intern",   "lpr",    "news",
    "uucp", "clock", "authpriv", "ftp", "ntp",    "audit",    "alert",  "cron",
    "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"};

template <class Names>
int index_of(const Names& names, std::string_view word) {
    for (std::size_t i = 0; i < names.size(); ++i)
        if (word == names[i]) return static_cast<int>(i);
    return -1;
}

// The parameters of syslog:a=b,c=d, one after the other.
class SyslogReader {
public:
    SyslogReader(Block& block, const Argument& argument) : block_(block), argument_(argument) {}

    std::optional<ir::LogTarget> read(int& severity) {
        target_.kind = ir::LogTarget::Kind::syslog;
        target_.tag = "nginx";
        auto rest = argument_.text.substr(sizeof "syslog:" - 1);
        while (!rest.empty()) {
            auto comma = rest.find(',');
            if (!parameter(rest.substr(0, comma), severity)) return std::nullopt;
            rest = comma == rest.npos ? std::string_view() : rest.substr(comma + 1);
        }
        if (target_.path.empty() && !fail("no syslog server specified", "add server=address"))
            return std::nullopt;
        return target_;
    }

private:
    bool parameter(std::string_view text, int& severity) {
        std::string_view value;
        if (key_value(text, "server=", value)) {
            target_.path = value;
        } else if (key_value(text, "facility=", value)) {
            target_.facility = index_of(facility_names, value);
            if (target_.facility < 0)
                return fail(fmt::format("unknown syslog facility \"{}\"", value), "such as local7");
        } else if (key_value(text, "severity=", value)) {
            severity = index_of(level_names, value);
            if (severity < 0)
                return fail(fmt::format("unknown syslog severity \"{}\"", value), "such as info");
        } else if (key_value(text, "tag=", value)) {
            target_.tag = value;
        } else if (text == "nohostname") {
            target_.host_name = "-";
        } else {
            return fail(fmt::format("unknown syslog parameter \"{}\"", text),
                        "known are server=, facility=, severity=, tag= and nohostname");
        }
        return true;
    }

    bool fail(std::string message, std::string hint) {
        block_.error(argument_.span, "invalid-parameter", std::move(message), std::move(hint));
        return false;
    }

    Block& block_;
    const Argument& argument_;
    ir::LogTarget target_;
};

constexpr int no_level = -1;   // of a log that takes no lines of the process

void lower_error_log(keyword::Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    int severity = -1;
    auto target = make_log_target(block, call, call[0], severity);
    if (!target) return;
    ir::ErrorLog log{std::move(*target), 3};
    if (call.size() > 1) {
        log.level = index_of(level_names, call[1].text);
        if (log.level < 0) {
            // debug_core, debug_http, ...: parts of debug.
            bool is_part_of_debug = call[1].text.starts_with("debug_");
            if (!is_part_of_debug)
                return block.error(call[1].span, "invalid-value",
                                   fmt::format("invalid log level \"{}\"", call[1].text),
                                   "debug, info, notice, warn, error, crit, alert or emerg");
            log.level = 7;
        }
    }
    if (call.size() > 2) return refuse_parameter(block, call, call[2]);
    if (block.in(main)) {
        block.config.process.error_logs.push_back(std::move(log));
        return;
    }
    auto& logs = block.own.logs.edit();
    if (block.first_use(*call.row)) logs.errors.clear();
    logs.errors.push_back(std::move(log));
}

// One parameter of access_log after the format.
bool lower_access_parameter(Block& block, const Call& call, const Argument& argument,
                            ir::AccessLog& log) {
    std::string_view value;
    auto text = argument.text;
    if (key_value(text, "buffer=", value)) {
        auto size = value::parse_nginx_size(value, false);
        if (!size || *size == 0) return invalid_parameter(block, call, argument), false;
        log.buffer = static_cast<std::uint32_t>(*size);
    } else if (key_value(text, "flush=", value)) {
        auto time = value::parse_nginx_duration(value);
        if (!time || time->count() == 0) return invalid_parameter(block, call, argument), false;
        log.flush = *time;
    } else if (key_value(text, "if=", value)) {
        auto condition = make_value(make_text(block, value, argument.span));
        ir::Condition test{.op = ir::Expr::Op::match, .type = ir::Type::boolean};
        test.in.push_back(std::move(condition));
        test.patterns = std::make_shared<const ir::PatternSet>(
            ir::PatternSet{.how = ir::PatternSet::How::truth});
        test.span = argument.span;
        log.when = std::move(test);
    } else if (text == "gzip") {
        log.gzip = 1;
    } else if (key_value(text, "gzip=", value)) {
        auto level = value::parse_number(value);
        if (!level || *level < 1 || *level > 9) return invalid_parameter(block, call, argument, "a level from 1 to 9"), false;
        log.gzip = static_cast<int>(*level);
    } else {
        return invalid_parameter(block, call, argument), false;
    }
    return true;
}

// The named format, or combined; reports an unknown one.
bool find_format(Block& block, const Call& call, ir::AccessLog& log) {
    std::string name = call.size() > 1 ? std::string(call[1].text) : "combined";
    auto& formats = block.names->log_formats;
    auto found = formats.find(name);
    if (found == formats.end() && name == "combined" && !block.in_stream())
        found = formats.emplace(name, combined_format(block)).first;
    if (found == formats.end()) {
        Span at = call.size() > 1 ? call[1].span : call.span;
        block.error(at, "unknown-log-format", fmt::format("unknown log format \"{}\"", name),
                    "define it with log_format before this line");
        return false;
    }
    log.format = found->second;
    return true;
}

void lower_access_log(keyword::Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& logs = block.own.logs.edit();
    if (block.first_use(*call.row)) logs.access.clear();
    if (call[0].text == "off") {
        if (call.size() > 1) return invalid_parameter(block, call, call[1]);
        logs.access.clear();
        return;
    }
    if (block.in_stream() && call.size() == 1)
        return block.error(call.span, "argument-count", "log format is not specified",
                           "stream has no format of its own: access_log path format;");
    ir::AccessLog log;
    log.span = call.span;
    int severity = -1;
    if (has_variables(call[0].text) && !call[0].text.starts_with("syslog:")) {
        log.target.kind = ir::LogTarget::Kind::file;
        // nginx puts its prefix before a path that begins with a variable, too.
        log.target.dynamic_path = make_text(block, block.run.full_path(call[0].text), call[0].span);
    } else {
        auto target = make_log_target(block, call, call[0], severity);
        if (!target) return;
        log.target = std::move(*target);
    }
    if (severity >= 0) log.level = severity;
    if (!find_format(block, call, log)) return;
    for (std::size_t i = 2; i < call.size(); ++i)
        if (!lower_access_parameter(block, call, call[i], log)) return;
    if (log.gzip != 0 && log.buffer == 0) log.buffer = 65536;
    if (log.buffer != 0 && log.target.kind == ir::LogTarget::Kind::syslog)
        return block.error(call.span, "invalid-parameter", "logs to syslog cannot be buffered",
                           "leave buffer=, flush= and gzip out");
    if (log.buffer != 0 && !log.target.dynamic_path.empty())
        return block.error(call.span, "invalid-parameter", "buffered logs cannot have variables in name",
                           "leave buffer=, flush= and gzip out, or the variables");
    if (log.flush.count() != 0 && log.buffer == 0)
        return block.error(call.span, "invalid-parameter",
                           fmt::format("no buffer is defined for access_log \"{}\"", call[0].text),
                           "add buffer=size before flush=");
    // Opened at the start, whether anybody writes there or not: of the process, for lines of no level.
    // set_default_error_log() drops those that are in use.
    if (block.in(http | stream) && log.target.kind == ir::LogTarget::Kind::file && log.target.dynamic_path.empty())
        block.config.process.error_logs.push_back({log.target, no_level});
    logs.access.push_back(std::move(log));
}

void lower_log_format(keyword::Scope& scope, const Call& call) {
    Block& block = block_of(scope);
    auto& formats = block.names->log_formats;
    std::string name(call[0].text);
    if (formats.contains(name) || (name == "combined" && !block.in_stream()))
        return block.error(call[0].span, "duplicate-name",
                           fmt::format("duplicate \"log_format\" name \"{}\"", name),
                           "give it another name");
    TextStyle style{ir::Text::Escape::nginx_log, "-"};
    std::size_t first = 1;
    std::string_view escape;
    if (key_value(call[1].text, "escape=", escape)) {
        first = 2;
        if (escape == "json")
            style = {ir::Text::Escape::json, ""};
        else if (escape == "none")
            style = {ir::Text::Escape::none, ""};
        else if (escape != "default")
            return block.error(call[1].span, "invalid-value",
                               fmt::format("unknown log format escaping \"{}\"", escape),
                               "escape=default, escape=json or escape=none");
    }
    ir::Text format;
    for (std::size_t i = first; i < call.size(); ++i) {
        auto part = make_text(block, call[i].text, call[i].span, style);
        for (auto& piece : part.pieces) format.pieces.push_back(std::move(piece));
    }
    format.span = call[0].span;
    formats.emplace(std::move(name), std::move(format));
}

// clang-format off
constexpr Keyword rows[] = {
    {.name = "access_log", .where = http | server | location | if_in_location | limit_except | stream | stream_server,
     .args = {keyword::path("path|off"), keyword::opt(keyword::word("format")),
              keyword::any_number(keyword::word("buffer=size|gzip[=level]|flush=time|if=condition"))},
     .apply = lower_access_log, .inherit = Inherit::replace_list, .fallback = "logs/access.log combined",
     .summary = "Writes a line for each request to a file or to syslog."},
    {.name = "error_log", .where = main | http | server | location | stream | stream_server,
     .args = {keyword::path("path|stderr"), keyword::opt(keyword::word("level")), keyword::opt(keyword::word("format"))},
     .apply = lower_error_log, .inherit = Inherit::replace_list, .fallback = "logs/error.log error",
     .summary = "Writes messages of that level and above to a file, to stderr or to syslog."},
    {.name = "log_format", .where = http | stream,
     .args = {keyword::word("name"), keyword::many(keyword::text("escape=default|json|none text"))},
     .apply = lower_log_format, .inherit = Inherit::none, .fallback = "combined \"...\"",
     .summary = "Names a format for access_log."},
    {.name = "open_log_file_cache", .where = http | server | location | stream | stream_server,
     .args = keyword::Signature::count(1, 4), .fallback = "off",
     .support = keyword::ignored("weir keeps every log open, those with variables in their path too"),
     .summary = "Keeps logs with variables in their path open."},
};
// clang-format on
static_assert(keyword::well_formed(rows));

}  // namespace

std::optional<ir::LogTarget> make_log_target(Block& block, const Call& call,
                                             const Argument& argument, int& severity) {
    ir::LogTarget target;
    if (argument.text == "stderr") {
        target.kind = ir::LogTarget::Kind::standard_error;
        return target;
    }
    if (argument.text.starts_with("syslog:"))
        return SyslogReader(block, argument).read(severity);
    if (argument.text.starts_with("memory:")) {
        refuse_parameter(block, call, argument);
        return std::nullopt;
    }
    target.kind = ir::LogTarget::Kind::file;
    target.path = block.run.full_path(argument.text);
    return target;
}

ir::Text combined_format(Block& block) {
    return make_text(block,
                     "$remote_addr - $remote_user [$time_local] \"$request\" $status "
                     "$body_bytes_sent \"$http_referer\" \"$http_user_agent\"",
                     {}, {ir::Text::Escape::nginx_log, "-"});
}

void set_default_access_log(Block& http_block) {
    ir::AccessLog log;
    log.target.kind = ir::LogTarget::Kind::file;
    log.target.path = "/var/log/nginx/access.log";
    log.format = combined_format(http_block);
    http_block.own.logs.edit().access.push_back(std::move(log));
}

void set_default_error_log(Run& run) {
    auto& logs = run.config.process.error_logs;
    auto is_used = [&](const ir::ErrorLog& log) {
        auto writes = [&](const auto& owner) {
            const auto& access = owner.settings.logs->access;
            return std::any_of(access.begin(), access.end(),
                               [&](const auto& one) { return one.target.path == log.target.path; });
        };
        return log.level == no_level && (std::any_of(run.config.sites.begin(), run.config.sites.end(), writes) ||
                                         std::any_of(run.config.routes.begin(), run.config.routes.end(), writes));
    };
    std::erase_if(logs, is_used);
    if (std::any_of(logs.begin(), logs.end(), [](const auto& log) { return log.level != no_level; })) return;
    ir::ErrorLog log;
    log.target.kind = ir::LogTarget::Kind::file;
    log.target.path = "/var/log/nginx/error.log";
    if (!run.options.error_log.empty()) {
        bool is_stderr = run.options.error_log == "stderr";
        if (is_stderr) log.target.kind = ir::LogTarget::Kind::standard_error;
        log.target.path = is_stderr ? "" : run.full_path(run.options.error_log);
    }
    run.config.process.error_logs.push_back(std::move(log));
}

keyword::Table log_keywords() { return rows; }

}  // namespace weir::nginx
