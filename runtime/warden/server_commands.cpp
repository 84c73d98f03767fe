// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/server_commands.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "runtime/pool/live_pool.hpp"
#include "runtime/warden/tls_drafts.hpp"

namespace weir::warden {

namespace {

using filter::CommandCall;
using filter::Level;
using State = zone::ServerState;

constexpr std::uint32_t most_weight = 256;   // of HAProxy
constexpr char need_server[] = "Require 'backend/server'.";

// "backend/server". Null when there is none, which the peer is told.
pool::LivePool* find_pool(CommandCall& call, std::string_view name, std::string_view& server) {
    auto slash = name.find('/');
    if (slash == std::string_view::npos) return call.say(need_server), nullptr;
    server = name.substr(slash + 1);
    for (auto* pool : call.around.pools)
        if (pool->name() == name.substr(0, slash)) return pool;
    return call.say("No such backend."), nullptr;
}
pool::LiveServer* find_server(CommandCall& call, std::string_view name) {
    std::string_view rest;
    auto* pool = find_pool(call, name, rest);
    auto* server = pool ? pool->find(rest) : nullptr;
    if (pool && !server) call.say("No such server.");
    return server;
}
// The same of one whose address is not known, too.
const ir::Server* find_conf(CommandCall& call, std::string_view name) {
    std::string_view rest;
    auto* pool = find_pool(call, name, rest);
    if (!pool) return nullptr;
    for (const auto& server : pool->conf().servers)
        if (server.name == rest) return &server;
    return call.say("No such server."), nullptr;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
    std::uint32_t number = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

// All addresses that a server's name stands for are changed alike.
template <class Change>
void change(CommandCall& call, const pool::LiveServer& server, Change apply) {
    for (const auto& one : server.pool->servers()) {
        if (one->name != server.name || !one->board.state) continue;
        apply(*one->board.state);
        call.changed(*one->board.state);
    }
}

void set_flags(CommandCall& call, const pool::LiveServer& server, std::uint32_t set,
               std::uint32_t clear) {
    change(call, server, [&](State& state) {
        const bool was_up = state.usable();
        state.flags.fetch_or(set);
        state.flags.fetch_and(~clear);
        if (was_up != state.usable()) state.last_change = call.now_seconds;
    });
}

void run_set_state(CommandCall& call, const pool::LiveServer& server, std::string_view what) {
    if (what == "ready") return set_flags(call, server, 0, State::forced_down | State::drain);
    if (what == "drain") return set_flags(call, server, State::drain, State::forced_down);
    if (what == "maint") return set_flags(call, server, State::forced_down, 0);
    call.say("'set server <srv> state' expects 'ready', 'drain' and 'maint'.");
}

// "10" or, as a share of what is configured, "50%".
void run_set_weight_of(CommandCall& call, const pool::LiveServer& server, std::string_view text) {
    const bool share = text.ends_with('%');
    if (share) text.remove_suffix(1);
    auto number = number_of(text);
    if (!number) return call.say("Trailing garbage in weight string");
    if (share && *number > 100) return call.say("Relative weight can only be between 0 and 100% inclusive.");
    auto weight = share ? server.conf->weight * *number / 100 : *number;
    if (weight > most_weight) return call.say("Absolute weight can only be between 0 and 256 inclusive.");
    change(call, server, [&](State& state) { state.weight = static_cast<std::int32_t>(weight); });
}

void run_set_health(CommandCall& call, const pool::LiveServer& server, std::string_view what) {
    constexpr auto all = State::check_down | State::stopping | State::check_starting;
    if (what != "up" && what != "stopping" && what != "down")
        return call.say("'set server <srv> health' expects 'up', 'stopping', or 'down'.");
    const auto& check = server.conf->check;   // without one the server stays as it is set
    std::uint32_t set = what == "down" ? State::check_down : what == "stopping" ? State::stopping : 0u;
    change(call, server, [&](State& state) {
        state.flags.fetch_or(set);
        state.flags.fetch_and(~(all & ~set));
        state.health = what == "down" ? 0 : check ? check->rise + check->fall - 1 : 1;
        state.last_change = call.now_seconds;
    });
}

// ------------------------------------------------------------------------ where a server is

constexpr char by_whom[] = " by 'stats socket command'";

bool is_ip(std::string_view text) {
    in6_addr space;
    const std::string whole(text);
    return ::inet_pton(AF_INET, whole.c_str(), &space) == 1 || ::inet_pton(AF_INET6, whole.c_str(), &space) == 1;
}

// "80", or counted from the client's port: "+10".
bool is_port(std::string_view text) {
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    auto number = number_of(text);
    return number && *number > 0 && *number <= 65535;
}

// The port as set server has it.
std::string port_text(const ir::Server& conf) {
    if (!conf.port_is_offset) return fmt::format("{}", conf.endpoints.empty() ? conf.port : conf.endpoints.front().port);
    return fmt::format("{:+}", conf.port_offset);
}

// One reload for all words of the command; none where nothing is to change.
void move_to(CommandCall& call, std::string_view server, const std::vector<std::string>& words, std::string told) {
    std::vector<Amendment> changes;
    for (const auto& word : words) changes.push_back({Amendment::Kind::place, std::string(server), word});
    if (changes.empty()) {
        call.out += told;
        return;
    }
    call.want(std::move(changes), [told = std::move(told)](std::string& out, const std::string& problem) {
        out += problem.empty() ? told : problem;
    });
}

// addr IP [port PORT]
void run_set_address(CommandCall& call, const ir::Server& conf) {
    const std::string ip(call.word(2)), port(call.word(4));
    if (ip.empty()) return call.say("set server <b>/<s> addr requires an address and optionally a port.");
    if (!is_ip(ip)) return call.say(fmt::format("Invalid addr '{}'{}", ip, by_whom));
    const auto now = conf.endpoints.empty() ? std::string("-") : ir::to_string(conf.endpoints.front().ip);
    const auto port_now = port_text(conf);
    std::vector<std::string> words;
    std::string told;
    if (now == ip) {
        told = "no need to change the addr";
    } else {
        words.push_back("addr " + ip);
        told = fmt::format("IP changed from '{}' to '{}'", now, ip);
    }
    const bool counted = port.starts_with('+') || port.starts_with('-');
    if (call.word(3) != "port") {
        if (!call.word(3).empty()) return call.say(fmt::format("unexpected '{}' behind the address", call.word(3)));
    } else if (!is_port(port)) {
        told += fmt::format(", problem converting port '{}' to an int", port);
    } else if (port == port_now) {
        told += ", no need to change the port";
    } else if (counted && (!conf.check || conf.check->port == 0)) {
        told += ", can't change <port> to port map because it is incompatible with current health check port "
                "configuration (use 'port' statement from the 'server' directive.";
    } else {
        words.push_back("port " + port);
        told += fmt::format(", port changed from '{}' to '{}'", port_now, port);
    }
    move_to(call, call.word(0), words, told + by_whom + "\n");
}

// check-addr IP [port PORT], check-port PORT. Who is content says nothing.
template <bool Address>
void run_set_check_place(CommandCall& call, const ir::Server& conf) {
    constexpr auto wanted = Address ? "check-addr requires an address and optionally a port." : "check-port requires a port.";
    const std::string value(call.word(2));
    if (value.empty()) return call.say(fmt::format("set server <b>/<s> {}", wanted));
    auto refuse = [&](std::string_view why) { call.out += why; };
    if (!conf.check) return refuse("health checks are not enabled on this server");
    if (Address && !is_ip(value)) return refuse(fmt::format("invalid addr '{}'", value));
    std::vector<std::string> words;
    if (Address) words.push_back("check-addr " + value);
    if (!Address || call.word(3) == "port") {
        const auto port = call.word(Address ? 4 : 2);
        const auto number = number_of(port);
        if (!number) return refuse("provided port is not an integer");
        if (*number == 0 || *number > 65535) return refuse("provided port is not valid");
        words.push_back("check-port " + std::string(port));
    }
    move_to(call, call.word(0), words, {});
}

// Names of servers are looked up at start alone.
void run_set_name(CommandCall& call, const ir::Server&) {
    call.say(call.word(2).empty() ? "set server <b>/<s> fqdn requires a FQDN."
                                  : "set server <b>/<s> fqdn failed because no resolution is configured.");
}

constexpr std::pair<std::string_view, void (*)(CommandCall&, const ir::Server&)> place_words[] = {
    {"addr", run_set_address},
    {"check-addr", run_set_check_place<true>},
    {"check-port", run_set_check_place<false>},
    {"fqdn", run_set_name},
};

void run_set_server(CommandCall& call) {
    for (const auto& [word, run] : place_words) {
        if (call.word(1) != word) continue;
        if (const auto* conf = find_conf(call, call.word(0))) run(call, *conf);
        return;
    }
    auto* server = find_server(call, call.word(0));
    if (!server) return;
    if (call.word(1) == "state") return run_set_state(call, *server, call.word(2));
    if (call.word(1) == "weight") return run_set_weight_of(call, *server, call.word(2));
    if (call.word(1) == "health") return run_set_health(call, *server, call.word(2));
    call.say("usage: set server <backend>/<server> addr | check-addr | check-port | fqdn | health | state | weight");
}

void run_set_weight(CommandCall& call) {
    if (auto* server = find_server(call, call.word(0))) run_set_weight_of(call, *server, call.word(1));
}

void run_get_weight(CommandCall& call) {
    auto* server = find_server(call, call.word(0));
    if (!server) return;
    const auto now = server->board.state->weight.load();
    call.say(fmt::format("{} (initial {})", now >= 0 ? static_cast<std::uint32_t>(now) : server->conf->weight,
                         server->conf->weight));
}

void run_set_limit(CommandCall& call) {
    auto* server = find_server(call, call.word(0));
    if (!server) return;
    auto most = number_of(call.word(1));
    if (!most) return call.say("Integer value expected.");
    change(call, *server, [&](State& state) { state.max_connections = static_cast<std::int32_t>(*most); });
}

void run_disable_server(CommandCall& call) {
    if (auto* server = find_server(call, call.word(0))) set_flags(call, *server, State::forced_down, 0);
}
void run_enable_server(CommandCall& call) {
    if (auto* server = find_server(call, call.word(0)))
        set_flags(call, *server, 0, State::forced_down | State::drain);
}
void run_disable_health(CommandCall& call) {
    if (auto* server = find_server(call, call.word(0))) set_flags(call, *server, State::check_paused, 0);
}
void run_enable_health(CommandCall& call) {
    auto* server = find_server(call, call.word(0));
    if (!server) return;
    if (!server->conf->check) return call.say("Health check was not configured on this server, cannot enable it.");
    set_flags(call, *server, 0, State::check_paused);
}

// A word as it stands in a configuration file: what could mean something there is escaped.
std::string escaped(std::string_view word) {
    std::string out;
    for (char c : word) {
        const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           std::string_view("_-./:@,=+*%()[]{}").find(c) != std::string_view::npos;
        if (!plain) out += '\\';
        out += c;
    }
    return out;
}

// add server BACKEND/NAME ADDRESS [option...]: a line of that section, without its default-server. It
// begins in maintenance, and its check begins paused.
void run_add_server(CommandCall& call) {
    const std::string name(call.word(0));
    const auto slash = name.find('/');
    if (slash == name.npos || slash + 1 == name.size()) return call.say(need_server);
    const auto pool_name = std::string_view(name).substr(0, slash);
    auto pool = std::find_if(call.around.pools.begin(), call.around.pools.end(),
                             [&](const auto* one) { return one->name() == pool_name; });
    if (pool == call.around.pools.end()) return call.say("No such backend.");
    if ((*pool)->find(name.substr(slash + 1)))
        return call.say("Already exists a server with the same name in backend.");
    if (call.words.size() < 2) return call.say("'server' expects <name> and <addr>[:<port>] as arguments.");
    std::string line;
    for (const auto word : call.words.subspan(1)) (line += line.empty() ? "" : " ") += escaped(word);
    const auto& around = call.around;
    auto changed = call.changed;
    call.want({{Amendment::Kind::server, name, std::move(line)}},
              [&around, changed, name](std::string& out, const std::string& problem) {
                  out += problem.empty() ? "New server registered.\n" : problem;
                  for (auto* one : around.pools)
                      for (const auto& server : one->servers()) {
                          if (!server->conf->check || !server->board.state ||
                              one->name() + "/" + server->name != name)
                              continue;
                          server->board.state->flags.fetch_or(State::check_paused);
                          changed(*server->board.state);
                      }
              });
}

void run_delete_server(CommandCall& call) {
    auto* server = find_server(call, call.word(0));
    if (!server) return;
    const auto& board = server->board;
    if ((board.state->flags.load() & State::forced_down) == 0)
        return call.say("Only servers in maintenance mode can be deleted.");
    if (board.sum(call.around.board->workers(), &zone::Counters::connections) != 0)
        return call.say("Server still has connections attached to it, cannot remove it.");
    std::vector<Amendment> changes{{Amendment::Kind::no_server, std::string(call.word(0)), {}}};
    const auto& conf = *server->conf;
    if (conf.over_tls && conf.tls->identity.chain)
        keep_certificate(*call.around.config, conf.tls->identity.known_as(), changes);
    call.want(std::move(changes), [](std::string& out, const std::string& problem) {
        out += problem.empty() ? "Server deleted.\n" : problem;
    });
}

constexpr filter::Command rows[] = {
    {"add server", "<backend>/<server> <address> [option...]", "add a server", Level::admin, run_add_server},
    {"del server", "<backend>/<server>", "remove a server that is in maintenance", Level::admin, run_delete_server},
    {"disable health", "<backend>/<server>", "stop checking a server", Level::admin, run_disable_health},
    {"disable server", "<backend>/<server>", "put a server into maintenance", Level::admin, run_disable_server},
    {"enable health", "<backend>/<server>", "check a server again", Level::admin, run_enable_health},
    {"enable server", "<backend>/<server>", "take a server out of maintenance", Level::admin, run_enable_server},
    {"get weight", "<backend>/<server>", "a server's weight now and as configured", Level::user, run_get_weight},
    {"set maxconn server", "<backend>/<server> <number>", "change a server's connection limit", Level::admin,
     run_set_limit},
    {"set server", "<backend>/<server> <what> <value>", "change a server's state, weight, health or address", Level::admin,
     run_set_server},
    {"set weight", "<backend>/<server> <weight>[%]", "change a server's weight", Level::admin, run_set_weight},
};

}  // namespace

filter::Commands server_commands() { return rows; }

}  // namespace weir::warden
