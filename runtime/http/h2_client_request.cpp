// SPDX-License-Identifier: Apache-2.0
// A request on a connection of h2_client.hpp: its answer as it comes in, its body as it goes out.
#include <charconv>

#include "runtime/http/h2_client.hpp"

namespace weir::http {

namespace {

// A server that sends nothing but interim answers is not one.
constexpr std::uint32_t most_interim = 100;

bool has_no_body(Method method, std::uint16_t status) {
    return method == Method::head || status == 204 || status == 304;
}

}  // namespace

H2Request::H2Request(Arena& arena, net::Loop& loop) : arena_(arena) { watch.attach_inner(loop); }

H2Request::~H2Request() {
    if (client_) client_->forget(*this);
}

bool H2Request::connected() const { return client_ && client_->connected(); }

void H2Request::told() {
    watch.readable = true;
    watch.writable = true;
    watch.wake();
}

void H2Request::concluded(H2End how) {
    end_ = how;
    told();
}

bool H2Request::begin_head() {
    got_bytes_ = true;
    if (head_done_) return trailers_.empty() && !answer_whole_;
    building_ = arena_.make_array<Head>(1);
    *building_ = {};
    return true;
}

bool H2Request::add_field(std::string_view name, std::string_view value) {
    auto& head = building_->head;
    if (name.starts_with(':')) {
        if (name != ":status" || value.size() != 3) return false;
        auto [end, failure] = std::from_chars(value.data(), value.data() + 3, head.status);
        return failure == std::errc() && end == value.data() + 3 && head.status >= 100;
    }
    auto id = field_id(name);
    if (id == FieldId::content_length) {
        auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), head.length);
        if (failure != std::errc() || end != value.data() + value.size()) return false;
        head.framing = Framing::length;
    }
    // Names that weir knows have a place of their own.
    auto kept = id == FieldId::other ? arena_.copy(name) : field_name(id);
    head.fields.add(arena_, {kept, arena_.copy(value), id, {}});
    return true;
}

bool H2Request::end_head(bool end_stream) {
    if (head_done_) {
        if (!end_stream) return false;
        if (!trailers_.empty()) trailers_ += "\r\n";
        end_answer();
        return true;
    }
    auto* done = std::exchange(building_, nullptr);
    if (!done || done->head.status == 0) return false;
    auto& head = done->head;
    head.head_bytes = head_bytes_;
    head.major = 2;
    head.minor = 0;
    if (head.status < 200) {
        if (end_stream || ++interim_ > most_interim) {
            end_ = H2End::broken;
            return false;
        }
        head.framing = Framing::none;
    } else {
        head_done_ = true;
        if (has_no_body(method_, head.status)) {
            head.framing = Framing::none;
        } else if (head.framing != Framing::length) {
            // Its end is known when it is there, as with chunks.
            head.framing = end_stream ? Framing::length : Framing::chunked;
        }
    }
    (last_head_ ? last_head_->next : heads_) = done;
    last_head_ = done;
    if (end_stream) answer_whole_ = true;
    watch.readable = true;
    watch.wake();
    return true;
}

const ResponseHead* H2Request::take_head() {
    if (!heads_) return nullptr;
    auto* taken = heads_;
    heads_ = taken->next;
    if (!heads_) last_head_ = nullptr;
    return &taken->head;
}

bool H2Request::add_trailer(std::string_view name, std::string_view value) {
    if (name.starts_with(':')) return false;
    trailers_.append(name).append(": ").append(value).append("\r\n");
    return true;
}

void H2Request::add_body(std::string_view bytes) {
    if (bytes.empty()) return;
    input_.acquire();
    if (bytes.size() > input_.room_size())
        input_.grow(std::max<std::size_t>(input_.capacity() * 2ul, input_.size() + bytes.size()));
    input_.append(bytes);
    watch.readable = true;
    watch.wake();
}

void H2Request::end_answer() {
    answer_whole_ = true;
    watch.readable = true;
    watch.wake();
}

void H2Request::shift_out() {
    out_ = std::exchange(next_out_, {});
    out_last_ = next_last_;
    has_next_ = false;
}

// ---- the body of the answer

bool H2Request::Answer::ready(Piece& piece) {
    piece = {};
    auto& request = request_;
    if (!taken_.empty() && request.client_) {
        // The server may send as much again as was passed on.
        auto passed_on = taken_.size();
        taken_.clear();
        request.client_->consumed(request, passed_on);
    }
    if (!request.input_.empty()) {
        taken_ = std::move(request.input_);
        piece.bytes = taken_.view();
        received_ += piece.bytes.size();
        piece.last = ended_ = request.answer_whole_;
        return true;
    }
    taken_.release();
    if (request.answer_whole_) {
        piece.last = ended_ = true;
        return true;
    }
    if (request.end_ != H2End::open) {
        bool reset = request.end_ == H2End::reset || request.end_ == H2End::lost;
        piece.state = reset ? BodyState::truncated : BodyState::malformed;
        return true;
    }
    request.watch.readable = false;
    return false;
}

net::Task<Piece> H2Request::Answer::next(net::Time timeout, net::Watch* abort_when) {
    Piece piece;
    while (!ready(piece)) {
        auto& watch = request_.watch;
        auto limit = timeout == net::never ? net::never : watch.loop().now() + timeout;
        auto waited = co_await net::readable(watch, limit, abort_when);
        if (waited == net::Waited::ready) continue;
        piece.state = waited == net::Waited::aborted ? BodyState::aborted : BodyState::timed_out;
        co_return piece;
    }
    co_return piece;
}

// ---- the body of the request

bool H2Request::Sink::write_now(std::string_view bytes, bool last, net::WriteAll& result) {
    auto& request = request_;
    if (request.all_out()) {
        request.out_ = bytes;
        request.out_last_ = last;
    } else {
        request.next_out_ = bytes;
        request.next_last_ = last;
        request.has_next_ = true;
    }
    ends_ = last;
    auto before = request.sent_;
    if (request.client_) {
        request.client_->more_body(request);
        request.client_->flush();
    }
    result.done += request.sent_ - before;
    sent_ = body_sent_ = request.sent_;
    if (request.all_out() && (!last || request.out_ended_)) return true;
    if (request.client_) return false;
    // The bytes are not the request's to look at any more.
    request.out_ = request.next_out_ = {};
    request.has_next_ = request.out_last_ = false;
    result.state = net::Io::State::failed;
    return true;
}

net::Task<net::WriteAll> H2Request::Sink::write_rest(net::Time timeout, net::WriteAll so_far) {
    auto& request = request_;
    auto& watch = request.watch;
    auto before = request.sent_;
    while (!request.all_out() || (ends_ && !request.out_ended_)) {
        if (!request.client_) {
            so_far.state = net::Io::State::failed;
            break;
        }
        watch.writable = false;
        auto limit = timeout == net::never ? net::never : watch.loop().now() + timeout;
        auto progress = request.sent_;
        auto waited = co_await net::writable(watch, limit);
        if (waited == net::Waited::ready || (waited == net::Waited::timed_out && request.sent_ != progress))
            continue;
        so_far.state = net::Io::State::failed;
        so_far.timed_out = waited == net::Waited::timed_out;
        break;
    }
    so_far.done += request.sent_ - before;
    sent_ = body_sent_ = request.sent_;
    if (so_far.state == net::Io::State::failed) {
        request.out_ = request.next_out_ = {};
        request.has_next_ = request.out_last_ = false;
    }
    co_return so_far;
}

}  // namespace weir::http
