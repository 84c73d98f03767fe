// SPDX-License-Identifier: Apache-2.0
// The error log: what happened, how bad it is, and to whom, in the form that the personality's
// tools read. Lines leave with the other logs at the end of a turn; severe ones at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "parser/ir/log.hpp"
#include "runtime/log/log_sink.hpp"

namespace weir::log {

// Severities of syslog.
enum Level : int { emergency, alert, critical, error, warning, notice, info, debug };

// Whom a line is about. Empty parts are left out.
struct About {
    std::uint64_t connection = 0;  // nginx "*5"; 0 = none
    std::string_view doing;        // "connecting to upstream": follows "while"
    std::string_view client;       // address
    std::string_view site;         // server_name, or the frontend's name
    std::string_view request;      // "GET / HTTP/1.1"
    std::string_view server;       // "http://127.0.0.1:80/a", or an address
    std::string_view host;
    std::string_view referrer;
    bool names_site = true;  // nginx prints an empty server_name too, if there is a client
};

class ErrorLog {
public:
    // How a line looks: nginx "2026/11/21 06:00:00 [error] 1#1: *5 text, client: ...", HAProxy
    // "[ALERT]    (1) : text" on descriptors and bare text to log servers.
    enum class Style : std::uint8_t { nginx, haproxy };

    // Reports lost lines of all of `sinks` to itself. Starts with notices to standard error.
    explicit ErrorLog(LogSinks& sinks, Style style = Style::nginx);

    void set_style(Style style) { style_ = style; }
    // The logs of the process; empty: standard error.
    void set_logs(std::vector<ir::ErrorLog> logs);
    [[nodiscard]] bool wants(int level) const { return level <= most_; }
    // `own` replaces the process's logs when it is not empty (error_log of a site or location).
    void write(int level, std::string_view text, const About& about = {},
               const std::vector<ir::ErrorLog>* own = nullptr);
    // "connect() failed (111: Connection refused)".
    static std::string with_error(std::string_view text, int error);

private:
    [[nodiscard]] std::string compose(int level, std::string_view text, const About& about,
                                      bool server_adds_header) const;

    LogSinks& sinks_;
    Style style_;
    std::vector<ir::ErrorLog> logs_;
    int most_ = notice;
};

// Those of this process.
LogSinks& process_sinks();
ErrorLog& process_log();

}  // namespace weir::log
