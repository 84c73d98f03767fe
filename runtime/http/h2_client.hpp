// SPDX-License-Identifier: Apache-2.0
// HTTP/2 in the role of the client (RFC 9113): a connection to a server and the requests on it.
// nghttp2 makes and reads the frames; what is sent when, and who waits for what, is decided here.
// Who owns connections, and which request goes to which, is for forward/ to say.
#pragma once

#include <string>

#include "runtime/http/body.hpp"
#include "runtime/http/h2_padding.hpp"
#include "runtime/http/message.hpp"
#include "runtime/net/buffer.hpp"

struct nghttp2_session;

namespace weir::http {

class H2Client;

struct H2ClientLimits {
    std::uint32_t header_table = 4096;    // of ours, for what the server sends
    std::uint32_t window = 65535;         // bytes of an answer that lie here and were not passed on
    std::uint32_t max_frame = 16384;
    std::uint32_t max_streams = 100;      // on one connection at once; the server may allow fewer
    std::uint32_t max_head = 65536;       // of an answer, in decoded bytes
    std::uint32_t max_fields = 1000;
    std::uint32_t max_idle_frames = 1000; // SETTINGS, PING, empty DATA ... in a row
};

// How a request on a connection ended.
enum class H2End : std::uint8_t {
    open,         // it has not
    whole,        // both directions were ended
    refused,      // the server did not begin with it: it may be sent again whatever it is
    reset,        // by the server
    broken,       // the answer, or the connection, broke the protocol
    lost,         // the connection went away
    no_connect,   // there never was one
};

// One request and its answer. Lives in whoever asks; when it goes, so does the stream.
class H2Request {
public:
    H2Request(Arena& arena, net::Loop& loop);
    ~H2Request();
    H2Request(const H2Request&) = delete;
    H2Request& operator=(const H2Request&) = delete;

    // readable: there is news of the answer. writable: all of the body that was given is out.
    net::Watch watch;
    [[nodiscard]] H2End end() const { return end_; }
    [[nodiscard]] bool connected() const;
    // The connection is there (it may be gone with any suspension).
    [[nodiscard]] H2Client* client() const { return client_; }
    [[nodiscard]] bool got_bytes() const { return got_bytes_; }

    // The next head of the answer, an interim one or the final one; null when none is here.
    const ResponseHead* take_head();

    // Bytes of the request's body in front of what the sink gets. They stay valid until they are out.
    [[nodiscard]] bool all_out() const { return out_.empty() && !has_next_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }

    class Answer final : public BodySource {
    public:
        explicit Answer(H2Request& of) : request_(of) {}
        bool ready(Piece& piece) override;
        net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) override;
        [[nodiscard]] bool ended() const override { return ended_; }
        [[nodiscard]] std::string_view trailers() const override {
            return keeps_trailers_ ? std::string_view(request_.trailers_) : std::string_view();
        }
        void keep_trailers() override { keeps_trailers_ = true; }
        [[nodiscard]] std::uint64_t received() const override { return received_; }

    private:
        friend class H2Request;
        H2Request& request_;
        net::Buffer taken_;          // the last piece
        std::uint64_t received_ = 0;
        bool ended_ = false;         // the end was handed out
        bool keeps_trailers_ = false;
    } answer{*this};

    class Sink final : public BodySink {
    public:
        explicit Sink(H2Request& of) : request_(of) {}
        bool write_now(std::string_view bytes, bool last, net::WriteAll& result) override;
        net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) override;
        void set_trailers(std::string_view trailers) override { request_.sent_trailers_ = trailers; }

    private:
        H2Request& request_;
        bool ends_ = false;          // what is on its way is the last of the body
    } sink{*this};

private:
    friend class H2Client;
    friend struct H2ClientCallbacks;
    struct Head {
        ResponseHead head;
        Head* next = nullptr;
    };
    void concluded(H2End how);   // by the connection: it forgets this request
    void told();                 // there is something to be read
    bool begin_head();
    bool add_field(std::string_view name, std::string_view value);
    bool end_head(bool end_stream);
    bool add_trailer(std::string_view name, std::string_view value);
    void add_body(std::string_view bytes);
    void end_answer();
    void shift_out();

    Arena& arena_;
    H2Client* client_ = nullptr;
    H2Request* next_ = nullptr;          // in the connection's list
    H2Request* prev_ = nullptr;
    std::int32_t id_ = -1;
    H2End end_ = H2End::open;
    Method method_ = Method::other;
    bool got_bytes_ = false;
    // The answer
    Head* heads_ = nullptr;              // complete and not taken yet, in order
    Head* last_head_ = nullptr;
    Head* building_ = nullptr;
    std::uint32_t head_bytes_ = 0, interim_ = 0;
    bool head_done_ = false;             // the final one is here
    bool answer_whole_ = false;
    std::string trailers_;               // as lines, with the empty one that ends them
    net::Buffer input_;
    // The request
    std::string_view out_, next_out_;
    bool out_last_ = false, next_last_ = false, has_next_ = false;
    bool deferred_ = false;              // the session waits for more of the body
    bool out_ended_ = false;
    std::string_view sent_trailers_;     // as lines
    std::uint64_t sent_ = 0;
};

class H2Client {
public:
    // The stream is connected or still connecting, belongs to the caller and outlives this.
    H2Client(net::Stream& stream, const H2ClientLimits& limits);
    ~H2Client();
    H2Client(const H2Client&) = delete;
    H2Client& operator=(const H2Client&) = delete;

    // Before the first request: `first` goes in front of everything (a PROXY header).
    void start(std::string_view first);
    // Begins a request: pseudo-header fields first, all names in lower case. `body` stays valid until
    // all_out(). False: the connection takes none (see has_room()).
    bool open(H2Request& request, Method method, const FieldList& head, std::string_view body,
              bool last);
    // Sends what waits. False: the connection has failed, and its owner may have freed it.
    bool flush();
    // The same at the end of the turn of the loop, together with what comes until then.
    void flush_soon();

    [[nodiscard]] bool connected() const { return connected_; }
    [[nodiscard]] bool broken() const { return broken_; }
    // Another request may begin.
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] std::uint32_t requests() const { return requests_; }
    // The server takes CONNECT with :protocol (RFC 8441); known once its settings are.
    [[nodiscard]] bool extended_connect() const;

    // The owner's: the last request under way has ended; the connection is dead, or of no more use
    // and nobody is on it. The owner may free it in either.
    void (*on_idle)(void* owner) = nullptr;
    void (*on_end)(void* owner) = nullptr;
    void* owner = nullptr;

private:
    friend class H2Request;
    friend struct H2ClientCallbacks;
    void link(H2Request& request);
    void unlink(H2Request& request);
    void on_event();
    void read();
    void after_read();
    void settle();
    bool fill();
    bool fail(H2End how);
    void count_idle_frame();
    void forget(H2Request& request);
    void consumed(H2Request& request, std::size_t bytes);
    void more_body(H2Request& request);
    friend struct H2FlushList;

    net::Stream& stream_;
    H2ClientLimits limits_;
    nghttp2_session* session_ = nullptr;
    H2Padding padding_{0};
    H2Request* first_ = nullptr;
    std::uint32_t requests_ = 0;
    std::uint32_t idle_frames_ = 0;
    net::Buffer out_;                    // frames that wait for the socket
    std::string_view tail_;              // of the frame that did not fit
    std::string first_bytes_;
    bool connected_ = false, broken_ = false, draining_ = false;
    bool flush_listed_ = false;
    bool was_busy_ = false;              // on_idle is due when the last request has ended
    struct Again : net::Timer {
        H2Client* owner = nullptr;
    } again_;                            // reads on, in a later turn
    bool inside_ = false;                // nghttp2 is at work: nothing may be sent or freed
};

}  // namespace weir::http
