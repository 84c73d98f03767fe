// SPDX-License-Identifier: Apache-2.0
#include "runtime/http/h2_stream.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace weir::http {

using net::Io;

namespace {

// Streams of this worker whose client takes nothing: each holds the buffers of its exchange. Beyond
// this many they get little time.
thread_local std::size_t stalled_streams = 0;
constexpr std::size_t most_patient = 2000;
constexpr net::Time short_patience = 2000;   // ms

nghttp2_nv make_nv(std::string_view name, std::string_view value) {
    auto bytes = [](std::string_view text) {
        return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

// Fields that HTTP/2 has no place for (RFC 9113 section 8.2.2).
bool stays_here(FieldId id) {
    switch (id) {
        case FieldId::connection:
        case FieldId::keep_alive:
        case FieldId::proxy_connection:
        case FieldId::transfer_encoding:
        case FieldId::upgrade: return true;
        default: return false;
    }
}

std::string_view number(std::uint64_t value, Arena& arena) {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    return arena.copy({digits, static_cast<std::size_t>(end - digits)});
}

// Calls `each` with the name and value of every line.
template <class Each>
void for_each_line(std::string_view lines, Each each) {
    while (!lines.empty()) {
        auto end = lines.find('\n');
        auto line = lines.substr(0, end);
        lines = end == std::string_view::npos ? std::string_view() : lines.substr(end + 1);
        if (line.ends_with('\r')) line.remove_suffix(1);
        auto colon = line.find(':');
        if (colon == 0 || colon == std::string_view::npos) continue;
        auto value = line.substr(colon + 1);
        while (value.starts_with(' ') || value.starts_with('\t')) value.remove_prefix(1);
        while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
        each(line.substr(0, colon), value);
    }
}

}  // namespace

H2Stream::H2Stream(H2Session& session, std::int32_t id)
    : Carrier(false, source_, sink_, watch_),
      session_(session),
      source_(*this),
      sink_(*this),
      builder_(arena, request),
      rules_(session.rules),
      id_(id),
      begun_us_(session.loop().now_us()),
      begun_wall_ms_(session.loop().wall_ms()) {
    watch_.attach_inner(session.loop());
    watch_.writable = true;
    place_ = static_cast<std::uint32_t>(session.all_.size());
    session.all_.push_back(this);
}

H2Stream::~H2Stream() {
    auto& all = session_.all_;
    all[place_] = all.back();
    all[place_]->place_ = place_;
    all.pop_back();
    nghttp2_session_set_stream_user_data(session_.session_, id_, nullptr);
    // What nobody will read counts no longer against the connection.
    if (kept_back_ != 0 && !session_.dead_)
        nghttp2_session_consume_connection(session_.session_, kept_back_);
}

void H2Stream::enter() {
    serving_ = true;
    ++session_.exchanges_;
}

void H2Stream::leave() {
    auto& session = session_;
    finish(false);
    serving_ = false;
    served_ = true;
    --session.exchanges_;
    closed_ = true;
    if (!touched_) delete this;   // else settle() does
    if (!session.dead_) session.send_later();
    session.after_change();
}

net::Task<HeadRead> H2Stream::read_head(const HeadWish&) {
    HeadRead read;
    read.first_byte_us = begun_us_;
    read.first_byte_wall_ms = begun_wall_ms_;
    read.status = parsed_.status;
    read.how = parsed_.status == ParseStatus::done ? HeadRead::How::whole : HeadRead::How::refused;
    co_return read;
}

void H2Stream::on_head_whole(bool ends) {
    head_whole_ = true;
    input_ended_ = ends;
    parsed_ = builder_.finish(ends, rules_);
    malformed_ = parsed_.status == ParseStatus::bad;
    is_tunnel_ = request.wants_upgrade && !malformed_;
}

bool H2Stream::on_data(std::string_view bytes) {
    arrived_bytes_ += bytes.size();
    kept_back_ += bytes.size();
    if (body_broken_) return true;
    if (request.framing == Framing::length && arrived_bytes_ > request.length) return false;
    if (closed_ || (served_ && !serving_)) return true;
    arrived_.acquire();
    if (arrived_.room_size() < bytes.size())
        arrived_.grow(std::max<std::size_t>(arrived_.capacity() * 2ul, arrived_.size() + bytes.size()));
    arrived_.append(bytes);
    return true;
}

bool H2Stream::on_end() {
    if (request.framing == Framing::length && arrived_bytes_ != request.length) return false;
    input_ended_ = true;
    return true;
}

void H2Stream::on_trailer(std::string_view name, std::string_view value) {
    constexpr std::size_t most_bytes = 16384;
    if (trailers_.size() > most_bytes) return;
    if (!is_valid_h2_field(name, value)) body_broken_ = true;
    if (body_broken_ || !may_be_trailer(field_id(name))) return;
    trailers_.append(name).append(": ").append(value).append("\r\n");
}

void H2Stream::give_back(std::size_t bytes) {
    if (session_.dead_ || bytes == 0) return;
    kept_back_ -= bytes;
    session_.guard_.earn_bytes(bytes);
    if (closed_) nghttp2_session_consume_connection(session_.session_, bytes);
    else nghttp2_session_consume(session_.session_, id_, bytes);
    session_.send_later();
}

void H2Stream::tell() {
    watch_.readable = !arrived_.empty() || input_ended_ || body_broken_ || closed_;
    watch_.writable = is_written() || closed_;
    if (closed_ && !end_sent_) watch_.peer_closed = watch_.broken = true;
    watch_.wake();
}

bool H2Stream::Source::ended() const {
    const auto& stream = stream_;
    if (stream.body_broken_) return false;
    if (stream.is_tunnel_ && !stream.accepted_) return true;
    return stream.input_ended_ && stream.arrived_.empty();
}

std::uint64_t H2Stream::Source::left() const {
    if (ended()) return 0;
    const auto& request = stream_.request;
    return request.framing == Framing::length ? request.length - stream_.taken_ : UINT64_MAX;
}

bool H2Stream::Source::ready(Piece& piece) {
    auto& stream = stream_;
    piece = {};
    if (!stream.handed_.empty()) {
        auto bytes = stream.handed_.size();
        stream.handed_.release();
        stream.give_back(bytes);
    }
    if (stream.is_tunnel_ && !stream.accepted_) {
        piece.last = true;
    } else if (stream.body_broken_) {
        piece.state = BodyState::malformed;
    } else if (!stream.arrived_.empty()) {
        stream.handed_ = std::move(stream.arrived_);
        piece.bytes = stream.handed_.view();
        piece.last = stream.input_ended_;
        stream.taken_ += piece.bytes.size();
    } else if (stream.input_ended_) {
        piece.last = true;
    } else if (stream.closed_) {
        piece.state = BodyState::truncated;
    } else {
        stream.watch_.readable = false;
        return false;
    }
    return true;
}

net::Task<Piece> H2Stream::Source::next(net::Time timeout, net::Watch* abort_when) {
    Piece piece;
    while (!ready(piece)) {
        auto limit = timeout == net::never ? net::never : stream_.session_.loop().now() + timeout;
        auto waited = co_await net::readable(stream_.watch_, limit, abort_when);
        if (waited != net::Waited::ready) {
            piece.state =
                waited == net::Waited::aborted ? BodyState::aborted : BodyState::timed_out;
            co_return piece;
        }
    }
    co_return piece;
}

bool H2Stream::write_continue() {
    if (closed_ || session_.dead_) return false;
    auto status = make_nv(":status", "100");
    nghttp2_submit_headers(session_.session_, NGHTTP2_FLAG_NONE, id_, nullptr, &status, 1, nullptr);
    session_.send_later();
    return true;
}

net::Task<bool> H2Stream::write_interim(const ResponseHead& head, std::string_view, net::Time) {
    if (closed_ || session_.dead_) co_return false;
    auto* fields = arena.make_array<nghttp2_nv>(head.fields.size() + 1);
    std::size_t count = 0;
    fields[count++] = make_nv(":status", number(head.status, arena));
    for (const auto& field : head.fields)
        if (!stays_here(field.id) && field.id != FieldId::content_length)
            fields[count++] = make_nv(field.name, field.value);
    nghttp2_submit_headers(session_.session_, NGHTTP2_FLAG_NONE, id_, nullptr, fields, count, nullptr);
    session_.send_later();
    co_return true;
}

void H2Stream::write_head(const ReplyHead& reply) {
    if (closed_ || session_.dead_ || head_sent_) return;
    const auto& head = reply.head;
    chunk_ = reply.chunk;
    bool accepts = is_tunnel_ && head.status == 101;
    auto* fields = arena.make_array<nghttp2_nv>(head.fields.size() + 5);
    std::size_t count = 0;
    auto status = accepts ? std::uint16_t{200} : head.status;
    // A server that does not switch has not accepted, but that is what 2xx would say (RFC 8441).
    if (is_tunnel_ && !accepts && status >= 200 && status < 300) status = 502;
    fields[count++] = make_nv(":status", number(status, arena));
    if (!reply.server.empty()) fields[count++] = make_nv("server", reply.server);
    if (!reply.date.empty()) fields[count++] = make_nv("date", reply.date);
    if (reply.first) fields[count++] = make_nv(reply.first->name, reply.first->value);
    bool sized = head.framing == Framing::length || head.framing == Framing::none;
    if (head.framing == Framing::length && !head.fields.seen(FieldId::content_length))
        fields[count++] = make_nv("content-length", number(head.length, arena));
    for (const auto& field : head.fields) {
        if (stays_here(field.id) || &field == reply.first) continue;
        if (field.id == FieldId::content_length && (!sized || accepts)) continue;
        if (accepts && equal_ignoring_case(field.name, "sec-websocket-accept")) continue;
        fields[count++] = make_nv(field.name, field.value);
    }
    if (accepts) accepted_ = true;
    bool empty = reply.body == Framing::none || (reply.body == Framing::length && head.length == 0);
    submit(fields, count, empty && !accepts);
}

void H2Stream::submit(const void* fields, std::size_t count, bool ends) {
    head_sent_ = true;
    has_body_ = !ends;
    end_sent_ = ends;
    nghttp2_data_provider provider{};
    provider.read_callback = [](nghttp2_session* session, std::int32_t id, std::uint8_t*,
                                std::size_t length, std::uint32_t* flags, nghttp2_data_source*,
                                void*) -> ssize_t {
        auto* self = static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
        if (!self) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        auto size = std::min<std::size_t>({length, self->pending_.size(), self->chunk_});
        bool all = size == self->pending_.size();
        if (size == 0 && !self->pending_last_) {
            self->deferred_ = true;
            return NGHTTP2_ERR_DEFERRED;
        }
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (!all || !self->pending_last_) return static_cast<ssize_t>(size);
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        self->end_sent_ = true;
        std::vector<nghttp2_nv> trailers;
        for_each_line(self->trailers_out_, [&](std::string_view name, std::string_view value) {
            if (may_be_trailer(field_id(name))) trailers.push_back(make_nv(name, value));
        });
        if (!trailers.empty()) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            nghttp2_submit_trailer(session, id, trailers.data(), trailers.size());
        }
        return static_cast<ssize_t>(size);
    };
    nghttp2_submit_response(session_.session_, id_, static_cast<const nghttp2_nv*>(fields), count,
                            ends ? nullptr : &provider);
    // A body that is here goes along; else the head goes alone at the end of the turn.
    session_.send_later();
}

bool H2Stream::Sink::write_now(std::string_view bytes, bool last, net::WriteAll& result) {
    auto& stream = stream_;
    auto& session = stream.session_;
    if (stream.has_body_ && !stream.closed_ && !session.dead_) {
        stream.pending_ = bytes;
        stream.pending_last_ = last;
        if (stream.deferred_) {
            stream.deferred_ = false;
            nghttp2_session_resume_data(session.session_, stream.id_);
        }
        stream.progress_ = session.loop().now();
        session.pump();
    }
    bool gone = (stream.closed_ && !stream.end_sent_) || session.dead_;
    if (gone) {
        stream.pending_ = {};
        result.state = Io::State::failed;
        result.error = ECONNRESET;
        return true;
    }
    if (!stream.is_written()) return false;
    if (stream.has_body_) body_sent_ += bytes.size();
    result.done += bytes.size();
    return true;
}

net::Task<net::WriteAll> H2Stream::Sink::write_rest(net::Time timeout, net::WriteAll so_far) {
    auto& stream = stream_;
    auto& loop = stream.session_.loop();
    auto whole = stream.pending_.size();
    ++stalled_streams;
    for (bool stopped = false; !stream.is_written();) {
        bool gone = stream.closed_ || stream.session_.dead_;
        auto patience = stalled_streams > most_patient ? std::min(timeout, short_patience) : timeout;
        auto limit = patience == net::never ? net::never : stream.progress_ + patience;
        if (gone || stopped || limit <= loop.now()) {
            so_far.state = Io::State::failed;
            so_far.timed_out = !gone;
            so_far.error = gone ? ECONNRESET : 0;
            stream.pending_ = {};
            break;
        }
        stream.watch_.writable = false;
        stopped = co_await net::writable(stream.watch_, limit) == net::Waited::aborted;
    }
    --stalled_streams;
    so_far.done += whole - stream.pending_.size();
    body_sent_ += so_far.done;
    co_return so_far;
}

void H2Stream::send_reset(std::uint32_t error) {
    if (session_.dead_ || reset_sent_) return;
    reset_sent_ = true;
    nghttp2_submit_rst_stream(session_.session_, NGHTTP2_FLAG_NONE, id_, error);
    session_.send_later();
}

bool H2Stream::finish(bool) {
    pending_ = {};
    if (end_sent_ && !malformed_ && !std::exchange(answered_, true))
        session_.guard_.earn(H2Guard::answered);
    if (session_.dead_) return true;
    // The answer is whole for who reads it; what was asked stays an error of the stream (RFC 9113
    // section 8.1.1).
    bool ended = closed_ && end_sent_ && (input_ended_ || body_broken_);
    if (malformed_ && (!closed_ || ended)) send_reset(NGHTTP2_PROTOCOL_ERROR);
    else if (closed_) return true;
    else if (!end_sent_) send_reset(NGHTTP2_INTERNAL_ERROR);
    else if (!input_ended_) send_reset(NGHTTP2_NO_ERROR);   // RFC 9113 section 8.1
    return true;
}

}  // namespace weir::http
