// SPDX-License-Identifier: Apache-2.0
// Logs: where lines go and what an access line holds.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "parser/ir/expr.hpp"

namespace weir::ir {

// nginx: a path, stderr, syslog:server=... | HAProxy: address, fd@N, stdout, ring@NAME.
struct LogTarget {
    enum class Kind : std::uint8_t { none, file, standard_error, standard_output, descriptor, syslog };
    Kind kind = Kind::none;
    std::string path;           // file, or the syslog socket or "host:port"
    Text dynamic_path;          // access_log with variables; empty otherwise
    int descriptor = -1;
    enum class Format : std::uint8_t {
        rfc3164, rfc5424, local, raw, timed, short_form, iso, priority
    };
    Format format = Format::rfc3164;
    int facility = 23;          // syslog facility number; 23 = local7
    std::string tag;
    std::string host_name;      // empty: the machine's; "-" = leave out
    bool process_id = false;    // HAProxy: "tag[123]:" in rfc3164; always so in the other formats
    std::uint32_t max_length = 1024;
    std::uint32_t sample_low = 0, sample_high = 0, sample_size = 0;   // HAProxy sample ranges
};
bool same_place(const LogTarget& a, const LogTarget& b);

struct AccessLog {
    LogTarget target;
    Text format;
    Text error_format;                   // HAProxy error-log-format: connections that fail before a request
    std::optional<Condition> when;       // access_log ... if=
    std::uint32_t buffer = 0;            // bytes gathered before a write; 0 = end of the loop turn
    std::chrono::milliseconds flush{0};
    int gzip = 0;                        // level 1 to 9: each write is compressed; 0: it is not
    // HAProxy log <address> <facility> [max [min]]: lines above min_level are not sent (7 sends
    // all), those below max_level are sent as max_level.
    int min_level = 7, max_level = 0;
    int level = 6;                       // syslog severity of the line
    Span span;
};

// Levels are syslog severities: 0 emerg ... 7 debug.
struct ErrorLog {
    LogTarget target;
    int level = 3;
};

}  // namespace weir::ir
