// SPDX-License-Identifier: Apache-2.0
// The connection: frames in and out. h2_client_request.cpp has the requests on it.
#include "runtime/http/h2_client.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "runtime/http/h2_text.hpp"

namespace weir::http {

namespace {

// Reads of one connection in one turn of the loop; others get their turn then.
constexpr unsigned most_reads = 8;
// A connection's window is not what slows a request down: each has one of its own.
constexpr std::int32_t connection_window = 16 * 1024 * 1024;
constexpr std::uint32_t default_max_frame = 16384;   // RFC 9113 section 6.5.2

}  // namespace

// Connections with something to send at the end of the turn.
struct H2FlushList {
    std::vector<H2Client*> list;

    static H2FlushList& own() {
        static thread_local H2FlushList the_list;
        return the_list;
    }
    void add(H2Client& client, net::Loop& loop) {
        list.push_back(&client);
        if (list.size() == 1) post(loop);
    }
    static void post(net::Loop& loop) {
        loop.post(std::function<void()>([] { own().run(); }));
    }
    void run() {
        // A client that goes takes itself out; what comes in meanwhile has its turn later.
        for (auto left = list.size(); left != 0 && !list.empty(); --left) {
            auto* client = list.front();
            list.erase(list.begin());
            client->flush_listed_ = false;
            if (client->flush()) client->settle();
        }
        if (!list.empty()) post(list.front()->stream_.watch.loop());
    }
};

// What nghttp2 calls. None of these may send or free anything: they note, and wake who waits.
struct H2ClientCallbacks {
    static H2Request* request_of(nghttp2_session* session, std::int32_t id) {
        return static_cast<H2Request*>(nghttp2_session_get_stream_user_data(session, id));
    }
    static int on_begin_headers(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        static_cast<H2Client*>(user)->idle_frames_ = 0;
        auto* request = request_of(session, frame->hd.stream_id);
        if (!request || frame->hd.type != NGHTTP2_HEADERS) return 0;
        return request->begin_head() ? 0 : spoil(*request);
    }
    // The answer is none: its stream ends, the others go on.
    static int spoil(H2Request& request) {
        request.end_ = H2End::broken;
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }
    static int on_header(nghttp2_session* session, const nghttp2_frame* frame,
                         const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                         std::size_t value_size, std::uint8_t, void* user) {
        auto* request = request_of(session, frame->hd.stream_id);
        if (!request || request->end_ != H2End::open) return 0;
        const auto& limits = static_cast<H2Client*>(user)->limits_;
        request->head_bytes_ += static_cast<std::uint32_t>(name_size + value_size + 4);
        if (request->head_bytes_ > limits.max_head) return spoil(*request);
        auto field = text_of(name, name_size), text = text_of(value, value_size);
        bool taken = request->head_done_ ? request->add_trailer(field, text)
                                         : request->building_ &&
                                               request->building_->head.fields.size() < limits.max_fields &&
                                               request->add_field(field, text);
        return taken ? 0 : spoil(*request);
    }
    // What other programs could read differently further on is no answer at all.
    static int on_invalid_header(nghttp2_session* session, const nghttp2_frame* frame,
                                 const std::uint8_t*, std::size_t, const std::uint8_t*, std::size_t,
                                 std::uint8_t, void*) {
        auto* request = request_of(session, frame->hd.stream_id);
        return request ? spoil(*request) : 0;
    }
    static int on_frame(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        auto& client = *static_cast<H2Client*>(user);
        auto* request = request_of(session, frame->hd.stream_id);
        bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                if (request && request->end_ == H2End::open && !request->end_head(ends))
                    nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                              NGHTTP2_PROTOCOL_ERROR);
                break;
            case NGHTTP2_DATA:
                if (request && ends) request->end_answer();
                if (frame->hd.length == 0 && !ends) client.count_idle_frame();
                break;
            case NGHTTP2_GOAWAY: client.draining_ = true; break;
            case NGHTTP2_SETTINGS:
            case NGHTTP2_PING:
                if ((frame->hd.flags & NGHTTP2_FLAG_ACK) == 0) client.count_idle_frame();
                break;
            case NGHTTP2_PRIORITY: client.count_idle_frame(); break;
            default: break;
        }
        return 0;
    }
    static int on_data(nghttp2_session* session, std::uint8_t, std::int32_t id,
                       const std::uint8_t* bytes, std::size_t size, void* user) {
        static_cast<H2Client*>(user)->idle_frames_ = 0;
        nghttp2_session_consume_connection(session, size);
        auto* request = request_of(session, id);
        if (!request) nghttp2_session_consume_stream(session, id, size);
        else request->add_body(text_of(bytes, size));
        return 0;
    }
    static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
        auto& client = *static_cast<H2Client*>(user);
        auto* request = request_of(client.session_, id);
        if (!request) return 0;
        auto how = H2End::reset;
        if (request->end_ != H2End::open) how = request->end_;
        else if (request->answer_whole_) how = H2End::whole;
        else if (code == NGHTTP2_REFUSED_STREAM) how = H2End::refused;
        else if (code == NGHTTP2_PROTOCOL_ERROR) how = H2End::broken;
        nghttp2_session_set_stream_user_data(client.session_, id, nullptr);
        client.unlink(*request);
        request->concluded(how);
        return 0;
    }
    // A request that waited for its turn, and the server takes none any more.
    static int on_not_sent(nghttp2_session*, const nghttp2_frame* frame, int, void* user) {
        auto& client = *static_cast<H2Client*>(user);
        if (frame->hd.type != NGHTTP2_HEADERS) return 0;
        for (auto* one = client.first_; one; one = one->next_) {
            if (one->id_ != frame->hd.stream_id) continue;
            nghttp2_session_set_stream_user_data(client.session_, one->id_, nullptr);
            client.unlink(*one);
            one->concluded(H2End::refused);
            break;
        }
        return 0;
    }
    static ssize_t on_read_body(nghttp2_session* session, std::int32_t id, std::uint8_t* into,
                                std::size_t room, std::uint32_t* flags, nghttp2_data_source*,
                                void* user) {
        auto* request = request_of(session, id);
        if (!request) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        static_cast<H2Client*>(user)->idle_frames_ = 0;
        auto& out = request->out_;
        auto size = std::min(room, out.size());
        if (size != 0) std::memcpy(into, out.data(), size);
        out.remove_prefix(size);
        request->sent_ += size;
        if (out.empty() && request->has_next_) request->shift_out();
        if (!out.empty() || request->has_next_) return static_cast<ssize_t>(size);
        request->watch.writable = true;
        request->watch.wake();
        if (request->out_last_) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            request->out_ended_ = true;
            if (submit_trailers(session, id, request->sent_trailers_))
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            return static_cast<ssize_t>(size);
        }
        if (size != 0) return static_cast<ssize_t>(size);
        request->deferred_ = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    // Lines of text, as HTTP/1 has them, become fields. False: there are none.
    static bool submit_trailers(nghttp2_session* session, std::int32_t id, std::string_view lines) {
        constexpr std::size_t most = 64;
        nghttp2_nv fields[most];
        std::size_t count = 0;
        std::string names(lines);   // in lower case
        std::transform(names.begin(), names.end(), names.begin(), [](char byte) {
            return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
        });
        std::size_t at = 0;
        while (at < lines.size() && count < most) {
            auto end = std::min(lines.find("\r\n", at), lines.size());
            auto line = lines.substr(at, end - at);
            auto colon = line.find(':');
            if (colon != std::string_view::npos && colon != 0) {
                auto value = line.substr(colon + 1);
                while (!value.empty() && (value.front() == ' ' || value.front() == '\t'))
                    value.remove_prefix(1);
                while (!value.empty() && (value.back() == ' ' || value.back() == '\t'))
                    value.remove_suffix(1);
                auto* name = reinterpret_cast<std::uint8_t*>(names.data() + at);
                auto* text = reinterpret_cast<std::uint8_t*>(const_cast<char*>(value.data()));
                fields[count++] = {name, text, colon, value.size(), NGHTTP2_NV_FLAG_NONE};
            }
            at = end + 2;
        }
        return count != 0 && nghttp2_submit_trailer(session, id, fields, count) == 0;
    }
    static nghttp2_session* make_session(H2Client& client) {
        static nghttp2_session_callbacks* const callbacks = [] {
            nghttp2_session_callbacks* made = nullptr;
            nghttp2_session_callbacks_new(&made);
            nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
            nghttp2_session_callbacks_set_on_header_callback(made, on_header);
            nghttp2_session_callbacks_set_on_invalid_header_callback(made, on_invalid_header);
            nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
            nghttp2_session_callbacks_set_on_stream_close_callback(made, on_close);
            nghttp2_session_callbacks_set_on_frame_not_send_callback(made, on_not_sent);
            return made;
        }();
        static nghttp2_option* const options = [] {
            nghttp2_option* made = nullptr;
            nghttp2_option_new(&made);
            nghttp2_option_set_no_auto_window_update(made, 1);
            nghttp2_option_set_no_closed_streams(made, 1);
            return made;
        }();
        nghttp2_session* session = nullptr;
        nghttp2_session_client_new2(&session, callbacks, &client, options);
        return session;
    }
};

H2Client::H2Client(net::Stream& stream, const H2ClientLimits& limits)
    : stream_(stream), limits_(limits), session_(H2ClientCallbacks::make_session(*this)) {
    stream_.watch.owner = this;
    stream_.watch.on_event = [](net::Watch& watch, std::uint32_t) {
        static_cast<H2Client*>(watch.owner)->on_event();
    };
    again_.owner = this;
    again_.fire = [](net::Timer& timer) { static_cast<Again&>(timer).owner->on_event(); };
}

H2Client::~H2Client() {
    on_end = nullptr;
    fail(H2End::lost);
    if (flush_listed_) std::erase(H2FlushList::own().list, this);
    nghttp2_session_del(session_);
}

void H2Client::start(std::string_view first) {
    first_bytes_ = first;
    tail_ = first_bytes_;
    nghttp2_settings_entry settings[4];
    std::size_t count = 0;
    auto add = [&](std::int32_t id, std::uint32_t value) { settings[count++] = {id, value}; };
    if (limits_.header_table != NGHTTP2_DEFAULT_HEADER_TABLE_SIZE)
        add(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, limits_.header_table);
    add(NGHTTP2_SETTINGS_ENABLE_PUSH, 0);
    add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, limits_.window);
    if (limits_.max_frame > default_max_frame)
        add(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, limits_.max_frame);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, count);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, connection_window);
}

bool H2Client::has_room() const {
    if (broken_ || draining_ || !nghttp2_session_check_request_allowed(session_)) return false;
    auto allowed =
        nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
    return requests_ < std::min(allowed, limits_.max_streams);
}

bool H2Client::extended_connect() const {
    return nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

bool H2Client::open(H2Request& request, Method method, const FieldList& head, std::string_view body,
                    bool last) {
    if (broken_ || !nghttp2_session_check_request_allowed(session_)) return false;
    static thread_local std::vector<nghttp2_nv> fields;
    fields.clear();
    std::uint64_t size = 0;
    for (const auto& field : head) {
        auto bytes = [](std::string_view text) {
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        fields.push_back({bytes(field.name), bytes(field.value), field.name.size(),
                          field.value.size(), NGHTTP2_NV_FLAG_NONE});
        size += field.name.size() + field.value.size() + 4;
    }
    nghttp2_data_provider provider{};
    provider.read_callback = H2ClientCallbacks::on_read_body;
    bool no_body = last && body.empty();
    auto id = nghttp2_submit_request(session_, nullptr, fields.data(), fields.size(),
                                     no_body ? nullptr : &provider, &request);
    if (id < 0) return false;
    request.id_ = id;
    request.method_ = method;
    request.sent_ = size;
    request.out_ = body;
    request.out_last_ = last;
    request.out_ended_ = no_body;
    link(request);
    return true;
}

void H2Client::link(H2Request& request) {
    request.client_ = this;
    request.next_ = first_;
    request.prev_ = nullptr;
    if (first_) first_->prev_ = &request;
    first_ = &request;
    ++requests_;
    was_busy_ = true;
}

void H2Client::unlink(H2Request& request) {
    (request.prev_ ? request.prev_->next_ : first_) = request.next_;
    if (request.next_) request.next_->prev_ = request.prev_;
    request.next_ = request.prev_ = nullptr;
    request.client_ = nullptr;
    if (--requests_ == 0) flush_soon();   // on_idle
}

// The request goes before its stream has ended.
void H2Client::forget(H2Request& request) {
    nghttp2_session_set_stream_user_data(session_, request.id_, nullptr);
    // An answer that came whole is no reason to blame the server; the rest of the request stays here.
    auto code = request.answer_whole_ ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL;
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, request.id_, code);
    unlink(request);
    flush_soon();
}

void H2Client::consumed(H2Request& request, std::size_t bytes) {
    nghttp2_session_consume_stream(session_, request.id_, bytes);
    if (nghttp2_session_want_write(session_)) flush_soon();
}

void H2Client::more_body(H2Request& request) {
    if (!request.deferred_) return;
    request.deferred_ = false;
    nghttp2_session_resume_data(session_, request.id_);
}

void H2Client::count_idle_frame() {
    if (++idle_frames_ != limits_.max_idle_frames) return;
    draining_ = true;
    nghttp2_session_terminate_session(session_, NGHTTP2_ENHANCE_YOUR_CALM);
}

void H2Client::flush_soon() {
    if (flush_listed_ || broken_) return;
    flush_listed_ = true;
    H2FlushList::own().add(*this, stream_.watch.loop());
}

// Takes frames out of the session until the block is full. False: the session is broken.
bool H2Client::fill() {
    while (tail_.empty()) {
        const std::uint8_t* frame = nullptr;
        inside_ = true;
        auto size = nghttp2_session_mem_send(session_, &frame);
        inside_ = false;
        if (size < 0) return false;
        if (size == 0) return true;
        out_.acquire();
        tail_ = text_of(frame, static_cast<std::size_t>(size));
        tail_.remove_prefix(out_.append(tail_));
    }
    return true;
}

bool H2Client::flush() {
    if (broken_) return false;
    if (inside_) return true;
    while (true) {
        if (!fill()) return fail(H2End::broken);
        iovec pieces[2];
        std::size_t count = 0;
        if (!out_.empty()) pieces[count++] = {out_.data(), out_.size()};
        if (!tail_.empty()) pieces[count++] = {const_cast<char*>(tail_.data()), tail_.size()};
        if (count == 0) break;
        auto sent = stream_.write({pieces, count});
        if (sent.state == net::Io::State::failed)
            return fail(connected_ ? H2End::lost : H2End::no_connect);
        if (sent.state == net::Io::State::blocked) return true;
        connected_ = true;
        auto from_block = std::min<std::size_t>(sent.bytes, out_.size());
        out_.consume(from_block);
        tail_.remove_prefix(sent.bytes - from_block);
        if (out_.empty()) out_.clear();
    }
    out_.release();
    // Goodbye was said.
    if (!nghttp2_session_want_read(session_)) return fail(H2End::broken);
    return true;
}

// At the end of a turn: nobody is on it any more.
void H2Client::settle() {
    if (requests_ != 0 || !was_busy_) return;
    was_busy_ = false;
    if (on_idle) on_idle(owner);
}

void H2Client::on_event() {
    auto& watch = stream_.watch;
    if (!connected_ && watch.writable) {
        if (net::connect_error(stream_.fd()) != 0) {
            fail(H2End::no_connect);
            return;
        }
        connected_ = true;
        for (auto* one = first_; one; one = one->next_) one->told();
    }
    if (watch.readable && connected_) {
        read();
        return;
    }
    if (watch.writable) flush();
}

void H2Client::read() {
    static thread_local char bytes[65536];
    for (unsigned reads = 0; reads < most_reads; ++reads) {
        auto got = stream_.read(bytes, sizeof bytes);
        if (got.state == net::Io::State::blocked) break;
        if (got.state != net::Io::State::ok) {
            fail(H2End::lost);
            return;
        }
        inside_ = true;
        bool taken = padding_.pass({bytes, got.bytes}, [this](std::string_view part) {
            return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(part.data()),
                                            part.size()) >= 0;
        });
        inside_ = false;
        if (!taken) {
            if (flush()) fail(H2End::broken);   // says why, if it can
            return;
        }
        if (!stream_.watch.readable) break;
    }
    after_read();
}

void H2Client::after_read() {
    if (draining_ && requests_ == 0 && !nghttp2_session_want_write(session_)) {
        fail(H2End::lost);
        return;
    }
    // More than a turn's worth is there: others first.
    if (stream_.watch.readable) stream_.watch.loop().arm(again_, stream_.watch.loop().now() + 1);
    if (!out_.empty() || !tail_.empty() || nghttp2_session_want_write(session_) ||
        !nghttp2_session_want_read(session_))
        flush_soon();
}

// Always false, for those who return it.
bool H2Client::fail(H2End how) {
    if (broken_) return false;
    broken_ = true;
    again_.disarm();
    if (stream_.watch.attached()) stream_.watch.on_event = nullptr;
    while (first_) {
        auto& request = *first_;
        nghttp2_session_set_stream_user_data(session_, request.id_, nullptr);
        unlink(request);
        request.concluded(request.end_ != H2End::open ? request.end_
                          : request.answer_whole_     ? H2End::whole
                                                      : how);
    }
    if (on_end) on_end(owner);   // last: this may be gone afterwards
    return false;
}

}  // namespace weir::http
