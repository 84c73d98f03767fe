// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/client_side.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/peer.hpp"
#include "runtime/exchange/udp.hpp"
#include "runtime/forward/idle_cache.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/log/log_sink.hpp"
#include "runtime/net/log_flush.hpp"
#include "runtime/net/tls_resume.hpp"

namespace weir::exchange {

namespace {

// TLS sessions are kept in the shared arena: they hold in every worker, and over reloads.
net::TlsKeeper keeper_over(zone::TlsStore& store) {
    static constexpr auto store_of = [](void* self) { return static_cast<zone::TlsStore*>(self); };
    static constexpr auto take = [](const zone::TlsStore::Key& from, net::TlsTicketKey& to) {
        std::memcpy(to.name, from.name, sizeof to.name);
        std::memcpy(to.hmac, from.hmac, sizeof to.hmac);
        std::memcpy(to.aes, from.aes, sizeof to.aes);
    };
    net::TlsKeeper keeper;
    keeper.self = &store;
    keeper.newest_key = [](void* self, net::TlsTicketKey& key) {
        zone::TlsStore::Key found;
        if (!store_of(self)->newest_key(net::Loop::current().wall_ms() / 1000, found)) return false;
        take(found, key);
        return true;
    };
    keeper.find_key = [](void* self, const unsigned char* name, net::TlsTicketKey& key, bool& newest) {
        zone::TlsStore::Key found;
        if (!store_of(self)->find_key(name, found, newest)) return false;
        take(found, key);
        return true;
    };
    keeper.put = [](void* self, std::string_view id, std::string_view session) {
        store_of(self)->put(id, session);
    };
    keeper.find = [](void* self, std::string_view id, std::string& session) {
        return store_of(self)->find(id, session);
    };
    keeper.is_first = [](void* self, std::string_view client_random) {
        return store_of(self)->is_first(client_random, net::Loop::current().wall_ms() / 1000);
    };
    keeper.find_status = [](void* self, std::string_view place, std::string& response) {
        return store_of(self)->find_status(place, net::Loop::current().wall_ms() / 1000, response);
    };
    return keeper;
}

// How many connections one event takes. More would end in a call that finds none, nearly each time; a
// queue that is not empty is told again in the next turn.
constexpr int accepts_per_event = 1;
constexpr net::Time accept_pause = 100;   // ms without a free descriptor
constexpr net::Time held_pause = 10;      // ms between looks at what other workers freed

}  // namespace

ClientSide::~ClientSide() = default;

std::shared_ptr<plan::Running> ClientSide::make_running(const process::Setup& setup) {
    auto running = std::make_shared<plan::Running>();
    running->plan = std::static_pointer_cast<const plan::Plan>(setup.plan);
    running->pools = pools_->adopt(running->plan->config(), running->plan);
    for (auto* pool : running->pools)
        for (const auto& server : pool->servers())
            server->tls = server->conf->over_tls ? running->plan->server_tls.find(*server->conf->tls) : nullptr;
    for (const auto& site : running->plan->config().sites)
        running->sites.push_back(start_->board->find(zone::Kind::site, site.name));
    for (const auto& zone : running->plan->config().zones)
        running->zones.push_back(start_->board->tables().find(zone));
    for (const auto& conf : running->plan->config().caches) {
        auto* shelf = conf.in_memory ? start_->board->shelves().find(conf, start_->index) : nullptr;
        auto parts = conf.in_memory ? cache::Store::Parts()
                                    : cache::parts_of(running->plan->config(), conf, start_->board->tables());
        parts.shelf = shelf;
        if (auto entry = start_->board->find(zone::Kind::cache, conf.name); !conf.in_memory && entry.slots)
            parts.counters = &entry.mine(start_->index);
        running->caches.emplace_back(conf, parts);
    }
    auto& around = running->around;
    around.host_name = host_name_;
    around.process_id = start_->shown_pid;
    around.worker = start_->index;
    around.workers = start_->workers;
    around.pools = running->pools;
    around.sites = running->sites;
    around.process = worker_->process;
    around.config = &running->plan->config();
    around.board = start_->board;
    around.zones = running->zones;
    around.zone_keys = running->plan->zone_keys.data();
    around.holds = worker_->holds.get();
    return running;
}

Expected<void, std::string> ClientSide::start(net::Loop& loop, const process::WorkerStart& start) {
    start_ = &start;
    char name[256] = {};
    ::gethostname(name, sizeof name - 1);
    host_name_ = name;
    worker_ = std::make_unique<plan::Worker>(plan::Worker{loop});
    worker_->index = start.index;
    worker_->disk = std::make_unique<net::Disk>(loop);
    worker_->recent_files = std::make_unique<cache::RecentFiles>(loop);
    worker_->board = start.board;
    worker_->process = start.board->find(zone::Kind::process, "");
    worker_->holds = std::make_unique<zone::Holds>(start.board->tables(), start.index);
    pools_ = std::make_unique<pool::LivePools>(start.index, *start.board);
    pools_->set_signal(
        [](void* wake, std::uint64_t workers) {
            const auto& descriptors = *static_cast<const std::vector<int>*>(wake);
            for (std::size_t i = 0; i < descriptors.size() && i < 64; ++i) {
                if (workers >> i & 1) (void)::eventfd_write(descriptors[i], 1);
            }
        },
        const_cast<std::vector<int>*>(start.wake));
    if (start.arena) {
        tls_store_ = std::make_unique<zone::TlsStore>(*start.arena);
        net::keep_sessions_by(keeper_over(*tls_store_));
    }
    pools_->set_idle_keeper({.forget_server = forward::forget_idle,
                             .forget_pool = forward::forget_idle});
    auto& sinks = log::process_sinks();
    sinks.find_file = [this](std::string_view path) {
        return start_->logs ? start_->logs->find(path) : -1;
    };
    sinks.origin.process_id = start.shown_pid;
    net::flush_logs_each_turn(loop, sinks);
    log::process_log().set_logs(start.config->process.error_logs);
    worker_->now = make_running(start);
    adopt_sockets(start.sockets);
    return {};
}

void ClientSide::adopt_sockets(const std::vector<process::ListenSocket>& sockets) {
    release_held(true);
    for (auto& acceptor : acceptors_) acceptor->gone = true;
    for (const auto& socket : sockets) {
        auto same = std::find_if(acceptors_.begin(), acceptors_.end(), [&](const auto& one) {
            return one->key == socket.key && one->watch.attached() && one->watch.fd() == socket.fd;
        });
        if (same != acceptors_.end()) {
            (*same)->listener = socket.listener;
            (*same)->gone = false;
            continue;
        }
        auto acceptor = std::make_unique<Acceptor>();
        acceptor->key = socket.key;
        acceptor->listener = socket.listener;
        acceptor->owner = this;
        acceptor->watch.owner = acceptor.get();
        const auto& listener = worker_->now->plan->config().listeners[socket.listener];
        if (listener.transport == ir::Transport::udp) {
            acceptor->watch.on_event = [](net::Watch& watch, std::uint32_t) {
                auto& from = *static_cast<Acceptor*>(watch.owner);
                receive_datagrams(*from.owner->worker_, from);
            };
        } else {
            // Accepted sockets inherit it: no call per connection.
            int one = 1;
            if (!listener.endpoint.is_unix())
                ::setsockopt(socket.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            acceptor->watch.on_event = [](net::Watch& watch, std::uint32_t) {
                auto& from = *static_cast<Acceptor*>(watch.owner);
                from.owner->accept_from(from);
            };
        }
        if (!acceptor->watch.attach_level(worker_->loop, socket.fd, true))
            acceptor->watch.attach_level(worker_->loop, socket.fd, false);
        acceptors_.push_back(std::move(acceptor));
    }
    for (auto& acceptor : acceptors_) {
        const auto& listener = *worker_->now->plan->listeners[acceptor->listener].source;
        if (!acceptor->gone && listener.max_connections != 0)
            acceptor->counters = start_->board->find(zone::Kind::listener, listener.name);
    }
    drain_gone();
}

void ClientSide::drain_gone() {
    // What is accepted may be over at once, and the acceptors are walked here.
    draining_ = true;
    for (auto& acceptor : acceptors_) {
        if (!acceptor->gone || !acceptor->watch.attached()) continue;
        accept_from(*acceptor);
        acceptor->watch.detach();
    }
    draining_ = false;
    std::erase_if(acceptors_, [](const auto& one) { return one->gone && one->uses == 0; });
}

void ClientSide::accept_from(Acceptor& acceptor) {
    int most = acceptor.gone ? 65536 : accepts_per_event;
    for (int i = 0; i < most; ++i) {
        if (!acceptor.gone && is_full(acceptor)) return hold(acceptor);
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        int fd = ::accept4(acceptor.watch.fd(), reinterpret_cast<sockaddr*>(&peer), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            accept_one(acceptor, fd, peer);
            continue;
        }
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            // Level-triggered: without a pause this would spin. Connections wait in the queue.
            log::process_log().write(log::critical, log::ErrorLog::with_error("accept4() failed", errno));
            pause_accepting();
        }
        return;
    }
}

// maxconn of the process, the site or the listener, over all workers.
bool ClientSide::is_full(const Acceptor& acceptor) const {
    const auto& plan = *worker_->now->plan;
    const auto& listener = *plan.listeners[acceptor.listener].source;
    auto reached = [&](std::uint32_t most, const zone::Entry& entry) {
        return most != 0 && entry.slots &&
               entry.sum(worker_->board->workers(), &zone::Counters::connections) >= most;
    };
    auto site = listener.default_site;
    return reached(plan.config().process.max_connections, worker_->process) ||
           (site != ir::no_id &&
            reached(plan.config().sites[site].max_connections, worker_->now->sites[site])) ||
           reached(listener.max_connections, acceptor.counters);
}

void ClientSide::hold(Acceptor& acceptor) {
    held_.emplace_back(&acceptor, acceptor.watch.fd());
    acceptor.watch.detach();
    if (look_at_held_.armed()) return;
    look_at_held_.owner = this;
    look_at_held_.fire = [](net::Timer& timer) {
        auto& owner = *static_cast<Resume&>(timer).owner;
        owner.release_held(false);
        if (!owner.held_.empty())
            owner.worker_->loop.arm(timer, owner.worker_->loop.now() + held_pause);
    };
    worker_->loop.arm(look_at_held_, worker_->loop.now() + held_pause);
}

void ClientSide::release_held(bool all) {
    std::erase_if(held_, [&](auto& one) {
        auto& [acceptor, fd] = one;
        if (!all && is_full(*acceptor)) return false;
        acceptor->watch.attach_level(worker_->loop, fd, true);
        return true;
    });
}

// Leaves the listeners alone for a moment, so that connections can end and free descriptors.
void ClientSide::pause_accepting() {
    if (accept_again_.armed()) return;
    for (auto& acceptor : acceptors_)
        if (acceptor->watch.attached()) paused_.push_back({acceptor.get(), acceptor->watch.fd()});
    for (auto& [acceptor, fd] : paused_) acceptor->watch.detach();
    accept_again_.owner = this;
    accept_again_.fire = [](net::Timer& timer) {
        static_cast<Resume&>(timer).owner->resume_accepting();
    };
    worker_->loop.arm(accept_again_, worker_->loop.now() + accept_pause);
}

void ClientSide::resume_accepting() {
    accept_again_.disarm();
    for (auto& [acceptor, fd] : std::exchange(paused_, {}))
        if (!acceptor->gone && !worker_->stopping) acceptor->watch.attach_level(worker_->loop, fd, true);
}

void ClientSide::add(Connection& connection) {
    connection.next = first_;
    if (first_) first_->prev = &connection;
    first_ = &connection;
    ++worker_->connections;
    ++connection.acceptor->uses;
}

void ClientSide::remove(Connection& connection) {
    (connection.prev ? connection.prev->next : first_) = connection.next;
    if (connection.next) connection.next->prev = connection.prev;
    --worker_->connections;
    auto* acceptor = connection.acceptor;
    if (!held_.empty()) release_held(false);
    if (--acceptor->uses == 0 && acceptor->gone && !draining_)
        std::erase_if(acceptors_, [&](const auto& one) { return one.get() == acceptor; });
}

void ClientSide::accept_one(Acceptor& acceptor, int fd, const sockaddr_storage& peer) {
    auto* connection = new Connection(*worker_);
    connection->acceptor = &acceptor;
    connection->running = worker_->now;
    connection->listener = acceptor.listener;
    connection->stream.open_lazily(worker_->loop, fd);
    auto& facts = connection->facts;
    facts.client = address_of(peer);
    const auto& planned = worker_->now->plan->listeners[acceptor.listener];
    const auto& listener = *planned.source;
    facts.listener = &listener;
    facts.listener_id = planned.number;
    facts.local.port = listener.endpoint.port;
    facts.local.ip = listener.endpoint.ip;
    facts.local.is_unix = listener.endpoint.is_unix();
    // A wildcard address: only the connection knows which one was asked for.
    bool wildcard = std::all_of(std::begin(facts.local.ip.bytes), std::end(facts.local.ip.bytes),
                                [](unsigned char byte) { return byte == 0; });
    if (wildcard && !facts.local.is_unix) {
        sockaddr_storage local{};
        socklen_t size = sizeof local;
        if (::getsockname(fd, reinterpret_cast<sockaddr*>(&local), &size) == 0)
            facts.local = address_of(local);
    }
    facts.serial = ++worker_->connection_serial;
    facts.accepted_us = worker_->loop.now_us();
    add(*connection);
    run(*connection);
}

void ClientSide::count_in(Connection& connection) {
    auto count = [&](const zone::Entry& entry) -> zone::Counters* {
        if (!entry.slots) return nullptr;
        auto& mine = entry.mine(worker_->index);
        mine.connections.add(1);
        mine.total.add(1);
        return &mine;
    };
    const auto& running = *connection.running;
    count(worker_->process);
    auto site = running.plan->listeners[connection.listener].names.fallback();
    connection.counted[0] = count(running.sites[site]);
    connection.counted[1] = count(connection.acceptor->counters);
}

void ClientSide::end(Connection& connection) {
    for (auto* counted : connection.counted)
        if (counted) counted->connections.subtract(1);
    if (worker_->process.slots) worker_->process.mine(worker_->index).connections.subtract(1);
    connection.stream.close();
    remove(connection);
    delete &connection;
}

namespace {

bool speaks_tls(const Connection& connection) {
    const auto& plan = *connection.running->plan;
    return plan.listeners[connection.listener].source->tls.has_value();
}
bool expects_proxy_header(const Connection& connection) {
    return connection.proxy_header_expected ||
           connection.running->plan->listeners[connection.listener].source->accepts_proxy_header;
}

}  // namespace

// No local that lives across a wait: an idle connection pays for this frame.
net::Detached ClientSide::run(Connection& connection) {
    count_in(connection);
    // One step after the other: g++ 12 runs a co_await inside && before what stands left of it.
    bool serves = run_early_rules(connection, connection.first_site(), connection.first_site().rules.connect);
    if (serves && expects_proxy_header(connection)) serves = co_await read_proxy_header(connection);
    if (serves && speaks_tls(connection)) serves = co_await accept_tls(connection);
    connection.facts.ready_us = worker_->loop.now_us();
    if (serves)
        serves = run_early_rules(connection, connection.first_site(),
                                 connection.first_site().rules.handshake);
    if (serves && connection.followers) count_session(connection);
    while (serves) {
        if (connection.first_site().source->kind == ir::Site::Kind::stream)
            co_await serve_stream(connection);
        else
            co_await serve_http(connection);
        serves = pass_on(connection);
        if (serves && expects_proxy_header(connection)) serves = co_await read_proxy_header(connection);
        bool secure = serves && speaks_tls(connection) && !connection.facts.tls;
        if (secure) serves = co_await accept_tls(connection);
    }
    end(connection);
}

// nginx stream pass: from now on the connection is one of another listener. False: it is over.
bool ClientSide::pass_on(Connection& connection) {
    auto wanted = std::exchange(connection.passed_to, ir::no_id);
    if (wanted == ir::no_id) return false;
    const auto& planned = connection.running->plan->listeners[wanted];
    for (auto& acceptor : acceptors_) {
        const auto& its = *worker_->now->plan->listeners[acceptor->listener].source;
        if (acceptor->gone || its.transport != ir::Transport::tcp ||
            its.endpoint != planned.source->endpoint)
            continue;
        --connection.acceptor->uses;
        connection.acceptor = acceptor.get();
        ++acceptor->uses;
        connection.listener = wanted;
        connection.facts.listener = planned.source;
        connection.facts.listener_id = planned.number;
        return true;
    }
    return false;
}

Expected<void, std::string> ClientSide::prepare(const process::Setup& next) {
    next_ = next;
    return {};
}

void ClientSide::commit() {
    worker_->now = make_running(next_);
    adopt_sockets(next_.sockets);
    log::process_sinks().adopt(worker_->loop.now());
    log::process_log().set_logs(next_.config->process.error_logs);
    next_ = {};
}

void ClientSide::abort() { next_ = {}; }

void ClientSide::flush_logs() { log::process_sinks().flush_all(worker_->loop.now()); }

void ClientSide::close_idle() {
    for (auto* connection = first_; connection; connection = connection->next)
        if (connection->idle) connection->stream.watch.cancel_waits();
}

void ClientSide::stop_accepting(bool last) {
    worker_->stopping = true;
    release_held(true);
    look_at_held_.disarm();
    for (auto& acceptor : acceptors_) {
        if (!acceptor->watch.attached()) continue;
        bool udp = worker_->now->plan->config().listeners[acceptor->listener].transport ==
                   ir::Transport::udp;
        if (last && !udp)
            acceptor->gone = true;
        else
            acceptor->watch.detach();
    }
    drain_gone();
    close_idle();
}

void ClientSide::stop_now() {
    for (auto* connection = first_; connection; connection = connection->next)
        connection->stream.watch.cancel_waits();
}

std::size_t ClientSide::active() const { return worker_ ? worker_->connections : 0; }

void ClientSide::wake() { pools_->wake_all(); }

}  // namespace weir::exchange
