// SPDX-License-Identifier: Apache-2.0
// What the runtime socket shows: the statistics, the process, the servers and their connections.
// Programs read these by position and by name, so the forms are HAProxy's.
#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <chrono>

#include "modules/stats/rows.hpp"
#include "modules/stats/table.hpp"
#include "runtime/version.hpp"
#include "runtime/zone/check_code.hpp"

extern char** environ;

namespace weir::modules::stats {

namespace {

using filter::CommandCall;
using filter::Level;
using zone::Counters;
using zone::ServerState;

// What the version line of the haproxy personality says: tools compare its first number.
constexpr std::string_view version_of_haproxy = "3.2.0";

long number_of(std::string_view text, long fallback) {
    long number = fallback;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

// show stat [<proxy> <kinds> <server>]: kinds add up 1 frontends, 2 backends, 4 servers, 8 listeners.
bool is_shown(const CommandCall& call, const Row& row) {
    if (call.words.size() < 3) return true;
    const auto proxy = call.word(0);
    const bool by_number = !proxy.empty() && (proxy[0] == '-' || (proxy[0] >= '0' && proxy[0] <= '9'));
    if (by_number ? number_of(proxy, -1) != -1 && number_of(proxy, -1) != static_cast<long>(row.proxy)
                  : row[Column::pxname] != proxy)
        return false;
    const auto kinds = number_of(call.word(1), -1);
    if (kinds != -1 && !(kinds >> static_cast<unsigned>(row.type) & 1)) return false;
    const auto server = number_of(call.word(2), -1);
    return server == -1 || row.type != Row::Type::server || server == static_cast<long>(row.id);
}

bool has_word(const CommandCall& call, std::string_view wanted) {
    for (auto word : call.words)
        if (word == wanted) return true;
    return false;
}

void show_stat(CommandCall& call) {
    if (has_word(call, "schema"))
        return call.say("This form is not available: use the table, \"typed\" or \"json\".");
    auto rows = make_rows(call.around, call.now_seconds);
    std::erase_if(rows, [&](const Row& row) {
        if (!is_shown(call, row)) return true;
        if (row.type != Row::Type::server) return false;
        const auto& status = row[Column::status];
        if (has_word(call, "up") && (status.starts_with("DOWN") || status.starts_with("MAINT"))) return true;
        return has_word(call, "no-maint") && status.starts_with("MAINT");
    });
    if (has_word(call, "json")) return call.say(write_json(rows));
    if (has_word(call, "typed")) {
        call.out += write_typed(rows);
        return;
    }
    call.out += write_csv(rows);
}

void show_info(CommandCall& call) {
    const auto& around = call.around;
    const auto workers = around.board->workers();
    const auto& process = around.process;
    const auto up = call.now_seconds - call.started_seconds;
    auto line = [&](std::string_view name, auto value) { call.say(fmt::format("{}: {}", name, value)); };
    line("Name", "HAProxy");
    line("Version", fmt::format("{}-weir{}", version_of_haproxy, version_text));
    line("Nbthread", around.workers);
    line("Nbproc", 1);
    line("Process_num", 1);
    line("Pid", around.process_id);
    line("Uptime", fmt::format("{}d {}h{:02}m{:02}s", up / 86400, up / 3600 % 24, up / 60 % 60, up % 60));
    line("Uptime_sec", up);
    const auto limit = ::sysconf(_SC_OPEN_MAX);
    line("Ulimit-n", limit);
    line("Maxsock", limit);
    const auto most = around.config->process.max_connections;
    line("Maxconn", most != 0 ? most : static_cast<std::uint32_t>(limit / 2));
    line("Hard_maxconn", most != 0 ? most : static_cast<std::uint32_t>(limit / 2));
    line("CurrConns", process.sum(workers, &Counters::connections));
    line("CumConns", process.sum(workers, &Counters::total));
    line("CumReq", process.sum(workers, &Counters::requests));
    const auto wall_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                             std::chrono::system_clock::now().time_since_epoch()).count();
    auto rate = [&](zone::Counter (Counters::*cells)[3]) {
        std::uint64_t all = 0;
        for (std::uint32_t i = 0; process.slots && i < workers; ++i) {
            auto& of = process.mine(i).*cells;
            const std::uint64_t copy[3] = {of[0].get(), of[1].get(), of[2].get()};
            all += zone::read_rate(copy, 1000, wall_ms);
        }
        return all;
    };
    const auto handshakes = rate(&Counters::handshake_rate), full = rate(&Counters::full_handshake_rate);
    line("CumSslConns", process.sum(workers, &Counters::handshakes));
    line("SslRate", handshakes);
    line("SslFrontendKeyRate", full);
    line("SslFrontendSessionReuse_pct", handshakes > full ? (handshakes - full) * 100 / handshakes : 0);
    std::uint64_t bytes = 0;
    for (const auto& site : around.sites)
        if (site.slots) bytes += site.sum(workers, &Counters::bytes_out);
    line("node", around.node.empty() ? around.host_name : around.node);
    if (!around.config->process.description.empty()) line("description", around.config->process.description);
    line("Stopping", 0);
    line("Listeners", around.config->listeners.size());
    line("TotalBytesOut", bytes);
    line("Start_time_sec", call.started_seconds);
    line("Tainted", 0);
}

void show_version(CommandCall& call) {
    call.say(fmt::format("{}-weir{}", version_of_haproxy, version_text));
}

void show_backend(CommandCall& call) {
    call.say("# name");
    for (const auto& proxy : proxies_of(call.around))
        if (proxy.pool) call.say(proxy.pool->name());
}

// The numbers that HAProxy's state file has for the outcome of a check.
int number_of(zone::CheckCode code) {
    using Code = zone::CheckCode;
    switch (code) {
        case Code::unknown: return 1;
        case Code::socket_error: return 5;
        case Code::l4_ok: return 6;
        case Code::l4_timeout: return 7;
        case Code::l4_failed: return 8;
        case Code::l6_ok: return 9;
        case Code::l6_timeout: return 10;
        case Code::l6_invalid: return 11;
        case Code::l7_ok: return 15;
        case Code::l7_conditional: return 16;
        case Code::l7_timeout: return 12;
        case Code::l7_invalid: return 13;
        case Code::l7_status: return 17;
        default: return 1;
    }
}

std::string state_line(const CommandCall& call, const Proxy& proxy, const pool::LiveServer& server) {
    const auto& conf = *server.conf;
    const auto& state = *server.board.state;
    const auto flags = state.flags.load();
    const bool down = !state.usable();
    const int running = down ? 0 : flags & ServerState::stopping ? 3 : 2;
    // Bits: 1 set to maintenance, 4 so by configuration, 8 set to drain, 32 the name is not known.
    const unsigned admin = (flags & ServerState::forced_down ? 1u : 0u) | (conf.down ? 4u : 0u) |
                           (flags & ServerState::drain ? 8u : 0u) |
                           (flags & ServerState::unresolved ? 32u : 0u);
    const auto code = static_cast<zone::CheckCode>(state.check_code.load());
    const bool checked = conf.check && code != zone::CheckCode::unknown;
    const int result = !checked ? 0 : flags & ServerState::check_down ? 2 : 3;
    const int check_state = conf.check ? (flags & (ServerState::check_paused | ServerState::forced_down) ? 14 : 6) : 0;
    const auto weight = state.weight.load();
    const auto since = state.last_change.load() != 0 ? call.now_seconds - state.last_change.load()
                                                     : call.now_seconds - call.started_seconds;
    const auto& address = server.address_text;
    auto colon = address.rfind(':');
    return fmt::format("{} {} {} {} {} {} {} {} {} {} {} {} {} {} 0 {} {} {} {} - {} {} {} - 0", proxy.number,
                       proxy.pool->name(), server.id, server.name, address.substr(0, colon), running, admin,
                       weight >= 0 ? static_cast<std::uint32_t>(weight) : conf.weight, conf.weight, since,
                       number_of(code), result, state.health.load(), check_state, proxy.pool->conf().id != 0,
                       conf.id != 0, conf.host.empty() ? "-" : conf.host,
                       conf.port_is_offset           ? std::to_string(conf.port_offset)
                       : colon == std::string::npos ? "0"
                                                     : address.substr(colon + 1),
                       conf.over_tls ? 1 : 0, conf.check ? conf.check->port : 0,
                       conf.check && conf.check->address ? ir::to_string(conf.check->address->ip) : "-");
}

// Calls `visit` for each server of the named backend, or of all. False: there is none of that name.
template <class Visit>
bool each_server(CommandCall& call, std::string_view wanted, Visit visit) {
    bool found = wanted.empty();
    for (const auto& proxy : proxies_of(call.around)) {
        if (!proxy.pool || (!wanted.empty() && proxy.pool->name() != wanted)) continue;
        found = true;
        for (const auto& server : proxy.pool->servers()) visit(proxy, *server);
    }
    if (!found) call.say("Can't find backend.");
    return found;
}

void show_servers_state(CommandCall& call) {
    std::string lines =
        "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight "
        "srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state "
        "srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl "
        "srv_check_port srv_check_addr srv_agent_addr srv_agent_port\n";
    const bool found = each_server(call, call.word(0), [&](const Proxy& proxy, const pool::LiveServer& server) {
        (lines += state_line(call, proxy, server)) += '\n';
    });
    if (found) call.out += lines;
}

void show_servers_conn(CommandCall& call) {
    const auto workers = call.around.board->workers();
    std::string lines = fmt::format(
        "# bkname/svname bkid/svid addr port - purge_delay used_cur used_max need_est unsafe_nb safe_nb "
        "idle_lim idle_cur idle_per_thr[{}]\n", workers);
    const bool found = each_server(call, call.word(0), [&](const Proxy& proxy, const pool::LiveServer& server) {
        const auto& address = server.address_text;
        auto colon = address.rfind(':');
        const auto idle = server.board.sum(workers, &Counters::idle_connections);
        lines += fmt::format("{}/{} {}/{} {} {} - 5000 {} 0 0 {} 0 -1 {}", proxy.pool->name(), server.name,
                             proxy.number, server.id, address.substr(0, colon),
                             colon == std::string::npos ? "0" : address.substr(colon + 1),
                             server.board.sum(workers, &Counters::connections), idle, idle);
        for (std::uint32_t i = 0; i < workers; ++i)
            lines += fmt::format(" {}", server.board.mine(i).idle_connections.get());
        lines += '\n';
    });
    if (found) call.out += lines;
}

void show_environment(CommandCall& call) {
    const auto wanted = call.word(0);
    bool found = wanted.empty();
    for (char** one = environ; one && *one; ++one) {
        const std::string_view text = *one;
        if (!wanted.empty() && text.substr(0, text.find('=')) != wanted) continue;
        call.say(text);
        found = true;
    }
    if (!found) call.say("Variable not found");
}

void zero(Counters& counters) {
    for (auto* total : {&counters.total, &counters.requests, &counters.bytes_in, &counters.bytes_out,
                        &counters.spliced_in, &counters.spliced_out,
                        &counters.connect_errors, &counters.response_errors, &counters.client_aborts,
                        &counters.server_aborts, &counters.retries, &counters.redispatches,
                        &counters.denied_requests, &counters.denied_responses, &counters.request_errors,
                        &counters.picked, &counters.connects, &counters.reuses, &counters.queue_ms,
                        &counters.connect_ms, &counters.response_ms, &counters.total_ms,
                        &counters.cache_lookups, &counters.cache_hits, &counters.cache_hints})
        total->set(0);
    for (auto& kind : counters.responses) kind.set(0);
}

// "clear counters" alone is about the highest values, of which weir keeps none. A worker that counts
// at this very moment may bring one old number back.
void clear_counters(CommandCall& call) {
    if (call.word(0) != "all") return;
    const auto workers = call.around.board->workers();
    auto clear = [&](const zone::Entry& entry) {
        for (std::uint32_t i = 0; entry.slots && i < workers; ++i) zero(entry.mine(i));
    };
    clear(call.around.process);
    for (const auto& site : call.around.sites) clear(site);
    for (const auto* pool : call.around.pools) {
        clear(pool->board());
        for (const auto& server : pool->servers()) {
            clear(server->board);
            server->board.state->fall_count = server->board.state->downs = 0;
            server->board.state->down_seconds = 0;
        }
    }
}

void clear_server_counters(CommandCall& call) {
    const auto name = call.word(0);
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) return call.say("Require 'backend/server'.");
    bool pool_known = false;
    for (const auto* pool : call.around.pools) {
        if (pool->name() != name.substr(0, slash)) continue;
        pool_known = true;
        const auto* server = pool->find(name.substr(slash + 1));
        if (!server) continue;
        for (std::uint32_t i = 0; server->board.slots && i < call.around.board->workers(); ++i)
            zero(server->board.mine(i));
        server->board.state->fall_count = server->board.state->downs = 0;
        server->board.state->down_seconds = 0;
        return call.say("Server counters cleared.");
    }
    call.say(pool_known ? "No such server." : "No such backend.");
}

constexpr filter::Command rows[] = {
    {"clear counters", "[all]", "set the statistics to zero", Level::operator_level, clear_counters},
    {"clear counters server", "<backend>/<server> [force]", "set the statistics of a server to zero", Level::admin,
     clear_server_counters},
    {"show backend", "", "names of all backends", Level::user, show_backend},
    {"show env", "[<name>]", "environment variables of the process", Level::operator_level, show_environment},
    {"show info", "", "the process", Level::user, show_info},
    {"show servers conn", "[<backend>]", "connections to servers", Level::operator_level, show_servers_conn},
    {"show servers state", "[<backend>]", "state of servers, as state files have it", Level::operator_level,
     show_servers_state},
    {"show stat", "[<proxy> <kinds> <server>] [up|no-maint] [json]", "the statistics", Level::user, show_stat},
    {"show version", "", "the version", Level::user, show_version},
};

}  // namespace

filter::Commands commands() { return rows; }

}  // namespace weir::modules::stats
