// SPDX-License-Identifier: Apache-2.0
// H2Session: the server's end of one HTTP/2 connection (RFC 9113). nghttp2 does frames and HPACK;
// requests, answers, back-pressure, limits and what is sent when are decided here and in h2_stream.
// exchange/serve_h2 reads for it and starts an exchange for each request.
#pragma once

#include <array>
#include <vector>

#include "runtime/http/h2_guard.hpp"
#include "runtime/http/h2_padding.hpp"
#include "runtime/http/h2_request.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"

struct nghttp2_session;

namespace weir::http {

class H2Stream;

struct H2Settings {
    std::uint32_t max_streams = 128;
    std::uint32_t window = 65536;          // bytes of a body that may come before anybody reads
    std::uint32_t max_frame = 16384;       // largest frame taken
    std::uint32_t table = 4096;            // HPACK, of what the client sends
    std::uint32_t glitches = 0;            // so many end the connection; 0 = no limit of this kind
    std::uint32_t total_streams = 0;       // GOAWAY after so many; 0 = no limit
    net::Time send_timeout = net::never;   // ms without progress on the socket
    bool answers_malformed = true;         // with 400 before the reset (nginx)
    bool extended_connect = true;          // offered in SETTINGS
    bool window_at_once = true;            // the connection's is enlarged by the first frame (nginx); else when
                                           // a body comes
    bool settings_may_lack = false;        // behind the preface (nginx); else an error (RFC 9113)
};

class H2Session {
public:
    using OnRequest = void (*)(void* owner, H2Stream& stream);
    H2Session(net::Stream& stream, const H2Settings& settings, OnRequest on_request, void* owner);
    // Nothing may be running any more: see end().
    ~H2Session();
    H2Session(const H2Session&) = delete;
    H2Session& operator=(const H2Session&) = delete;

    H2Rules rules;                         // for heads that begin from now on
    net::Time idle_timeout = net::never;   // ms without any stream
    // Sends SETTINGS.
    void start();
    // What came from the client. Requests that are whole are handed out before it returns.
    void take(std::string_view bytes);
    // Reads once from the stream and takes it; `into` is for use meanwhile.
    void receive(net::Buffer& into);
    // GOAWAY: what runs is finished, nothing new is taken.
    void drain();
    // Ends the connection: GOAWAY with an error, or just a close when the socket is gone.
    void fail(std::uint32_t error);
    void die();
    // Ends what runs, waits for that and for what is still to be sent.
    net::Task<void> end();

    // Whether reading on makes sense.
    [[nodiscard]] bool goes_on() const;
    [[nodiscard]] bool idle() const { return open_ == 0 && exchanges_ == 0; }
    [[nodiscard]] bool mid_head() const { return heads_ != 0 || padding_.holds(); }   // a head has begun and is not whole
    [[nodiscard]] bool draining() const { return draining_; }
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] std::uint32_t glitches() const { return glitches_; }
    [[nodiscard]] net::Loop& loop() const { return stream_.watch.loop(); }
    [[nodiscard]] std::uint64_t requests() const { return requests_; }

private:
    friend class H2Stream;
    friend struct H2Callbacks;

    void touch(H2Stream& stream);
    void settle();
    // Turns what is to be sent into frames, as many as the output may hold.
    void pump();
    bool put_data(H2Stream& stream, const std::uint8_t* head, std::size_t size);
    [[nodiscard]] bool goes_directly(std::size_t size) const;
    void write_direct();
    void send_later();
    net::Detached write_out();
    bool write_some();
    void after_change();
    bool spend(std::int64_t credits);
    bool check_place(std::uint8_t type, std::int32_t id);
    void note_glitch();
    void enlarge_window();
    void patch_settings();
    bool feed(std::string_view bytes);
    std::string_view read_preface(std::string_view bytes);

    struct IdleTimer : net::Timer {
        H2Session* owner = nullptr;
    };
    net::Stream& stream_;
    H2Settings settings_;
    OnRequest on_request_;
    void* owner_;
    nghttp2_session* session_ = nullptr;
    net::Buffer out_;
    // Bodies that go out from where they lie, without a copy: each behind so many bytes of out_. Only
    // within pump(): who owns the bytes goes on after it.
    struct Direct {
        std::size_t behind = 0;
        std::string_view bytes;
    };
    std::array<Direct, 8> direct_;
    std::size_t directs_ = 0, direct_bytes_ = 0;
    H2Guard guard_;
    std::vector<H2Stream*> touched_, ready_, all_;
    std::coroutine_handle<> waiter_;       // in end()
    std::uint64_t requests_ = 0;
    std::uint32_t open_ = 0;               // streams that nghttp2 has open
    std::uint32_t exchanges_ = 0;
    std::uint32_t heads_ = 0;
    std::uint32_t glitches_ = 0;
    std::uint32_t violation_ = 0;          // an error that the connection is to end with
    std::int32_t highest_ = 0;             // stream of the client
    std::array<std::int32_t, 128> cut_off_{};   // streams that ended before the client ended them
    std::size_t cut_offs_ = 0, fields_ = 0;
    std::uint32_t preface_left_ = 24;      // bytes
    H2Padding padding_{24};
    std::size_t useful_ = 0;               // bytes of bodies in what was taken last
    bool busy_ = false;                    // nghttp2 is at work: it must not be called anew
    bool writing_ = false;                 // write_out() runs or will
    bool more_frames_ = false;             // pump() stopped because the output was full
    bool draining_ = false, dead_ = false, ending_ = false;
    bool window_enlarged_ = false;
    bool failed_ = false;                  // GOAWAY with an error is on its way
    bool overdrawn_ = false;               // the client asked for too much
    bool began_ = false;                   // the first frame behind the preface was looked at
    bool settings_made_up_ = false;        // the client's first ones: not to be acknowledged
    bool settling_ = false, idle_out_ = false, settings_came_ = false;
    IdleTimer idle_timer_;
};

}  // namespace weir::http
