// SPDX-License-Identifier: Apache-2.0
// The statistics as CSV, JSON and a page.
#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>

#include "modules/stats/table.hpp"

namespace weir::modules::stats {

namespace {

// RFC 4180, as HAProxy does it: quotes only where they are needed.
void put_csv(std::string& out, std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) {
        out += text;
        return;
    }
    out += '"';
    for (char c : text) {
        if (c == '"') out += '"';
        out += c;
    }
    out += '"';
}

void put_json(std::string& out, std::string_view text) {
    out += '"';
    for (char c : text) {
        if (c == '"' || c == '\\')
            (out += '\\') += c;
        else if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
        else
            out += c;
    }
    out += '"';
}

std::string html(std::string_view text) {
    std::string out;
    for (char c : text) {
        switch (c) {
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '&': out += "&amp;"; break;
            case '"': out += "&quot;"; break;
            default: out += c;
        }
    }
    return out;
}

std::string_view object_of(Row::Type type) {
    switch (type) {
        case Row::Type::frontend: return "Frontend";
        case Row::Type::backend: return "Backend";
        case Row::Type::server: return "Server";
        case Row::Type::listener: return "Listener";
    }
    return "";
}

constexpr std::string_view style =
    "body{font:14px sans-serif;margin:1.5em;color:#222}h1{font-size:1.4em}h2{font-size:1.1em;"
    "margin:1.4em 0 .3em}table{border-collapse:collapse}td,th{padding:.2em .6em;border:1px solid "
    "#ccc;text-align:right}td:first-child,th:first-child,td.s{text-align:left}th{background:#eee}"
    "tr.f,tr.b{background:#f4f6fa}.up{background:#cfc}.down{background:#fbb}.change{background:#ffc}"
    ".maint{background:#ddd}";

struct Shown {
    Column column;
    std::string_view title;
};
constexpr Shown shown[] = {
    {Column::status, "Status"},       {Column::check_status, "Last check"},
    {Column::lastchg, "Since (s)"},   {Column::weight, "Weight"},
    {Column::qcur, "Queue"},          {Column::scur, "Sessions"},
    {Column::slim, "Limit"},          {Column::stot, "Total"},
    {Column::lbtot, "Picked"},        {Column::req_tot, "Requests"},
    {Column::bin, "Bytes in"},        {Column::bout, "Bytes out"},
    {Column::hrsp_2xx, "2xx"},        {Column::hrsp_3xx, "3xx"},
    {Column::hrsp_4xx, "4xx"},        {Column::hrsp_5xx, "5xx"},
    {Column::econ, "Connect errors"}, {Column::eresp, "Answer errors"},
    {Column::wretr, "Retries"},       {Column::wredis, "Redispatches"},
    {Column::chkfail, "Failed checks"}, {Column::chkdown, "Downs"},
    {Column::downtime, "Down (s)"},
};

std::string_view color_of(std::string_view status) {
    if (status.starts_with("MAINT") || status == "DRAIN" || status.starts_with("NOLB")) return "maint";
    if (status == "UP" || status == "OPEN" || status == "no check") return "up";
    if (status == "DOWN" || status == "STOP") return "down";
    return "change";
}

void put_row(std::string& out, const Row& row, bool addresses) {
    out += row.type == Row::Type::frontend ? "<tr class=f>" : row.type == Row::Type::backend ? "<tr class=b>" : "<tr>";
    const std::string& address = row[Column::addr];
    out += fmt::format("<td>{}{}</td>", html(row[Column::svname]),
                       addresses && !address.empty() ? " (" + html(address) + ")" : "");
    for (const auto& [column, title] : shown) {
        const std::string& text = row[column];
        if (column == Column::status)
            out += fmt::format("<td class=\"s {}\">{}</td>", color_of(text), html(text));
        else if (column == Column::check_status && !text.empty())
            out += fmt::format("<td class=s title=\"{}\">{}{}{}</td>", html(row[Column::check_desc]),
                               text, row[Column::check_code].empty() ? "" : "/",
                               row[Column::check_code]);
        else
            out += fmt::format("<td>{}</td>", html(text));
    }
    out += "</tr>\n";
}

// HAProxy's tags of a value: origin (metric, status, key, config), nature (gauge, limit, maximum, rate,
// counter, duration, age, average, name, output), scope (process, service), persistent or volatile; and
// its type. Numbers that are not named here are counters.
struct Form {
    std::string_view tags, type;
};
struct Group {
    Form form;
    std::initializer_list<Column> columns;
};

Form form_of(Column column, Row::Type row) {
    using C = Column;
    static const Group groups[] = {
        {{"KNSV", "str"}, {C::pxname, C::svname}},
        {{"KGPV", "u32"}, {C::pid}},
        {{"KGSV", "u32"}, {C::iid, C::sid}},
        {{"CGSV", "u32"}, {C::type, C::qlimit, C::check_rise, C::check_fall, C::check_health, C::agent_rise, C::agent_fall,
                           C::agent_health}},
        {{"CGSV", "str"}, {C::addr, C::mode, C::algo}},
        {{"CNSV", "str"}, {C::tracked, C::cookie}},
        {{"CLPV", "u32"}, {C::slim, C::rate_lim, C::src_ilim}},
        {{"MGPV", "u32"}, {C::qcur, C::scur, C::srv_icur, C::idle_conn_cur, C::safe_conn_cur, C::used_conn_cur,
                           C::need_conn_est, C::agg_server_status, C::agg_server_check_status, C::agg_check_status}},
        {{"MMPV", "u32"}, {C::qmax, C::smax, C::rate_max, C::req_rate_max, C::conn_rate_max, C::qtime_max, C::ctime_max,
                           C::rtime_max, C::ttime_max}},
        {{"MRPP", "u32"}, {C::rate, C::req_rate, C::conn_rate}},
        {{"MaPV", "u32"}, {C::weight, C::uweight, C::throttle, C::qtime, C::ctime, C::rtime, C::ttime}},
        {{"SGPV", "str"}, {C::status}},
        {{"MAPV", "u32"}, {C::lastchg}},
        {{"MAPV", "s32"}, {C::lastsess}},
        {{"MCPP", "u32"}, {C::downtime}},
        {{"MOPV", "str"}, {C::check_status, C::last_chk, C::last_agt, C::agent_status, C::check_desc, C::agent_desc}},
        {{"MOPV", "u32"}, {C::check_code, C::agent_code}},
        {{"MDPV", "u64"}, {C::check_duration, C::agent_duration}},
        {{"MCPV", "u64"}, {C::h1_spliced_bytes_in, C::h1_spliced_bytes_out}},
    };
    // How many there are, or whether it is one.
    if (column == C::act || column == C::bck) return {row == Row::Type::backend ? "MGPV" : "SGPV", "u32"};
    for (const auto& group : groups)
        if (std::find(group.columns.begin(), group.columns.end(), column) != group.columns.end()) return group.form;
    return {"MCPP", "u64"};
}

char letter_of(Row::Type type) {
    switch (type) {
        case Row::Type::frontend: return 'F';
        case Row::Type::backend: return 'B';
        case Row::Type::server: return 'S';
        case Row::Type::listener: return 'L';
    }
    return '?';
}

}  // namespace

std::string write_typed(const std::vector<Row>& rows) {
    std::string out;
    for (const auto& row : rows)
        for (std::size_t i = 0; i < column_count; ++i) {
            if (row.cells[i].empty()) continue;
            const auto column = static_cast<Column>(i);
            const auto form = form_of(column, row.type);
            out += fmt::format("{}.{}.{}.{}.{}.1:{}:{}:{}\n", letter_of(row.type), row.proxy, row.id, i, name_of(column),
                               form.tags, form.type, row.cells[i]);
        }
    return out;
}

std::string write_csv(const std::vector<Row>& rows) {
    std::string out = "# ";
    for (std::size_t i = 0; i < column_count; ++i) {
        out += name_of(static_cast<Column>(i));
        out += ',';
    }
    out += '\n';
    for (const auto& row : rows) {
        for (const auto& cell : row.cells) {
            put_csv(out, cell);
            out += ',';
        }
        out += '\n';
    }
    return out;
}

std::string write_json(const std::vector<Row>& rows) {
    std::string out = "[";
    for (const auto& row : rows) {
        out += out.size() > 1 ? ",[" : "[";
        bool first = true;
        for (std::size_t i = 0; i < column_count; ++i) {
            if (row.cells[i].empty()) continue;
            out += fmt::format("{}{{\"objType\":\"{}\",\"proxyId\":{},\"id\":{},\"field\":{{\"pos\":{},"
                               "\"name\":\"{}\"}},\"processNum\":1,\"value\":{{\"type\":\"{}\",\"value\":",
                               first ? "" : ",", object_of(row.type), row.proxy, row.id, i,
                               name_of(static_cast<Column>(i)), row.numeric[i] ? "u64" : "str");
            if (row.numeric[i])
                out += row.cells[i];
            else
                put_json(out, row.cells[i]);
            out += "}}";
            first = false;
        }
        out += ']';
    }
    return out + "]";
}

std::string write_html(const std::vector<Row>& rows, const route::Subject& subject,
                       const Conf& conf, std::string_view version) {
    const auto& process = subject.around->config->process;
    std::string title = "Statistics";
    if (conf.show_node)
        title += " of " + html(!conf.node.empty()      ? conf.node
                               : !process.node.empty() ? process.node
                                                       : std::string(subject.around->host_name));
    std::string out = fmt::format(
        "<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>{0}</title><style>{1}</style>"
        "</head>\n<body><h1>{0}</h1>\n",
        title, style);
    if (!conf.hide_version) out += fmt::format("<p>weir {}, process {}</p>\n", version, subject.around->process_id);
    if (conf.show_description)
        out += fmt::format("<p>{}</p>\n", html(conf.description.empty() ? process.description : conf.description));
    out += fmt::format("<p><a href=\"{0};csv\">CSV</a> <a href=\"{0};json\">JSON</a></p>\n", html(conf.uri));
    std::string_view section;
    for (const auto& row : rows) {
        if (row[Column::pxname] != section) {
            if (!section.empty()) out += "</table>\n";
            section = row[Column::pxname];
            out += fmt::format("<h2>{}</h2>\n<table><tr><th></th>", html(section));
            for (const auto& [column, name] : shown) out += fmt::format("<th>{}</th>", name);
            out += "</tr>\n";
        }
        put_row(out, row, conf.show_legends);
    }
    if (!section.empty()) out += "</table>\n";
    return out + "</body></html>\n";
}

}  // namespace weir::modules::stats
