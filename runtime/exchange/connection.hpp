// SPDX-License-Identifier: Apache-2.0
// One accepted connection, and the acceptor it came from. Both belong to one worker.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "runtime/forward/idle_cache.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/exchange/track.hpp"
#include "runtime/plan/running.hpp"

namespace weir::exchange {

// A listening socket at work. Stays (by its key) when a reload keeps the address, so that kept-alive
// connections find the listener of the newest plan.
struct Acceptor {
    net::Watch watch;
    std::string key;
    ir::ListenerId listener = ir::no_id;    // in Worker::now
    bool gone = false;                      // not in the newest plan
    std::size_t uses = 0;                   // connections that came from here
    zone::Entry counters;                   // of the listener, where it has a limit of its own
    class ClientSide* owner = nullptr;
};

// Values of variables that outlive an exchange: HAProxy's sess.NAME. By slot, with their bytes.
struct ConnectionVariables {
    Arena arena;
    std::vector<std::pair<std::uint32_t, route::Value>> values;
    // Puts them into the slots of an exchange; takes them out again (those of the plan), as copies.
    void give(std::span<route::Value> slots) const;
    static std::unique_ptr<ConnectionVariables> take(const plan::Plan& plan,
                                                     std::span<const route::Value> slots);
};

struct Connection {
    explicit Connection(plan::Worker& of) : worker(of) {}
    plan::Worker& worker;
    Acceptor* acceptor = nullptr;
    ir::ListenerId listener = ir::no_id;    // in `running`
    std::uint32_t requests = 0;
    std::shared_ptr<plan::Running> running;
    net::Stream stream;
    net::Buffer input;                      // bytes read and not yet used
    route::ConnectionFacts facts;
    // To a server, for requests of this connection only (http-reuse never).
    std::unique_ptr<forward::ServerConnection> server;
    std::unique_ptr<ConnectionVariables> variables;   // where the plan has such
    std::unique_ptr<ConnectionFollowers> followers;   // of tcp-request connection and session rules
    // The session is to go on as if this listener had accepted it (nginx stream pass); no_id: it ends.
    ir::ListenerId passed_to = ir::no_id;
    bool proxy_header_expected = false;     // a rule said so (expect-proxy layer4)
    bool idle = false;                      // waits for a request: may be closed at any time
    bool linger = false;                    // unread bytes: take them in before closing
    net::Time linger_time = 0, linger_timeout = 0;   // ms
    // Of its site and its listener when it came: what counted it in counts it out. May be null.
    zone::Counters* counted[2] = {};
    // All connections of the worker.
    Connection* next = nullptr;
    Connection* prev = nullptr;

    // Who answers before it is known for whom the client comes.
    [[nodiscard]] const plan::Site& first_site() const {
        const auto& plan = *running->plan;
        return plan.sites[plan.listeners[listener].names.fallback()];
    }
    // The newest plan that still has this connection's listener.
    void use_newest_plan() {
        if (!acceptor->gone && running != worker.now) {
            running = worker.now;
            server.reset();   // it may be one that is gone
            variables.reset();   // the slots of the other plan are others
            listener = acceptor->listener;
            const auto& planned = running->plan->listeners[listener];
            facts.listener = planned.source;
            facts.listener_id = planned.number;
        }
    }
};

// proxy_header.cpp: takes the PROXY header off the connection. False: there was none in time, or a
// broken one.
net::Task<bool> read_proxy_header(Connection& connection);
// client_tls.cpp: the handshake. False: none came about.
net::Task<bool> accept_tls(Connection& connection);
// The status that a request is refused with for what came before it: plain text to a TLS listener, a
// client certificate that the site does not take; 0: none.
std::uint16_t tls_refusal(const Connection& connection, const plan::Site& site, std::string_view host);
// serve.cpp: the life of a connection of an http site; closes and frees nothing (its caller does).
net::Task<void> serve_http(Connection& connection);
// session.cpp: the same for a stream site.
net::Task<void> serve_stream(Connection& connection);
// The access log of one that ended before it began.
void log_refused_session(Connection& connection, std::uint16_t status);
// The lines of error-log-format for one that ended before its first request.
void log_fault(Connection& connection);

}  // namespace weir::exchange
