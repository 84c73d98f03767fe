// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/error_log.hpp"

#include <fmt/format.h>
#include <pthread.h>

#include <algorithm>
#include <cstring>

namespace weir::log {

namespace {

constexpr std::string_view nginx_names[] = {"emerg", "alert",  "crit", "error",
                                            "warn",  "notice", "info", "debug"};
// HAProxy has fewer words on its standard error.
constexpr std::string_view haproxy_names[] = {"ALERT",   "ALERT",  "ALERT",  "ALERT",
                                              "WARNING", "NOTICE", "NOTICE", "DEBUG"};
constexpr std::size_t longest_line = 4096;

// What a peer sent can neither end the line nor close a quote, nor reach a terminal as an escape.
void append_safely(std::string& out, std::string_view text, bool quoted) {
    for (char byte : text) {
        auto value = static_cast<unsigned char>(byte);
        if (value < 0x20 || value == 0x7f || (quoted && (byte == '"' || byte == '\\'))) {
            out += fmt::format("\\x{:02X}", value);
        } else {
            out += byte;
        }
    }
}

void append_about(std::string& out, const About& about) {
    auto part = [&](std::string_view name, std::string_view value, bool quoted) {
        if (value.empty()) return;
        out.append(", ").append(name).append(quoted ? ": \"" : ": ");
        append_safely(out, value, quoted);
        if (quoted) out += '"';
    };
    if (!about.doing.empty()) out.append(" while ").append(about.doing);
    part("client", about.client, false);
    if (about.site.empty() && about.names_site && !about.client.empty()) out += ", server: ";
    part("server", about.site, false);
    part("request", about.request, true);
    part("upstream", about.server, true);
    part("host", about.host, true);
    part("referrer", about.referrer, true);
}

}  // namespace

ErrorLog::ErrorLog(LogSinks& sinks, Style style) : sinks_(sinks), style_(style) {
    set_logs({});
    sinks.on_loss = [this](const Loss& loss) {
        auto text =
            fmt::format("{} log line{} lost: \"{}\" {}", loss.lines, loss.lines == 1 ? "" : "s",
                        loss.place, loss.over ? "works again" : "does not take them");
        write(alert, with_error(text, loss.error));
    };
}

void ErrorLog::set_logs(std::vector<ir::ErrorLog> logs) {
    if (logs.empty()) {
        ir::ErrorLog standard_error;
        standard_error.target.kind = ir::LogTarget::Kind::standard_error;
        standard_error.level = notice;
        logs.push_back(standard_error);
    }
    logs_ = std::move(logs);
    most_ = -1;
    for (const auto& log : logs_) most_ = std::max(most_, log.level);
}

std::string ErrorLog::compose(int level, std::string_view text, const About& about,
                              bool server_adds_header) const {
    auto index = static_cast<unsigned>(level) & 7;
    std::string line;
    if (style_ == Style::nginx) {
        int process = sinks_.origin.process_id;
        line = fmt::format("{} [{}] {}#{}: ", error_log_time(sinks_.wall_us()), nginx_names[index],
                           process, process);
        if (about.connection != 0) line += fmt::format("*{} ", about.connection);
    } else if (!server_adds_header) {
        line = fmt::format("{:<11}({}) : ", fmt::format("[{}]", haproxy_names[index]),
                           sinks_.origin.process_id);
    }
    append_safely(line, text, false);
    append_about(line, about);
    if (line.size() > longest_line) line.resize(longest_line);
    return line;
}

void ErrorLog::write(int level, std::string_view text, const About& about,
                     const std::vector<ir::ErrorLog>* own) {
    const auto& logs = own && !own->empty() ? *own : logs_;
    std::string line;
    bool with_header = false;
    for (const auto& log : logs) {
        if (level > log.level) continue;
        bool header = log.target.kind == ir::LogTarget::Kind::syslog;
        if (line.empty() || header != with_header) line = compose(level, text, about, header);
        with_header = header;
        sinks_.find(log.target).write(line, level);
    }
    // The process may not live to see the end of the turn.
    if (level <= critical) sinks_.send_pending();
}

std::string ErrorLog::with_error(std::string_view text, int error) {
    char buffer[128];
    return fmt::format("{} ({}: {})", text, error, strerror_r(error, buffer, sizeof buffer));
}

LogSinks& process_sinks() {
    static LogSinks& sinks = []() -> LogSinks& {
        static LogSinks made;
        pthread_atfork(nullptr, nullptr, [] { made.after_fork(); });
        return made;
    }();
    return sinks;
}

ErrorLog& process_log() {
    static ErrorLog log{process_sinks()};
    return log;
}

}  // namespace weir::log
