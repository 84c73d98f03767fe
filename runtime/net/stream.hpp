// SPDX-License-Identifier: Apache-2.0
// Stream: a connection as bytes, plain or under TLS: a plain one turns TLS in place (tls.hpp), and who
// reads and writes sees no difference. read() and write() never block; whether to try again is told
// by the watch's flags.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "runtime/net/loop.hpp"
#include "runtime/net/task.hpp"
#include "runtime/pool/live_pool.hpp"

namespace weir::net {

class TlsSession;

struct Io {
    enum class State : std::uint8_t { ok, blocked, end, failed } state = State::ok;
    std::size_t bytes = 0;
    int error = 0;       // errno, with failed
    bool last = false;   // with ok: the end is behind these bytes, as the next read would tell
};

class Stream {
public:
    Stream();
    // Takes the descriptor; false (errno set, descriptor closed) when it cannot be watched.
    bool open(Loop& loop, int fd);
    // The same for an accepted connection (Watch::attach_lazily).
    void open_lazily(Loop& loop, int fd) { watch.attach_lazily(loop, fd); }
    ~Stream();
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    Io read(char* into, std::size_t bytes) {
        return tls_ ? read_tls(into, bytes) : receive(into, bytes);
    }
    // Under TLS small pieces go out as one record. After `blocked`, or fewer bytes than given, the
    // next call must begin with the bytes that were left.
    // `more`: the caller writes again or ends our direction at once, so that both share a packet.
    Io write(std::span<const iovec> pieces, bool more = false) {
        return tls_ ? write_tls(pieces, more) : send(pieces, more);
    }
    // Ends our direction (close_notify and FIN). The other stays open.
    void finish_writing();
    // Says close_notify first where TLS is up.
    void close();
    // Closes with RST: the peer sees at once that nothing more comes.
    void reset();
    // True when there is nothing to be read, not even an end. Looks at the socket when the last read
    // took all it had asked for and so left open whether more is there; under TLS takes in what is no
    // data (tickets).
    bool nothing_to_read();
    // Whether bytes may be moved past user space (no TLS, no other transformation).
    [[nodiscard]] bool plain() const { return !tls_; }

    // From now on TLS (tls.hpp: handshake() comes next).
    void start_tls(std::unique_ptr<TlsSession> session);
    // Back to plain: the peer speaks no TLS. What it sent instead.
    std::string stop_tls();
    [[nodiscard]] TlsSession* tls() const { return tls_.get(); }

    Watch watch;
    [[nodiscard]] int fd() const { return watch.fd(); }
    [[nodiscard]] bool is_open() const { return watch.fd() >= 0; }

private:
    friend struct TlsHooks;   // tls_hooks.hpp
    // The socket itself.
    Io receive(char* into, std::size_t bytes);
    Io send(std::span<const iovec> pieces, bool more = false);
    Io read_tls(char* into, std::size_t bytes);
    Io write_tls(std::span<const iovec> pieces, bool more);

    std::unique_ptr<TlsSession> tls_;
};

// Writes everything, waiting as needed. Bytes written so far are in `done` on failure.
struct WriteAll {
    Io::State state = Io::State::ok;
    bool timed_out = false;   // nothing could be written in time, or `aborted`
    bool aborted = false;     // by Watch::cancel_waits()
    int error = 0;
    std::uint64_t done = 0;
};
// Advances the pieces by what was written.
void advance(std::span<iovec>& pieces, std::size_t bytes);
// Writes as much as goes without waiting, `end_follows` as for Stream::write(). False: some is left,
// for write_all_slowly(); a failure is in `result`.
bool write_all_now(Stream& stream, std::span<iovec>& pieces, WriteAll& result, bool end_follows = false);
// Waits `timeout` for each part of it, and never longer than until `deadline`.
Task<WriteAll> write_all_slowly(Stream& stream, std::span<iovec> pieces, Time timeout,
                                WriteAll so_far, Time deadline = never);
// Both of them, for who has nothing to do in between. The bytes stay where they are until it is done.
Task<WriteAll> write_all(Stream& stream, std::string_view bytes, Time timeout, Time deadline = never);

// Bytes per second, with the first second's worth at once (nginx's limits): how many of them may pass
// after `elapsed` ms when `passed` have; with none, when to ask again (ms).
struct Allowance {
    std::uint64_t bytes = 0;
    Time wait = 0;
};
Allowance allowed_by_rate(std::uint64_t rate, Time elapsed, std::uint64_t passed);

// Starts a connection. The descriptor is non-blocking; established is known when it is writable or,
// sooner, when the first write succeeds (local addresses: at once).
struct ConnectOptions {
    const pool::SocketAddress* bind = nullptr;
    bool keepalive = false;
    bool no_delay = true;
    bool datagram = false;
    bool transparent = false;   // `bind` is not an address of this machine (IP_TRANSPARENT)
};
// Whose packets go out through the descriptor: a mark for routing rules, the type of service. False
// with errno; marks take a privilege.
bool set_mark(int fd, std::uint32_t mark);
bool set_type_of_service(int fd, int value);
// -1 with errno when the attempt failed at once.
int start_connect(const pool::SocketAddress& target, const ConnectOptions& options);
// After the watch got writable: 0 or the errno the connection failed with.
int connect_error(int fd);

// Moves bytes from one plain stream to another inside the kernel. One object per direction under way;
// the pipe comes from a per-worker pool.
class Splice {
public:
    Splice() = default;
    Splice(const Splice&) = delete;
    Splice& operator=(const Splice&) = delete;
    ~Splice();
    bool prepare();                     // false: no pipe to be had; copy instead
    Io fill(Stream& from, std::uint64_t most);   // into the pipe
    Io drain(Stream& to, bool more);             // out of it
    [[nodiscard]] std::uint64_t held() const { return held_; }
    [[nodiscard]] std::uint64_t capacity() const { return capacity_; }

private:
    int in_ = -1, out_ = -1;
    std::uint64_t held_ = 0, capacity_ = 0;
};

}  // namespace weir::net
