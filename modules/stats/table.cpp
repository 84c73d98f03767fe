// SPDX-License-Identifier: Apache-2.0
#include "modules/stats/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "runtime/zone/check_code.hpp"

namespace weir::modules::stats {

namespace {

using zone::Counters;
using zone::ServerState;

class Maker {
public:
    // `here`: the site that shows the page; null at the runtime socket.
    Maker(const route::Surroundings& around, const Conf& conf, const ir::Site* here,
          std::int64_t now_seconds)
        : conf_(conf), around_(around), here_(here),
          now_seconds_(static_cast<std::uint64_t>(now_seconds)),
          workers_(around_.board ? around_.board->workers() : around_.workers) {}

    std::vector<Row> make() {
        for (const auto& proxy : proxies_of(around_)) {
            if (!in_scope(proxy)) continue;
            if (proxy.site) add_site(proxy, proxy.number);
            if (proxy.pool) add_pool(*proxy.pool, proxy.number);
        }
        return std::move(rows_);
    }

private:
    [[nodiscard]] bool in_scope(const Proxy& proxy) const {
        if (conf_.scope.empty()) return true;
        const std::string_view name = proxy.site ? proxy.site->name : proxy.pool->name();
        return std::any_of(conf_.scope.begin(), conf_.scope.end(), [&](const std::string& wanted) {
            return wanted == name || (wanted == "." && here_ && here_->name == name);
        });
    }

    [[nodiscard]] std::uint64_t sum(const zone::Entry& entry, zone::Counter Counters::*member) const {
        return entry.slots ? entry.sum(workers_, member) : 0;
    }

    Row& begin(Row::Type type, std::string_view proxy, std::string_view name, std::uint32_t number,
               std::uint32_t id) {
        Row& row = rows_.emplace_back();
        row.type = type;
        row.proxy = number;
        row.id = id;
        row.set(Column::pxname, std::string(proxy));
        row.set(Column::svname, std::string(name));
        row.set(Column::pid, 1);
        row.set(Column::iid, number);
        row.set(Column::sid, id);
        row.set(Column::type, static_cast<std::uint64_t>(type));
        return row;
    }

    // What all kinds have.
    void traffic(Row& row, const zone::Entry& entry, bool http) const {
        row.set(Column::scur, sum(entry, &Counters::connections));
        row.set(Column::stot, sum(entry, &Counters::total));
        row.set(Column::bin, sum(entry, &Counters::bytes_in));
        row.set(Column::bout, sum(entry, &Counters::bytes_out));
        row.set(Column::dresp, sum(entry, &Counters::denied_responses));
        row.set(Column::mode, http ? "http" : "tcp");
        if (!http) return;
        row.set(Column::h1_spliced_bytes_in, sum(entry, &Counters::spliced_in));
        row.set(Column::h1_spliced_bytes_out, sum(entry, &Counters::spliced_out));
        constexpr Column kinds[] = {Column::hrsp_other, Column::hrsp_1xx, Column::hrsp_2xx,
                                    Column::hrsp_3xx,   Column::hrsp_4xx, Column::hrsp_5xx};
        for (std::size_t kind = 0; kind < 6; ++kind) {
            std::uint64_t all = 0;
            for (std::uint32_t i = 0; entry.slots && i < workers_; ++i)
                all += entry.mine(i).responses[kind].get();
            row.set(kinds[kind], all);
        }
    }

    void server_side(Row& row, const zone::Entry& entry) const {
        row.set(Column::qcur, sum(entry, &Counters::queued));
        row.set(Column::econ, sum(entry, &Counters::connect_errors));
        row.set(Column::eresp, sum(entry, &Counters::response_errors));
        row.set(Column::wretr, sum(entry, &Counters::retries));
        row.set(Column::wredis, sum(entry, &Counters::redispatches));
        row.set(Column::lbtot, sum(entry, &Counters::picked));
        row.set(Column::cli_abrt, sum(entry, &Counters::client_aborts));
        row.set(Column::srv_abrt, sum(entry, &Counters::server_aborts));
        row.set(Column::connect, sum(entry, &Counters::connects));
        row.set(Column::reuse, sum(entry, &Counters::reuses));
        const auto requests = std::max<std::uint64_t>(1, sum(entry, &Counters::requests));
        row.set(Column::qtime, sum(entry, &Counters::queue_ms) / requests);
        row.set(Column::ctime, sum(entry, &Counters::connect_ms) / requests);
        row.set(Column::rtime, sum(entry, &Counters::response_ms) / requests);
        row.set(Column::ttime, sum(entry, &Counters::total_ms) / requests);
    }

    void add_site(const Proxy& proxy, std::uint32_t number) {
        const auto& site = *proxy.site;
        const bool http = site.kind == ir::Site::Kind::http;
        const auto entry = proxy.site_id < around_.sites.size() ? around_.sites[proxy.site_id]
                                                                : zone::Entry{};
        Row& row = begin(Row::Type::frontend, site.name, "FRONTEND", number, 0);
        traffic(row, entry, http);
        row.set(Column::status, site.disabled ? "STOP" : "OPEN");
        const auto limit = site.max_connections != 0 ? site.max_connections
                                                     : around_.config->process.max_connections;
        if (limit != 0) row.set(Column::slim, limit);
        row.set(Column::dreq, sum(entry, &Counters::denied_requests));
        row.set(Column::ereq, sum(entry, &Counters::request_errors));
        row.set(Column::conn_tot, sum(entry, &Counters::total));
        if (http) row.set(Column::req_tot, sum(entry, &Counters::requests));
        if (http) caches(row, entry);
    }

    void add_pool(const pool::LivePool& pool, std::uint32_t number) {
        const bool http = pool.conf().kind == ir::Pool::Kind::http;
        Totals totals;
        for (const auto& server : pool.servers()) add_server(pool, *server, number, http, totals);
        Row& row = begin(Row::Type::backend, pool.name(), "BACKEND", number, 0);
        traffic(row, pool.board(), http);
        server_side(row, pool.board());
        row.set(Column::dreq, sum(pool.board(), &Counters::denied_requests));
        row.set(Column::status, totals.active + totals.backup > 0 || pool.servers().empty() ? "UP" : "DOWN");
        row.set(Column::weight, totals.active > 0 ? totals.weight : totals.backup_weight);
        row.set(Column::uweight, totals.active > 0 ? totals.weight : totals.backup_weight);
        row.set(Column::act, totals.active);
        row.set(Column::bck, totals.backup);
        row.set(Column::chkdown, totals.downs);
        if (pool.conf().full_connections != 0) row.set(Column::slim, pool.conf().full_connections);
        if (http) row.set(Column::req_tot, sum(pool.board(), &Counters::requests));
        if (http) caches(row, pool.board());
    }

    void caches(Row& row, const zone::Entry& entry) {
        row.set(Column::cache_lookups, sum(entry, &Counters::cache_lookups));
        row.set(Column::cache_hits, sum(entry, &Counters::cache_hits));
        row.set(Column::cache_hint_hits, sum(entry, &Counters::cache_hints));
    }

    struct Totals {
        std::uint64_t active = 0, backup = 0, weight = 0, backup_weight = 0, downs = 0;
    };

    void add_server(const pool::LivePool& pool, const pool::LiveServer& server,
                    std::uint32_t number, bool http, Totals& totals) {
        const auto& conf = *server.conf;
        const auto id = static_cast<std::uint32_t>(conf.id != 0 ? conf.id : server.index + 1);
        Row& row = begin(Row::Type::server, pool.name(), server.name, number, id);
        traffic(row, server.board, http);
        server_side(row, server.board);
        const ServerState& state = *server.board.state;
        const bool up = state.usable() &&
                        (state.flags & (ServerState::stopping | ServerState::drain)) == 0;
        const auto weight = state.weight.load() >= 0 ? static_cast<std::uint32_t>(state.weight.load())
                                                     : conf.weight;
        if (up) {
            ++(conf.backup ? totals.backup : totals.active);
            (conf.backup ? totals.backup_weight : totals.weight) += weight;
        }
        totals.downs += state.downs;
        row.set(Column::status, status_of(conf, state));
        row.set(Column::weight, weight);
        row.set(Column::uweight, weight);
        row.set(Column::act, conf.backup ? 0 : 1);
        row.set(Column::bck, conf.backup ? 1 : 0);
        if (conf.max_connections != 0) row.set(Column::slim, conf.max_connections);
        if (conf.max_queue != 0) row.set(Column::qlimit, conf.max_queue);
        row.set(Column::srv_icur, sum(server.board, &Counters::idle_connections));
        if (!conf.track.empty()) row.set(Column::tracked, conf.track);
        if (conf_.show_legends) {
            row.set(Column::addr, server.address_text);
            if (!conf.cookie.empty()) row.set(Column::cookie, conf.cookie);
        }
        if (http) row.set(Column::req_tot, sum(server.board, &Counters::requests));
        const auto changed = static_cast<std::uint64_t>(state.last_change.load());
        const auto now = now_seconds_;
        if (changed != 0) row.set(Column::lastchg, now > changed ? now - changed : 0);
        if (conf.check) health(row, *conf.check, state, now);
    }

    static void health(Row& row, const ir::HealthCheck& check, const ServerState& state,
                       std::uint64_t now) {
        row.set(Column::chkfail, state.fall_count);
        row.set(Column::chkdown, state.downs);
        std::uint64_t down = state.down_seconds;
        if ((state.flags & ServerState::check_down) && state.last_change != 0)
            down += now - static_cast<std::uint64_t>(state.last_change);
        row.set(Column::downtime, down);
        const auto code = static_cast<zone::CheckCode>(state.check_code.load());
        row.set(Column::check_rise, check.rise);
        row.set(Column::check_fall, check.fall);
        row.set(Column::check_health, state.health);
        if (code == zone::CheckCode::unknown) return row.set(Column::check_status, "INI");
        row.set(Column::check_status, std::string(zone::name_of(code)));
        if (zone::is_layer7(code) && state.check_status != 0)
            row.set(Column::check_code, state.check_status);
        row.set(Column::check_duration, state.check_ms);
        row.set(Column::check_desc, std::string(zone::words_of(code)));
    }

    static std::string status_of(const ir::Server& conf, const ServerState& state) {
        const auto flags = state.flags.load();
        if (flags & ServerState::forced_down) return "MAINT";
        if (flags & ServerState::unresolved) return "MAINT (resolution)";
        if (!conf.check && conf.track.empty())
            return flags & ServerState::drain ? "DRAIN" : "no check";
        const auto level = state.health.load();
        const auto rise = conf.check ? conf.check->rise : 1, fall = conf.check ? conf.check->fall : 1;
        if (flags & (ServerState::check_down | ServerState::check_starting))
            return level == 0 ? "DOWN" : fmt::format("DOWN {}/{}", level, rise);
        if (flags & ServerState::drain) return "DRAIN";
        const char* word = flags & ServerState::stopping ? "NOLB" : "UP";
        if (level >= rise + fall - 1 || level < rise) return word;
        return fmt::format("{} {}/{}", word, level - rise + 1, fall);
    }

    const Conf& conf_;
    const route::Surroundings& around_;
    const ir::Site* here_;
    std::uint64_t now_seconds_;
    std::uint32_t workers_;
    std::vector<Row> rows_;
};

}  // namespace

std::string_view name_of(Column column) {
    static constexpr std::string_view names[] = {
#define X(name) #name,
        WEIR_STATS_COLUMNS(X)
#undef X
    };
    return names[static_cast<std::size_t>(column)];
}

std::vector<Proxy> proxies_of(const route::Surroundings& around) {
    struct Placed {
        Span span;
        Proxy proxy;
    };
    std::vector<Placed> list;
    if (around.config) {
        const auto& sites = around.config->sites;
        for (std::uint32_t i = 0; i < sites.size(); ++i)
            list.push_back({sites[i].span, {&sites[i], nullptr, i, 0}});
    }
    for (const auto* pool : around.pools) {
        auto same = std::find_if(list.begin(), list.end(), [&](const Placed& one) {
            return one.proxy.site && one.proxy.site->counted_as_backend &&
                   one.proxy.site->name == pool->name();
        });
        if (same != list.end())
            same->proxy.pool = pool;
        else
            list.push_back({pool->conf().span, {nullptr, pool, 0, 0}});
    }
    std::stable_sort(list.begin(), list.end(), [](const Placed& a, const Placed& b) {
        return std::tuple(a.span.file, a.span.begin) < std::tuple(b.span.file, b.span.begin);
    });
    std::vector<Proxy> proxies;
    for (auto& one : list) {
        const auto id = one.proxy.site ? one.proxy.site->id : one.proxy.pool->conf().id;
        one.proxy.number = id != 0 ? id : static_cast<std::uint32_t>(proxies.size()) + 2;
        proxies.push_back(one.proxy);
    }
    return proxies;
}

std::vector<Row> make_rows(const route::Subject& subject, const Conf& conf) {
    return Maker(*subject.around, conf, subject.site, subject.wall_ms / 1000).make();
}

std::vector<Row> make_rows(const route::Surroundings& around, std::int64_t now_seconds) {
    return Maker(around, Conf{}, nullptr, now_seconds).make();
}

}  // namespace weir::modules::stats
