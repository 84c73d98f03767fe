// SPDX-License-Identifier: Apache-2.0
#include "runtime/log/syslog.hpp"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

namespace weir::log {

namespace {

constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// The second of the last line, broken down once: lines come in bursts.
struct Second {
    std::int64_t second = -1;
    std::tm parts{};
    std::string error_log, rfc3164, iso, zone;
};

const Second& second_of(std::int64_t wall_us) {
    thread_local Second now;
    std::int64_t second = wall_us / 1000000;
    if (second == now.second) return now;
    now.second = second;
    auto value = static_cast<std::time_t>(second);
    localtime_r(&value, &now.parts);
    const std::tm& t = now.parts;
    now.error_log = fmt::format("{:04}/{:02}/{:02} {:02}:{:02}:{:02}", t.tm_year + 1900,
                                t.tm_mon + 1, t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    now.rfc3164 =
        fmt::format("{} {:>2} {:02}:{:02}:{:02}", month_names[static_cast<unsigned>(t.tm_mon) % 12],
                    t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    now.iso = fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", t.tm_year + 1900, t.tm_mon + 1,
                          t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec);
    long minutes = t.tm_gmtoff / 60;
    now.zone = fmt::format("{}{:02}:{:02}", minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                           std::abs(minutes) % 60);
    return now;
}

void append_iso(std::string& out, std::int64_t wall_us) {
    const auto& now = second_of(wall_us);
    fmt::format_to(std::back_inserter(out), "{}.{:06}{} ", now.iso, wall_us % 1000000, now.zone);
}

std::string_view host_of(const ir::LogTarget& target, const Origin& origin) {
    return target.host_name.empty() ? std::string_view{origin.host}
                                    : std::string_view{target.host_name};
}

void append_header(std::string& out, const ir::LogTarget& target, const Origin& origin,
                   int severity, std::int64_t wall_us) {
    using Format = ir::LogTarget::Format;
    auto to = std::back_inserter(out);
    int priority = target.facility * 8 + severity;
    switch (target.format) {
        case Format::rfc3164:
            fmt::format_to(to, "<{}>{} ", priority, second_of(wall_us).rfc3164);
            if (target.host_name != "-") fmt::format_to(to, "{} ", host_of(target, origin));
            break;
        case Format::local:
            fmt::format_to(to, "<{}>{} ", priority, second_of(wall_us).rfc3164);
            break;
        case Format::rfc5424:
            fmt::format_to(to, "<{}>1 ", priority);
            append_iso(out, wall_us);
            fmt::format_to(to, "{} {} {} - - ", host_of(target, origin),
                           target.tag.empty() ? "-" : target.tag, origin.process_id);
            return;
        case Format::timed:
            fmt::format_to(to, "<{}>", severity);
            append_iso(out, wall_us);
            return;
        case Format::iso: append_iso(out, wall_us); return;
        case Format::short_form: fmt::format_to(to, "<{}>", severity); return;
        case Format::priority: fmt::format_to(to, "<{}>", priority); return;
        case Format::raw: return;
    }
    out += target.tag;
    if (target.process_id || target.format == Format::local)
        fmt::format_to(to, "[{}]", origin.process_id);
    out += ": ";
}

}  // namespace

void append_message(std::string& out, const ir::LogTarget& target, const Origin& origin,
                    int severity, std::int64_t wall_us, std::string_view line) {
    std::size_t start = out.size();
    append_header(out, target, origin, severity, wall_us);
    out += line;
    // nginx sends a datagram without a newline; HAProxy always ends a message with one.
    bool newline = target.process_id || target.format != ir::LogTarget::Format::rfc3164;
    std::size_t most = target.max_length;
    if (most != 0 && out.size() - start + newline > most) out.resize(start + most - newline);
    if (newline) out += '\n';
}

std::string_view error_log_time(std::int64_t wall_us) { return second_of(wall_us).error_log; }

}  // namespace weir::log
