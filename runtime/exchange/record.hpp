// SPDX-License-Identifier: Apache-2.0
// What is written down of an exchange or a session: termination codes (HAProxy %tsc), the error log,
// the access log, the counters.
#pragma once

#include "runtime/exchange/tunnel.hpp"
#include "runtime/forward/forward.hpp"
#include "runtime/http/body.hpp"
#include "runtime/plan/running.hpp"

namespace weir::exchange {

void note_failure(route::Subject& subject, forward::Failure failure);
// The body did not come while rules waited for it: the request was never whole.
void note_request_failure(route::Subject& subject, bool late);
// Whose error logs take a line about a request: those of its route (nginx), else (null) of its site.
inline const ir::LogSettings* error_logs_of(const plan::Route& route, const plan::Site& site) {
    return site.source->is_nginx_style ? route.logs->source : nullptr;
}
// Whether anybody takes a line of that level.
bool has_log_for(const route::Subject& subject, int level, const ir::LogSettings* logs = nullptr);
// A line of a filter for the error log.
void log_note(route::Subject& subject, int level, std::string_view text, std::string_view doing = {},
              const ir::LogSettings* logs = nullptr);
void note_relay_end(route::Subject& subject, const http::RelayResult& result);
void note_tunnel_end(route::Subject& subject, const TunnelResult& result);
// One error-log line with the activity: client, site, request, server.
// `problem`, when there is one, says it in place of the words that the failure has.
void log_failure(plan::Worker& worker, route::Subject& subject, forward::Failure failure,
                 const std::string& problem = {}, const ir::LogSettings* logs = nullptr);
// The same with a text of its own.
void log_problem(route::Subject& subject, int level, const std::string& text,
                 const ir::LogSettings* logs = nullptr);
// Every access log of the route or site.
// HAProxy's choice of lines: false for those that "option dontlog-normal" and "dontlognull" leave out.
bool worth_logging(const ir::Site& site, const route::Subject& subject);
// The syslog level that a line gets, -1 for the usual one: what a rule set, or "err" for failures with
// "option log-separate-errors".
int level_of_line(const ir::Site& site, const route::Subject& subject, int set_by_rule);
void write_access_logs(plan::Worker& worker, const plan::Logs& logs, route::Subject& subject,
                       int level);

}  // namespace weir::exchange
