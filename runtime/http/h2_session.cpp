// SPDX-License-Identifier: Apache-2.0
// What nghttp2 reports on the way in only changes state and marks streams; settle() then starts and
// wakes exchanges, so that nghttp2 is never entered anew from within. The way out: h2_session_output.cpp.
#include "runtime/http/h2_session.hpp"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "runtime/http/h2_stream.hpp"
#include "runtime/http/h2_text.hpp"

namespace weir::http {

using net::Io;

namespace {

// nghttp2 ends the connection of a client that opens more streams than it may. A stream too many is
// refused here instead (RFC 9113 section 5.1.2), so nghttp2's limit is above what is told.
constexpr std::uint32_t beyond_limit = 1000;
// Bytes of a head that we send. It comes out of our own configuration and of buffers with limits.
constexpr std::size_t largest_reply_head = std::size_t{1} << 20;

// u=0..7 and i of a Priority field (RFC 9218 section 4); what does not parse is left alone.
nghttp2_extpri parse_priority(std::string_view text) {
    nghttp2_extpri priority{NGHTTP2_EXTPRI_DEFAULT_URGENCY, 0};
    while (!text.empty()) {
        auto comma = text.find(',');
        auto one = text.substr(0, comma);
        text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
        while (one.starts_with(' ')) one.remove_prefix(1);
        while (one.ends_with(' ')) one.remove_suffix(1);
        if (one.size() == 3 && one.starts_with("u=") && one[2] >= '0' && one[2] <= '7')
            priority.urgency = static_cast<std::uint32_t>(one[2] - '0');
        if (one == "i" || one == "i=?1") priority.inc = 1;
        if (one == "i=?0") priority.inc = 0;
    }
    return priority;
}

}  // namespace

struct H2Callbacks {
    static H2Session& self(void* data) { return *static_cast<H2Session*>(data); }
    static H2Stream* stream_of(nghttp2_session* session, std::int32_t id) {
        return static_cast<H2Stream*>(nghttp2_session_get_stream_user_data(session, id));
    }

    static int on_begin_frame(nghttp2_session*, const nghttp2_frame_hd* frame, void* data) {
        auto& session = self(data);
        session.heads_ = 0;
        if (!session.check_place(frame->type, frame->stream_id)) return NGHTTP2_ERR_CALLBACK_FAILURE;
        // Bytes of a body are paid for by their windows.
        if (frame->type == NGHTTP2_DATA && frame->length != 0) return 0;
        return session.spend(H2Guard::frame) ? 0 : NGHTTP2_ERR_CALLBACK_FAILURE;
    }

    static int on_begin_headers(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* data) {
        if (frame->hd.type != NGHTTP2_HEADERS) return 0;
        auto& session = self(data);
        session.heads_ = 1;
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        ++session.open_;
        if (!session.spend(H2Guard::request)) return NGHTTP2_ERR_CALLBACK_FAILURE;
        // Exchanges may outlast their streams: they count, too.
        const auto& settings = session.settings_;
        if (session.open_ > settings.max_streams ||
            session.exchanges_ + session.ready_.size() >= settings.max_streams * 2ul) {
            session.note_glitch();
            nghttp2_submit_rst_stream(nghttp2, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                      NGHTTP2_REFUSED_STREAM);
            return 0;
        }
        session.idle_timer_.disarm();
        auto* stream = new H2Stream(session, frame->hd.stream_id);
        nghttp2_session_set_stream_user_data(nghttp2, frame->hd.stream_id, stream);
        return 0;
    }

    static int on_header(nghttp2_session* nghttp2, const nghttp2_frame* frame,
                         const std::uint8_t* name, std::size_t name_size, const std::uint8_t* value,
                         std::size_t value_size, std::uint8_t, void* data) {
        auto* stream = stream_of(nghttp2, frame->hd.stream_id);
        if (!stream || frame->hd.type != NGHTTP2_HEADERS) return 0;
        auto field = text_of(name, name_size), text = text_of(value, value_size);
        auto& session = self(data);
        // A byte may stand for a field that is in the table: a usual head has some dozens.
        if (++session.fields_ % 64 == 0 && !session.spend(H2Guard::frame))
            return NGHTTP2_ERR_CALLBACK_FAILURE;
        if (stream->head_whole_) {
            stream->on_trailer(field, text);
            return 0;
        }
        stream->builder_.add(field, text, stream->rules_);
        // What is far beyond the limit is an attack on the decoder.
        bool flood = stream->builder_.bytes() > 64ul * stream->rules_.bounds.max_head ||
                     stream->builder_.fields() > 64ul * stream->rules_.bounds.max_fields;
        return flood ? NGHTTP2_ERR_CALLBACK_FAILURE : 0;
    }

    // Before it is reset (RFC 9113 section 8.1.1).
    static bool answers_malformed(const H2Session& session, const H2Stream& stream) {
        return session.settings_.answers_malformed || stream.builder_.wants_answer();
    }

    static void on_request(H2Session& session, H2Stream& stream, const nghttp2_frame& frame) {
        bool ends = frame.hd.flags & NGHTTP2_FLAG_END_STREAM;
        if (!ends) session.enlarge_window();
        stream.on_head_whole(ends);
        stream.request.head_bytes = static_cast<std::uint32_t>(frame.hd.length + 9);
        if (stream.malformed_) {
            if (!answers_malformed(session, stream)) return fail_stream(session, stream);
            session.note_glitch();
        }
        using enum ParseStatus;
        bool too_long = stream.parsed_.status == line_too_long || stream.parsed_.status == field_too_long;
        if (too_long && session.settings_.answers_malformed) session.violation_ = NGHTTP2_ENHANCE_YOUR_CALM;
        if (auto text = stream.builder_.priority(); !text.empty()) {
            auto priority = parse_priority(text);
            nghttp2_session_change_extpri_stream_priority(session.session_, stream.id_, &priority, 0);
        }
        session.ready_.push_back(&stream);
    }

    static void fail_stream(H2Session& session, H2Stream& stream) {
        session.note_glitch();
        stream.malformed_ = true;
        nghttp2_submit_rst_stream(session.session_, NGHTTP2_FLAG_NONE, stream.id_,
                                  NGHTTP2_PROTOCOL_ERROR);
        stream.reset_sent_ = true;
    }

    // A body that is not what its head or its trailers say. Where malformed requests get an answer (nginx),
    // who reads the body hears of it, and the reset comes behind the answer.
    static void break_body(H2Session& session, H2Stream& stream) {
        bool answers = session.settings_.answers_malformed && !stream.head_sent_ && !stream.served_;
        if (!answers) return fail_stream(session, stream);
        if (!stream.malformed_) session.note_glitch();
        stream.malformed_ = stream.body_broken_ = true;
    }

    static void on_stream_end(H2Session& session, H2Stream& stream) {
        bool fits = stream.on_end() && !stream.body_broken_;
        // A malformed head has its answer already, where it gets one.
        if (!fits || (stream.malformed_ && !answers_malformed(session, stream))) break_body(session, stream);
        session.touch(stream);
    }

    static void on_headers(H2Session& session, H2Stream& stream, const nghttp2_frame& frame) {
        if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) return on_request(session, stream, frame);
        // A second section of fields is the trailers, and ends the stream (RFC 9113 section 8.1).
        if (!(frame.hd.flags & NGHTTP2_FLAG_END_STREAM)) return fail_stream(session, stream);
        if (!stream.trailers_.empty()) stream.trailers_.append("\r\n");
        on_stream_end(session, stream);
    }

    static int on_frame(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* data) {
        auto& session = self(data);
        session.heads_ = 0;
        auto* stream = frame->hd.stream_id != 0 ? stream_of(nghttp2, frame->hd.stream_id) : nullptr;
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                if (stream) on_headers(session, *stream, *frame);
                break;
            case NGHTTP2_DATA:
                if (stream && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) on_stream_end(session, *stream);
                break;
            case NGHTTP2_SETTINGS: session.settings_came_ = true; break;
            case NGHTTP2_RST_STREAM:
                // Of a stream whose answer is out it costs nothing more.
                if (stream && !session.spend(H2Guard::reset)) return NGHTTP2_ERR_CALLBACK_FAILURE;
                break;
            case NGHTTP2_PRIORITY_UPDATE:
                // RFC 9218 section 7.1.
                if (static_cast<nghttp2_ext_priority_update*>(frame->ext.payload)->stream_id != 0) break;
                session.violation_ = NGHTTP2_PROTOCOL_ERROR;
                return NGHTTP2_ERR_CALLBACK_FAILURE;
            default: break;
        }
        return 0;
    }

    static int on_data(nghttp2_session* nghttp2, std::uint8_t, std::int32_t id,
                       const std::uint8_t* bytes, std::size_t size, void* data) {
        auto& session = self(data);
        session.useful_ += size;
        auto* stream = stream_of(nghttp2, id);
        if (!stream) {
            nghttp2_session_consume_connection(nghttp2, size);
            return 0;
        }
        if (!stream->on_data(text_of(bytes, size)) && !stream->reset_sent_) break_body(session, *stream);
        session.touch(*stream);
        return 0;
    }

    static int on_stream_close(nghttp2_session* nghttp2, std::int32_t id, std::uint32_t, void* data) {
        auto& session = self(data);
        if (session.open_ != 0) --session.open_;
        auto* stream = stream_of(nghttp2, id);
        // The client may not know yet and go on with it.
        if (!stream || !stream->input_ended_)
            session.cut_off_[session.cut_offs_++ % session.cut_off_.size()] = id;
        if (stream) {
            stream->closed_ = true;
            session.touch(*stream);
        }
        return 0;
    }

    static int on_invalid_frame(nghttp2_session*, const nghttp2_frame*, int, void* data) {
        self(data).note_glitch();
        return 0;
    }

    static int send_data(nghttp2_session* nghttp2, nghttp2_frame* frame, const std::uint8_t* head,
                         std::size_t size, nghttp2_data_source*, void* data) {
        auto& session = self(data);
        auto* stream = stream_of(nghttp2, frame->hd.stream_id);
        if (!stream || stream->pending_.size() < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        return session.put_data(*stream, head, size) ? 0 : NGHTTP2_ERR_WOULDBLOCK;
    }

    // Without it no frame is larger than 16 KB, whatever the client takes.
    static ssize_t largest_data(nghttp2_session* nghttp2, std::uint8_t, std::int32_t id, std::int32_t, std::int32_t,
                                std::uint32_t client_takes, void*) {
        const auto* stream = stream_of(nghttp2, id);
        return stream ? std::min(client_takes, stream->chunk_) : client_takes;
    }

    static int on_frame_sent(nghttp2_session* nghttp2, const nghttp2_frame* frame, void* data) {
        // A window that SETTINGS pushed too far is an error of the connection (RFC 9113 section 6.9.2);
        // nghttp2 takes it for one of the stream.
        auto& session = self(data);
        if (frame->hd.type == NGHTTP2_RST_STREAM && session.settings_came_ &&
            frame->rst_stream.error_code == NGHTTP2_FLOW_CONTROL_ERROR)
            session.violation_ = NGHTTP2_FLOW_CONTROL_ERROR;
        if (frame->hd.type != NGHTTP2_HEADERS) return 0;
        if (auto* stream = stream_of(nghttp2, frame->hd.stream_id))
            stream->sink_.count(frame->hd.length + 9);
        return 0;
    }

    // Nobody waits for the acknowledgement of SETTINGS that no client sent. They are acknowledged in
    // their order, and these were the first.
    static int before_frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* data) {
        if (frame->hd.type != NGHTTP2_SETTINGS || !(frame->hd.flags & NGHTTP2_FLAG_ACK)) return 0;
        return std::exchange(self(data).settings_made_up_, false) ? NGHTTP2_ERR_CANCEL : 0;
    }

    static nghttp2_session_callbacks* make() {
        nghttp2_session_callbacks* made = nullptr;
        nghttp2_session_callbacks_new(&made);
        nghttp2_session_callbacks_set_on_begin_frame_callback(made, on_begin_frame);
        nghttp2_session_callbacks_set_on_begin_headers_callback(made, on_begin_headers);
        nghttp2_session_callbacks_set_on_header_callback(made, on_header);
        nghttp2_session_callbacks_set_on_frame_recv_callback(made, on_frame);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(made, on_stream_close);
        nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(made, on_invalid_frame);
        nghttp2_session_callbacks_set_send_data_callback(made, send_data);
        nghttp2_session_callbacks_set_data_source_read_length_callback(made, largest_data);
        nghttp2_session_callbacks_set_before_frame_send_callback(made, before_frame_sent);
        nghttp2_session_callbacks_set_on_frame_send_callback(made, on_frame_sent);
        return made;
    }

    static nghttp2_option* make_option() {
        nghttp2_option* made = nullptr;
        nghttp2_option_new(&made);
        nghttp2_option_set_no_auto_window_update(made, 1);
        nghttp2_option_set_no_http_messaging(made, 1);   // h2_request is stricter
        nghttp2_option_set_no_closed_streams(made, 1);
        nghttp2_option_set_max_send_header_block_length(made, largest_reply_head);
        nghttp2_option_set_builtin_recv_extension_type(made, NGHTTP2_PRIORITY_UPDATE);
        // Clients that do not say that they know RFC 9218 have their say by weights and dependencies.
        nghttp2_option_set_server_fallback_rfc7540_priorities(made, 1);
        return made;
    }
};

H2Session::H2Session(net::Stream& stream, const H2Settings& settings, OnRequest on_request, void* owner)
    : stream_(stream), settings_(settings), on_request_(on_request), owner_(owner),
      guard_(stream.watch.loop().now()) {
    static thread_local nghttp2_session_callbacks* callbacks = H2Callbacks::make();
    static thread_local nghttp2_option* option = H2Callbacks::make_option();
    nghttp2_session_server_new2(&session_, callbacks, this, option);
    idle_timer_.owner = this;
    idle_timer_.fire = [](net::Timer& timer) {
        auto& session = *static_cast<IdleTimer&>(timer).owner;
        session.idle_out_ = true;
        session.stream_.watch.cancel_waits();
    };
}

H2Session::~H2Session() {
    dead_ = true;
    while (!all_.empty()) delete all_.back();
    nghttp2_session_del(session_);
}

void H2Session::start() {
    std::vector<nghttp2_settings_entry> entries;
    auto add = [&](std::int32_t id, std::uint32_t value) { entries.push_back({id, value}); };
    add(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.max_streams + beyond_limit);
    add(NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.window);
    if (settings_.max_frame != 16384) add(NGHTTP2_SETTINGS_MAX_FRAME_SIZE, settings_.max_frame);
    if (settings_.table != 4096) add(NGHTTP2_SETTINGS_HEADER_TABLE_SIZE, settings_.table);
    if (settings_.extended_connect) add(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1);
    add(NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, entries.data(), entries.size());
    if (settings_.window_at_once) enlarge_window();
    pump();
    patch_settings();
    after_change();
}

// So much may lie here for all streams together.
void H2Session::enlarge_window() {
    if (std::exchange(window_enlarged_, true)) return;
    auto all = static_cast<std::int32_t>(std::clamp<std::uint64_t>(settings_.window * 4ull, 262144, INT32_MAX));
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, all);
}

// The limit of streams that the client is told: the first entry of the first frame.
void H2Session::patch_settings() {
    if (out_.size() < 15) return;
    auto* value = reinterpret_cast<unsigned char*>(out_.data()) + 11;
    for (int i = 0; i < 4; ++i)
        value[i] = static_cast<unsigned char>(settings_.max_streams >> (24 - 8 * i));
}

// What nghttp2 lets pass: frames where RFC 9113 has no place for them.
bool H2Session::check_place(std::uint8_t type, std::int32_t id) {
    bool ok = true;
    if (type == NGHTTP2_PRIORITY) ok = id != 0;
    if (type == NGHTTP2_PRIORITY_UPDATE) ok = id == 0;   // RFC 9218 section 7.1
    if (type == NGHTTP2_HEADERS) {
        // Numbers only grow (section 5.1.1). On a stream that was cut off here the client may go on.
        if (id > highest_) {
            highest_ = id;
        } else if (!nghttp2_session_find_stream(session_, id)) {
            ok = std::find(cut_off_.begin(), cut_off_.end(), id) != cut_off_.end();
        }
    }
    if (!ok) violation_ = NGHTTP2_PROTOCOL_ERROR;
    return ok;
}

bool H2Session::spend(std::int64_t credits) {
    if (guard_.spend(credits, loop().now())) return true;
    overdrawn_ = true;
    return false;
}

void H2Session::note_glitch() {
    ++glitches_;
    if (!guard_.spend(H2Guard::reset, loop().now())) overdrawn_ = true;
    if (settings_.glitches != 0 && glitches_ >= settings_.glitches) overdrawn_ = true;
}

void H2Session::touch(H2Stream& stream) {
    if (stream.touched_) return;
    stream.touched_ = true;
    touched_.push_back(&stream);
}

void H2Session::settle() {
    if (settling_ || busy_) return;
    settling_ = true;
    for (std::size_t i = 0; i < ready_.size(); ++i) {
        auto& stream = *ready_[i];
        ++requests_;
        // Given up in the same breath: nobody needs an answer.
        if (stream.closed_ || stream.reset_sent_ || failed_) continue;
        on_request_(owner_, stream);
    }
    ready_.clear();
    for (std::size_t i = 0; i < touched_.size(); ++i) {
        auto& stream = *touched_[i];
        stream.touched_ = false;
        if (stream.closed_ && !stream.serving_) delete &stream;
        else stream.tell();
    }
    touched_.clear();
    settling_ = false;
    if (settings_.total_streams != 0 && requests_ >= settings_.total_streams) drain();
}

bool H2Session::feed(std::string_view bytes) {
    busy_ = true;
    bool taken = padding_.pass(bytes, [this](std::string_view part) {
        auto result = nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(part.data()),
                                               part.size());
        if (result == NGHTTP2_ERR_BAD_CLIENT_MAGIC) violation_ = NGHTTP2_PROTOCOL_ERROR;
        return result >= 0;
    });
    busy_ = false;
    return taken;
}

// Takes what is of the preface, and where the client's SETTINGS do not follow puts empty ones in their
// place. Gives back the rest.
std::string_view H2Session::read_preface(std::string_view bytes) {
    constexpr std::size_t to_flags = 5;
    auto here = std::min<std::size_t>(preface_left_, bytes.size());
    if (!feed(bytes.substr(0, here))) return {};
    preface_left_ -= static_cast<std::uint32_t>(here);
    bytes.remove_prefix(here);
    if (bytes.empty()) return bytes;
    began_ = true;
    bool settings = bytes.size() < to_flags || (bytes[3] == NGHTTP2_SETTINGS && !(bytes[4] & NGHTTP2_FLAG_ACK));
    if (!settings) {
        settings_made_up_ = true;
        feed(std::string_view("\0\0\0\4\0\0\0\0\0", 9));
    }
    return bytes;
}

void H2Session::take(std::string_view bytes) {
    if (dead_) return;
    if (settings_.settings_may_lack && !began_) bytes = read_preface(bytes);
    bool taken = violation_ == 0 && feed(bytes);
    // Padding, frames of no known type: nghttp2 does not even tell.
    auto idle = bytes.size() - std::min<std::size_t>(std::exchange(useful_, 0), bytes.size());
    spend(static_cast<std::int64_t>(idle / H2Guard::idle_bytes_per_credit));
    if (violation_ != 0) {
        fail(violation_);
    } else if (overdrawn_ || !taken) {
        fail(NGHTTP2_ENHANCE_YOUR_CALM);
    }
    // nghttp2 has found an error of the connection, or the client is done.
    if (!draining_ && nghttp2_session_want_read(session_) == 0) failed_ = draining_ = true;
    settle();
    if (nghttp2_session_want_write(session_) != 0) send_later();
    after_change();
}

void H2Session::receive(net::Buffer& into) {
    into.acquire();
    into.clear();
    auto got = stream_.read(into.room(), into.room_size());
    if (got.state == Io::State::ok) {
        into.produced(got.bytes);
        take(into.view());
        into.clear();
    } else if (got.state != Io::State::blocked) {
        die();
    }
}

void H2Session::drain() {
    if (draining_ || dead_ || failed_) return;
    draining_ = true;
    nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
                          NGHTTP2_NO_ERROR, nullptr, 0);
    send_later();
    after_change();
}

void H2Session::fail(std::uint32_t error) {
    if (failed_ || dead_) return;
    failed_ = draining_ = true;
    nghttp2_session_terminate_session(session_, error);
    send_later();
}

void H2Session::die() {
    if (dead_) return;
    dead_ = true;
    for (auto* stream : all_) {
        stream->closed_ = true;
        if (stream->serving_) stream->tell();
    }
    stream_.watch.cancel_waits();
}

bool H2Session::goes_on() const {
    if (dead_ || failed_ || idle_out_) return false;
    if (draining_ && idle() && open_ == 0) return false;
    return nghttp2_session_want_read(session_) != 0 || nghttp2_session_want_write(session_) != 0;
}

// Streams came or went, or all is written: whoever waits for that goes on.
void H2Session::after_change() {
    if (waiter_ && exchanges_ == 0 && !writing_) {
        loop().post(std::exchange(waiter_, {}));
        return;
    }
    if (ending_ || dead_) return;
    // Before the first request it is the reader who gives up.
    if (idle() && requests_ != 0 && !idle_timer_.armed() && idle_timeout != net::never)
        loop().arm(idle_timer_, loop().now() + idle_timeout);
    if (!writing_ && !goes_on()) stream_.watch.cancel_waits();
}

net::Task<void> H2Session::end() {
    struct Over {
        H2Session& session;
        [[nodiscard]] bool await_ready() const noexcept {
            return session.exchanges_ == 0 && !session.writing_;
        }
        void await_suspend(std::coroutine_handle<> handle) noexcept { session.waiter_ = handle; }
        void await_resume() const noexcept {}
    };
    ending_ = true;
    idle_timer_.disarm();
    if (idle_out_ && !failed_) drain();
    for (auto* stream : all_) {
        stream->closed_ = true;
        if (stream->serving_) stream->tell();
    }
    co_await Over{*this};
}

}  // namespace weir::http
