// SPDX-License-Identifier: Apache-2.0
#include "runtime/warden/admin_socket.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"

namespace weir::warden {

namespace {

using filter::Level;

constexpr std::size_t most_peers = 10;              // stats maxconn of HAProxy
constexpr std::size_t longest_line = 16384;         // bytes
constexpr std::size_t longest_payload = 1 << 20;    // bytes

std::string_view name_of(Level level) {
    switch (level) {
        case Level::user: return "user";
        case Level::operator_level: return "operator";
        case Level::admin: return "admin";
    }
    return "user";
}

// The words of a row, apart.
std::vector<std::string_view> words_of(std::string_view row) {
    std::vector<std::string_view> words;
    while (!row.empty()) {
        auto end = std::min(row.find(' '), row.size());
        words.push_back(row.substr(0, end));
        row.remove_prefix(std::min(end + 1, row.size()));
    }
    return words;
}

// "10", "10s", "5m" in ms; a bare number is in seconds. 0: no time.
net::Time read_time(std::string_view text) {
    std::uint32_t number = 0;
    auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (failure != std::errc()) return 0;
    auto unit = text.substr(static_cast<std::size_t>(end - text.data()));
    constexpr std::pair<std::string_view, net::Time> units[] = {
        {"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    for (const auto& [name, worth] : units)
        if (unit == name) return number * worth;
    return 0;
}

void put_help(std::string& out, std::string_view words, std::string_view syntax,
              std::string_view summary) {
    auto left = std::string(words);
    if (!syntax.empty()) left += fmt::format(" {}", syntax);
    out += fmt::format("  {:<40}: {}\n", left, summary);
}

struct Own {
    std::string_view words, syntax, summary;
};
constexpr Own own_commands[] = {
    {"help", "[<command>]", "list matching or all commands"},
    {"operator", "", "lower the level of this connection to operator"},
    {"prompt", "", "toggle the interactive mode"},
    {"quit", "", "end the connection"},
    {"set timeout cli", "<delay>", "change the time-out of this connection"},
    {"show cli level", "", "the level of this connection"},
    {"show cli sockets", "", "the runtime sockets"},
    {"user", "", "lower the level of this connection to user"},
};

}  // namespace

struct AdminSocket::Door {
    net::Watch watch;
    AdminSocket* owner = nullptr;
    Level level = Level::operator_level;
    net::Time timeout = 0;
};

struct AdminSocket::Peer {
    AdminSocket* owner = nullptr;   // null: the socket is gone
    net::Stream stream;
    net::Buffer input;
    Level level = Level::user;
    net::Time timeout = 0;
    bool interactive = false;
    bool over = false;
};

AdminSocket::AdminSocket(net::Loop& loop, std::vector<filter::Commands> commands,
                         const route::Surroundings& around,
                         std::function<void(zone::ServerState&)> changed, process::Amend amend)
    : loop_(loop), commands_(std::move(commands)), around_(around), changed_(std::move(changed)),
      amend_(std::move(amend)), started_seconds_(loop.wall_ms() / 1000) {}

AdminSocket::~AdminSocket() { close(); }

void AdminSocket::adopt(const std::vector<process::ListenSocket>& sockets,
                        const ir::Config& config) {
    config_ = &config;
    doors_.clear();
    for (const auto& socket : sockets) {
        if (socket.listener >= config.process.control_sockets.size()) continue;
        const auto& conf = config.process.control_sockets[socket.listener];
        auto door = std::make_unique<Door>();
        door->owner = this;
        door->level = conf.level;
        door->timeout = conf.timeout.count();
        door->watch.owner = door.get();
        door->watch.on_event = [](net::Watch& watch, std::uint32_t) {
            auto& from = *static_cast<Door*>(watch.owner);
            from.owner->accept_from(from);
        };
        if (door->watch.attach_level(loop_, socket.fd)) doors_.push_back(std::move(door));
    }
}

void AdminSocket::close() {
    doors_.clear();
    for (auto& peer : peers_) {
        peer->owner = nullptr;
        peer->over = true;
        if (peer->stream.is_open()) peer->stream.watch.cancel_waits();
    }
    peers_.clear();
}

void AdminSocket::accept_from(Door& door) {
    int fd = ::accept4(door.watch.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    auto peer = std::make_shared<Peer>();
    if (!peer->stream.open(loop_, fd)) return;
    if (peers_.size() >= most_peers) return;   // closed again: the peer sees that it is refused
    peer->owner = this;
    peer->level = door.level;
    peer->timeout = door.timeout;
    peers_.push_back(peer);
    net::spawn(serve(peer));
}

// False: the peer is gone, silent for too long, or says lines without an end.
net::Task<bool> AdminSocket::read_line(Peer& peer, std::string& line) {
    for (;;) {
        auto text = peer.input.held() ? peer.input.view() : std::string_view();
        if (auto end = text.find('\n'); end != std::string_view::npos) {
            line.assign(text.substr(0, end));
            peer.input.consume(end + 1);
            co_return true;
        }
        if (text.size() >= longest_line) co_return false;
        peer.input.acquire();
        peer.input.compact();
        if (peer.input.room_size() == 0) peer.input.grow(longest_line * 2);
        auto got = peer.stream.read(peer.input.room(), peer.input.room_size());
        if (got.state == net::Io::State::ok) {
            peer.input.produced(got.bytes);
            continue;
        }
        if (got.state != net::Io::State::blocked) {
            // A last line without an end counts, as with `echo -n`.
            line.assign(text);
            peer.input.clear();
            peer.over = true;
            co_return !line.empty();
        }
        auto& loop = peer.stream.watch.loop();
        auto waited = co_await net::readable(peer.stream.watch, loop.now() + peer.timeout);
        if (waited != net::Waited::ready || peer.over) co_return false;
    }
}

// Runs the commands of a line; false: the connection is to end.
net::Task<bool> AdminSocket::run_line(Peer& peer, std::string_view line) {
    for (const auto& command : parse_commands(line)) {
        std::string payload, next;
        while (command.takes_payload) {
            bool more = co_await read_line(peer, next);
            if (!more || next == command.payload_end || payload.size() > longest_payload) break;
            (payload += next) += '\n';
        }
        if (!peer.owner) co_return false;
        std::string out;
        if (command.words[0] == "quit") co_return false;
        if (command.words[0] == "prompt") {
            peer.interactive = !peer.interactive;
        } else if (command.words.size() == 4 && command.words[0] == "set" &&
                   command.words[1] == "timeout" && command.words[2] == "cli") {
            auto time = read_time(command.words[3]);
            if (time > 0) peer.timeout = time;
            else out = "Invalid timeout value.\n";
        } else {
            filter::Wanted wanted;
            auto& owner = *peer.owner;
            out = owner.run(command, payload, peer.level, owner.amend_ ? &wanted : nullptr);
            if (wanted.then) {
                auto problem = co_await change(peer, wanted);
                if (!peer.owner) co_return false;
                wanted.then(out, problem);
            }
        }
        out += '\n';
        iovec piece{out.data(), out.size()};
        auto written =
            co_await net::write_all_slowly(peer.stream, {&piece, 1}, peer.timeout, {});
        if (written.state != net::Io::State::ok || peer.over) co_return false;
    }
    co_return peer.interactive;
}

// Why the changes were not made; empty: all processes have them.
net::Task<std::string> AdminSocket::change(Peer& peer, const filter::Wanted& wanted) {
    struct Outcome {
        net::Watch done;
        std::string problem;
    };
    auto outcome = std::make_shared<Outcome>();
    auto& loop = peer.owner->loop_;
    outcome->done.attach_inner(loop);
    auto done = [outcome](const std::string& problem) {
        outcome->problem = problem;
        outcome->done.readable = true;
        outcome->done.wake();
    };
    if (wanted.begin) wanted.begin(done);
    else peer.owner->amend_(wanted.changes, done);
    constexpr net::Time longest = 180000;   // a reload gives up sooner by itself
    auto waited = co_await net::readable(outcome->done, loop.now() + longest);
    if (waited != net::Waited::ready) co_return "the master does not answer";
    co_return outcome->problem;
}

net::Task<void> AdminSocket::serve(std::shared_ptr<Peer> peer) {
    std::string line;
    for (;;) {
        bool got = co_await read_line(*peer, line);
        if (!got) break;
        bool more = co_await run_line(*peer, line);
        if (!more || peer->over) break;
        iovec prompt{const_cast<char*>("> "), 2};
        auto written =
            co_await net::write_all_slowly(peer->stream, {&prompt, 1}, peer->timeout, {});
        if (written.state != net::Io::State::ok) break;
    }
    peer->stream.close();
    if (peer->owner) std::erase(peer->owner->peers_, peer);
}

// The row with most words in common with the command; `used` is how many those are.
const filter::Command* AdminSocket::find(const CommandText& command, std::size_t& used) const {
    const filter::Command* best = nullptr;
    used = 0;
    for (const auto& list : commands_)
        for (const auto& row : list) {
            auto words = words_of(row.words);
            if (words.size() <= used || words.size() > command.words.size()) continue;
            if (!std::equal(words.begin(), words.end(), command.words.begin())) continue;
            best = &row;
            used = words.size();
        }
    return best;
}

std::string AdminSocket::help(const CommandText& command, Level level) const {
    // What begins like the command; everything when nothing does.
    auto wanted = [&](std::string_view row, bool all) {
        auto first = words_of(row).front();
        return all || (!command.words.empty() && first == command.words[0]);
    };
    std::string out;
    for (bool all : {false, true}) {
        for (const auto& list : commands_)
            for (const auto& row : list)
                if (row.level <= level && wanted(row.words, all))
                    put_help(out, row.words, row.syntax, row.summary);
        for (const auto& row : own_commands)
            if (wanted(row.words, all)) put_help(out, row.words, row.syntax, row.summary);
        if (!out.empty()) break;
    }
    return out;
}

bool AdminSocket::run_own(const CommandText& command, Level& level, std::string& out) const {
    const auto& words = command.words;
    if (words[0] == "help") {
        CommandText about{{words.begin() + 1, words.end()}, false};
        out = "The following commands are valid at this level:\n" + help(about, level);
        return true;
    }
    if (words[0] == "user" || words[0] == "operator") {
        auto wanted = words[0] == "user" ? Level::user : Level::operator_level;
        if (level < wanted) out = "Permission denied\n";
        else level = wanted;
        return true;
    }
    if (words.size() == 3 && words[0] == "show" && words[1] == "cli") {
        if (words[2] == "level") {
            out = fmt::format("{}\n", name_of(level));
            return true;
        }
        if (words[2] == "sockets") {
            out = "# socket lvl processes\n";
            for (const auto& socket : config_->process.control_sockets)
                out += fmt::format("{}{} {} all\n", socket.endpoint.is_unix() ? "unix@" : "",
                                   socket.endpoint.is_unix() ? socket.endpoint.path
                                                             : ir::to_string(socket.endpoint),
                                   name_of(socket.level));
            return true;
        }
    }
    return false;
}

std::string AdminSocket::run(const CommandText& command, std::string_view payload, Level& level,
                             filter::Wanted* wanted) {
    std::string out;
    if (run_own(command, level, out)) return out;
    std::size_t used = 0;
    const auto* row = find(command, used);
    if (!row)
        return "Unknown command, but maybe one of the following ones is a better match:\n" +
               help(command, level);
    if (row->level > level) return "Permission denied\n";
    std::vector<std::string_view> words(command.words.begin() + static_cast<std::ptrdiff_t>(used),
                                        command.words.end());
    filter::CommandCall call{words,   payload, around_, level, out, loop_.wall_ms() / 1000,
                             started_seconds_, changed_, wanted};
    row->run(call);
    return out;
}

}  // namespace weir::warden
