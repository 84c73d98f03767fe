// SPDX-License-Identifier: Apache-2.0
// Bodies on their way: a source that yields pieces and a sink that takes them. Nobody reads the next
// piece before the last one is written: that is the back-pressure, there is no queue in between.
#pragma once

#include <cstdint>
#include <string_view>

#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"

namespace weir::http {

enum class BodyState : std::uint8_t {
    ok,
    timed_out,
    truncated,   // the peer closed before the end
    malformed,   // chunked framing is broken
    failed,      // the socket failed
    aborted,     // the other side of the exchange went away while waiting
};

struct Piece {
    std::string_view bytes;   // valid until the next call on the source
    bool last = false;        // nothing follows; may come with bytes
    bool between_parts = false;   // text between parts of the content (multipart/byteranges)
    BodyState state = BodyState::ok;
    int error = 0;            // errno, with failed
};

class BodySource {
public:
    virtual ~BodySource() = default;
    // What can be had without waiting; false when it takes I/O that would block.
    virtual bool ready(Piece& piece) = 0;
    // The next piece; waits at most `timeout` ms for bytes (net::never: forever).
    virtual net::Task<Piece> next(net::Time timeout, net::Watch* abort_when) = 0;
    [[nodiscard]] virtual bool ended() const = 0;
    // Fields behind a body that has ended, as lines with the empty one that ends them; or nothing.
    [[nodiscard]] virtual std::string_view trailers() const { return {}; }
    // Asks for trailers(), which are dropped else.
    virtual void keep_trailers() {}
    // Body bytes still to come where their number is known, else UINT64_MAX.
    [[nodiscard]] virtual std::uint64_t left() const { return UINT64_MAX; }
    // Bytes that may be moved by splice() right now, 0 when the bytes must be looked at.
    [[nodiscard]] virtual std::uint64_t spliceable() const { return 0; }
    virtual void spliced(std::uint64_t) {}
    // What comes next lies in a file, from where it may go by sendfile(), or by send() from where it is mapped,
    // which a system call alone may read (net::MappedFile); length 0: it does not. spliced() tells what went.
    struct InFile {
        int fd = -1;
        std::uint64_t offset = 0, length = 0;
        const char* mapped = nullptr;
    };
    [[nodiscard]] virtual InFile in_file() const { return {}; }
    // Very likely in_file() has something to say next, of a mapped file in the second case. Costs nothing.
    [[nodiscard]] virtual bool goes_on_in_file() const { return false; }
    [[nodiscard]] virtual bool goes_on_mapped() const { return false; }
    [[nodiscard]] virtual net::Stream* stream() { return nullptr; }
    [[nodiscard]] virtual std::uint64_t received() const = 0;   // body bytes so far
};

class BodySink {
public:
    virtual ~BodySink() = default;
    // Writes a piece with its framing, after the head that waits to go first. One attempt without
    // waiting: true when all went out, or failed (see result); false: the rest is to be sent by
    // write_rest(), and the bytes must stay where they are until it is done.
    virtual bool write_now(std::string_view bytes, bool last, net::WriteAll& result) = 0;
    virtual net::Task<net::WriteAll> write_rest(net::Time timeout, net::WriteAll so_far) = 0;
    // The next write_now() is followed at once by bytes that are spliced in: they may share a packet.
    virtual void expect_splice() {}
    net::Task<net::WriteAll> write(std::string_view bytes, bool last, net::Time timeout);
    // What follows the last piece where the framing has a place for it; before that piece.
    virtual void set_trailers(std::string_view) {}
    // True when raw body bytes may be spliced in now (nothing waits).
    [[nodiscard]] virtual bool takes_splice() const { return false; }
    virtual void spliced(std::uint64_t, bool) {}
    // True when frames go around them (chunks), and a last one behind all: then frame() says what is sent
    // in front of so many bytes (`first`: no frame before them is open), and with 0 bytes behind the last
    // ones. Valid until the next call.
    [[nodiscard]] virtual bool frames() const { return false; }
    virtual std::string_view frame(std::uint64_t, bool) { return {}; }
    [[nodiscard]] virtual net::Stream* stream() { return nullptr; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }   // all bytes, heads included
    [[nodiscard]] std::uint64_t body_sent() const { return body_sent_; }

protected:
    std::uint64_t sent_ = 0, body_sent_ = 0;
};

// BodySource::next() for a source that reads from a stream: waits until that can be read, as often as
// ready() finds nothing. `input` holds no memory meanwhile.
net::Task<Piece> next_from_stream(BodySource& source, net::Stream& stream, net::Buffer& input,
                                  net::Time timeout, net::Watch* abort_when);

struct RelayResult {
    enum class Side : std::uint8_t { none, source, sink } failed = Side::none;
    BodyState state = BodyState::ok;
    int error = 0;
    bool timed_out = false;
    std::uint64_t spliced = 0;   // body bytes that went by splice()
};

// Moves a whole body. `head` bytes that wait in the sink go out with the first piece.
struct RelayLimits {
    net::Time read_timeout = net::never;
    net::Time write_timeout = net::never;
    net::Watch* abort_when = nullptr;   // the reader's counterpart: gone -> stop
    std::uint64_t rate = 0;             // bytes per second; 0 = no limit
    net::Watch* paced = nullptr;        // with a rate: of the receiver
};
net::Task<RelayResult> relay_body(BodySource& from, BodySink& to, RelayLimits limits);

}  // namespace weir::http
