// SPDX-License-Identifier: Apache-2.0
// CheckRun: one run of a check against one server: connects, sends, compares. Lives as long as the
// run; the warden awaits run() and may cancel() it. Holds its buffer only while an answer comes.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "runtime/forward/server_tls.hpp"
#include "runtime/http/h1_codec.hpp"
#include "runtime/net/buffer.hpp"
#include "runtime/net/stream.hpp"
#include "runtime/warden/script.hpp"

namespace weir::warden {

// Where a check goes and how long it may take.
struct Target {
    ir::Endpoint endpoint;                     // after addr and port of the check
    std::optional<pool::SocketAddress> bind;   // source address
    std::uint8_t proxy_header = 0;             // version to begin every connection with; 0 = none
    ir::Milliseconds connect{0}, exchange{0};  // limits; exchange: see exchange_per_read
    bool exchange_per_read = false;            // of each read, not of all after the connect
    bool exchange_with_connect = false;        // of everything since the start
    bool datagram = false;
    // Over TLS: to whom, by the steps of the script (those that connect); empty: all are plain.
    std::vector<forward::TlsPeerPtr> peers;
    ir::HealthCheck::Manner manner = ir::HealthCheck::Manner::haproxy;
};
Target target_of(const ir::HealthCheck& check, const ir::Server& server,
                 const ir::Endpoint& endpoint);
// Target::peers.
std::vector<forward::TlsPeerPtr> peers_of(const ir::HealthCheck& check, const Script& script,
                                          const plan::Plan& plan);

class CheckRun {
public:
    CheckRun(net::Loop& loop, std::shared_ptr<const Script> script, const Target& target)
        : loop_(loop), script_(std::move(script)), target_(target) {}
    CheckRun(const CheckRun&) = delete;
    CheckRun& operator=(const CheckRun&) = delete;

    // Both this object and what it was made from must live until it is done.
    net::Task<Outcome> run();
    // run() comes back in this turn of the loop or the next one, with Outcome::aborted.
    void cancel();

private:
    using Failure = std::optional<Outcome>;
    net::Task<Failure> perform(const Step& step);
    net::Task<Failure> connect(const Step& step);
    net::Task<Failure> secure(const forward::TlsPeer& peer, net::Time deadline);
    net::Task<Failure> send(std::string_view bytes);
    net::Task<Failure> expect(const Step& step);
    net::Task<Failure> watch_silence();
    [[nodiscard]] Finding look(const Step& step) const;
    Failure take_head();
    void take_body();
    void forget_answer();
    [[nodiscard]] net::Time read_deadline() const;
    [[nodiscard]] Failure failure(zone::CheckCode code, std::string text = {}) const;
    [[nodiscard]] std::string proxy_header(std::uint8_t version) const;
    void disconnect(bool gently);

    net::Loop& loop_;
    std::shared_ptr<const Script> script_;
    Target target_;
    std::int64_t started_us_ = 0;
    net::Time exchange_deadline_ = net::never;
    bool cancelled_ = false;
    std::unique_ptr<net::Stream> stream_;
    zone::CheckCode passed_ = zone::CheckCode::l4_ok;
    std::uint16_t service_status_ = 0;     // what a service said; 0: nothing
    std::string passed_text_;

    // The answer so far: the bytes as received, and for HTTP what they mean.
    net::Buffer received_;
    Arena arena_;
    http::ResponseHead head_;
    http::Method method_ = http::Method::get;
    std::uint32_t resume_ = 0;
    bool has_head_ = false;
    std::uint32_t body_at_ = 0;          // in received_
    std::unique_ptr<http::ChunkedDecoder> chunked_;
    std::string decoded_;                // body that came chunked
    bool whole_ = false;                 // nothing more will come, or there is no room for it
};

}  // namespace weir::warden
