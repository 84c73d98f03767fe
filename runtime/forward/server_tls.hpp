// SPDX-License-Identifier: Apache-2.0
// TLS to a server: whom a connection goes to (names of this request, rules of its route or server),
// the session that is resumed, and the handshake. For requests (forward.cpp), sessions without HTTP
// (session.cpp) and checks.
#pragma once

#include <memory>
#include <string>

#include "runtime/forward/failure.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/tls.hpp"
#include "runtime/plan/plan.hpp"

namespace weir::forward {

// One identity of a server. Connections are used again, and sessions resumed, only within one: what
// was agreed without a check, or for another name, is no proof for this one.
struct TlsPeer {
    std::shared_ptr<const net::TlsContext> context;
    std::string server_name;                 // SNI
    std::string verified_name;               // must stand in the certificate; empty: any
    bool offers_h2 = false;                  // by ALPN; what the server takes, the handshake says
    std::uint64_t changes = 0;               // ir::ServerTls
    bool early_data = false;                 // requests may go with the first message
    bool nameless = false;                   // a name must stand there, and there is none
    std::shared_ptr<net::TlsMemory> memory;  // null: no session is resumed
};
using TlsPeerPtr = std::shared_ptr<const TlsPeer>;

// The settings for a connection to `server`; null: plain. `secure`: the route asks for TLS.
inline const plan::ServerTls* server_tls(const pool::LiveServer& server,
                                         const plan::Forwarding& forwarding, bool secure) {
    if (server.conf->over_tls) return server.tls;
    return secure || forwarding.source->over_tls ? forwarding.tls : nullptr;
}

// The identity for this request; null when there is none to be had, and `problem` says why.
TlsPeerPtr find_peer(pool::LiveServer& server, const plan::ServerTls& tls, route::Subject& subject,
                     std::string& problem);
// The same where no request is at hand (checks); nothing is remembered.
TlsPeerPtr make_peer(std::shared_ptr<const net::TlsContext> context, const ir::ServerTls& tls,
                     std::string_view name);

// A stream that stands, and on which nothing was read, becomes TLS.
struct Secured {
    Failure failure = Failure::none;  // none, handshake, handshake_timeout, client_gone
    std::string problem;
};
// `early`: goes with the first message, where the last session allows it (TlsSession::early_sent()).
net::Task<Secured> secure(net::Stream& stream, const TlsPeer& peer, net::Time deadline,
                          std::string_view early = {});
// Whom a line of the error log about the request is about; the same with its server. `doing` is left to
// the caller.
log::About about_client(const route::Subject& subject);
log::About about_server(const route::Subject& subject);
// The error log's line on a handshake after which another server is asked: the request may turn out
// well, its certificate is wrong all the same.
void log_handshake(const route::Subject& subject, Failure failure, const std::string& problem);

}  // namespace weir::forward
