// SPDX-License-Identifier: Apache-2.0
// ServerCarrier: one try of a request at a server and the answer to it, as one version of HTTP carries
// them. ServerSide (forward.hpp) decides what is sent, when to wait and when to try again; a carrier
// only writes and reads. Forms: h1_server_carrier.hpp, h2_server_carrier.hpp.
#pragma once

#include "runtime/forward/failure.hpp"
#include "runtime/http/body.hpp"
#include "runtime/http/h1_codec.hpp"

namespace weir::forward {

// How the head of the answer is to be read.
struct AnswerRules {
    Arena& arena;
    std::uint32_t max_head = 8192;
    http::Method method = http::Method::get;   // as the server got it
};

// The same for the codec of heads.
inline http::HeadLimits limits_of(const AnswerRules& rules) {
    http::HeadLimits limits;
    limits.max_line = limits.max_head = rules.max_head;
    limits.max_fields = 1000;
    limits.drop_invalid = true;
    limits.underscores = true;
    return limits;
}

class ServerCarrier {
public:
    virtual ~ServerCarrier() = default;

    // Sends the head (which ServerSide has put into the carrier) and these bytes of the body without
    // waiting; `last`: they are all of it. The bytes stay valid until the try has ended.
    virtual Failure send_now(std::string_view body, bool last) = 0;
    // Some of that did not go out, or the connection does not stand yet.
    [[nodiscard]] virtual bool rest_pending() const = 0;
    // Waits until the connection stands (`deadline`: a time of the loop).
    virtual net::Task<Failure> connected(net::Time deadline, net::Watch* abort_when) = 0;
    // Sends the rest, as far as that must be before the answer is read.
    virtual net::Task<Failure> send_rest(net::Time timeout) = 0;
    // Bytes of send_now() still go out beside the answer: sink() is to be written to its end.
    [[nodiscard]] virtual bool rest_beside() const { return false; }

    // Flags and waits for what the server says; cancel_waits() also ends waits of sink() and body().
    virtual net::Watch& watch() = 0;
    virtual void cancel_waits() { watch().cancel_waits(); }
    // Nothing is to be had now: memory for input may go.
    virtual void rest_input() {}
    // Reads what is there, without waiting.
    struct HeadStep {
        enum class What : std::uint8_t { more, interim, done, failed } what = What::more;
        Failure failure = Failure::none;
    };
    virtual HeadStep take_head(http::ResponseHead& response, const AnswerRules& rules) = 0;
    // The interim answer as it came, where it came as text.
    [[nodiscard]] virtual std::string_view interim_text() const { return {}; }
    [[nodiscard]] virtual bool got_bytes() const = 0;   // anything of an answer came

    // The body of the request behind what send_now() took.
    virtual http::BodySink& sink() = 0;
    // The body of the answer, behind its head.
    virtual http::BodySource& body() = 0;
    virtual void begin_body(const http::ResponseHead& response, bool keep_trailers) = 0;

    [[nodiscard]] virtual std::uint64_t sent() const = 0;   // bytes, the head included
    // The answer was taken whole: the connection could carry another request as far as the protocol
    // is concerned.
    [[nodiscard]] virtual bool reusable(const http::ResponseHead& response) = 0;
};

}  // namespace weir::forward
