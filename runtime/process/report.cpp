// SPDX-License-Identifier: Apache-2.0
#include "runtime/process/report.hpp"

#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

namespace weir::process {

namespace {

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t wrote = ::write(fd, text.data(), text.size());
        if (wrote <= 0) return;   // a full disk or a closed terminal must not stop the master
        text.remove_prefix(static_cast<std::size_t>(wrote));
    }
}

// Source line, caret and hint: what render_text puts below its first line.
std::string below_first_line(const diag::Diagnostic& entry, const SourceMap& sources) {
    std::string text = diag::render_text(entry, sources);
    return text.substr(text.find('\n') + 1);
}

std::string nginx_form(const diag::Diagnostic& entry, const SourceMap& sources) {
    const char* level = entry.severity == diag::Severity::error ? "emerg"
                        : entry.severity == diag::Severity::warning ? "warn"
                                                                    : "notice";
    std::string place;
    if (entry.span.known())
        place = fmt::format(" in {}:{}", sources.file(entry.span.file).name,
                            sources.position(entry.span.file, entry.span.begin).line);
    return fmt::format("nginx: [{}] {}{}\n{}", level, entry.message, place,
                       below_first_line(entry, sources));
}

std::string haproxy_form(const diag::Diagnostic& entry, const SourceMap& sources) {
    const char* level = entry.severity == diag::Severity::error ? "ALERT"
                        : entry.severity == diag::Severity::warning ? "WARNING"
                                                                    : "NOTICE";
    std::string place;
    if (entry.span.known())
        place = fmt::format("parsing [{}:{}] : ", sources.file(entry.span.file).name,
                            sources.position(entry.span.file, entry.span.begin).line);
    return fmt::format("{:<10} ({}) : config : {}{}\n{}", fmt::format("[{}]", level), ::getpid(),
                       place, entry.message, below_first_line(entry, sources));
}

constexpr const char* level_names[] = {"emerg", "alert",  "crit", "error",
                                       "warn",  "notice", "info", "debug"};

}  // namespace

const char* name_of(Personality personality) {
    switch (personality) {
        case Personality::weir: return "weir";
        case Personality::nginx: return "nginx";
        case Personality::haproxy: return "haproxy";
    }
    return "weir";
}

std::string render(const diag::Sink& sink, const SourceMap& sources, Personality personality,
                   bool with_advice) {
    std::string text;
    for (const auto& entry : sink.all()) {
        if (entry.severity == diag::Severity::advice && !with_advice) continue;
        switch (personality) {
            case Personality::weir: text += diag::render_text(entry, sources); break;
            case Personality::nginx: text += nginx_form(entry, sources); break;
            case Personality::haproxy: text += haproxy_form(entry, sources); break;
        }
    }
    return text;
}

std::string log_line(Personality personality, int level, std::string_view text) {
    level = std::clamp(level, 0, 7);
    if (personality == Personality::haproxy) {
        const char* name = level <= 3 ? "[ALERT]" : level == 4 ? "[WARNING]" : "[NOTICE]";
        return fmt::format("{:<10} ({}) : {}\n", name, ::getpid(), text);
    }
    const time_t now = ::time(nullptr);
    tm local{};
    ::localtime_r(&now, &local);
    char date[32];
    ::strftime(date, sizeof date, "%Y/%m/%d %H:%M:%S", &local);
    return fmt::format("{} [{}] {}#{}: {}\n", date, level_names[level], ::getpid(), ::getpid(), text);
}

void Report::use(const ir::Config& config, const LogFiles& logs) {
    targets_.clear();
    for (const auto& log : config.process.error_logs) {
        if (log.target.kind == ir::LogTarget::Kind::standard_error) {
            targets_.push_back({STDERR_FILENO, log.level});
        } else if (log.target.kind == ir::LogTarget::Kind::file) {
            const int fd = logs.find(log.target.path);
            if (fd >= 0) targets_.push_back({fd, log.level});
        }
    }
}

void Report::say(int level, std::string_view text) {
    const std::string line = log_line(personality_, level, text);
    bool said = false;
    for (const auto& target : targets_)
        if (level <= target.level) {
            write_all(target.fd, line);
            said = said || target.fd == STDERR_FILENO;
        }
    // Without a log file errors go to the terminal, and HAProxy's notices do too, as it has it.
    const int terminal_level = personality_ == Personality::haproxy ? 5 : targets_.empty() ? 4 : 0;
    if (!said && to_terminal && !quiet && level <= terminal_level) write_all(STDERR_FILENO, line);
}

void Report::say_raw(const std::string& lines) {
    bool said = false;
    for (const auto& target : targets_)
        if (target.level >= 3) {
            write_all(target.fd, lines);
            said = true;
        }
    if (!said && to_terminal) write_all(STDERR_FILENO, lines);
}

}  // namespace weir::process
