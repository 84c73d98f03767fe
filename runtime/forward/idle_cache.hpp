// SPDX-License-Identifier: Apache-2.0
// Idle server connections, kept per server for the next request. nginx: keepalive. HAProxy:
// http-reuse, pool-max-conn. Per worker; they outlive plans because LiveServers do.
#pragma once

#include <string>

#include "runtime/http/h2_client.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/pool/live_pool.hpp"

namespace weir::net {
class TlsFacts;
}

namespace weir::forward {

class IdleList;
struct TlsPeer;

// What is spoken over a connection.
enum class Wire : std::uint8_t { http1, http2, fastcgi };

// An open connection to a server: in use by one exchange, or idle in its server's list. One of HTTP/2
// carries several requests at once; it belongs to its server from the start.
struct ServerConnection {
    net::Stream stream;
    pool::LiveServer* server = nullptr;
    std::uint32_t requests = 0;       // sent over it so far
    net::Time opened = 0;
    net::Time idle_since = 0;
    std::string greeting;             // the PROXY header it began with: of one client, never shared
    bool reused = false;              // came out of the list this time
    std::shared_ptr<const TlsPeer> peer;   // over TLS: to whom; null: plain
    std::shared_ptr<const net::TlsFacts> tls;   // of the handshake; null: plain
    // idle
    IdleList* list = nullptr;
    ServerConnection* next = nullptr;
    ServerConnection* prev = nullptr;
    struct IdleTimer : net::Timer {
        ServerConnection* owner = nullptr;
    } timer;
    std::unique_ptr<http::H2Client> h2;   // below the stream: it goes first
    bool fastcgi = false;                 // FastCGI is spoken, not HTTP
    bool joinable = false;                // h2: by requests of other clients, now and later
};

// The warmest idle connection of the server to that peer (null: a plain one), or null. A connection
// whose server has closed it is never handed out once the loop has seen that.
std::unique_ptr<ServerConnection> take_idle(pool::LiveServer& server, const TlsPeer* peer = nullptr,
                                            Wire wire = Wire::http1);
// Keeps the connection (or closes it when the pool keeps enough: the coldest of the pool goes).
void keep_idle(std::unique_ptr<ServerConnection> connection);
// HTTP/2: a connection of the server, at work or idle, that takes one more request; or null.
ServerConnection* join_connection(pool::LiveServer& server, const TlsPeer* peer);
// HTTP/2: gives a connection (with h2 in it) to its server. When its last request has ended it is kept,
// if `joinable`, or closed. What is returned may be gone with any suspension.
ServerConnection& put_to_work(std::unique_ptr<ServerConnection> connection, bool joinable);
// Closes all idle connections of a server (it went down, or its address is gone).
void drop_idle(pool::LiveServer& server);
// The same, with the books on them: the server, or the whole pool, is about to go.
void forget_idle(pool::LiveServer& server);
void forget_idle(pool::LivePool& pool);

}  // namespace weir::forward
