// SPDX-License-Identifier: Apache-2.0
// The body of a request on its way to a server: read whole before, where that is wanted, or sent on while the
// answer is read.
#include <algorithm>
#include <cerrno>

#include "runtime/forward/forward.hpp"
#include "runtime/log/error_log.hpp"
#include "runtime/net/time.hpp"

namespace weir::forward {

using http::BodyState;
using net::time_of;

namespace {

Failure failure_of(BodyState state) {
    switch (state) {
        case BodyState::timed_out: return Failure::client_body_timeout;
        case BodyState::ok: return Failure::none;
        case BodyState::aborted: return Failure::client_gone;
        default: return Failure::client_body;
    }
}

}  // namespace

// Whether the whole body is here without waiting.
bool ServerSide::body_at_hand() {
    auto& gathered = job_.gathered;
    if (gathered.whole || gathered.tried || gathered.dropped) return gathered.whole;
    auto& body = job_.body;
    const auto& limits = *job_.route.limits;
    bool chunked = job_.request.framing == http::Framing::chunked;
    const bool only_in_file = limits.body_file != ir::ClientLimits::BodyFile::as_needed;
    if (only_in_file && settings().buffer_request && (chunked || !body.ended())) return false;
    if (body.ended()) return gathered.whole = gathered.tried = true;
    const auto most = std::min<std::uint64_t>(limits.body_buffer, net::Buffer::standard);
    if (chunked ? settings().pass_chunks : body.left() > most) return false;
    http::Piece piece;
    while (body.ready(piece)) {
        if (piece.state != BodyState::ok) return false;   // whoever reads on sees it again
        if (piece.last && gathered.spool.empty() && !chunked) gathered.at_hand = piece.bytes;
        else append_body(piece.bytes);
        if (piece.last) return gathered.whole = gathered.tried = true;
        if (too_large() || gathered.spool.size() >= most) return false;
    }
    return false;
}

void ServerSide::append_body(std::string_view bytes) {
    auto& spool = job_.gathered.spool;
    if (bytes.empty()) return;
    spool.acquire(spool.size() + bytes.size());
    if (spool.room_size() < bytes.size())
        spool.grow(std::max<std::size_t>(spool.capacity() * 2ul, spool.size() + bytes.size()));
    spool.append(bytes);
}

bool ServerSide::too_large() const {
    auto most = job_.route.limits->max_body;
    return most != 0 && job_.body.received() > most;
}

http::TempFile::Stay stay_of(ir::ClientLimits::BodyFile file) {
    using BodyFile = ir::ClientLimits::BodyFile;
    using Stay = http::TempFile::Stay;
    if (file == BodyFile::as_needed) return Stay::nameless;
    return file == BodyFile::kept ? Stay::for_good : Stay::with_me;
}

// Reads the body before a server is asked, up to what the buffer may hold (proxy_request_buffering).
net::Task<Failure> ServerSide::gather_body() {
    auto& gathered = job_.gathered;
    gathered.tried = true;
    auto& body = job_.body;
    const auto& limits = *job_.route.limits;
    const bool only_in_file = limits.body_file != ir::ClientLimits::BodyFile::as_needed;
    if (only_in_file) gathered.file.stay(stay_of(limits.body_file));
    bool all = body.ended();
    if (too_large()) co_return Failure::body_too_large;
    // SCGI and uwsgi tell the length first.
    const bool needs_length = (wire() == Wire::http1 && speaks_cgi()) &&
                              job_.request.framing == http::Framing::chunked;
    while ((settings().buffer_request || needs_length) && !all) {
        auto piece = co_await body.next(time_of(job_.client_times.client_read), nullptr);
        if (piece.state != BodyState::ok) co_return failure_of(piece.state);
        if (too_large()) co_return Failure::body_too_large;
        // Once the file is begun all goes there.
        const bool fits = !only_in_file && gathered.file.size() == 0 &&
                          gathered.spool.size() + piece.bytes.size() <= limits.body_buffer;
        if (fits) {
            append_body(piece.bytes);
        } else if (!gathered.file.append(piece.bytes, limits.body_folder)) {
            problem_ = log::ErrorLog::with_error("cannot write a temporary file for the body", errno);
            co_return Failure::local;
        }
        all = piece.last;
    }
    // An empty one has a file, too.
    if (only_in_file && all && gathered.file.path().empty() && !gathered.file.append({}, limits.body_folder)) {
        problem_ = log::ErrorLog::with_error("cannot write a temporary file for the body", errno);
        co_return Failure::local;
    }
    gathered.whole = all;
    co_return Failure::none;
}

// What is sent where the client's body is not here whole, or not what is to be sent.
net::Task<Failure> ServerSide::choose_body() {
    auto& gathered = job_.gathered;
    if (!settings().pass_request_body || gathered.dropped) {
        has_own_body_ = true;
    } else if (!gathered.tried) {
        auto failure = co_await gather_body();
        if (failure != Failure::none) co_return failure;
    }
    if (!job_.route.forwarding->has_body) co_return Failure::none;
    own_body_ = job_.route.forwarding->body.render(job_.subject);
    has_own_body_ = true;
    co_return Failure::none;
}

// The part of the body that was not gathered: goes to the server while its answer is read.
net::Detached ServerSide::pump_body() {
    pumping_ = true;
    bool from_file = file_follows();
    if (from_file) file_body_.emplace(job_.gathered.file);
    else streamed_ = true;
    auto& source = from_file ? static_cast<http::BodySource&>(*file_body_) : job_.body;
    http::RelayLimits limits;
    limits.read_timeout = time_of(job_.client_times.client_read);
    limits.write_timeout = time_of(timeouts().server_send);
    auto result = co_await http::relay_body(source, carrier_->sink(), limits);
    job_.subject.spliced_request += result.spliced;
    pumping_ = false;
    if (result.failed == http::RelayResult::Side::source) {
        pump_failure_ = failure_of(result.state);
        // Nobody waits for an answer to half a request.
        if (carrier_ && pump_failure_ != Failure::client_gone) carrier_->cancel_waits();
    } else if (result.failed == http::RelayResult::Side::sink) {
        pump_failure_ = result.timed_out ? Failure::send_timeout : Failure::send;
    }
    if (pump_waiter_) job_.worker.loop.post(std::exchange(pump_waiter_, {}));
}

net::Task<void> ServerSide::stop_pump() {
    if (!pumping_) co_return;
    struct Ended {
        ServerSide& side;
        [[nodiscard]] bool await_ready() const noexcept { return !side.pumping_; }
        void await_suspend(std::coroutine_handle<> handle) noexcept { side.pump_waiter_ = handle; }
        void await_resume() const noexcept {}
    };
    job_.client.watch.cancel_waits();
    carrier_->cancel_waits();
    co_await Ended{*this};
}

}  // namespace weir::forward
