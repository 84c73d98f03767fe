// SPDX-License-Identifier: Apache-2.0
// Why a try at a server ended without an answer: the words that carriers, retries, pages and logs
// share.
#pragma once

#include <cstdint>

namespace weir::forward {

// Why an attempt ended without a usable answer.
enum class Failure : std::uint8_t {
    none,
    no_server,          // nobody to ask
    queue_full, queue_timeout,
    local,              // a fault of this machine: no address to connect from, no room on disk
    connect, connect_timeout,
    handshake, handshake_timeout,   // TLS
    send, send_timeout,
    read,               // reset or closed before the head was whole
    empty,              // closed without a byte
    read_timeout,
    refused,            // HTTP/2: the server says that it did not begin with the request
    bad_answer,         // the head does not parse, or is too long
    status,             // a status that is to be retried
    client_gone,        // 499
    client_body,        // the client's body failed: broken framing or connection
    client_body_timeout,
    body_too_large,
    stale,              // a kept connection was dead, and only the client may send this again
    bad_target,         // a computed target that is none
    unresolved,         // a computed target whose name is not known
};

// The request was not sent: nobody can have acted on it.
bool never_reached_server(Failure failure);

}  // namespace weir::forward
