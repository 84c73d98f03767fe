// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange/udp.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <unordered_map>

#include "runtime/exchange/actions.hpp"
#include "runtime/exchange/peer.hpp"
#include "runtime/exchange/record.hpp"
#include "runtime/forward/connect.hpp"

namespace weir::exchange {

namespace {

constexpr std::size_t largest_datagram = 65536;
constexpr int datagrams_per_event = 64;

class UdpSession;
using Sessions = std::unordered_map<std::string, UdpSession*>;

Sessions& sessions() {
    static thread_local Sessions by_client;
    return by_client;
}

class UdpSession {
public:
    UdpSession(plan::Worker& worker, Acceptor& acceptor, std::string key,
               const sockaddr_storage& peer, socklen_t size)
        : worker_(worker), acceptor_(acceptor), running_(worker.now), key_(std::move(key)),
          peer_(peer), peer_size_(size) {
        ++acceptor_.uses;
        ++worker_.connections;
        timer_.owner = this;
        timer_.fire = [](net::Timer& timer) { static_cast<Expiry&>(timer).owner->end(); };
    }
    ~UdpSession() {
        --worker_.connections;
        --acceptor_.uses;
    }
    bool open(const route::Address& client);
    bool admitted();
    void from_client(std::string_view datagram);
    void end();

private:
    bool respond();
    void from_server();
    void renew() {
        auto idle = route_->timeouts->tunnel;
        if (idle != ir::no_limit) worker_.loop.arm(timer_, worker_.loop.now() + idle.count());
    }

    plan::Worker& worker_;
    Acceptor& acceptor_;
    std::shared_ptr<plan::Running> running_;
    std::string key_;
    sockaddr_storage peer_;
    socklen_t peer_size_;
    route::ConnectionFacts facts_;
    Arena arena_;
    route::Subject subject_;
    const plan::Site* site_ = nullptr;
    const plan::Route* route_ = nullptr;
    pool::LivePool* pool_ = nullptr;
    pool::LiveServer* server_ = nullptr;
    route::Try try_;
    net::Watch watch_;
    int fd_ = -1;
    struct Expiry : net::Timer {
        UdpSession* owner = nullptr;
    } timer_;
    std::uint64_t requests_ = 0, responses_ = 0;
};

bool UdpSession::open(const route::Address& client) {
    auto& loop = worker_.loop;
    const auto& listener = running_->plan->listeners[acceptor_.listener];
    site_ = &running_->plan->sites[listener.names.fallback()];
    route_ = &site_->own;
    facts_.client = client;
    facts_.local.ip = listener.source->endpoint.ip;
    facts_.local.port = listener.source->endpoint.port;
    facts_.udp = true;
    facts_.serial = ++worker_.connection_serial;
    facts_.accepted_us = loop.now_us();
    subject_.arena = &arena_;
    subject_.around = &running_->around;
    subject_.connection = &facts_;
    subject_.client = &facts_.client;
    subject_.local = &facts_.local;
    subject_.site = site_->source;
    subject_.site_id = site_->id;
    subject_.times.started = subject_.times.request = facts_.accepted_us;
    subject_.times.started_wall_ms = loop.wall_ms();
    subject_.now_us = loop.now_us();
    subject_.wall_ms = loop.wall_ms();
    if (!admitted()) return false;
    if (route_->access && is_refused(client, *route_->access->source)) {
        subject_.status = 403;
        return false;
    }
    subject_.status = 502;
    if (auto count = running_->plan->config().variables.size(); count != 0)
        subject_.variables = {arena_.make_array<route::Value>(count), count};
    if (auto count = running_->plan->config().named_captures.size(); count != 0)
        subject_.named_captures = {arena_.make_array<std::string_view>(count), count};
    for (const auto& rule : site_->rules.request)
        if (const auto* set = std::get_if<ir::action::SetVariable>(&rule.source->action))
            set_variable(rule, *set, subject_);
    auto found = site_->router.pick(subject_);
    if (found.route == ir::no_id) return false;
    route_ = &running_->plan->routes[found.route];
    if (std::holds_alternative<ir::Answer>(route_->source->action)) return respond();
    if (!route_->forward || route_->forward->pool == ir::no_id) return false;
    pool_ = running_->pools[route_->forward->pool];
    subject_.pool = pool_;
    pool::Tried tried;
    for (std::size_t attempt = 0; attempt <= pool_->servers().size(); ++attempt) {
        pool::PickRequest request;
        request.client = &facts_.client.ip;
        request.tried = &tried;
        request.now = loop.now();
        running_->plan->pools[route_->forward->pool].fill(request, subject_);
        auto picked = pool_->pick(request);
        if (picked.outcome != pool::PickOutcome::picked) break;
        fd_ = forward::connect_to(*picked.server, *route_->forwarding, subject_, true);
        if (fd_ >= 0) {
            server_ = picked.server;
            break;
        }
        tried.add(picked.server->index);
        pool_->release(*picked.server, pool::UseResult::failed, loop.now());
    }
    if (!server_) {
        log_failure(worker_, subject_, forward::Failure::no_server);
        return false;
    }
    subject_.server = server_;
    try_.address = server_->address_text;
    subject_.tries = {&try_, 1};
    try_.connect_us = 0;
    subject_.times.connected = loop.now_us();
    watch_.owner = this;
    watch_.on_event = [](net::Watch& watch, std::uint32_t) {
        static_cast<UdpSession*>(watch.owner)->from_server();
    };
    return watch_.attach_level(loop, fd_);
}

// limit_conn. Nothing waits here: a datagram goes on or is dropped.
bool UdpSession::admitted() {
    for (const auto& one : *site_->own.filters) {
        filter::Answer answer;
        auto verdict = one.filter->on_request(subject_, answer);
        if (!answer.note.empty()) log_note(subject_, answer.note_level, answer.note, "initializing session");
        if (verdict != filter::Verdict::done) continue;
        subject_.status = answer.status;
        return false;
    }
    return true;
}

// return: one datagram back, and the end. False, as there is nothing to open.
bool UdpSession::respond() {
    auto text = route_->answer.text.render(subject_);
    if (acceptor_.watch.attached())
        ::sendto(acceptor_.watch.fd(), text.data(), text.size(), MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&peer_), peer_size_);
    subject_.status = 200;
    subject_.sent = subject_.sent_body = text.size();
    return false;
}

void UdpSession::from_client(std::string_view datagram) {
    subject_.received += datagram.size();
    try_.bytes_sent += datagram.size();
    // With the first datagram, in front of what the client sent.
    std::string header;
    if (requests_++ == 0)
        header = forward::proxy_header(*server_, *route_->forwarding, subject_,
                                       &running_->plan->pools[route_->forward->pool]);
    iovec pieces[] = {{header.data(), header.size()},
                      {const_cast<char*>(datagram.data()), datagram.size()}};
    msghdr message{};
    message.msg_iov = header.empty() ? pieces + 1 : pieces;
    message.msg_iovlen = header.empty() ? 1 : 2;
    ::sendmsg(fd_, &message, MSG_NOSIGNAL);
    renew();
    const auto& forward = *route_->forwarding->source;
    if (forward.udp_responses == 0 && (forward.udp_requests == 0 || requests_ >= forward.udp_requests))
        end();
}

void UdpSession::from_server() {
    static thread_local char buffer[largest_datagram];
    for (int i = 0; i < datagrams_per_event; ++i) {
        ssize_t got = ::recv(fd_, buffer, sizeof buffer, 0);
        if (got < 0) {
            if (errno == EINTR) continue;
            if (errno == EAGAIN) return;
            // Nobody listens there (ICMP): the next datagram asks another server.
            pool_->report(*server_, pool::UseResult::failed, worker_.loop.now());
            log_failure(worker_, subject_, forward::Failure::read);
            return end();
        }
        if (acceptor_.watch.attached())
            ::sendto(acceptor_.watch.fd(), buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL,
                     reinterpret_cast<const sockaddr*>(&peer_), peer_size_);
        if (try_.first_byte_us < 0)
            try_.first_byte_us = worker_.loop.now_us() - subject_.times.connected;
        auto size = static_cast<std::uint64_t>(got);
        subject_.sent += size;
        subject_.sent_body += size;
        try_.bytes_received += size;
        ++responses_;
        renew();
        const auto& forward = *route_->forwarding->source;
        bool all = forward.udp_responses != 0xffffffff &&
                   responses_ >= std::uint64_t{forward.udp_responses} * requests_ &&
                   (forward.udp_requests == 0 || requests_ >= forward.udp_requests);
        if (all) return end();
    }
}

void UdpSession::end() {
    auto& loop = worker_.loop;
    if (server_) {
        subject_.status = 200;
        pool_->release(*server_, pool::UseResult::ok, loop.now());
    }
    subject_.now_us = subject_.times.ended = loop.now_us();
    subject_.wall_ms = loop.wall_ms();
    try_.response_us = loop.now_us() - subject_.times.connected;
    write_access_logs(worker_, *site_->own.logs, subject_, -1);
    watch_.detach();
    if (fd_ >= 0) ::close(fd_);
    sessions().erase(key_);
    delete this;
}

}  // namespace

void receive_datagrams(plan::Worker& worker, Acceptor& acceptor) {
    static thread_local char buffer[largest_datagram];
    for (int i = 0; i < datagrams_per_event && acceptor.watch.attached(); ++i) {
        sockaddr_storage peer{};
        socklen_t size = sizeof peer;
        ssize_t got = ::recvfrom(acceptor.watch.fd(), buffer, sizeof buffer, 0,
                                 reinterpret_cast<sockaddr*>(&peer), &size);
        if (got < 0) {
            if (errno == EINTR) continue;
            return;
        }
        std::string key;
        auto fd = acceptor.watch.fd();
        key.append(reinterpret_cast<const char*>(&fd), sizeof fd);
        auto client = address_of(peer);
        key.push_back(static_cast<char>(client.ip.family));
        key.append(reinterpret_cast<const char*>(client.ip.bytes), sizeof client.ip.bytes);
        key.append(reinterpret_cast<const char*>(&client.port), sizeof client.port);
        auto found = sessions().find(key);
        if (found == sessions().end()) {
            auto* session = new UdpSession(worker, acceptor, key, peer, size);
            found = sessions().emplace(key, session).first;
            if (!session->open(client)) {
                session->end();
                continue;
            }
        }
        found->second->from_client({buffer, static_cast<std::size_t>(got)});
    }
}

}  // namespace weir::exchange
