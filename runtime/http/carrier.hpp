// SPDX-License-Identifier: Apache-2.0
// Carrier: how one request and its one answer travel between a client and the exchange. The exchange
// orders the steps and knows no wire form; HTTP/1 (h1_carrier) and HTTP/2 (h2_stream) each bring
// theirs. Heads go through here, bodies through the source and the sink.
#pragma once

#include "runtime/base/arena.hpp"
#include "runtime/http/body.hpp"
#include "runtime/http/h1_codec.hpp"
#include "runtime/net/buffer.hpp"

namespace weir::http {

// What the exchange wants of the head of a request.
struct HeadWish {
    HeadLimits bounds;
    net::Time until = net::never;              // when the head must be whole
    void (*on_part)(void* owner) = nullptr;    // a part of the head is here, and more must come
    void* owner = nullptr;
};

struct HeadRead {
    enum class How : std::uint8_t {
        whole,        // see Carrier::request
        refused,      // see status
        timed_out,
        broke_off,    // the client left after a part of it
        nothing,      // the client left without a word
    } how = How::nothing;
    ParseStatus status = ParseStatus::done;
    std::int64_t first_byte_us = -1, first_byte_wall_ms = 0;   // -1: none came
    bool pipelined = false;                    // the next request is here already
};

// The head of an answer: the fields of `head`, and what the exchange adds to them.
struct ReplyHead {
    const ResponseHead& head;
    std::string_view reason;                   // HTTP/1 only
    std::string_view server, date;             // empty: no such field
    const Field* first = nullptr;              // one of head.fields, goes before the others
    Framing body = Framing::none;              // of what follows (an answer to HEAD has none)
    bool capitals = false;                     // nginx: "Content-Length", "Connection: keep-alive"
    bool keep = true;                          // the connection, afterwards
    bool closes = false;                       // it is closed with the last byte: nothing is waited for
    std::int64_t keep_seconds = 0;             // nginx: Keep-Alive: timeout=; 0 = no such field
    std::uint32_t chunk = 16384;               // HTTP/2: largest frame of the body
};

class Carrier {
public:
    Carrier(bool http1, BodySource& from, BodySink& to, net::Watch& of)
        : is_http1(http1), body(from), sink(to), watch(of) {}
    virtual ~Carrier() = default;
    Carrier(const Carrier&) = delete;
    Carrier& operator=(const Carrier&) = delete;

    const bool is_http1;                       // one exchange at a time has the whole connection
    Arena arena;                               // of the exchange
    RequestHead request;
    BodySource& body;                          // of the request, once its head is whole
    BodySink& sink;                            // for the reply
    net::Watch& watch;                         // peer_closed: the client went away

    virtual net::Task<HeadRead> read_head(const HeadWish& wish) = 0;
    // What there is of a head that is not whole, as text; may be empty.
    [[nodiscard]] virtual std::string_view partial_head() const { return {}; }
    // 100 Continue; false when the client is gone.
    virtual bool write_continue() = 0;
    // An interim answer; `text` is its head as HTTP/1 has it, when it came that way. False: gone.
    virtual net::Task<bool> write_interim(const ResponseHead& head, std::string_view text,
                                          net::Time timeout) = 0;
    // The head waits in the sink for the first write.
    virtual void write_head(const ReplyHead& reply) = 0;
    // Once the head that accepts an upgrade is written: the connection itself, and what of it was read
    // already. Null: the bytes behind the head go through body and sink.
    virtual net::Stream* tunnel() { return nullptr; }
    virtual net::Buffer take_unread() { return {}; }
    // The reply is out, or given up; nobody reads on. False: the connection cannot be kept.
    virtual bool finish(bool complete) = 0;
    // The connection is to end after the exchanges under way.
    virtual void close_after() {}
    // Ends it with a reset, at once.
    virtual void reset() = 0;
};

}  // namespace weir::http
