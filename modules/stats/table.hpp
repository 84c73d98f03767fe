// SPDX-License-Identifier: Apache-2.0
// The table behind all forms of the statistics: one Row per frontend, server and backend, its columns
// in HAProxy's order (new ones are only ever appended; programs read them by position). A column that
// weir has no number for is empty.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "modules/stats/conf.hpp"
#include "runtime/filter/filter.hpp"

namespace weir::modules::stats {

// X(column)
#define WEIR_STATS_COLUMNS(X)                                                                  \
    X(pxname) X(svname) X(qcur) X(qmax) X(scur) X(smax) X(slim) X(stot) X(bin) X(bout) X(dreq) \
    X(dresp) X(ereq) X(econ) X(eresp) X(wretr) X(wredis) X(status) X(weight) X(act) X(bck)     \
    X(chkfail) X(chkdown) X(lastchg) X(downtime) X(qlimit) X(pid) X(iid) X(sid) X(throttle)    \
    X(lbtot) X(tracked) X(type) X(rate) X(rate_lim) X(rate_max) X(check_status) X(check_code)  \
    X(check_duration) X(hrsp_1xx) X(hrsp_2xx) X(hrsp_3xx) X(hrsp_4xx) X(hrsp_5xx)              \
    X(hrsp_other) X(hanafail) X(req_rate) X(req_rate_max) X(req_tot) X(cli_abrt) X(srv_abrt)   \
    X(comp_in) X(comp_out) X(comp_byp) X(comp_rsp) X(lastsess) X(last_chk) X(last_agt)         \
    X(qtime) X(ctime) X(rtime) X(ttime) X(agent_status) X(agent_code) X(agent_duration)        \
    X(check_desc) X(agent_desc) X(check_rise) X(check_fall) X(check_health) X(agent_rise)      \
    X(agent_fall) X(agent_health) X(addr) X(cookie) X(mode) X(algo) X(conn_rate)               \
    X(conn_rate_max) X(conn_tot) X(intercepted) X(dcon) X(dses) X(wrew) X(connect) X(reuse)    \
    X(cache_lookups) X(cache_hits) X(srv_icur) X(src_ilim) X(qtime_max) X(ctime_max)           \
    X(rtime_max) X(ttime_max) X(eint) X(idle_conn_cur) X(safe_conn_cur) X(used_conn_cur)       \
    X(need_conn_est) X(uweight) X(agg_server_status) X(agg_server_check_status)                \
    X(agg_check_status) X(srid) X(sess_other) X(h1sess) X(h2sess) X(h3sess) X(req_other)       \
    X(h1req) X(h2req) X(h3req) X(proto) X(priv_idle_cur) X(reqbin) X(reqbout) X(resbin)        \
    X(resbout) X(cache_hint_hits) X(h1_spliced_bytes_in) X(h1_spliced_bytes_out)

enum class Column : std::uint8_t {
#define X(name) name,
    WEIR_STATS_COLUMNS(X)
#undef X
    count_
};
inline constexpr std::size_t column_count = static_cast<std::size_t>(Column::count_);
std::string_view name_of(Column column);

struct Row {
    enum class Type : std::uint8_t { frontend, backend, server, listener } type = Type::frontend;
    std::uint32_t proxy = 0, id = 0;
    std::array<std::string, column_count> cells;
    // Which cells hold a number.
    std::array<bool, column_count> numeric{};

    void set(Column column, std::string text) {
        cells[static_cast<std::size_t>(column)] = std::move(text);
    }
    void set(Column column, std::uint64_t number) {
        cells[static_cast<std::size_t>(column)] = std::to_string(number);
        numeric[static_cast<std::size_t>(column)] = true;
    }
    [[nodiscard]] const std::string& operator[](Column column) const {
        return cells[static_cast<std::size_t>(column)];
    }
};

// Proxies in the order of the configuration, with the numbers that it gives them (id), else counted as
// HAProxy does: the first is its own.
struct Proxy {
    const ir::Site* site = nullptr;        // a frontend, or
    const pool::LivePool* pool = nullptr;  // a backend, or (listen) both
    std::uint32_t site_id = 0, number = 0;
};
std::vector<Proxy> proxies_of(const route::Surroundings& around);

// The rows that `conf` shows to this request, in the order of the configuration.
std::vector<Row> make_rows(const route::Subject& subject, const Conf& conf);
// All of them, for the runtime socket.
std::vector<Row> make_rows(const route::Surroundings& around, std::int64_t now_seconds);

// The forms.
std::string write_csv(const std::vector<Row>& rows);
std::string write_json(const std::vector<Row>& rows);
// A line for each value, with what sort of value it is (HAProxy's "typed").
std::string write_typed(const std::vector<Row>& rows);
std::string write_html(const std::vector<Row>& rows, const route::Subject& subject,
                       const Conf& conf, std::string_view version);

}  // namespace weir::modules::stats
