// SPDX-License-Identifier: Apache-2.0
// One coroutine per connection: greets, then reads, tells and waits for a tick, again and again. Another one
// per peer opens connections. They share a Group, which lives as long as one of them needs it to say that
// all is over.
#include "runtime/warden/peers.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "runtime/log/error_log.hpp"
#include "runtime/log/log_sink.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/pool/live_pool.hpp"
#include "runtime/route/dates.hpp"
#include "runtime/warden/peer_wire.hpp"

namespace weir::warden {

namespace {

// Times in ms.
constexpr net::Time tick = 50, greeting_time = 5000, pause_to_connect = 500, heartbeat_after = 3000,
                    silence = 30000, told_again = 10000, time_to_learn = 5000;
constexpr net::Time clock_slack = 30;            // workers read their clocks once per turn
constexpr std::uint32_t looks_per_part = 256, places_per_tick = 2000;
constexpr std::size_t most_unsent = 262144;      // bytes
constexpr std::size_t longest_greeting = 1024;
constexpr std::string_view protocol = "HAProxyS";

// What a peer is told of one table.
struct Telling {
    std::int64_t since = 0;            // changes before it are told
    std::int64_t from = 0;             // of a walk over all entries: those touched earlier are passed by
    std::int64_t begun = 0;
    std::uint64_t place = 0;
    bool walks = false, learned_too = false;

    void walk(std::int64_t after, std::int64_t now, bool all) {
        from = after;
        begun = now;
        place = 0;
        walks = true;
        learned_too = all;
    }
};

}  // namespace

struct Peers::Peer {
    Group* group = nullptr;
    ir::PeerGroup::Peer conf;
    std::vector<Telling> tellings;     // by table of the group
    std::shared_ptr<Session> session;  // the one that stands
    bool asked = false;                // for all that it has; once
};

struct Peers::Group {
    explicit Group(net::Loop& at) : loop(at) {}
    net::Loop& loop;
    ir::PeerGroup conf;
    std::vector<wire::SharedTable> tables;
    std::vector<std::shared_ptr<Peer>> peers;
    std::vector<std::shared_ptr<Session>> sessions;   // all of them
    net::Watch door;
    net::Time begun = 0;               // when it came to be
    bool asks = false;                 // a peer is telling all that it has
    bool knows_all = false;            // somebody who did has told everything, or nobody did in time

    Peer* find(std::string_view name) {
        for (auto& peer : peers)
            if (peer->conf.name == name) return peer.get();
        return nullptr;
    }
    void accept();
    static net::Task<void> keep_connected(std::shared_ptr<Peer> peer);
    static net::Task<void> serve(std::shared_ptr<Session> session, std::shared_ptr<Peer> to);
};

struct Peers::Session {
    Group* group = nullptr;            // null: all is over
    Peer* peer = nullptr;              // once it said who it is
    net::Stream stream;
    net::Buffer in;
    std::string out;
    bool outgoing = false, timed = false;
    std::int64_t heard = 0, said = 0;
    // What it tells.
    std::map<std::uint64_t, wire::Defined> defined;
    const wire::Defined* current = nullptr;
    std::uint64_t current_id = 0;
    wire::Texts texts;
    std::uint32_t update = 0;
    bool to_acknowledge = false;
    // What it is told.
    std::vector<bool> told_definition;
    std::size_t told_table = ~std::size_t{0};
    std::uint32_t number = 0;
    bool teaches = false;              // it asked for all there is
    bool asks = false;                 // and was asked

    [[nodiscard]] net::Loop& loop() { return stream.watch.loop(); }
    net::Task<bool> read_lines(std::string& text, std::size_t count);
    net::Task<bool> greet();
    net::Task<bool> hear_greeting();
    bool take_place();
    net::Task<void> talk();
    bool read_some();
    bool hear();
    bool hear_update(const wire::Message& message);
    void acknowledge();
    void tell(std::int64_t now);
    void tell_table(std::size_t index, std::int64_t now);
    bool flush();
    void put_control(std::uint8_t type) { out += {static_cast<char>(wire::control), static_cast<char>(type)}; }
};

// --- the greeting ---

// Lines without their ends, each followed by one '\n'.
net::Task<bool> Peers::Session::read_lines(std::string& text, std::size_t count) {
    const auto until = loop().now() + greeting_time;
    for (;;) {
        std::size_t end = 0;
        auto seen = in.held() ? in.view() : std::string_view();
        std::size_t lines = 0;
        for (; lines < count; ++lines) {
            auto at = seen.find('\n', end);
            if (at == seen.npos) break;
            end = at + 1;
        }
        if (lines == count) {
            text.assign(seen.substr(0, end));
            std::erase(text, '\r');
            in.consume(end);
            co_return true;
        }
        if (seen.size() > longest_greeting) co_return false;
        in.acquire();
        in.compact();
        auto got = stream.read(in.room(), in.room_size());
        if (got.state == net::Io::State::ok) {
            in.produced(got.bytes);
            continue;
        }
        if (got.state != net::Io::State::blocked) co_return false;
        auto waited = co_await net::readable(stream.watch, until);
        if (waited != net::Waited::ready || !group) co_return false;
    }
}

// Who opened the connection speaks first.
net::Task<bool> Peers::Session::greet() {
    out = fmt::format("{} 2.1\n{}\n{} {} 1\n", protocol, peer->conf.name, group->conf.local_name, ::getpid());
    if (!flush()) co_return false;
    std::string answer;
    bool got = co_await read_lines(answer, 1);
    timed = true;
    co_return got && answer == "200\n";
}

net::Task<bool> Peers::Session::hear_greeting() {
    std::string text;
    bool got = co_await read_lines(text, 3);
    if (!got) co_return false;
    std::vector<std::string_view> lines;
    for (std::string_view rest = text; !rest.empty();) {
        auto end = rest.find('\n');
        lines.push_back(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    const auto sender = lines[2].substr(0, lines[2].find(' '));
    const auto version = lines[0].substr(std::min(lines[0].find(' ') + 1, lines[0].size()));
    peer = group->find(sender);
    if (!lines[0].starts_with(protocol)) out = "501\n";
    else if (!version.starts_with("2.")) out = "502\n";
    else if (lines[1] != group->conf.local_name) out = "503\n";
    else if (!peer) out = "504\n";
    else if (!take_place()) out = "300\n";
    else out = "200\n";
    timed = version != "2.0";
    const bool good = out == "200\n";
    flush();
    co_return good;
}

// Of two connections with a peer the one stays that the lesser name opened.
bool Peers::Session::take_place() {
    auto& standing = peer->session;
    const bool wins = outgoing == (group->conf.local_name < peer->conf.name);
    if (standing && standing.get() != this) {
        if (!wins && standing->outgoing != outgoing) return false;
        standing->stream.watch.cancel_waits();
    }
    for (auto& one : group->sessions)
        if (one.get() == this) standing = one;
    return true;
}

// --- what is heard ---

// False: it has ended.
bool Peers::Session::read_some() {
    for (;;) {
        in.acquire();
        in.compact();
        if (in.room_size() == 0) {
            if (in.size() > wire::longest_message + 16) return false;
            in.grow(std::size_t{in.size()} * 2);
        }
        auto got = stream.read(in.room(), in.room_size());
        if (got.state == net::Io::State::blocked) return true;
        if (got.state != net::Io::State::ok) return false;
        in.produced(got.bytes);
        heard = loop().now();
        if (!hear()) return false;
    }
}

bool Peers::Session::hear() {
    bool broken = false;
    auto rest = in.view();
    while (auto message = wire::take_message(rest, broken)) {
        switch (message->of_class) {
            case wire::control:
                if (message->type == wire::resync_request) {
                    // Who is learning itself tells no more than its own.
                    teaches = true;
                    for (auto& telling : peer->tellings) telling.walk(0, loop().now(), group->knows_all);
                } else if (message->type == wire::resync_finished || message->type == wire::resync_partial) {
                    group->asks = false;
                    group->knows_all |= message->type == wire::resync_finished;
                    put_control(wire::resync_confirm);
                }
                break;
            case wire::updates:
                if (!hear_update(*message)) return false;
                break;
            default: return false;
        }
    }
    in.consume(in.size() - rest.size());
    acknowledge();
    return !broken;
}

bool Peers::Session::hear_update(const wire::Message& message) {
    switch (message.type) {
        case wire::definition: {
            acknowledge();
            std::uint64_t id = 0;
            auto read = wire::read_definition(message.data, group->tables, id);
            if (!read) return false;
            auto& place = defined[id];
            place = std::move(*read);
            current = &place;
            current_id = id;
            return defined.size() <= 1024;
        }
        case wire::change_table: {
            acknowledge();
            auto data = message.data;
            std::uint64_t id = 0;
            if (!wire::take_number(data, id)) return false;
            auto found = defined.find(id);
            if (found == defined.end()) return false;
            current = &found->second;
            current_id = id;
            return true;
        }
        case wire::update:
        case wire::next_update:
        case wire::timed_update:
        case wire::next_timed_update:
            if (!current) return false;
            to_acknowledge = true;
            return wire::apply_update(message.data, message.type, *current, texts, update, loop().now());
        default: return true;   // acknowledgements: what was lost is told again after a time
    }
}

void Peers::Session::acknowledge() {
    if (!std::exchange(to_acknowledge, false)) return;
    std::string data;
    wire::put_number(data, current_id);
    for (int shift = 24; shift >= 0; shift -= 8) data += static_cast<char>(update >> shift & 255);
    wire::put_message(out, wire::acknowledge, data);
}

// --- what is told ---

void Peers::Session::tell_table(std::size_t index, std::int64_t now) {
    auto& telling = peer->tellings[index];
    const auto& shared = group->tables[index];
    const auto id = static_cast<std::uint32_t>(index + 1);
    auto tell_entry = [&](zone::Access& entry) {
        if (!told_definition[index]) wire::put_message(out, wire::definition, wire::definition_of(shared, id));
        if (told_definition[index] && told_table != index) {
            std::string data;
            wire::put_number(data, id);
            wire::put_message(out, wire::change_table, data);
        }
        told_definition[index] = true;
        told_table = index;
        wire::put_message(out, timed ? wire::timed_update : wire::update,
                          wire::update_of(shared, entry, ++number, timed, now));
    };
    if (!telling.walks) {
        const auto since = std::exchange(telling.since, now - clock_slack);
        const auto queued = out.size();
        if (shared.table->each_since(since, looks_per_part, tell_entry)) return;
        out.resize(queued);
        told_table = ~std::size_t{0};
        telling.walk(since, now, false);
    }
    const bool more = shared.table->each_from(telling.place, places_per_tick, [&](zone::Access& entry) {
        if (entry.touched() < telling.from || (entry.learned() && !telling.learned_too)) return;
        tell_entry(entry);
    });
    if (more) return;
    telling.walks = false;
    telling.since = telling.begun - clock_slack;
}

void Peers::Session::tell(std::int64_t now) {
    if (out.size() > most_unsent) return;
    for (std::size_t i = 0; i < group->tables.size(); ++i) tell_table(i, now);
    const bool walks = std::any_of(peer->tellings.begin(), peer->tellings.end(), [](const auto& one) { return one.walks; });
    if (teaches && !walks) {
        put_control(group->knows_all ? wire::resync_finished : wire::resync_partial);
        teaches = false;
    }
    if (out.empty() && now - said > heartbeat_after) put_control(wire::heartbeat);
}

// False: it has ended.
bool Peers::Session::flush() {
    while (!out.empty()) {
        iovec piece{out.data(), out.size()};
        auto sent = stream.write({&piece, 1});
        if (sent.state == net::Io::State::blocked) return true;
        if (sent.state != net::Io::State::ok) return false;
        out.erase(0, sent.bytes);
        said = loop().now();
    }
    return true;
}

net::Task<void> Peers::Session::talk() {
    heard = said = loop().now();
    told_definition.assign(group->tables.size(), false);
    for (auto& telling : peer->tellings) {
        telling.walks = false;
        telling.since = std::max<std::int64_t>(telling.since - told_again, 0);
    }
    // Who was alone for so long has what there is.
    if (heard - group->begun > time_to_learn) group->knows_all = true;
    if (!group->knows_all && !group->asks && !std::exchange(peer->asked, true)) {
        group->asks = asks = true;
        put_control(wire::resync_request);
    }
    if (in.held() && !hear()) co_return;   // what came with the greeting
    while (group && peer->session.get() == this) {
        if (!read_some()) break;
        const auto now = loop().now();
        if (now - heard > silence) break;
        if (now - group->begun > time_to_learn) group->knows_all = true;
        tell(now);
        if (!flush()) break;
        auto waited = co_await net::readable(stream.watch, now + tick);
        if (waited == net::Waited::aborted) break;
    }
}

// --- connections ---

net::Task<void> Peers::Group::serve(std::shared_ptr<Session> session, std::shared_ptr<Peer> to) {
    bool good = false;
    if (to) good = co_await session->greet();
    else good = co_await session->hear_greeting();
    if (good && session->group && to) good = session->take_place();
    if (good && session->group) {
        log::process_log().write(log::notice, fmt::format("peers {}: connected with {}", session->group->conf.name,
                                                          session->peer->conf.name));
        co_await session->talk();
    }
    session->stream.close();
    auto* group = session->group;
    if (!group) co_return;
    if (session->asks) group->asks = false;
    if (session->peer && session->peer->session == session) session->peer->session.reset();
    std::erase(group->sessions, session);
}

void Peers::Group::accept() {
    int fd = ::accept4(door.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto session = std::make_shared<Session>();
    if (!session->stream.open(loop, fd)) return;
    if (sessions.size() > 4 * peers.size() + 4) return;
    session->group = this;
    sessions.push_back(session);
    net::spawn(serve(session, nullptr));
}

net::Task<void> Peers::Group::keep_connected(std::shared_ptr<Peer> peer) {
    auto& loop = peer->group->loop;
    while (peer->group) {
        if (!peer->session) {
            auto session = std::make_shared<Session>();
            const int fd = net::start_connect(pool::socket_address(peer->conf.endpoint), {});
            if (fd >= 0 && session->stream.open(loop, fd)) {
                session->group = peer->group;
                session->peer = peer.get();
                session->outgoing = true;
                peer->group->sessions.push_back(session);
                auto waited = co_await net::writable(session->stream.watch, loop.now() + greeting_time);
                if (!session->group) co_return;
                if (waited == net::Waited::ready && net::connect_error(session->stream.fd()) == 0)
                    co_await serve(session, peer);
                else
                    std::erase(peer->group->sessions, session);
            }
        }
        if (peer->group) co_await net::sleep_for(loop, pause_to_connect);
    }
}

// --- what an operator sees ---

namespace {

std::string_view or_none(const std::string& text) { return text.empty() ? std::string_view("-") : std::string_view(text); }

}  // namespace

std::string Peers::describe(std::string_view only, bool texts) const {
    std::string out;
    const auto now = loop_.now();
    const std::string date(route::date_text(route::DateForm::gmt_clf, loop_.wall_ms() / 1000));
    for (const auto& group : groups_) {
        const auto& conf = group->conf;
        if (!only.empty() && conf.name != only) continue;
        const auto learns_until = group->begun + time_to_learn;
        const bool past = group->knows_all || learns_until <= now;
        // Of HAProxy's flags those of what was learnt: from former processes and from peers.
        out += fmt::format("{}: [{}] id={} state=0 flags={:#x} resync_timeout={}\n", static_cast<const void*>(group.get()),
                           date.substr(0, 20), conf.name, group->knows_all ? 3 : 0,
                           past ? std::string("<PAST>") : fmt::format("{}s", (learns_until - now) / 1000));
        out += fmt::format("  {}: id={}(local) addr={} status=NONE\n", static_cast<const void*>(&conf), conf.local_name,
                           or_none(conf.listener ? ir::to_string(conf.listener->endpoint) : std::string()));
        for (const auto& peer : group->peers) {
            const auto& session = peer->session;
            out += fmt::format("  {}: id={}(remote) addr={} status={}", static_cast<const void*>(peer.get()), peer->conf.name,
                               ir::to_string(peer->conf.endpoint), session ? "ESTA" : "CONN");
            if (session)
                out += fmt::format(" last_hb={}s last_sent={}s {}", (now - session->heard) / 1000, (now - session->said) / 1000,
                                   session->outgoing ? "opened by us" : "opened by it");
            out += '\n';
            if (!session) continue;
            out += fmt::format("        remote_tables={} last_get={} last_pushed={}\n        shared tables:\n",
                               session->defined.size(), session->update, session->number);
            for (std::size_t i = 0; i < group->tables.size(); ++i)
                out += fmt::format("          table:{} id={} local_id={} syncing={}\n",
                                   static_cast<const void*>(group->tables[i].table), group->tables[i].name, i + 1,
                                   peer->tellings[i].walks ? 1 : 0);
            for (std::size_t i = 0; texts && i < session->texts.size(); ++i)
                if (!session->texts[i].empty()) out += fmt::format("          rx_dict:{} {}\n", i, session->texts[i]);
        }
    }
    return out;
}

namespace {

const Peers* shown = nullptr;   // of this process

// show peers [dict|-] [section]
void show_peers(filter::CommandCall& call) {
    const bool marked = call.word(0) == "dict" || call.word(0) == "-";
    const auto only = call.word(marked ? 1 : 0);
    const auto& groups = call.around.config->peer_groups;
    if (!only.empty() && std::none_of(groups.begin(), groups.end(), [&](const auto& one) { return one.name == only; }))
        return call.say("No such peers");
    if (shown) call.out += shown->describe(only, call.word(0) == "dict");
}

constexpr filter::Command rows[] = {
    {"show peers", "[dict|-] [<section>]", "sections of peers, and who is connected", filter::Level::operator_level, show_peers},
};

}  // namespace

filter::Commands peer_commands() { return rows; }
void peer_commands_about(const Peers* peers) { shown = peers; }

// --- the groups of a configuration ---

Peers::Peers(net::Loop& loop) : loop_(loop) {}

Peers::~Peers() { close(); }

void Peers::close() {
    for (auto& group : groups_) {
        for (auto& session : group->sessions) {
            session->group = nullptr;
            if (session->stream.is_open()) session->stream.watch.cancel_waits();
        }
        for (auto& peer : group->peers) {
            peer->group = nullptr;
            peer->session.reset();
        }
    }
    groups_.clear();
    said_.clear();
}

void Peers::adopt(const ir::Config& config, const std::vector<process::ListenSocket>& sockets, zone::Tables& tables) {
    std::string text;
    std::vector<std::unique_ptr<Group>> fresh;
    for (std::size_t i = 0; i < config.peer_groups.size(); ++i) {
        const auto& conf = config.peer_groups[i];
        if (!conf.enabled || conf.peers.empty()) continue;
        auto group = std::make_unique<Group>(loop_);
        group->conf = conf;
        text += fmt::format("{} {}\n", conf.name, conf.local_name);
        for (const auto& zone : config.zones) {
            if (zone.peers != conf.name) continue;
            const auto target = config.find_zone(zone.write_to, zone.purpose);
            auto* write_to = target == ir::no_id ? nullptr : tables.find(config.zones[target]);
            auto shared = wire::share(config, zone, tables.find(zone), write_to);
            if (!shared) continue;
            text += fmt::format("{} {} {} ", shared->name, static_cast<void*>(shared->table), static_cast<void*>(write_to));
            for (const auto& [number, name] : shared->servers) text += fmt::format("{}={} ", number, name);
            group->tables.push_back(std::move(*shared));
        }
        for (const auto& one : conf.peers) {
            auto peer = std::make_shared<Peer>();
            peer->group = group.get();
            peer->conf = one;
            peer->tellings.resize(group->tables.size());
            text += fmt::format("{} {}\n", one.name, ir::to_string(one.endpoint));
            group->peers.push_back(std::move(peer));
        }
        for (const auto& socket : sockets)
            if (socket.listener == config.process.control_sockets.size() + i) {
                text += socket.key;
                group->door.owner = group.get();
                group->door.on_event = [](net::Watch& watch, std::uint32_t) {
                    static_cast<Group*>(watch.owner)->accept();
                };
            }
        fresh.push_back(std::move(group));
    }
    if (text == said_) return;
    close();
    said_ = text;
    groups_ = std::move(fresh);
    for (auto& group : groups_) {
        group->begun = loop_.now();
        for (const auto& socket : sockets) {
            const auto index = static_cast<std::size_t>(socket.listener) - config.process.control_sockets.size();
            if (socket.listener < config.process.control_sockets.size() || index >= config.peer_groups.size()) continue;
            if (config.peer_groups[index].name == group->conf.name) group->door.attach_level(loop_, socket.fd);
        }
        for (auto& peer : group->peers) net::spawn(Group::keep_connected(peer));
    }
}

}  // namespace weir::warden
