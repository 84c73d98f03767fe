// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h1_carrier.hpp"

#include "runtime/http/h1_lines.hpp"

namespace weir::http {

using net::Io;

// True when the head is whole or refused.
bool H1Carrier::parse(const HeadWish& wish, HeadRead& read) {
    if (input_.empty()) return false;
    if (read.first_byte_us < 0) {
        auto& loop = stream_.watch.loop();
        read.first_byte_us = loop.now_us();
        read.first_byte_wall_ms = loop.wall_ms();
    }
    auto parsed = parse_request_head(input_.view(), wish.bounds, arena, request, &resume_);
    if (parsed.status == ParseStatus::more) return false;
    read.status = parsed.status;
    if (parsed.status != ParseStatus::done) {
        read.how = HeadRead::How::refused;
        return true;
    }
    read.how = HeadRead::How::whole;
    request.head_bytes = parsed.bytes;
    input_.consume(parsed.bytes);
    read.pipelined = later_ && !input_.empty();
    keep_head();
    source_.start(request.framing, request.length);
    return true;
}

net::Task<HeadRead> H1Carrier::read_head(const HeadWish& wish) {
    HeadRead read;
    bool told = false;
    for (;;) {
        if (parse(wish, read)) co_return read;
        if (!stream_.watch.readable) {
            if (!input_.empty() && !std::exchange(told, true)) wish.on_part(wish.owner);
            if (co_await net::readable(stream_.watch, wish.until) != net::Waited::ready) {
                read.how = HeadRead::How::timed_out;
                co_return read;
            }
        }
        input_.acquire();
        if (input_.room_size() == 0) {
            input_.compact();
            if (input_.room_size() == 0) input_.grow(input_.capacity() * 2ul);
        }
        auto got = stream_.read(input_.room(), input_.room_size());
        if (got.state == Io::State::blocked) {
            if (input_.empty()) input_.release();
            continue;
        }
        if (got.state == Io::State::ok) {
            input_.produced(got.bytes);
            continue;
        }
        if (!input_.empty()) read.how = HeadRead::How::broke_off;
        co_return read;
    }
}

// Views into the head must outlive reading the body (or a tunnel) into the input buffer: the block is
// kept, and what lies behind the head moves to a new one. A body that is all here needs no reading.
void H1Carrier::keep_head() {
    bool all_here = request.framing == Framing::none ||
                    (request.framing == Framing::length && input_.size() >= request.length);
    if (all_here && !request.wants_upgrade) return;
    head_block_ = std::move(input_);
    if (head_block_.empty()) return;
    input_.acquire(head_block_.size());
    input_.append(head_block_.view());
}

bool H1Carrier::write_continue() {
    static constexpr char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
    iovec piece{const_cast<char*>(text), sizeof text - 1};
    return stream_.write({&piece, 1}).state != Io::State::failed;
}

// A head that did not come as text (from a server that speaks HTTP/2).
std::string_view H1Carrier::interim_text(const ResponseHead& head) {
    net::Buffer out;
    out.acquire();
    put(out, "HTTP/1.1 ");
    put_number(out, head.status);
    put(out, " ");
    put(out, reason_of(head.status));
    put(out, "\r\n");
    for (const auto& field : head.fields) put_field(out, field.name, field.value);
    put(out, "\r\n");
    return arena.copy(out.view());
}

net::Task<bool> H1Carrier::write_interim(const ResponseHead& head, std::string_view text,
                                         net::Time timeout) {
    if (request.minor == 0) co_return true;   // RFC 9110 section 15.2
    if (text.empty()) text = interim_text(head);
    auto written = co_await net::write_all(stream_, text, timeout);
    co_return written.state == Io::State::ok;
}

void H1Carrier::write_head(const ReplyHead& reply) {
    auto& out = writer_.head;
    out.acquire();
    out.clear();
    const auto& head = reply.head;
    put(out, head.minor == 0 ? "HTTP/1.0 " : "HTTP/1.1 ");
    put_number(out, head.status);
    put(out, " ");
    put(out, reply.reason);
    put(out, "\r\n");
    bool capitals = reply.capitals;
    if (!reply.server.empty()) put_field(out, "Server", reply.server);
    if (!reply.date.empty()) put_field(out, "Date", reply.date);
    if (reply.first) put_field(out, reply.first->name, reply.first->value);
    if (head.framing == Framing::chunked)
        put_field(out, capitals ? "Transfer-Encoding" : "transfer-encoding", "chunked");
    if (head.framing == Framing::length && !head.fields.seen(FieldId::content_length)) {
        put(out, capitals ? "Content-Length: " : "content-length: ");
        put_number(out, head.length);
        put(out, "\r\n");
    }
    bool told = false;
    if (head.status == 101) {
        put_field(out, capitals ? "Connection" : "connection", "upgrade");
    } else if (capitals) {
        put_field(out, "Connection", reply.keep ? "keep-alive" : "close");
        told = true;
        if (reply.keep && reply.keep_seconds != 0) {
            put(out, "Keep-Alive: timeout=");
            put_number(out, static_cast<std::uint64_t>(reply.keep_seconds));
            put(out, "\r\n");
        }
    }
    write_fields(reply);
    // An HTTP/1.0 answer (of an error file) ends with the connection by itself.
    if (!told && head.status != 101 && head.minor != 0) {
        if (!reply.keep)
            put(out, "connection: close\r\n");
        else if (request.minor == 0)
            put(out, "connection: keep-alive\r\n");
    }
    put(out, "\r\n");
    writer_.start(reply.body, reply.closes && head.status != 101);
}

void H1Carrier::write_fields(const ReplyHead& reply) {
    auto framing = reply.head.framing;
    bool no_length = framing != Framing::length && framing != Framing::none;
    PassedLines lines(writer_.head);
    for (const auto& field : reply.head.fields)
        if (&field != reply.first && !(field.id == FieldId::content_length && no_length)) lines.pass(field);
    lines.finish();
}

net::Buffer H1Carrier::take_unread() {
    source_.settle();
    return std::move(input_);
}

bool H1Carrier::finish(bool) {
    source_.settle();
    if (input_.empty())
        input_.release();
    else
        input_.compact();
    return true;
}

void H1Carrier::reset() {
    if (stream_.is_open()) stream_.reset();
}

}  // namespace weir::http
