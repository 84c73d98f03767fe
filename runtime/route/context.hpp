// SPDX-License-Identifier: Apache-2.0
// Subject: everything an expression may look at, as plain fields. The exchange (or the tunnel)
// fills it in while the request goes on; eval.cpp only reads it, apart from the fields marked
// "cache". A view with data() == nullptr means "there is no such thing"; times are -1 until they
// happen.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "parser/ir/config.hpp"
#include "runtime/base/arena.hpp"
#include "runtime/base/regex.hpp"
#include "runtime/http/message.hpp"
#include "runtime/pool/live_pool.hpp"
#include "runtime/zone/board.hpp"
#include "runtime/zone/tables.hpp"

namespace weir::net {
class TlsFacts;
}

namespace weir::route {

class Template;
struct FileRoot;
struct ScriptRules;

// What an expression yields. `type` says which member counts; a boolean is number 0 or 1.
struct Value {
    ir::Type type = ir::Type::bytes;
    bool exists = false;
    std::string_view bytes;
    std::int64_t number = 0;
    IpAddress ip;

    static Value missing() { return {}; }
    static Value of(std::string_view text) {
        Value value;
        value.exists = true;
        value.bytes = text;
        return value;
    }
    static Value of_number(std::int64_t number) {
        Value value;
        value.type = ir::Type::integer;
        value.exists = true;
        value.number = number;
        return value;
    }
    static Value of_boolean(bool truth) {
        Value value = of_number(truth ? 1 : 0);
        value.type = ir::Type::boolean;
        return value;
    }
    static Value of_address(const IpAddress& ip) {
        Value value;
        value.type = ir::Type::address;
        value.exists = true;
        value.ip = ip;
        return value;
    }
};

// One end of a connection. The text is made on first use and kept.
struct Address {
    IpAddress ip;  // none: not known, or a Unix socket
    std::uint16_t port = 0;
    bool is_unix = false;
    // "192.0.2.1", "2001:db8::1", "unix:"; empty when nothing is known.
    [[nodiscard]] std::string_view text() const;

private:
    mutable std::uint8_t text_length_ = 0;  // cache
    mutable char text_[47];
};

// HAProxy's numbers of what ended a connection early (fc_err).
namespace fault {
inline constexpr std::int32_t none = 0, ssl_closed = 24, ssl_timeout = 26, ssl_ca = 30,
                              ssl_certificate = 31, ssl_handshake = 34;
}

// What few connections know of: a PROXY header, TLS, a ClientHello that passes through. On the heap, so
// that an idle plain connection does not carry it.
struct ConnectionDetails {
    Address peer, peer_local;           // of the socket itself, when `client` and `local` are others
    bool has_peer = false;              // they are
    Address proxy_client, proxy_local;  // the PROXY header's; ip none without
    std::string proxy_values;           // its list of types and values
    bool received_proxy_header = false;
    bool plain_on_tls = false;          // no TLS came where the listener speaks it
    // What a ClientHello that only passes through says (preread, req.ssl_*); type -1 = none seen.
    std::string_view hello_sni, hello_alpn, hello_protocol;
    std::int32_t hello_type = -1, hello_version = -1;  // version: 0x0303 and so on
    bool hello_decided = false;   // there is one, or none will come
    // How the handshake went wrong: HAProxy's number for the connection, OpenSSL's for the reason.
    std::int32_t fault = 0;
    unsigned long tls_fault = 0;
    bool hello_sought = false;    // by ssl_preread: no name is an empty one, unless there is no hello
};

// What stays the same as long as a client's connection does.
struct ConnectionFacts {
    Address client;  // from the PROXY header when there was one
    Address local;
    bool udp = false;
    bool tls = false;   // on the client side
    int fd = -1;        // the socket, for $tcpinfo_*
    std::uint32_t listener_id = 0;
    std::uint32_t glitches = 0;  // what the client did that HTTP/2 forbids
    std::uint64_t serial = 0;  // nginx $connection
    const ir::Listener* listener = nullptr;   // of the plan that the connection uses
    // TLS on the client side; null without. Not a detail: an idle connection is to stay small.
    std::shared_ptr<const net::TlsFacts> tls_facts;
    std::int64_t accepted_us = 0;  // monotonic
    std::int64_t ready_us = 0;     // PROXY header and TLS handshake done

    [[nodiscard]] const ConnectionDetails& details() const {
        static const ConnectionDetails none{};
        return details_ ? *details_ : none;
    }
    // Of the socket itself.
    [[nodiscard]] const Address& peer() const {
        return details_ && details_->has_peer ? details_->peer : client;
    }
    [[nodiscard]] const Address& peer_local() const {
        return details_ && details_->has_peer ? details_->peer_local : local;
    }
    // Before `client` and `local` become others: what they were at first is kept.
    ConnectionDetails& keep_peer() {
        auto& kept = make_details();
        if (!std::exchange(kept.has_peer, true)) {
            kept.peer = client;
            kept.peer_local = local;
        }
        return kept;
    }
    ConnectionDetails& make_details() {
        if (!details_) details_ = std::make_unique<ConnectionDetails>();
        return *details_;
    }

private:
    std::unique_ptr<ConnectionDetails> details_;
};

// One attempt at a server, in order. Times are microseconds since the attempt began.
struct Try {
    std::string_view address;  // "127.0.0.1:8080", "unix:/run/x"; pool's name when none was usable
    std::uint16_t status = 0;  // 0: no answer
    bool new_group = false;    // after an internal redirect: " : " instead of ", "
    std::int64_t connect_us = -1, header_us = -1, first_byte_us = -1, response_us = -1;
    std::uint64_t bytes_sent = 0, bytes_received = 0, response_length = 0;
};

// When things happened: microseconds of the loop's monotonic clock; -1 = not (yet).
struct Times {
    std::int64_t started = -1;         // connection accepted, or the previous request ended
    std::int64_t handshaken = -1;      // PROXY header and TLS done (first request; else = started)
    std::int64_t first_byte = -1;      // of the request
    std::int64_t request = -1;         // request head complete
    std::int64_t queued = -1;          // left the queue, server picked
    std::int64_t connected = -1;       // connection to the server ready
    std::int64_t response = -1;        // response head complete (tcp: = connected)
    std::int64_t ended = -1;           // everything over; -1 = now
    std::int64_t started_wall_ms = 0;  // unix milliseconds of `started`
    std::int64_t request_wall_ms = 0;  // of first_byte
};

// Captures of the last regex that matched with keeps_captures: $0..$9.
struct Captures {
    static constexpr std::uint32_t most = 10;
    std::string_view group[most];
    std::uint32_t count = 0;
};

// What a worker has around its requests: one per worker and plan.
struct Surroundings {
    std::string_view host_name;
    std::string_view version = "1.22.1";  // $nginx_version
    std::string_view node;
    std::int32_t process_id = 0;
    std::uint32_t worker = 0, workers = 1;
    std::span<pool::LivePool* const> pools;  // by ir::PoolId
    std::span<const zone::Entry> sites;      // by ir::SiteId
    zone::Entry process;
    const ir::Config* config = nullptr;           // of the plan, for modules that show all of it
    const zone::Board* board = nullptr;
    std::span<zone::Table* const> zones;          // by ir::ZoneId; null: no table
    zone::Holds* holds = nullptr;                 // of this worker
    const Template* zone_keys = nullptr;          // ir::Zone::of, by ir::ZoneId
};

// What limit_req or limit_conn did.
enum class LimitOutcome : std::uint8_t {
    none, passed, delayed, rejected, delayed_dry_run, rejected_dry_run
};

// What becomes of the codings (gzip, br) of this request's answer.
struct Coding {
    // Chosen when the request went on to a server, whose answer may then be compressed for the client.
    std::int16_t chosen = -1;            // of the list that a module has; -1: none
    bool asked = false;                  // the choice was made
    bool settled = false;                // somebody decided about this answer
    bool varies = false;                 // it depends on Accept-Encoding, by a file that was not sent
    std::string_view name;               // compressed here, by this algorithm; empty: not
    std::uint64_t in = 0, out = 0;       // bytes before and after, so far
};

// A key whose server a table is to remember when there is one (stick store-request).
struct StickKey {
    ir::ZoneId zone = ir::no_id;
    std::string_view key;
    StickKey* next = nullptr;
};

struct Subject {
    // These five are always set before anything is evaluated.
    Arena* arena = nullptr;
    const Surroundings* around = nullptr;
    const ConnectionFacts* connection = nullptr;
    // Who it is from and to; the connection's own unless a rule (set-src, realip) says otherwise.
    const Address* client = nullptr;
    const Address* local = nullptr;
    // Clocks of this loop turn.
    std::int64_t now_us = 0, wall_ms = 0;

    // The request as it is now (HAProxy's rules change it in place). Null: none yet, or tcp.
    const http::RequestHead* request = nullptr;
    std::string_view normalized_path;  // $uri: decoded, as rewrite and internal redirects left it
    std::string_view query;            // $args; kept equal to request->query by HAProxy's rules
    std::string_view host;             // $host: normalize_host(authority); empty when there is none
    std::string_view body;             // what is buffered of the request body
    const char* date_format = nullptr; // of $date_local, $date_gmt, as strftime() has it; null: the usual one
    std::string_view body_file;        // or the path of the file that it was written to
    std::uint64_t body_length = 0;     // announced or received
    bool body_gathered = false;        // there is one, and all of it was received
    std::uint64_t received = 0;        // bytes of this request so far, head included
    std::uint64_t spliced_request = 0, spliced_reply = 0;   // of its bodies: bytes that went by splice()
    std::uint32_t connection_requests = 0;  // serial of the request on its connection, from 1
    std::uint64_t serial = 0;               // of the exchange in this worker (%rt)
    std::string_view payload;               // tcp: bytes of the client that wait unread
    bool payload_ended = false;             // inspect delay over or buffer full: no more will come
    // Set when something looked at could still change with more bytes of the client (HAProxy's
    // content rules then wait). Whoever evaluates clears it before and asks after.
    bool undecided = false;
    bool completed = false;  // $request_completion
    bool pipelined = false;
    bool inner = false;        // asked by another request, whose answer takes this one in
    std::string_view remote_user;  // set by auth; else taken from Authorization
    const FileRoot* file_root = nullptr;   // of the route: where its files lie; null: none (HAProxy)
    const ScriptRules* script = nullptr;   // of the route: how paths name scripts; null: nothing is said
    std::uint64_t limit_rate = 0;  // bytes per second in force ($limit_rate)

    LimitOutcome request_limit = LimitOutcome::none, connection_limit = LimitOutcome::none;
    // What it holds in tables; given back when it ends.
    zone::HoldList holds;
    // Entries that followers (track-sc) count in, by number: holds, or Holds::none. Those of the
    // request, and those of its connection where the request has none.
    std::span<std::uint32_t> followed;
    std::span<const std::uint32_t> connection_followed;
    StickKey* stick_keys = nullptr;

    // Where it goes
    const ir::Site* site = nullptr;
    std::uint32_t site_id = ir::no_id;
    const pool::LivePool* pool = nullptr;
    const pool::LiveServer* server = nullptr;
    std::string_view pool_name;     // HAProxy %b: the backend even when it has no servers
    std::string_view cookie_server; // the value of HAProxy's cookie when it names a server in use
    bool server_reused = false;     // its connection carried requests before
    std::shared_ptr<const net::TlsFacts> server_tls;   // of that connection; null: none, or plain
    Address server_source;          // our end of the connection to the server
    std::string_view forward_host;  // $proxy_host
    std::uint16_t forward_port = 0;

    // What came back, and what went out
    const http::ResponseHead* response = nullptr;  // of the server
    const http::FieldList* response_trailers = nullptr;
    const http::ResponseHead* reply = nullptr;  // being sent or sent
    bool reply_from_server = false;                // the reply is what `response` became
    Coding coding;
    std::uint16_t status = 0;  // of the reply when `reply` is null; of a stream session
    std::uint64_t sent = 0, sent_body = 0;
    std::span<const Try> tries;
    Times times;
    std::uint32_t retries = 0;
    bool redispatched = false;
    bool log_asap = false;                       // times so far: '+' in front of %Ta, %Tt, %B
    char termination[4] = {'-', '-', '-', '-'};  // %tsc
    // Queue positions when it was queued (%sq, %bq).
    std::uint32_t server_queue = 0, pool_queue = 0;

    // What a cache did: views without bytes and -1 where none was asked.
    struct CacheFacts {
        std::string_view status;             // "HIT", "MISS", ...
        std::string_view key;
        std::string_view etag;               // of an expired answer that is to be renewed
        std::int64_t modified = -1;          // unix seconds; the same
        std::string_view hit_in;             // name of the cache in memory that has the answer (HAProxy)
    } cache;
    // Where the answer is got in pieces: what is asked of the server now.
    struct Slice {
        std::uint64_t size = 0;              // 0: it is not
        std::uint64_t first = 0;
        bool used = false;                   // somebody asked for it
    } slice;

    // Slots
    std::span<Value> variables;                  // by Config.variables index
    std::span<std::string_view> named_captures;  // by Config.named_captures index
    std::span<std::string_view> request_captures, response_captures;  // the site's slots
    std::string_view request_cookie_capture, response_cookie_capture;
    Captures captures;

    // cache (eval.cpp)
    const Template* unique_id_format = nullptr;  // of the site
    std::string_view unique_id_text;             // unique-id once made
    std::string_view request_id;                 // $request_id once made
};

// The key of a zone that has one of its own, for this subject; empty: nothing is to be counted.
std::string_view zone_key(Subject& subject, ir::ZoneId zone);

}  // namespace weir::route
